//! Checks a password or client secret without keeping it.

use std::fmt;

use provlab_platform::Entropy;
use provlab_protocol::password_hash::PasswordHash;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Rounds of hashing: enough that a dump of a lab's store does not show its passwords, few enough for a
/// simulated sign-in to cost nothing.
const ROUNDS: u32 = 1_000;

/// What checks a password.
#[derive(Clone, Serialize, Deserialize)]
pub struct PasswordVerifier(Kind);

#[derive(Clone, Serialize, Deserialize)]
enum Kind {
    /// A salted, iterated SHA-256, for a password that was set here.
    Own { salt: [u8; 16], hash: [u8; 32] },
    /// What password hash synchronization brought.
    Synchronized(PasswordHash),
}

impl PasswordVerifier {
    /// Makes the verifier of `password` with a salt from `entropy`.
    #[must_use]
    pub fn new(password: &SecretString, entropy: &Entropy) -> Self {
        let mut salt = [0; 16];
        entropy.fill(&mut salt);
        Self(Kind::Own {
            hash: derive(password.expose_secret(), &salt),
            salt,
        })
    }

    /// The verifier of a password that a directory has.
    #[must_use]
    pub fn synchronized(hash: PasswordHash) -> Self {
        Self(Kind::Synchronized(hash))
    }

    /// Whether `password` is the one.
    #[must_use]
    pub fn accepts(&self, password: &SecretString) -> bool {
        let password = password.expose_secret();
        match &self.0 {
            Kind::Own { salt, hash } => derive(password, salt).ct_eq(hash).into(),
            Kind::Synchronized(hash) => hash.verify(password),
        }
    }
}

impl fmt::Debug for PasswordVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordVerifier([REDACTED])")
    }
}

fn derive(password: &str, salt: &[u8; 16]) -> [u8; 32] {
    let mut hash: [u8; 32] = Sha256::new()
        .chain_update(salt)
        .chain_update(password.as_bytes())
        .finalize()
        .into();
    for _ in 1..ROUNDS {
        hash = Sha256::new()
            .chain_update(hash)
            .chain_update(salt)
            .finalize()
            .into();
    }
    hash
}
