//! The map must match the territory: every path that ARCHITECTURE.md and README.md name exists.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

use std::{fs, path::Path};

#[test]
fn every_path_that_the_documents_name_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut missing = Vec::new();
    let mut seen = 0;
    for document in [
        "ARCHITECTURE.md",
        "README.md",
        "CONTRIBUTING.md",
        "docs/differences.md",
    ] {
        let text = fs::read_to_string(root.join(document)).unwrap();
        let code = text.split('`').skip(1).step_by(2);
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for name in code.chain(links) {
            let is_path = name.contains('/')
                && !name.contains([' ', '*', '\\', ':', '{', '<', '$'])
                && !name.starts_with(['/', '-', '.'])
                && name
                    .split('/')
                    .next()
                    .is_some_and(|first| root.join(first).exists());
            if is_path {
                seen += 1;
                if !root.join(name).exists() {
                    missing.push(format!("{document}: {name}"));
                }
            }
        }
    }
    assert!(missing.is_empty(), "named but not there: {missing:#?}");
    assert!(
        seen > 20,
        "only {seen} paths were found: the test reads the documents wrongly"
    );
}
