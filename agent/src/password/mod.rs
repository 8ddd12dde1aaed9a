//! Passwords that cross between directory and cloud: hashes up, read from a domain controller, hashed anew and told page by page (CS 7,
//! PR 12); new passwords down (CS 8).

mod account;
mod error;
mod page;
mod reader;
pub mod writeback;

pub use error::PasswordError;
pub use page::PageReader;
pub(crate) use reader::PasswordReader;
