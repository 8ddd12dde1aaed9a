//! Kerberos as a client needs it to log on to a directory server: a ticket from the KDC, the proof of it, and the
//! sealing of everything said afterwards (RFC 4120, 4121, 4178).
//!
//! | Part | What it holds |
//! |---|---|
//! | `credential` | a password becomes a ticket: AS and TGS exchange |
//! | `kdc` | one request and one answer over TCP, bounded |
//! | `spnego` | the ticket becomes a proof, and the server's answer a [`SecurityContext`] |
//! | `wrap` | sealed messages |
//! | `asn1`, `message`, `crypto`, `error` | formats, AES keys, and what the KDC's error codes mean |

mod asn1;
mod credential;
mod crypto;
mod error;
mod kdc;
mod message;
mod spnego;
#[cfg(test)]
pub(crate) mod stub;
mod wrap;

pub use credential::{Principal, Ticket, service_ticket};
pub use crypto::Key;
pub use error::{ErrorCode, KerberosError};
pub use kdc::{KDC_PORT, MAX_KDC_BYTES};
pub use spnego::{Initiator, MECHANISM};
pub use wrap::{SecurityContext, WrapError};
