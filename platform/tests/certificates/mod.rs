//! Client certificates to connect with: an ordinary one, and one with the peculiarities of the agent's (PR 4.4).

use std::str::FromStr;

use provlab_platform::RsaKeyPair;
use rustls_pki_types::CertificateDer;
use x509_cert::certificate::{Certificate, TbsCertificate, Version};
use x509_cert::der::asn1::{BitString, Null};
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::{Any, Decode, Encode};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::time::Validity;

/// Without anything special.
pub(crate) fn plain(key: &RsaKeyPair) -> CertificateDer<'static> {
    make(key, None)
}

/// With a subjectUniqueID, which webpki does not read.
pub(crate) fn of_agent(key: &RsaKeyPair) -> CertificateDer<'static> {
    make(key, Some(BitString::from_bytes(&[0xaa; 16]).unwrap()))
}

fn make(key: &RsaKeyPair, subject_unique_id: Option<BitString>) -> CertificateDer<'static> {
    let algorithm = AlgorithmIdentifierOwned {
        oid: ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11"),
        parameters: Some(Any::encode_from(&Null).unwrap()),
    };
    let tbs = TbsCertificate {
        version: Version::V3,
        serial_number: SerialNumber::from(7_u8),
        signature: algorithm.clone(),
        issuer: Name::from_str("CN=HISConnectorRegistrationCA.his.msappproxy.net").unwrap(),
        validity: Validity::from_now(std::time::Duration::from_secs(3600)).unwrap(),
        subject: Name::from_str("CN=aaaaaaaa-1111-2222-3333-000000000001").unwrap(),
        subject_public_key_info: SubjectPublicKeyInfoOwned::from_der(&key.spki_der()).unwrap(),
        issuer_unique_id: None,
        subject_unique_id,
        extensions: None,
    };
    let signature = BitString::from_bytes(&key.sign_sha256(&tbs.to_der().unwrap()).unwrap()).unwrap();
    let certificate = Certificate {
        tbs_certificate: tbs,
        signature_algorithm: algorithm,
        signature,
    };
    CertificateDer::from(certificate.to_der().unwrap())
}
