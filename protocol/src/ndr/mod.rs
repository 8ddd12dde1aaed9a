//! NDR, the way in which remote procedure calls lay out their arguments (C706 chapter 14, PR 13.3).
//!
//! Little-endian NDR20 only, which is what every Windows client and server speaks. What a pointer points to follows behind the
//! structure that holds it; readers keep the pointers of a structure and come back to them, so that nothing here is recursive.

mod reader;
mod writer;

pub use reader::NdrReader;
pub(crate) use reader::utf16;
pub use writer::NdrWriter;

/// Why a stub cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NdrError {
    /// It ends too early.
    #[error("the stub ends inside {0}")]
    Truncated(&'static str),
    /// More than the reader takes.
    #[error("{what} has {found}, the limit is {limit}")]
    TooMany {
        /// The array or string.
        what: &'static str,
        /// Its size.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// Two fields of the stub contradict each other.
    #[error("{0} contradicts itself")]
    Contradiction(&'static str),
    /// A pointer that must not be null is.
    #[error("{0} is missing")]
    Null(&'static str),
    /// A version or union arm that this reader does not know.
    #[error("{what} is of version {found}, which is not known")]
    Version {
        /// The structure.
        what: &'static str,
        /// Its version.
        found: u32,
    },
    /// Text that is not UTF-16, or has no terminator.
    #[error("{0} is not text")]
    Text(&'static str),
}
