//! Absolute Windows paths, checked, so that no name can lead out of a host's folder.

use super::{FilesError, FilesErrorKind};

/// Windows' own limit for extended paths, in UTF-16 code units; counted here in characters.
pub const MAX_PATH_CHARS: usize = 32_767;

/// Characters that a Windows file name cannot have (control characters apart).
const FORBIDDEN: &[char] = &['<', '>', ':', '"', '|', '?', '*', '/', '\\'];

/// `C:\folder\name` taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowsPath {
    /// Drive letter, upper case.
    pub drive: char,
    /// Folder and file names from the root down; empty for the root itself.
    pub parts: Vec<String>,
}

impl WindowsPath {
    /// Takes `text` apart; `\` and `/` both divide, a divider at the end is allowed.
    ///
    /// # Errors
    /// [`FilesErrorKind::BadPath`] without a drive, with `.` or `..`, with an empty or impossible name, or too long.
    pub fn parse(text: &str) -> Result<Self, FilesError> {
        let bad = |detail: &str| FilesError::new(FilesErrorKind::BadPath, text, detail);
        if text.chars().nth(MAX_PATH_CHARS).is_some() {
            let start: String = text.chars().take(64).collect();
            return Err(FilesError::new(
                FilesErrorKind::BadPath,
                &start,
                format!("the path is longer than {MAX_PATH_CHARS} characters"),
            ));
        }
        let mut chars = text.chars();
        let drive = chars.next().filter(char::is_ascii_alphabetic);
        let (Some(drive), Some(':'), Some('\\' | '/')) = (drive, chars.next(), chars.next()) else {
            return Err(bad(
                r"an absolute path with a drive is needed, such as C:\ProgramData\file",
            ));
        };
        let rest = chars.as_str();
        let rest = rest.strip_suffix(['\\', '/']).unwrap_or(rest);
        let mut parts = Vec::new();
        if !rest.is_empty() {
            for part in rest.split(['\\', '/']) {
                if part.is_empty() {
                    return Err(bad("a name in the path is empty"));
                }
                // Windows drops dots and blanks at the end of a name, so `.. ` would mean `..`.
                if part.ends_with(['.', ' ']) {
                    return Err(bad("a name in the path is `.`, `..`, or ends in a dot or blank"));
                }
                if part.chars().any(|c| c.is_control() || FORBIDDEN.contains(&c)) {
                    return Err(bad(
                        "a name in the path has a character that Windows does not allow",
                    ));
                }
                parts.push(part.to_owned());
            }
        }
        Ok(Self {
            drive: drive.to_ascii_uppercase(),
            parts,
        })
    }

    /// What two spellings of the same path have in common: lower case, one divider.
    #[must_use]
    pub fn key(&self) -> String {
        let mut key = format!("{}:", self.drive.to_ascii_lowercase());
        for part in &self.parts {
            key.push('\\');
            key.push_str(&part.to_lowercase());
        }
        key
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings_of_one_path_share_a_key() {
        let key = WindowsPath::parse(r"C:\ProgramData\Trace\a.LOG").unwrap().key();
        assert_eq!(key, r"c:\programdata\trace\a.log");
        assert_eq!(
            WindowsPath::parse("c:/programdata/TRACE/A.log").unwrap().key(),
            key
        );
        assert_eq!(WindowsPath::parse(r"D:\").unwrap().parts.len(), 0);
    }

    #[test]
    fn ways_out_are_refused() {
        for bad in [
            "",
            "C:",
            "C:file",
            r"\a",
            "/etc/passwd",
            r"C:\..\x",
            r"C:\a\..",
            r"C:\a\.",
            r"C:\a\.. \x",
            r"C:\\a",
            r"\\server\share\x",
            "C:\\a\0b",
            r"C:\a:stream",
            r"1:\a",
        ] {
            assert_eq!(
                WindowsPath::parse(bad).unwrap_err().kind,
                FilesErrorKind::BadPath,
                "{bad:?}"
            );
        }
    }

    #[test]
    fn length_is_bounded() {
        let fits = format!(r"C:\{}", "a".repeat(MAX_PATH_CHARS - 3));
        assert!(WindowsPath::parse(&fits).is_ok());
        assert!(WindowsPath::parse(&format!("{fits}a")).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in any::<String>()) {
            let _ = WindowsPath::parse(&text);
        }
    }
}
