//! The certificate authority of one lab: made for a run, trusted by nobody else.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};
use rustls::crypto::ring::sign::any_ecdsa_type;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::{PemObject, SectionKind};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

/// Largest PEM text of an authority that is looked at; one takes about 1 000 bytes.
pub const MAX_AUTHORITY_PEM_BYTES: usize = 16 << 10;

/// Names that one server certificate may have.
pub const MAX_NAMES_PER_CERTIFICATE: usize = 100;

/// What every server of the lab may be called beside its own names.
const LOOPBACK_NAMES: [&str; 2] = ["localhost", "127.0.0.1"];

/// Signs the certificates of the lab's servers; clones share the key and the certificates made so far.
///
/// Keys are ECDSA P-256, made by the operating system's randomness: nothing of them reaches a trace.
#[derive(Clone)]
pub struct LabAuthority {
    shared: Arc<Shared>,
}

struct Shared {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
    servers: Mutex<BTreeMap<Vec<String>, Arc<CertifiedKey>>>,
}

impl std::fmt::Debug for LabAuthority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LabAuthority(..)")
    }
}

/// The authority cannot be made, read, or sign.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A certificate could not be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// A made key could not be taken into use.
    #[error("cannot use a key: {0}")]
    Key(#[from] rustls::Error),
    /// The text is not the PEM of an authority.
    #[error("this is not the PEM of a lab authority (one CERTIFICATE, one PRIVATE KEY): {0}")]
    Pem(String),
    /// A server asked for too many names, or none.
    #[error("a server certificate needs 1 to {MAX_NAMES_PER_CERTIFICATE} names, not {0}")]
    Names(usize),
}

impl LabAuthority {
    /// Makes a new authority.
    ///
    /// # Errors
    /// [`AuthorityError`] if the machine cannot make a key.
    pub fn generate() -> Result<Self, AuthorityError> {
        let mut name = DistinguishedName::new();
        name.push(DnType::CommonName, "provlab authority");
        let mut params = CertificateParams::default();
        params.distinguished_name = name;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let certificate = params.self_signed(&key)?.der().clone();
        Ok(Self::with(certificate, Issuer::new(params, key)))
    }

    fn with(certificate: CertificateDer<'static>, issuer: Issuer<'static, KeyPair>) -> Self {
        Self {
            shared: Arc::new(Shared {
                certificate,
                issuer,
                servers: Mutex::default(),
            }),
        }
    }

    /// The authority's certificate: what a client needs, and all that an agent gets.
    #[must_use]
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.shared.certificate
    }

    /// Certificate and private key as PEM, to hand the authority to the lab's own server processes.
    #[must_use]
    pub fn to_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(certificate_pem(&self.shared.certificate) + &self.shared.issuer.key().serialize_pem())
    }

    /// The certificate alone as PEM, for clients and for tools like `ldapsearch` and `curl`.
    #[must_use]
    pub fn certificate_pem(&self) -> String {
        certificate_pem(&self.shared.certificate)
    }

    /// Reads what [`LabAuthority::to_pem`] wrote.
    ///
    /// # Errors
    /// [`AuthorityError::Pem`] if the text is not that.
    pub fn from_pem(pem: &str) -> Result<Self, AuthorityError> {
        let bad = |detail: &str| AuthorityError::Pem(detail.to_owned());
        if pem.len() > MAX_AUTHORITY_PEM_BYTES {
            return Err(AuthorityError::Pem(format!(
                "more than {MAX_AUTHORITY_PEM_BYTES} bytes"
            )));
        }
        let (mut certificate, mut key) = (None, None);
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem.as_bytes()) {
            match section.map_err(|e| AuthorityError::Pem(e.to_string()))? {
                (SectionKind::Certificate, der) => certificate = Some(CertificateDer::from(der)),
                (SectionKind::PrivateKey, der) => key = Some(Zeroizing::new(der)),
                _ => {}
            }
        }
        let certificate = certificate.ok_or_else(|| bad("no certificate"))?;
        let key = key.ok_or_else(|| bad("no private key"))?;
        let key = KeyPair::try_from(key.as_slice())?;
        let issuer = Issuer::from_ca_cert_der(&certificate, key)?;
        Ok(Self::with(certificate, issuer))
    }

    /// A server's certificate and key for `names`; the same names get the same certificate for the life of the authority.
    ///
    /// # Errors
    /// [`AuthorityError::Names`] for none or too many, [`AuthorityError::Certificate`] if one is no host name.
    pub(super) fn server(&self, names: &[String]) -> Result<Arc<CertifiedKey>, AuthorityError> {
        if names.is_empty() || names.len() > MAX_NAMES_PER_CERTIFICATE {
            return Err(AuthorityError::Names(names.len()));
        }
        let mut servers = self.shared.servers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = servers.get(names) {
            return Ok(Arc::clone(made));
        }
        let mut subject = DistinguishedName::new();
        subject.push(DnType::CommonName, names[0].as_str());
        // A person's own tools reach the server by its loopback address: the certificate says that too.
        let mut named = names.to_vec();
        named.extend(LOOPBACK_NAMES.map(str::to_owned));
        let mut params = CertificateParams::new(named)?;
        params.distinguished_name = subject;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let certificate = params.signed_by(&key, &self.shared.issuer)?;
        let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let chain = vec![certificate.der().clone(), self.shared.certificate.clone()];
        let made = Arc::new(CertifiedKey::new(chain, any_ecdsa_type(&private)?));
        servers.insert(names.to_vec(), Arc::clone(&made));
        Ok(made)
    }
}

fn certificate_pem(certificate: &CertificateDer<'_>) -> String {
    use x509_cert::der::EncodePem;
    use x509_cert::der::pem::LineEnding;
    x509_cert::der::Decode::from_der(certificate)
        .and_then(|parsed: x509_cert::Certificate| parsed.to_pem(LineEnding::LF))
        .expect("a certificate that was made or read here encodes again")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pem_round_trip() {
        let authority = LabAuthority::generate().unwrap();
        let again = LabAuthority::from_pem(&authority.to_pem()).unwrap();
        assert_eq!(again.certificate(), authority.certificate());
        assert!(!authority.certificate_pem().contains("PRIVATE"));
        assert!(matches!(
            LabAuthority::from_pem(&authority.certificate_pem()),
            Err(AuthorityError::Pem(_))
        ));
    }

    #[test]
    fn the_same_names_share_a_certificate() {
        let authority = LabAuthority::generate().unwrap();
        let names = ["a.example".to_owned(), "*.b.example".to_owned()];
        let (one, same) = (
            authority.server(&names).unwrap(),
            authority.server(&names).unwrap(),
        );
        assert!(Arc::ptr_eq(&one, &same));
        assert_eq!(one.cert.len(), 2);
    }

    #[test]
    fn counts_and_sizes_are_bounded() {
        let authority = LabAuthority::generate().unwrap();
        let names = |count: usize| vec!["a.example".to_owned(); count];
        assert!(matches!(authority.server(&[]), Err(AuthorityError::Names(0))));
        assert!(authority.server(&names(MAX_NAMES_PER_CERTIFICATE)).is_ok());
        assert!(matches!(
            authority.server(&names(MAX_NAMES_PER_CERTIFICATE + 1)),
            Err(AuthorityError::Names(101))
        ));
        let pem = authority.to_pem();
        let padded = |size: usize| format!("{}{}", "\n".repeat(size - pem.len()), *pem);
        assert!(LabAuthority::from_pem(&padded(MAX_AUTHORITY_PEM_BYTES)).is_ok());
        assert!(LabAuthority::from_pem(&padded(MAX_AUTHORITY_PEM_BYTES + 1)).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in any::<String>()) {
            prop_assert!(LabAuthority::from_pem(&text).is_err());
        }
    }
}
