//! An agent's identity is a certificate of an unusual layout, asked for with a Windows-shaped request (PR 4.3, PR 4.4).
//!
//! Bytes in, bytes out: a private key never comes here. Whoever has it gives a closure that signs (PKCS#1 v1.5 over SHA-256).

mod agent;
mod error;
mod extensions;
mod issue;
mod names;
mod oids;
mod request;
mod signature;
#[cfg(test)]
mod tests;

pub use agent::{AgentCertificate, MAX_CERTIFICATE_BYTES};
pub use error::CertificateError;
pub use issue::{DEFAULT_LIFETIME, IssueParameters, STAND_IN_PREFIX, issue};
pub use oids::{AGENT_ID, REGISTRATION_PROOF};
pub use request::{CertificateRequest, MAX_REQUEST_BYTES, RequestDetails, WIZARD_PROCESS_NAME};

/// Signs a message with a private key that only the caller has: RSA PKCS#1 v1.5 over SHA-256.
pub type Signer<'a, E> = &'a dyn Fn(&[u8]) -> Result<Vec<u8>, E>;
