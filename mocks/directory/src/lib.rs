//! An embedded Active Directory: a small, correct domain controller that answers stock LDAP clients.
//!
//! Whoever writes an LDAP client and has no Active Directory at hand can test against this one. The
//! core ([`Directory`] and what it stands on) is pure: requests in, answers and changes out. Only
//! [`server`], [`rpc`] and [`running`] touch streams, clocks and the durable store, and those only through
//! `provlab-platform`.

pub mod access;
pub mod account;
pub mod bind;
pub mod config;
pub mod control;
pub mod database;
pub mod directory;
pub mod dirsync;
pub mod drs;
pub mod filter;
pub mod gmsa;
pub mod kds;
pub mod model;
pub mod naming;
pub mod persist;
pub mod population;
pub mod rootdse;
pub mod rpc;
pub mod running;
pub mod schema;
pub mod search;
pub mod server;
#[cfg(test)]
mod testing;
pub mod write;

pub use config::Config;
pub use control::{Command, ControlError, Handle, Reply};
pub use directory::Directory;
pub use running::{Running, StartError, start};
