//! Keys and the host's cryptographic policy.
//!
//! A real host generates its keys; a simulated one is dealt keys of a fixed public pool, because RSA key generation
//! would take seconds of a run that lasts milliseconds, and would differ from run to run.

mod keys;
mod lab_keys;
mod md5;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub use keys::{CryptoError, RSA_KEY_BITS, RsaKeyPair};
pub use lab_keys::{LAB_KEYS, lab_key};
pub use md5::{FipsLock, MD5_BYTES, Md5, Md5Error, NOT_FIPS_VALIDATED};

/// What the host's policy allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CryptoPolicy {
    /// Windows' "Use FIPS compliant algorithms" policy is on: .NET refuses MD5 (CS 7.4).
    pub fips: bool,
}

/// Key generation under a policy; cheap to clone.
#[derive(Debug, Clone)]
pub struct Crypto {
    policy: CryptoPolicy,
    source: Source,
}

#[derive(Debug, Clone)]
enum Source {
    Generate,
    /// The next key of the pool for this host; clones share the counter.
    Deal(Arc<AtomicUsize>),
}

impl Crypto {
    /// Generates keys on this machine.
    #[must_use]
    pub fn real(policy: CryptoPolicy) -> Self {
        Self {
            policy,
            source: Source::Generate,
        }
    }

    /// Deals keys of the lab's pool, starting at a place that only the host's name decides, so that which key a host
    /// gets does not depend on what other hosts do.
    #[must_use]
    pub fn simulated(policy: CryptoPolicy, host: &str) -> Self {
        let start = host
            .bytes()
            .fold(0_usize, |sum, byte| (sum * 31 + usize::from(byte)) % LAB_KEYS);
        Self {
            policy,
            source: Source::Deal(Arc::new(AtomicUsize::new(start))),
        }
    }

    /// The host's policy.
    #[must_use]
    pub fn policy(&self) -> CryptoPolicy {
        self.policy
    }

    /// MD5 for a process of this host. `enforced`: the process keeps to the host's policy, as every process does whose
    /// configuration does not say `<enforceFIPSPolicy enabled="false"/>` (CS 7.4).
    ///
    /// # Errors
    /// [`Md5Error::NotFipsValidated`] where the policy is on and enforced.
    pub fn md5(&self, enforced: bool) -> Result<Md5, Md5Error> {
        Md5::fetch(self.fips_lock().filter(|_| enforced))
    }

    /// What refuses MD5 on this host; none where the policy is off. A simulated host has the same lock on every machine.
    #[must_use]
    pub fn fips_lock(&self) -> Option<FipsLock> {
        self.policy.fips.then(|| match self.source {
            Source::Generate => md5::lock_of_machine(),
            Source::Deal(_) => FipsLock::Property,
        })
    }

    /// A new RSA key of 2048 bits, as the agent makes for its certificate request (PR 4.3).
    ///
    /// # Errors
    /// [`CryptoError`] if the machine cannot generate one.
    pub async fn generate_rsa_2048(&self) -> Result<RsaKeyPair, CryptoError> {
        match &self.source {
            Source::Generate => RsaKeyPair::generate().await,
            Source::Deal(next) => lab_key(next.fetch_add(1, Ordering::Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn without_a_policy_nothing_is_locked() {
        let crypto = Crypto::simulated(CryptoPolicy::default(), "agent1");
        assert_eq!(crypto.fips_lock(), None);
        assert!(crypto.md5(true).is_ok());
    }

    #[tokio::test]
    async fn what_a_host_is_dealt_depends_on_its_name_alone() {
        let policy = CryptoPolicy::default();
        let (one, other) = (
            Crypto::simulated(policy, "agent1"),
            Crypto::simulated(policy, "agent2"),
        );
        let first = one.generate_rsa_2048().await.unwrap();
        let _ = other.generate_rsa_2048().await.unwrap();
        let second = one.generate_rsa_2048().await.unwrap();
        assert_ne!(first.spki_der(), second.spki_der());
        let again = Crypto::simulated(policy, "agent1");
        assert_eq!(
            again.generate_rsa_2048().await.unwrap().spki_der(),
            first.spki_der()
        );
        assert_eq!(
            again.generate_rsa_2048().await.unwrap().spki_der(),
            second.spki_der()
        );
    }

    #[tokio::test]
    async fn a_real_host_generates_and_keeps_to_its_policy() {
        let crypto = Crypto::real(CryptoPolicy { fips: true });
        assert!(crypto.policy().fips);
        assert_eq!(crypto.md5(true).unwrap_err(), Md5Error::NotFipsValidated);
        assert!(crypto.md5(false).is_ok());
        let key = crypto.generate_rsa_2048().await.unwrap();
        assert_eq!(key.sign_sha256(b"x").unwrap().len(), RSA_KEY_BITS / 8);
        assert!((0..LAB_KEYS).all(|n| lab_key(n).unwrap().spki_der() != key.spki_der()));
    }
}
