//! Password hashes for the cloud: read from a domain controller, hashed anew, told page by page (CS 7, PR 12).

mod account;
mod error;
mod page;
mod reader;

pub use error::PasswordError;
pub use page::PageReader;
pub(crate) use reader::PasswordReader;
