//! Password writeback: what cloud and agent say to each other about a password (CS 8.2, PR 17).
//!
//! The layers are the product's: a key pair per agent made at onboarding (RSA-2048), a package under AES-256-GCM, TLS, a relay of the
//! tenant's own, an expiry. The messages are not public: this is the project's own design, described in `docs/wire.md`.

mod heartbeat;
mod key;
mod outcome;
mod package;
mod request;
#[cfg(test)]
mod tests;

pub use heartbeat::{Heartbeat, HeartbeatAnswer, MAX_HEARTBEAT_BYTES, MAX_RELAYS, RelayEndpoint};
pub use key::{ContentKey, KeyId, MAX_SPKI_BYTES, PackageEntropy};
pub use outcome::{Failure, FailureCode, MAX_DETAIL_BYTES, Outcome, RESTRICTION};
pub use package::{
    Binding, ConfigureWriteback, MAX_PACKAGE_BYTES, MAX_RESULT_BYTES, PackageError, SealedOutcome,
    SealedRequest, WritebackConfigured,
};
pub use request::{Action, MAX_PASSWORD_BYTES, RequestError, WritebackRequest};

/// The least version of an agent that writes back (CS 8.1).
pub const LEAST_AGENT_VERSION: &str = "1.1.977.0";

/// Whether an agent of this version writes back. A version that is none does not.
#[must_use]
pub fn is_supported_by(version: &str) -> bool {
    let parts = |text: &str| -> Option<Vec<u32>> { text.split('.').map(|part| part.parse().ok()).collect() };
    match (parts(version), parts(LEAST_AGENT_VERSION)) {
        (Some(version), Some(least)) => version >= least,
        _ => false,
    }
}
