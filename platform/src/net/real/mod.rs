//! The real network: TCP over loopback and TLS 1.2/1.3 with certificates of the lab's own authority.

mod authority;
mod network;
mod possession;
mod table;
mod tls;

pub use authority::{AuthorityError, LabAuthority, MAX_AUTHORITY_PEM_BYTES, MAX_NAMES_PER_CERTIFICATE};
pub use network::RealNet;
pub use table::{Lookup, MAX_TABLE_ENTRIES, NameEntry, NameTable};
pub use tls::{Trust, TrustError};
