//! An RSA key pair that wipes itself and never shows in a log.

use std::fmt;
use std::sync::Arc;

use rsa::pkcs1::EncodeRsaPublicKey;
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey};
use rsa::sha2::{Digest, Sha256};
use rsa::traits::PublicKeyParts;
use rsa::{Oaep, Pkcs1v15Sign, RsaPrivateKey, RsaPublicKey};
use zeroize::Zeroizing;

/// Size of every key of the agent (PR 4.3).
pub const RSA_KEY_BITS: usize = 2048;

/// Largest PKCS#8 file that is looked at; a key of 2048 bits takes about 1 200 bytes.
const MAX_PKCS8_BYTES: usize = 8192;

/// A key could not be made, read or used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CryptoError(String);

impl CryptoError {
    fn new(what: &str, why: &dyn fmt::Display) -> Self {
        Self(format!("{what}: {why}"))
    }
}

/// An RSA key pair; clones share it, the last one wipes it.
#[derive(Clone)]
pub struct RsaKeyPair(Arc<RsaPrivateKey>);

impl fmt::Debug for RsaKeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RsaKeyPair(..)")
    }
}

impl RsaKeyPair {
    /// Generates on a blocking thread: it takes a good part of a second.
    pub(super) async fn generate() -> Result<Self, CryptoError> {
        let made =
            tokio::task::spawn_blocking(|| RsaPrivateKey::new(&mut rand_core::OsRng, RSA_KEY_BITS)).await;
        match made {
            Ok(Ok(key)) => Ok(Self(Arc::new(key))),
            Ok(Err(e)) => Err(CryptoError::new("cannot generate an RSA key", &e)),
            Err(e) => Err(CryptoError::new(
                "the thread that generated an RSA key ended early",
                &e,
            )),
        }
    }

    /// Reads a PKCS#8 `PrivateKeyInfo` in DER.
    ///
    /// # Errors
    /// [`CryptoError`] if it is not one, is inconsistent, or is not of [`RSA_KEY_BITS`].
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, CryptoError> {
        const WHAT: &str = "cannot read the private key";
        if der.len() > MAX_PKCS8_BYTES {
            return Err(CryptoError::new(
                WHAT,
                &format_args!("more than {MAX_PKCS8_BYTES} bytes"),
            ));
        }
        let key = RsaPrivateKey::from_pkcs8_der(der).map_err(|e| CryptoError::new(WHAT, &e))?;
        let bits = key.n().bits();
        if bits != RSA_KEY_BITS {
            return Err(CryptoError::new(
                WHAT,
                &format_args!("{bits} bits instead of {RSA_KEY_BITS}"),
            ));
        }
        Ok(Self(Arc::new(key)))
    }

    /// The private key as PKCS#8 DER.
    #[must_use]
    pub fn to_pkcs8(&self) -> Zeroizing<Vec<u8>> {
        self.0
            .to_pkcs8_der()
            .expect("a key of 2048 bits always encodes")
            .to_bytes()
    }

    /// An RSASSA-PKCS1-v1_5 signature with SHA-256 over `message`.
    ///
    /// # Errors
    /// [`CryptoError`] if the key cannot sign.
    pub fn sign_sha256(&self, message: &[u8]) -> Result<Vec<u8>, CryptoError> {
        // Unblinded: a signature must not draw from the operating system's randomness, and the lab signs only for itself.
        self.0
            .sign(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(message))
            .map_err(|e| CryptoError::new("cannot sign", &e))
    }

    /// What somebody encrypted for this key by RSA-OAEP with SHA-256.
    ///
    /// # Errors
    /// [`CryptoError`] if it was not encrypted for this key.
    pub fn decrypt_oaep_sha256(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        // Unblinded, as signatures are.
        self.0
            .decrypt(Oaep::new::<Sha256>(), ciphertext)
            .map(Zeroizing::new)
            .map_err(|e| CryptoError::new("cannot decrypt", &e))
    }

    /// The public key as `SubjectPublicKeyInfo` in DER.
    #[must_use]
    pub fn spki_der(&self) -> Vec<u8> {
        let public = RsaPublicKey::from(&*self.0);
        public
            .to_public_key_der()
            .expect("a modulus of 2048 bits always encodes")
            .into_vec()
    }

    /// The public key as PKCS#1 `RSAPublicKey` in DER.
    #[must_use]
    pub fn pkcs1_public_der(&self) -> Vec<u8> {
        let public = RsaPublicKey::from(&*self.0);
        public
            .to_pkcs1_der()
            .expect("a modulus of 2048 bits always encodes")
            .into_vec()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::lab_key;
    use super::*;
    use rsa::pkcs1v15::{Signature, VerifyingKey};
    use rsa::pkcs8::DecodePublicKey;
    use rsa::signature::Verifier;

    #[test]
    fn pkcs8_round_trip_and_a_signature_that_verifies() {
        let key = lab_key(0).unwrap();
        let again = RsaKeyPair::from_pkcs8(&key.to_pkcs8()).unwrap();
        assert_eq!(again.spki_der(), key.spki_der());
        let public = RsaPublicKey::from_public_key_der(&key.spki_der()).unwrap();
        let signature = Signature::try_from(again.sign_sha256(b"message").unwrap().as_slice()).unwrap();
        assert!(
            VerifyingKey::<Sha256>::new(public)
                .verify(b"message", &signature)
                .is_ok()
        );
        // SubjectPublicKeyInfo ends in the PKCS#1 key.
        assert!(key.spki_der().ends_with(&key.pkcs1_public_der()));
    }

    #[test]
    fn what_is_encrypted_for_a_key_only_that_key_reads() {
        let (key, other) = (lab_key(0).unwrap(), lab_key(1).unwrap());
        let public = RsaPublicKey::from_public_key_der(&key.spki_der()).unwrap();
        let sealed = public
            .encrypt(&mut rand_core::OsRng, Oaep::new::<Sha256>(), b"content key")
            .unwrap();
        assert_eq!(&key.decrypt_oaep_sha256(&sealed).unwrap()[..], b"content key");
        let refused = other.decrypt_oaep_sha256(&sealed).unwrap_err();
        assert!(!refused.to_string().contains("content key"));
        assert!(key.decrypt_oaep_sha256(&sealed[1..]).is_err());
    }

    #[test]
    fn bad_keys_are_refused_and_nothing_is_shown() {
        assert!(RsaKeyPair::from_pkcs8(b"").is_err());
        assert!(RsaKeyPair::from_pkcs8(&[0x30; MAX_PKCS8_BYTES]).is_err());
        let over = RsaKeyPair::from_pkcs8(&[0x30; MAX_PKCS8_BYTES + 1]).unwrap_err();
        assert!(over.to_string().contains("8192"), "{over}");
        assert_eq!(format!("{:?}", lab_key(0).unwrap()), "RsaKeyPair(..)");
    }
}
