//! Password hashes for the cloud: read from a domain controller, hashed anew, told page by page (CS 7, PR 12).

mod account;
mod error;
mod reader;

pub(crate) use error::PasswordError;
pub(crate) use reader::PasswordReader;
