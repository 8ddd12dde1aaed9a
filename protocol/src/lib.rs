//! Formats that two ends share: bytes in, values out.
//!
//! Everything here is pure: no I/O, no async, no clock and no randomness, so that the agent and the
//! servers it talks to read and write the same bytes and every byte can be tested without a world.
//! Section references such as "PR 14.2" and "CS 2.4" point into `protocols.md` and `cloud-sync.md`.

#[macro_use]
mod bits;
#[macro_use]
mod text;

mod arcfour;
pub mod secret_text;

// Directory formats
pub mod ad_error;
pub mod ber;
pub mod dcerpc;
pub mod dirsync;
pub mod dn;
pub mod drsuapi;
pub mod filetime;
pub mod gkdi;
pub mod guid;
pub mod immutable_id;
pub mod ldap;
pub mod ldap_controls;
pub mod managed_password;
pub mod ndr;
pub mod nt_hash;
pub mod ntlm;
pub mod oid;
pub mod password_hash;
pub mod ppolicy;
pub mod rights;
pub mod security;
pub mod sid;
pub mod syncrepl;
pub mod uac;
pub mod unicode_pwd;

// Cloud formats
pub mod certificate;
pub mod environment;
pub mod his;
pub mod oauth;
pub mod relay;
pub mod sas;
pub mod scim;
pub mod writeback;
