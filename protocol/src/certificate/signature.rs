//! The one signature algorithm of requests and agent certificates, checked and described in one place.

use der::Decode as _;
use der::asn1::{AnyRef, BitString, Null};
use rsa::RsaPublicKey;
use rsa::pkcs1::DecodeRsaPublicKey as _;
use rsa::pkcs1v15::{Signature, VerifyingKey};
use rsa::signature::Verifier as _;
use rsa::traits::PublicKeyParts as _;
use sha2::Sha256;
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use super::oids::{RSA_ENCRYPTION, SHA256_WITH_RSA};
use super::{CertificateError, Signer};

/// RSA keys have this many bits (PR 4.3).
const KEY_BITS: usize = 2048;

/// sha256WithRSAEncryption with its NULL parameters.
pub(super) fn algorithm() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned {
        oid: SHA256_WITH_RSA,
        parameters: Some(AnyRef::from(Null).into()),
    }
}

/// The RSA key of an SPKI, if it is one of 2048 bits.
pub(super) fn rsa_key(
    spki: &SubjectPublicKeyInfoOwned,
    what: &'static str,
) -> Result<RsaPublicKey, CertificateError> {
    let unsupported = || CertificateError::UnsupportedKey { what };
    if spki.algorithm.oid != RSA_ENCRYPTION {
        return Err(unsupported());
    }
    let key = RsaPublicKey::from_pkcs1_der(pkcs1(spki, what)?).map_err(|_| unsupported())?;
    if key.n().bits() != KEY_BITS {
        return Err(unsupported());
    }
    Ok(key)
}

/// The PKCS#1 public key inside of an SPKI.
pub(super) fn pkcs1<'a>(
    spki: &'a SubjectPublicKeyInfoOwned,
    what: &'static str,
) -> Result<&'a [u8], CertificateError> {
    spki.subject_public_key
        .as_bytes()
        .ok_or(CertificateError::UnsupportedKey { what })
}

/// Checks `signature` over `message` with `spki`.
pub(super) fn verify(
    spki: &SubjectPublicKeyInfoOwned,
    algorithm: &AlgorithmIdentifierOwned,
    message: &[u8],
    signature: &BitString,
    what: &'static str,
) -> Result<(), CertificateError> {
    // The algorithm beside the signature is not signed itself: nothing but what belongs there may pass.
    let parameters = algorithm.parameters.as_ref();
    if algorithm.oid != SHA256_WITH_RSA || parameters.is_some_and(|any| !any.is_null()) {
        return Err(CertificateError::UnsupportedSignature { what });
    }
    let wrong = || CertificateError::WrongSignature { what };
    let bytes = signature.as_bytes().ok_or_else(wrong)?;
    let signature = Signature::try_from(bytes).map_err(|_| wrong())?;
    VerifyingKey::<Sha256>::new(rsa_key(spki, what)?)
        .verify(message, &signature)
        .map_err(|_| wrong())
}

/// The bytes of the first element inside of an outer SEQUENCE: what was signed, exactly as received.
pub(super) fn signed_part<'a>(document: &'a [u8], what: &'static str) -> Result<&'a [u8], CertificateError> {
    let inner = AnyRef::from_der(document)
        .map_err(CertificateError::der(what))?
        .value();
    let mut reader = der::SliceReader::new(inner).map_err(CertificateError::der(what))?;
    der::Reader::tlv_bytes(&mut reader).map_err(CertificateError::der(what))
}

/// Encodes and signs; `what` names the document in errors.
pub(super) fn sign<T: der::Encode, E: std::fmt::Display>(
    content: &T,
    signer: Signer<'_, E>,
    what: &'static str,
) -> Result<BitString, CertificateError> {
    let message = content.to_der().map_err(CertificateError::der(what))?;
    let signature = signer(&message).map_err(|error| CertificateError::Signing(error.to_string()))?;
    BitString::from_bytes(&signature).map_err(CertificateError::der(what))
}
