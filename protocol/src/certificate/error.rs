//! A refused request or certificate says which part is wrong.

/// Why a request or certificate was refused or not made.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// Longer than its limit.
    #[error("the {what} has {bytes} bytes, the limit is {limit}")]
    TooLarge {
        /// Which document.
        what: &'static str,
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Not DER of the expected structure.
    #[error("the {what} is not valid DER: {source}")]
    Der {
        /// Which part.
        what: &'static str,
        /// What the decoder says.
        source: der::Error,
    },
    /// The key is not RSA of 2048 bits.
    #[error("the {what} has a public key that is not RSA of 2048 bits; make a new key")]
    UnsupportedKey {
        /// Which document.
        what: &'static str,
    },
    /// The signature algorithm is not SHA-256 with RSA.
    #[error("the {what} is not signed with sha256WithRSAEncryption")]
    UnsupportedSignature {
        /// Which document.
        what: &'static str,
    },
    /// The signature does not verify.
    #[error("the signature of the {what} does not match")]
    WrongSignature {
        /// Which document.
        what: &'static str,
    },
    /// A field does not hold what it must.
    #[error("the certificate has no readable {what}; it is not an agent certificate")]
    Field {
        /// Which field.
        what: &'static str,
    },
    /// The time is outside of what a certificate can express (1970 to 9999).
    #[error("{0} cannot be written into a certificate")]
    Time(time::OffsetDateTime),
    /// The caller's signer failed.
    #[error("signing failed: {0}")]
    Signing(String),
}

impl CertificateError {
    pub(super) fn der(what: &'static str) -> impl Fn(der::Error) -> Self {
        move |source| Self::Der { what, source }
    }
}
