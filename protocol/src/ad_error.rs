//! AD tells the real reason of a failure only in the diagnostic text, which one side builds and the other takes apart (PR 16.2, 16.3).

mod bind;
mod diagnostic;
mod win32;

pub use bind::BindFailure;
pub use diagnostic::{Diagnostic, MAX_DIAGNOSTIC_BYTES, Problem, dsid};
pub use win32::Win32Error;
