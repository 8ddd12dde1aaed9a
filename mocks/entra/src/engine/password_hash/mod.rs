//! Password hash synchronization: the job `AD2AADPasswordHash` (CS 5.2, 7; PR 12).
//!
//! The same shape as the other jobs: [`step`] is one pure step in one transaction, `driver` performs what it asks for. The hashes come from
//! the domain controllers' replication, the users they belong to from the connector data store of the job that provisions them: what that
//! job has not linked gets no password, and a hash is never kept for it. Such a user is remembered by its objectGUID alone and asked for
//! again as soon as it is in the cloud.

mod driver;
mod machine;
mod records;
mod take;
#[cfg(test)]
mod tests;

pub(super) use driver::cycle;
pub use machine::{Event, MAX_BATCH, step};
pub use records::PasswordWaiting;
pub(super) use records::forget;
pub use take::PasswordResult;

/// `templateId` of the job (CS 5.2).
pub const TEMPLATE: &str = "AD2AADPasswordHash";
