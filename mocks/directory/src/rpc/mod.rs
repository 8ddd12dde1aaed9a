//! Remote procedure calls: the endpoint mapper, and replication by DRSUAPI (PR 13).
//!
//! As with LDAP, `association` decides and touches nothing, `connection` is the only part that touches a stream, and everything that
//! a client sends is bounded before it is taken in. What the calls of replication mean is in [`drs`](crate::drs).
//!
//! Logons are by NTLM, which a managed account can do with its password and needs no ticket for; a real domain controller takes
//! Kerberos too (a known difference).

mod association;
pub(crate) mod connection;
mod logon;
#[cfg(test)]
mod tests;

pub use association::{Association, MAX_HANDLES, MAX_REQUEST_BYTES, Service};

/// Where replication is served, as the endpoint mapper says: the first of the dynamic ports.
pub const DRSUAPI_PORT: u16 = 49_152;
