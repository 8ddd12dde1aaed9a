//! Keys: the agent's, by its name, and the one that a single package is sealed with.

use std::fmt;

use hmac::{Hmac, Mac};
use rsa::pkcs8::DecodePublicKey as _;
use rsa::rand_core::{CryptoRng, RngCore};
use rsa::{Oaep, RsaPublicKey};
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::PackageError;

/// Longest `SubjectPublicKeyInfo` that is read; one of 2048 bits has 294 bytes.
pub const MAX_SPKI_BYTES: usize = 512;
/// Bytes of a wrapped content key: the modulus of RSA-2048.
pub(super) const WRAPPED_BYTES: usize = 256;
/// Bytes of a content key: AES-256.
const KEY_BYTES: usize = 32;
/// What the key of an answer is derived by, so that request and answer never share one.
const ANSWER_LABEL: &[u8] = b"provlab writeback answer";

/// Names an agent's public key: SHA-256 over its `SubjectPublicKeyInfo`. Hexadecimal on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId([u8; 32]);

impl KeyId {
    /// The name of this key.
    #[must_use]
    pub fn of(spki: &[u8]) -> Self {
        Self(Sha256::digest(spki).into())
    }

    pub(super) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// A text that is no key id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key id has 64 hexadecimal digits")]
pub struct KeyIdParseError;

impl std::str::FromStr for KeyId {
    type Err = KeyIdParseError;

    fn from_str(text: &str) -> Result<Self, KeyIdParseError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| KeyIdParseError)?;
        Ok(Self(bytes))
    }
}

serde_as_text!(KeyId);

/// What the sender of a package draws for it. Used once.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct PackageEntropy {
    /// The content key.
    pub key: [u8; KEY_BYTES],
    /// Seed of the padding (RFC 8017 section 7.1.1).
    pub seed: [u8; KEY_BYTES],
    /// Nonce of the package.
    pub nonce: [u8; 12],
}

/// The AES-256 key of one package and of the answer to it. Wiped on drop and never shown.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct ContentKey([u8; KEY_BYTES]);

impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContentKey([REDACTED])")
    }
}

impl ContentKey {
    pub(super) fn drawn(entropy: &PackageEntropy) -> Self {
        Self(entropy.key)
    }

    /// The key that the private key unwrapped.
    ///
    /// # Errors
    /// [`PackageError::Decryption`] if it has not the length of one.
    pub fn unwrapped(bytes: &[u8]) -> Result<Self, PackageError> {
        bytes.try_into().map(Self).map_err(|_| PackageError::Decryption)
    }

    pub(super) const fn as_bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// The key of the answer.
    pub(super) fn for_answer(&self) -> Self {
        // HMAC takes a key of any length.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes every key");
        mac.update(ANSWER_LABEL);
        Self(mac.finalize().into_bytes().into())
    }

    /// The key as only the owner of the private key can read it: RSA-OAEP with SHA-256.
    pub(super) fn wrapped(&self, spki: &[u8], seed: &[u8; KEY_BYTES]) -> Result<Vec<u8>, PackageError> {
        if spki.len() > MAX_SPKI_BYTES {
            return Err(PackageError::PublicKey);
        }
        let public = RsaPublicKey::from_public_key_der(spki).map_err(|_| PackageError::PublicKey)?;
        let mut drawn = Drawn(Zeroizing::new(*seed), 0);
        let wrapped = public
            .encrypt(&mut drawn, Oaep::new::<Sha256>(), &self.0)
            .map_err(|_| PackageError::PublicKey)?;
        // A key of another size has no place in a package.
        if wrapped.len() == WRAPPED_BYTES {
            Ok(wrapped)
        } else {
            Err(PackageError::PublicKey)
        }
    }
}

/// Bytes that were drawn before, in the shape in which the padding asks for them: protocols have no randomness of their own.
struct Drawn(Zeroizing<[u8; KEY_BYTES]>, usize);

impl RngCore for Drawn {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// OAEP draws its seed once and nothing else; whatever would be drawn beyond it is derived from it.
    fn fill_bytes(&mut self, out: &mut [u8]) {
        for byte in out {
            if self.1 == KEY_BYTES {
                *self.0 = Sha256::digest(&self.0[..]).into();
                self.1 = 0;
            }
            *byte = self.0[self.1];
            self.1 += 1;
        }
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), rsa::rand_core::Error> {
        self.fill_bytes(out);
        Ok(())
    }
}

impl CryptoRng for Drawn {}
