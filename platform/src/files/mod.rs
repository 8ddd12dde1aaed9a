//! The files of a host, under the Windows paths that the product uses, so that a kill between two writes can be rehearsed.

mod path;
mod real;
mod sim;
#[cfg(test)]
mod tests;

use std::fmt;

pub use path::{MAX_PATH_CHARS, WindowsPath};
pub use real::RealFiles;
pub use sim::SimFiles;

/// No file of a host may be larger than this; reading or writing more is refused.
pub const MAX_FILE_BYTES: usize = 64 << 20;

/// A host's files. Paths are absolute Windows paths (`C:\ProgramData\Microsoft\…`); names are compared without case.
///
/// Folders come into being with the first file in them.
pub trait Files: Send + Sync {
    /// The content of the file.
    ///
    /// # Errors
    /// [`FilesErrorKind::NotFound`] if there is none, [`FilesErrorKind::TooLarge`] beyond [`MAX_FILE_BYTES`].
    fn read(&self, path: &str) -> Result<Vec<u8>, FilesError>;

    /// Replaces the file as a whole: after a kill there is either the old content or the new one.
    ///
    /// # Errors
    /// [`FilesError`] if the path is bad, the content too large, or the medium refuses.
    fn write_atomic(&self, path: &str, content: &[u8]) -> Result<(), FilesError>;

    /// Adds to the end of the file, making it if needed. For logs: a kill may leave a part of the addition.
    ///
    /// # Errors
    /// As [`Files::write_atomic`].
    fn append(&self, path: &str, content: &[u8]) -> Result<(), FilesError>;

    /// Removes the file; it is no error if there is none.
    ///
    /// # Errors
    /// [`FilesError`] if the path is bad or the medium refuses.
    fn remove(&self, path: &str) -> Result<(), FilesError>;

    /// Whether there is a file of this path.
    ///
    /// # Errors
    /// [`FilesError`] if the path is bad or the medium refuses.
    fn exists(&self, path: &str) -> Result<bool, FilesError>;

    /// The names of the files directly in `dir`, sorted; empty if there is no such folder.
    ///
    /// # Errors
    /// [`FilesError`] if the path is bad or the medium refuses.
    fn list(&self, dir: &str) -> Result<Vec<String>, FilesError>;

    /// Holds the file for a read, a change and a write that belong together: others that ask for it, in this process
    /// or another, wait until the guard is dropped. Who does not ask is not kept away.
    ///
    /// # Errors
    /// [`FilesError`] if the path is bad or the medium refuses.
    fn lock(&self, path: &str) -> Result<FileLock, FilesError>;
}

/// A file that is held; see [`Files::lock`]. A kill lets go of it.
#[derive(Debug)]
#[must_use = "the file is held only as long as this lives"]
pub struct FileLock {
    _held: Option<std::fs::File>,
}

/// What kind of thing went wrong with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilesErrorKind {
    /// No file of that path.
    NotFound,
    /// The path is not an absolute Windows path without `..`.
    BadPath,
    /// More than [`MAX_FILE_BYTES`].
    TooLarge,
    /// The host was killed by [`SimFiles::crash_after`]; nothing is written any more.
    Crashed,
    /// The medium refused.
    Io,
}

/// An operation on a file failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct FilesError {
    /// What kind of failure.
    pub kind: FilesErrorKind,
    /// The Windows path that was asked for.
    pub path: String,
    /// What happened, for a person.
    pub detail: String,
}

impl fmt::Display for FilesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.detail)
    }
}

impl FilesError {
    pub(crate) fn new(kind: FilesErrorKind, path: &str, detail: impl Into<String>) -> Self {
        Self {
            kind,
            path: path.to_owned(),
            detail: detail.into(),
        }
    }

    pub(crate) fn io(path: &str, error: &std::io::Error) -> Self {
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => FilesErrorKind::NotFound,
            _ => FilesErrorKind::Io,
        };
        Self::new(kind, path, error.to_string())
    }

    pub(crate) fn too_large(path: &str) -> Self {
        Self::new(
            FilesErrorKind::TooLarge,
            path,
            format!("larger than {MAX_FILE_BYTES} bytes, which no file of the product is"),
        )
    }
}
