//! DRSUAPI as a client needs it to read passwords: found through the endpoint mapper, logged on to by NTLM, sealed (PR 13).
//!
//! | Part | What it holds |
//! |---|---|
//! | `rpc` | one sealed or plain connection of DCE/RPC: bound, called, bounded |
//! | `logon` | who logs on, and with which hashes |
//! | `replica` | an open session with one domain controller: pages of changes, single objects |
//! | `watermark` | where replication with one domain controller stands |

mod error;
mod logon;
mod replica;
mod rpc;
#[cfg(test)]
pub(crate) mod stub;
mod watermark;

pub use error::DrsuapiError;
pub use logon::{NotByNtlm, NtlmAccount};
pub use replica::{Page, Replica};
pub use watermark::{Damaged, Position};
