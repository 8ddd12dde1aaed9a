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

/// The lock of `platform/src/crypto/md5.rs` holds only if nobody goes round it (CS 7.4): the agent and the platform compute MD5
/// nowhere else. In `protocol` it is NTLM's alone, which stands for the operating system; the embedded directory is another machine.
#[test]
fn the_agent_has_no_md5_but_libcryptos() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for krate in ["agent", "platform"] {
        let manifest = fs::read_to_string(root.join(krate).join("Cargo.toml")).unwrap();
        assert!(!manifest.contains("md-5"), "{krate} depends on another MD5");
    }
    let mut users = Vec::new();
    for folder in ["agent/src", "platform/src", "protocol/src"] {
        sources(&root.join(folder), &mut |path, text| {
            let text = text.split("#[cfg(test)]").next().unwrap();
            let computes = [
                "use md5::{Digest",
                "md5::Md5::",
                "MessageDigest::md5",
                "Md::md5",
                "Md::fetch",
            ];
            if computes.iter().any(|name| text.contains(name)) {
                let path = path.strip_prefix(root).unwrap().display().to_string();
                users.push(path.replace('\\', "/"));
            }
        });
    }
    users.retain(|path| !path.starts_with("protocol/src/ntlm/"));
    assert_eq!(users, ["platform/src/crypto/md5.rs"]);
}

fn sources(folder: &Path, read: &mut impl FnMut(&Path, &str)) {
    let mut entries: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            sources(&path, read);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            read(&path, &fs::read_to_string(&path).unwrap());
        }
    }
}
