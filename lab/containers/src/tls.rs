//! The server's certificate and key, as the files that Samba and slapd read.

use provlab_platform::net::real::LabAuthority;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256,
};
use zeroize::Zeroizing;

use crate::ContainerError;

/// What a server is also called on this machine: the lab's own reader connects by it.
const LOOPBACK_NAMES: [&str; 2] = ["localhost", "127.0.0.1"];

/// PEM texts for one server.
pub(crate) struct Files {
    pub(crate) authority: String,
    pub(crate) certificate: String,
    pub(crate) key: Zeroizing<String>,
}

/// A certificate of the lab's authority for `names`; the first is the subject.
pub(crate) fn issue(authority: &LabAuthority, names: &[&str]) -> Result<Files, ContainerError> {
    let failed = |e: rcgen::Error| ContainerError::Certificate(e.to_string());
    let issuer = issuer(authority).map_err(failed)?;
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, names.first().copied().unwrap_or_default());
    let all: Vec<String> = names
        .iter()
        .copied()
        .chain(LOOPBACK_NAMES)
        .map(str::to_owned)
        .collect();
    let mut params = CertificateParams::new(all).map_err(failed)?;
    params.distinguished_name = subject;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
    let certificate = params.signed_by(&key, &issuer).map_err(failed)?;
    Ok(Files {
        authority: authority.certificate_pem(),
        certificate: certificate.pem(),
        key: Zeroizing::new(key.serialize_pem()),
    })
}

/// The signing side of the authority, from the one form in which it hands it out.
fn issuer(authority: &LabAuthority) -> Result<Issuer<'static, KeyPair>, rcgen::Error> {
    let pem = authority.to_pem();
    let key = pem
        .find("-----BEGIN PRIVATE KEY-----")
        .map_or("", |at| &pem[at..]);
    Issuer::from_ca_cert_der(authority.certificate(), KeyPair::from_pem(key)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use rustls::RootCertStore;
    use rustls::client::WebPkiServerVerifier;
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use std::sync::Arc;

    #[test]
    fn the_certificate_is_good_for_its_names_and_no_others() {
        let authority = LabAuthority::generate().unwrap();
        let files = issue(&authority, &["dc1.contoso.lab", "contoso.lab"]).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(authority.certificate().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .unwrap();
        let leaf = CertificateDer::from_pem_slice(files.certificate.as_bytes()).unwrap();
        let verified = |name: &str| {
            use rustls::client::danger::ServerCertVerifier;
            let name = ServerName::try_from(name.to_owned()).unwrap();
            verifier
                .verify_server_cert(&leaf, &[], &name, &[], UnixTime::now())
                .is_ok()
        };
        assert!(verified("dc1.contoso.lab") && verified("contoso.lab") && verified("127.0.0.1"));
        assert!(!verified("dc2.contoso.lab"));
        assert!(!files.certificate.contains("PRIVATE"));
    }
}
