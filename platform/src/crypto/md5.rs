//! MD5 as far as the host lets it be: libcrypto computes it, and libcrypto refuses it (CS 7.4).
//!
//! The product decrypts replicated hashes with a key made by MD5, from .NET's `MD5CryptoServiceProvider`, whose constructor
//! throws under Windows' FIPS policy. Here libcrypto takes its place: nothing in this code decides, the fetch of the
//! algorithm does. Which lock it is depends on the machine, see [`FipsLock`].

use std::fmt;

use openssl::error::ErrorStack;
use openssl::lib_ctx::LibCtx;
use openssl::md::Md;
use openssl::md_ctx::MdCtx;
use openssl::provider::Provider;
use thiserror::Error;
use zeroize::Zeroizing;

/// Length of a digest in bytes.
pub const MD5_BYTES: usize = 16;
/// What .NET says when the policy forbids the algorithm (CS 7.4).
pub const NOT_FIPS_VALIDATED: &str =
    "This implementation is not part of the Windows Platform FIPS validated cryptographic algorithms.";
/// Name of the algorithm, and the property that only validated implementations have.
const MD5: &str = "MD5";
const VALIDATED_ONLY: &str = "fips=yes";

/// What refuses MD5 on a host whose FIPS policy is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FipsLock {
    /// The machine's OpenSSL configuration has loaded the FIPS provider alone, which has no MD5.
    Provider,
    /// Without such a configuration: every provider is there, and only validated implementations are asked for.
    Property,
}

impl fmt::Display for FipsLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Provider => "the FIPS provider of this machine's OpenSSL configuration",
            Self::Property => "the property fips=yes of libcrypto, as no FIPS provider is configured",
        })
    }
}

/// MD5 cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Md5Error {
    /// The host's policy forbids it: libcrypto refused.
    #[error("{NOT_FIPS_VALIDATED}")]
    NotFipsValidated,
    /// libcrypto failed for another reason.
    #[error("libcrypto failed: {0}")]
    Library(String),
}

/// The algorithm, fetched from libcrypto.
pub struct Md5 {
    // In the order in which they have to go.
    algorithm: Md,
    _provider: Option<Provider>,
    _context: Option<LibCtx>,
}

impl fmt::Debug for Md5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Md5(..)")
    }
}

impl Md5 {
    /// The algorithm under a lock; `None` where the host has no policy, or the process is exempt from it.
    pub(super) fn fetch(lock: Option<FipsLock>) -> Result<Self, Md5Error> {
        if lock == Some(FipsLock::Provider) {
            return Ok(Self {
                algorithm: Md::fetch(None, MD5, None).map_err(refused)?,
                _provider: None,
                _context: None,
            });
        }
        // A context of its own is not touched by the machine's configuration.
        let context = LibCtx::new().map_err(broken)?;
        let provider = Provider::load(Some(&context), "default").map_err(broken)?;
        let properties = lock.map(|_| VALIDATED_ONLY);
        Ok(Self {
            algorithm: Md::fetch(Some(&context), MD5, properties).map_err(refused)?,
            _provider: Some(provider),
            _context: Some(context),
        })
    }

    /// The digest of these parts, one after the other.
    ///
    /// # Errors
    /// When libcrypto fails.
    pub fn digest(&self, parts: &[&[u8]]) -> Result<Zeroizing<[u8; MD5_BYTES]>, Md5Error> {
        let mut context = MdCtx::new().map_err(broken)?;
        context.digest_init(&self.algorithm).map_err(broken)?;
        for part in parts {
            context.digest_update(part).map_err(broken)?;
        }
        let mut digest = Zeroizing::new([0; MD5_BYTES]);
        context.digest_final(digest.as_mut_slice()).map_err(broken)?;
        Ok(digest)
    }
}

/// The lock of this machine: the FIPS provider where the configuration loaded it and it alone.
pub(super) fn lock_of_machine() -> FipsLock {
    let provider = Md::fetch(None, "SHA2-256", Some("provider=fips")).is_ok();
    let alone = Md::fetch(None, MD5, None).is_err();
    if provider && alone {
        FipsLock::Provider
    } else {
        FipsLock::Property
    }
}

/// libcrypto says that an algorithm is `unsupported` when no provider that may be asked has it.
fn refused(error: ErrorStack) -> Md5Error {
    let unsupported = error
        .errors()
        .iter()
        .any(|one| one.reason() == Some("unsupported"));
    if unsupported {
        Md5Error::NotFipsValidated
    } else {
        broken(error)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn broken(error: ErrorStack) -> Md5Error {
    Md5Error::Library(error.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// RFC 1321 A.5.
    #[test]
    fn digests_are_those_of_the_standard() {
        let md5 = Md5::fetch(None).unwrap();
        let rows: [(&[&[u8]], &str); 3] = [
            (&[], "d41d8cd98f00b204e9800998ecf8427e"),
            (&[b"a", b"bc"], "900150983cd24fb0d6963f7d28e17f72"),
            (&[b"message digest"], "f96b697d7cb7938d525a2f31aaf161d0"),
        ];
        for (parts, expected) in rows {
            assert_eq!(hex::encode(*md5.digest(parts).unwrap()), expected);
        }
    }

    #[test]
    fn libcrypto_itself_refuses_under_the_lock_and_again_after_it_was_lifted() {
        for _ in 0..2 {
            let refused = Md5::fetch(Some(FipsLock::Property)).unwrap_err();
            assert_eq!(refused, Md5Error::NotFipsValidated);
            assert_eq!(refused.to_string(), NOT_FIPS_VALIDATED);
            assert!(Md5::fetch(None).is_ok());
        }
    }

    /// On a machine whose configuration loads the FIPS provider, the default context has no MD5.
    #[test]
    fn the_lock_of_this_machine_refuses_too() {
        let lock = lock_of_machine();
        assert_eq!(
            Md5::fetch(Some(lock)).unwrap_err(),
            Md5Error::NotFipsValidated,
            "{lock}"
        );
    }
}
