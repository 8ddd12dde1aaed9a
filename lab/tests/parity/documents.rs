//! What the documents say of the cases: the table of known differences, and the number in the README.

use std::path::PathBuf;

use libtest_mimic::{Failed, Trial};

use crate::{known::KNOWN, script::Case};

/// Around what is made from the cases.
const BEGIN: &str = "<!-- parity: begin -->\n";
const END: &str = "<!-- parity: end -->\n";

/// Holds the documents to the cases. With `PROVLAB_BLESS=1` they are written instead.
pub fn trials(cases: &[Case]) -> Vec<Trial> {
    let differing: Vec<String> = cases
        .iter()
        .filter(|case| case.differs())
        .map(|case| case.name.clone())
        .collect();
    let (total, agree) = (cases.len(), cases.len() - differing.len());
    let sentence = format!("The embedded AD agrees with Samba AD in {agree} of {total} cases.\n");
    vec![
        Trial::test(
            "document: known differences and cases name each other",
            move || each_other(&differing),
        ),
        Trial::test("document: docs/differences.md has the table", || {
            hold("docs/differences.md", &table())
        }),
        Trial::test("document: README.md has the number", move || {
            hold("README.md", &sentence)
        }),
    ]
}

fn each_other(differing: &[String]) -> Result<(), Failed> {
    for name in differing {
        if !KNOWN.iter().any(|known| known.case == name) {
            return Err(
                format!("{name:?} says what Samba answers instead: give it a row in known.rs").into(),
            );
        }
    }
    for known in KNOWN {
        if !differing.iter().any(|name| name == known.case) {
            return Err(format!("{:?} differs no longer: take its row out of known.rs", known.case).into());
        }
    }
    Ok(())
}

fn table() -> String {
    let mut text = "| case | Samba | Windows, and so here | why |\n|---|---|---|---|\n".to_owned();
    for known in KNOWN {
        for cell in [known.case, known.samba, known.windows, known.reason] {
            text.push_str("| ");
            text.push_str(cell);
            text.push(' ');
        }
        text.push_str("|\n");
    }
    text
}

/// Compares what stands between the marks of a document.
fn hold(document: &str, wanted: &str) -> Result<(), Failed> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(document);
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{document}: {error}"))?;
    let marked = text.split_once(BEGIN).and_then(|(before, rest)| {
        let (found, after) = rest.split_once(END)?;
        Some((before, found, after))
    });
    let Some((before, found, after)) = marked else {
        return Err(format!("{document} has no lines {BEGIN:?} and {END:?}").into());
    };
    if found == wanted {
        return Ok(());
    }
    if crate::suite::blessing() {
        let text = format!("{before}{BEGIN}{wanted}{END}{after}");
        return std::fs::write(&path, text).map_err(|error| format!("{document}: {error}").into());
    }
    Err(format!("{document} says\n{found}\nbut the cases say\n{wanted}\nPROVLAB_BLESS=1 rewrites it").into())
}
