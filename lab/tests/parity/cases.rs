//! The cases, a file for each subject.

use std::{collections::BTreeSet, path::PathBuf};

use crate::script::{self, Case};

/// Where they are.
pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/parity/cases")
}

/// Every case, in the order of files.
///
/// # Errors
/// A file is malformed, or two cases have the same name.
pub fn all() -> Result<Vec<Case>, String> {
    let folder = folder();
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(failed)? {
        files.push(entry.map_err(failed)?.path());
    }
    files.sort();
    let mut cases = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(&path).map_err(failed)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        cases.extend(script::read(&name, &text)?);
    }
    let mut names = BTreeSet::new();
    match cases.iter().find(|case| !names.insert(case.name.as_str())) {
        Some(case) => Err(format!("two cases are called {:?}", case.name)),
        None => Ok(cases),
    }
}
