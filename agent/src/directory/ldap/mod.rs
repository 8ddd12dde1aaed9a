//! A thin LDAP client over any stream, because the agent must survive whatever a server sends.

mod client;
mod error;
mod filter;
mod message;
mod negotiate;
mod sealed;
mod search;

pub use client::{DEFAULT_TIMEOUT, LDAP_PORT, LDAPS_PORT, LdapConnection, MAX_MESSAGE_BYTES, Protection};
pub use error::{LdapError, Refusal, ResultCode};
pub use filter::Filter;
pub use message::{Attribute, Change, ChangeKind, Entry, Intermediate, Scope, Search};
pub use sealed::MAX_SEALED_BYTES;
pub use search::{Found, MAX_ENTRIES, PAGE_SIZE};
