//! Real directories in containers: a Samba Active Directory domain controller or OpenLDAP, made for a run and gone after it.
//!
//! Images are built from the recipes under `images/` at first use and kept by the digest of their recipe. Containers
//! publish their ports on loopback only, have no extra capabilities, and carry labels by which [`sweep`] finds what a
//! killed run has left.
//!
//! A caller starts with [`engine::probe`]; [`Samba::start`] and [`OpenLdap::start`] do the rest and return once the
//! administrator has bound over LDAPS. Both are a [`Server`], which can be paused, stopped, restarted and killed.

pub mod engine;
mod error;
mod exec;
pub mod image;
mod name;
mod openldap;
mod owner;
mod ports;
mod ready;
mod samba;
mod server;
pub mod sweep;
mod tls;

pub use engine::{Engine, Unavailable};
pub use error::{ContainerError, MAX_QUOTED_BYTES, MAX_QUOTED_LINES, Tail};
pub use exec::{MAX_OUTPUT_BYTES, Output};
pub use openldap::{OpenLdap, OpenLdapConfig};
pub use owner::Owner;
pub use samba::{DRSUAPI_PORT, RPC_PORT, Samba, SambaConfig};
pub use server::{Kind, MAX_LOG_LINES, MEMORY_LIMIT_BYTES, PROCESS_LIMIT, READY_LIMIT, Server};
