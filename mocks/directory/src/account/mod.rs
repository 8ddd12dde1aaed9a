//! Accounts: password rules, lockout, and the attributes that are computed from them.

pub(crate) mod attributes;
mod complexity;
pub mod computed;
pub mod password;
pub mod policy;
pub mod rules;
pub mod state;
