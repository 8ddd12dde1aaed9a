//! Sealing: a package is bound to its tenant, message, key and expiry, and its answer to the package.

use std::fmt;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::OffsetDateTime;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::key::WRAPPED_BYTES;
use super::{ContentKey, FailureCode, KeyId, Outcome, PackageEntropy, RequestError, WritebackRequest};

/// Longest package: wrapped key, nonce, ciphertext and tag (CS 8.2: a message stays under 1 KB).
pub const MAX_PACKAGE_BYTES: usize = 1_024;
/// Longest sealed answer.
pub const MAX_RESULT_BYTES: usize = 1_024;

const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
/// What the additional data of a request begins with, and that of an answer.
const REQUEST_CONTEXT: &[u8] = b"provlab.writeback.v1 request";
const ANSWER_CONTEXT: &[u8] = b"provlab.writeback.v1 answer";

/// What a package is for: it opens under nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Binding {
    /// DNS name of the user's domain.
    pub domain: String,
    /// The tenant.
    pub tenant_id: Uuid,
    /// Names the request; an agent does it once.
    pub message_id: Uuid,
    /// The agent's key that it is sealed for.
    pub key_id: KeyId,
    /// From when on nobody waits for it, in seconds since 1970.
    pub expires: i64,
}

impl Binding {
    /// Whether it is too old.
    #[must_use]
    pub fn is_expired_at(&self, now: OffsetDateTime) -> bool {
        now.unix_timestamp() >= self.expires
    }

    /// The additional data; everything but the last part has a fixed length.
    fn context(&self, label: &[u8]) -> Vec<u8> {
        let domain = self.domain.to_ascii_lowercase();
        [
            label,
            self.tenant_id.as_bytes(),
            self.message_id.as_bytes(),
            self.key_id.as_bytes(),
            &self.expires.to_be_bytes(),
            domain.as_bytes(),
        ]
        .concat()
    }
}

/// A request as it travels.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SealedRequest {
    /// What it is for.
    #[serde(flatten)]
    pub binding: Binding,
    /// Wrapped key, nonce, ciphertext with tag.
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    package: Vec<u8>,
}

/// The answer as it travels.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SealedOutcome {
    /// The request's id.
    pub message_id: Uuid,
    /// Nonce, ciphertext with tag; absent when the agent could not open the package and so has no key to answer with.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        serialize_with = "to_base64",
        deserialize_with = "from_base64"
    )]
    sealed: Vec<u8>,
    /// Instead of an answer: why the package was not opened. Anybody could have written it, so it never tells of a success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refused: Option<FailureCode>,
}

/// Tells an agent whether passwords are written back: one of the two messages on enabling and disabling (CS 8.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigureWriteback {
    /// Whether they are.
    pub enabled: bool,
}

/// The other one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WritebackConfigured {
    /// As the agent has noted it.
    pub enabled: bool,
}

/// A package or an answer cannot be made or opened. Tells nothing of what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// It was sealed with another key, for another message, or was changed on the way.
    #[error("the package cannot be decrypted")]
    Decryption,
    /// It is longer than it may be.
    #[error("the package is longer than {MAX_PACKAGE_BYTES} bytes")]
    TooLong,
    /// The agent's public key is none of RSA-2048.
    #[error("the public key of the agent cannot be used")]
    PublicKey,
    /// What was sealed is no request.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// What was sealed is no answer.
    #[error("the answer cannot be read")]
    Answer,
}

impl fmt::Debug for SealedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedRequest")
            .field("binding", &self.binding)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SealedOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedOutcome")
            .field("message_id", &self.message_id)
            .field("refused", &self.refused)
            .finish_non_exhaustive()
    }
}

impl SealedRequest {
    /// Seals a request for the owner of a public key; gives the key that the answer will be under.
    ///
    /// # Errors
    /// The public key is not of RSA-2048 or not the one of the binding, or the request is out of its bounds.
    pub fn seal(
        binding: Binding,
        request: &WritebackRequest,
        spki: &[u8],
        entropy: &PackageEntropy,
    ) -> Result<(Self, ContentKey), PackageError> {
        if KeyId::of(spki) != binding.key_id {
            return Err(PackageError::PublicKey);
        }
        let key = ContentKey::drawn(entropy);
        let mut package = key.wrapped(spki, &entropy.seed)?;
        let plain = request.to_bytes()?;
        package.extend(sealed(
            &key,
            &entropy.nonce,
            &plain,
            &binding.context(REQUEST_CONTEXT),
        )?);
        if package.len() > MAX_PACKAGE_BYTES {
            return Err(PackageError::TooLong);
        }
        Ok((Self { binding, package }, key))
    }

    /// Length of the package.
    #[must_use]
    pub fn package_bytes(&self) -> usize {
        self.package.len()
    }

    /// The content key as the private key can unwrap it.
    ///
    /// # Errors
    /// The package is too short.
    pub fn wrapped_key(&self) -> Result<&[u8], PackageError> {
        self.package.get(..WRAPPED_BYTES).ok_or(PackageError::Decryption)
    }

    /// Opens the package.
    ///
    /// # Errors
    /// Another key, another binding, or no request inside.
    pub fn open(&self, key: &ContentKey) -> Result<WritebackRequest, PackageError> {
        let sealed = self
            .package
            .get(WRAPPED_BYTES..)
            .ok_or(PackageError::Decryption)?;
        let plain = opened(key, sealed, &self.binding.context(REQUEST_CONTEXT))?;
        Ok(WritebackRequest::from_bytes(&plain)?)
    }
}

impl SealedOutcome {
    /// Seals an outcome as the answer to a request.
    ///
    /// # Errors
    /// The outcome is longer than [`MAX_RESULT_BYTES`].
    pub fn seal(
        binding: &Binding,
        outcome: &Outcome,
        key: &ContentKey,
        nonce: &[u8; NONCE_BYTES],
    ) -> Result<Self, PackageError> {
        let plain = serde_json::to_vec(outcome).map_err(|_| PackageError::Answer)?;
        let sealed = sealed(&key.for_answer(), nonce, &plain, &binding.context(ANSWER_CONTEXT))?;
        if sealed.len() > MAX_RESULT_BYTES {
            return Err(PackageError::TooLong);
        }
        Ok(Self {
            message_id: binding.message_id,
            sealed,
            refused: None,
        })
    }

    /// The answer to a package that could not be opened.
    #[must_use]
    pub fn refusal(message_id: Uuid, code: FailureCode) -> Self {
        Self {
            message_id,
            sealed: Vec::new(),
            refused: Some(code),
        }
    }

    /// Opens the answer to a request.
    ///
    /// # Errors
    /// It answers another request, was changed on the way, or is none.
    pub fn open(&self, binding: &Binding, key: &ContentKey) -> Result<Outcome, PackageError> {
        if self.message_id != binding.message_id {
            return Err(PackageError::Answer);
        }
        if let Some(code) = self.refused {
            return Ok(super::Failure::new(code, "the agent could not open the package").into());
        }
        let plain = opened(&key.for_answer(), &self.sealed, &binding.context(ANSWER_CONTEXT))?;
        serde_json::from_slice(&plain).map_err(|_| PackageError::Answer)
    }
}

fn cipher(key: &ContentKey) -> Aes256Gcm {
    Aes256Gcm::new(&(*key.as_bytes()).into())
}

fn sealed(
    key: &ContentKey,
    nonce: &[u8; NONCE_BYTES],
    plain: &[u8],
    context: &[u8],
) -> Result<Vec<u8>, PackageError> {
    let payload = Payload {
        msg: plain,
        aad: context,
    };
    let ciphertext = cipher(key)
        .encrypt(&Nonce::from(*nonce), payload)
        .map_err(|_| PackageError::TooLong)?;
    Ok([nonce.as_slice(), &ciphertext].concat())
}

fn opened(key: &ContentKey, sealed: &[u8], context: &[u8]) -> Result<Zeroizing<Vec<u8>>, PackageError> {
    let (nonce, ciphertext) = sealed
        .split_first_chunk::<NONCE_BYTES>()
        .ok_or(PackageError::Decryption)?;
    if ciphertext.len() < TAG_BYTES {
        return Err(PackageError::Decryption);
    }
    let payload = Payload {
        msg: ciphertext,
        aad: context,
    };
    cipher(key)
        .decrypt(&Nonce::from(*nonce), payload)
        .map(Zeroizing::new)
        .map_err(|_| PackageError::Decryption)
}

fn to_base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&BASE64.encode(bytes))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    /// Base64 of the longest package or answer.
    const MAX_CHARS: usize = MAX_PACKAGE_BYTES.div_ceil(3) * 4;
    let text = String::deserialize(deserializer)?;
    if text.len() > MAX_CHARS {
        return Err(serde::de::Error::custom(format!(
            "a package has at most {MAX_PACKAGE_BYTES} bytes"
        )));
    }
    BASE64
        .decode(&text)
        .map_err(|_| serde::de::Error::custom("the package is not base64"))
}
