//! Signs tokens and checks their signatures with the cloud's one key.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use provlab_platform::RsaKeyPair;
use provlab_protocol::oauth::{AccessTokenClaims, MAX_TOKEN_BYTES};
use rsa::RsaPublicKey;
use rsa::pkcs1::DecodeRsaPublicKey as _;
use rsa::traits::PublicKeyParts as _;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// A token could not be signed, or the key is no RSA key.
#[derive(Debug, thiserror::Error)]
#[error("the token signing key cannot be used: {0}; start the cloud from an empty store")]
pub struct SignError(String);

/// The token signing key in the forms that signing, checking and publishing need.
pub struct TokenSigner {
    encoding: EncodingKey,
    decoding: DecodingKey,
    key_id: String,
    modulus: String,
    exponent: String,
}

impl TokenSigner {
    /// Prepares a key.
    ///
    /// # Errors
    /// The key has no usable form.
    pub fn new(key: &RsaKeyPair) -> Result<Self, SignError> {
        let wrong = |detail: &dyn std::fmt::Display| SignError(detail.to_string());
        let pkcs8 = key.to_pkcs8();
        let pem = Zeroizing::new(format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            STANDARD.encode(&*pkcs8)
        ));
        let public_der = key.pkcs1_public_der();
        let public = RsaPublicKey::from_pkcs1_der(&public_der).map_err(|error| wrong(&error))?;
        Ok(Self {
            encoding: EncodingKey::from_rsa_pem(pem.as_bytes()).map_err(|error| wrong(&error))?,
            decoding: DecodingKey::from_rsa_der(&public_der),
            key_id: URL_SAFE_NO_PAD.encode(&Sha256::digest(&public_der)[..20]),
            modulus: URL_SAFE_NO_PAD.encode(public.n().to_bytes_be()),
            exponent: URL_SAFE_NO_PAD.encode(public.e().to_bytes_be()),
        })
    }

    /// A signed token (RS256).
    ///
    /// # Errors
    /// The claims cannot be written or the key refuses.
    pub fn sign<C: Serialize>(&self, claims: &C) -> Result<String, SignError> {
        let header = Header {
            kid: Some(self.key_id.clone()),
            ..Header::new(Algorithm::RS256)
        };
        jsonwebtoken::encode(&header, claims, &self.encoding).map_err(|error| SignError(error.to_string()))
    }

    /// The claims of a token whose signature is ours. Who issued it for whom and until when is left to
    /// [`super::Access`].
    #[must_use]
    pub fn verified_claims(&self, token: &str) -> Option<AccessTokenClaims> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let mut validation = Validation::new(Algorithm::RS256);
        // The crate would compare with the machine's clock; the cloud has its own.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims = HashSet::new();
        jsonwebtoken::decode(token, &self.decoding, &validation)
            .ok()
            .map(|data| data.claims)
    }

    /// The public key as an entry of the key set (PR 3.2).
    #[must_use]
    pub fn jwk(&self, issuer: &str) -> Value {
        json!({
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.key_id,
            "n": self.modulus,
            "e": self.exponent,
            "issuer": issuer,
        })
    }
}
