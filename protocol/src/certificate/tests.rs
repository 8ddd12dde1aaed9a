#![allow(clippy::unwrap_used)]
//! The keys in `test_keys` are public and protect nothing.

use der::Decode as _;
use proptest::prelude::*;
use rsa::RsaPrivateKey;
use rsa::pkcs1v15::SigningKey;
use rsa::pkcs8::{DecodePrivateKey as _, EncodePublicKey as _};
use rsa::signature::{SignatureEncoding as _, Signer as _};
use sha2::Sha256;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use uuid::{Uuid, uuid};

use super::{
    AgentCertificate, CertificateError, CertificateRequest, DEFAULT_LIFETIME, IssueParameters,
    MAX_CERTIFICATE_BYTES, MAX_REQUEST_BYTES, RequestDetails, WIZARD_PROCESS_NAME, issue,
};

const TENANT: Uuid = uuid!("aaaaaaaa-1111-2222-3333-000000000001");
const AGENT: Uuid = uuid!("bbbbbbbb-1111-2222-3333-000000000002");
const NOT_BEFORE: OffsetDateTime = datetime!(2026-01-02 03:04:05.5 UTC);

struct Key(RsaPrivateKey);

impl Key {
    fn agent() -> Self {
        Self(RsaPrivateKey::from_pkcs8_der(include_bytes!("test_keys/agent.der")).unwrap())
    }

    fn issuer() -> Self {
        Self(RsaPrivateKey::from_pkcs8_der(include_bytes!("test_keys/issuer.der")).unwrap())
    }

    fn short() -> Self {
        Self(RsaPrivateKey::from_pkcs8_der(include_bytes!("test_keys/short.der")).unwrap())
    }

    fn spki(&self) -> Vec<u8> {
        self.0.to_public_key().to_public_key_der().unwrap().into_vec()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, String> {
        Ok(SigningKey::<Sha256>::new(self.0.clone()).sign(message).to_vec())
    }
}

fn details() -> RequestDetails {
    RequestDetails {
        os_version: "10.0.20348.2".to_owned(),
        machine_name: "srv1.contoso.com".to_owned(),
        user_name: "CONTOSO\\admin".to_owned(),
        process_name: WIZARD_PROCESS_NAME.to_owned(),
    }
}

fn request() -> Vec<u8> {
    let key = Key::agent();
    CertificateRequest::build(&key.spki(), &details(), &|message| key.sign(message)).unwrap()
}

fn parameters() -> IssueParameters<'static> {
    IssueParameters {
        tenant_id: TENANT,
        agent_id: AGENT,
        serial: [0xFF; 16],
        issuer_common_name: "HISConnectorRegistrationCA.his.msappproxy.net",
        not_before: NOT_BEFORE,
        lifetime: DEFAULT_LIFETIME,
        feature: "SyncFabric",
    }
}

fn certificate(parameters: &IssueParameters<'_>) -> Vec<u8> {
    let issuer = Key::issuer();
    issue(parameters, &Key::agent().spki(), &|message| issuer.sign(message)).unwrap()
}

fn contains(document: &[u8], part: &str) -> bool {
    let part = hex::decode(part).unwrap();
    document.windows(part.len()).any(|window| window == part)
}

#[test]
fn a_request_has_an_empty_subject_and_the_four_attributes() {
    let der = request();
    for (what, part) in [
        ("version 0 and empty subject", "0201003000"),
        (
            "OS version",
            "060a2b0601040182370d0203310e160c31302e302e32303334382e32",
        ),
        ("key usage", "300e0603551d0f0101ff0404030204f0"),
        ("extended key usage", "30130603551d25040c300a06082b06010505070302"),
        ("subject key identifier", "301d0603551d0e04160414"),
        ("client info", "06092b0601040182371514"),
        ("enrolment CSP", "060a2b0601040182370d0202"),
    ] {
        assert!(contains(&der, part), "{what} is missing");
    }
    let read = CertificateRequest::parse(&der).unwrap();
    read.verify().unwrap();
    assert_eq!(read.details(), Some(details()));
    assert_eq!(read.spki_der().unwrap(), Key::agent().spki());
}

#[test]
fn a_plain_request_without_windows_attributes_is_fine() {
    let parsed = x509_cert::request::CertReq::from_der(&request()).unwrap();
    let mut info = parsed.info.clone();
    info.attributes = der::asn1::SetOfVec::new();
    let signature = super::signature::sign(&info, &|message| Key::agent().sign(message), "test").unwrap();
    let der = der::Encode::to_der(&x509_cert::request::CertReq {
        info,
        signature,
        ..parsed
    })
    .unwrap();
    let plain = CertificateRequest::parse(&der).unwrap();
    plain.verify().unwrap();
    assert_eq!(plain.details(), None);
}

#[test]
fn a_request_signed_by_another_key_or_changed_is_refused() {
    let (agent, issuer) = (Key::agent(), Key::issuer());
    let foreign =
        CertificateRequest::build(&agent.spki(), &details(), &|message| issuer.sign(message)).unwrap();
    let refused = CertificateRequest::parse(&foreign).unwrap().verify();
    assert!(
        matches!(refused, Err(CertificateError::WrongSignature { .. })),
        "{refused:?}"
    );
    let mut changed = request();
    let place = changed.windows(4).position(|window| window == b"srv1").unwrap();
    changed[place + 3] = b'2';
    let refused = CertificateRequest::parse(&changed).unwrap().verify();
    assert!(
        matches!(refused, Err(CertificateError::WrongSignature { .. })),
        "{refused:?}"
    );
}

#[test]
fn only_rsa_2048_is_taken() {
    let short = Key::short();
    let refused = CertificateRequest::build(&short.spki(), &details(), &|message| short.sign(message));
    assert!(
        matches!(refused, Err(CertificateError::UnsupportedKey { .. })),
        "{refused:?}"
    );
    let refused = issue(&parameters(), &short.spki(), &|message| short.sign(message));
    assert!(
        matches!(refused, Err(CertificateError::UnsupportedKey { .. })),
        "{refused:?}"
    );
}

#[test]
fn a_signer_that_fails_is_reported() {
    let refused = CertificateRequest::build(&Key::agent().spki(), &details(), &|_| Err("the key is gone"));
    assert_eq!(
        refused.unwrap_err().to_string(),
        "signing failed: the key is gone"
    );
}

#[test]
fn a_certificate_has_the_layout_of_the_reference() {
    let der = certificate(&parameters());
    for (what, part) in [
        ("version 3", "a003020102"),
        ("serial, positive", "02107fffffffffffffffffffffffffffffff"),
        (
            "agent id",
            "301d06092b06010401823752010410bbbbbbbb111122223333000000000002",
        ),
        ("subjectUniqueID", "821100aaaaaaaa111122223333000000000001"),
        (
            "critical extended key usage",
            "30160603551d250101ff040c300a06082b06010505070302",
        ),
    ] {
        assert!(contains(&der, part), "{what} is missing");
    }
    let read = AgentCertificate::parse(&der).unwrap();
    read.verify_signed_by(&Key::issuer().spki()).unwrap();
    assert_eq!(
        (read.tenant_id(), read.agent_id(), read.subject_unique_id()),
        (TENANT, AGENT, Some(TENANT))
    );
    assert_eq!(
        read.issuer_common_name().unwrap(),
        "HISConnectorRegistrationCA.his.msappproxy.net"
    );
    assert_eq!(read.not_before(), datetime!(2026-01-02 03:04:05 UTC));
    assert_eq!(read.not_after() - read.not_before(), Duration::days(180));
    assert!(read.allows_client_authentication());
    assert_eq!(read.spki_der().unwrap(), Key::agent().spki());
    let proof = read.registration_proof().unwrap();
    assert!(
        proof.starts_with(b"provlab:v1:SyncFabric:") && proof.len() == 22 + 32,
        "{proof:?}"
    );
    assert_eq!(read.serial_number(), "7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF");
    assert_eq!(read.thumbprint().len(), 40);
    assert_eq!(
        read.key_file_name("SRV1"),
        format!(
            "SRV1_aaaaaaaa-1111-2222-3333-000000000001_bbbbbbbb-1111-2222-3333-000000000002_{}.pfx",
            read.thumbprint()
        )
    );
}

#[test]
fn validity_includes_both_ends() {
    let read = AgentCertificate::parse(&certificate(&parameters())).unwrap();
    let second = Duration::seconds(1);
    assert!(read.is_valid_at(read.not_before()) && read.is_valid_at(read.not_after()));
    assert!(!read.is_valid_at(read.not_before() - second) && !read.is_valid_at(read.not_after() + second));
}

#[test]
fn a_certificate_of_another_issuer_or_a_changed_one_is_refused() {
    let der = certificate(&parameters());
    let refused = AgentCertificate::parse(&der)
        .unwrap()
        .verify_signed_by(&Key::agent().spki());
    assert!(
        matches!(refused, Err(CertificateError::WrongSignature { .. })),
        "{refused:?}"
    );
    let mut changed = der;
    let place = changed.windows(4).position(|window| window == [0xBB; 4]).unwrap();
    changed[place] = 0xBC;
    let refused = AgentCertificate::parse(&changed)
        .unwrap()
        .verify_signed_by(&Key::issuer().spki());
    assert!(
        matches!(refused, Err(CertificateError::WrongSignature { .. })),
        "{refused:?}"
    );
}

#[test]
fn a_certificate_without_agent_id_falls_back_to_its_serial() {
    let mut parsed = x509_cert::Certificate::from_der(&certificate(&parameters())).unwrap();
    parsed.tbs_certificate.extensions = None;
    let read = AgentCertificate::parse(&der::Encode::to_der(&parsed).unwrap()).unwrap();
    let mut serial = [0xFF; 16];
    serial[0] = 0x7F;
    assert_eq!(read.agent_id(), Uuid::from_bytes_le(serial));
    assert!(!read.allows_client_authentication());
    assert_eq!(read.registration_proof(), None);
}

#[test]
fn times_beyond_2049_and_before_1970_are_handled() {
    let late = IssueParameters {
        not_before: datetime!(2049-12-01 0:00 UTC),
        ..parameters()
    };
    let read = AgentCertificate::parse(&certificate(&late)).unwrap();
    assert_eq!(
        (read.not_before(), read.not_after()),
        (late.not_before, late.not_before + DEFAULT_LIFETIME)
    );
    for moment in [datetime!(1969-12-31 23:59:59 UTC), datetime!(9999-12-01 0:00 UTC)] {
        let refused = issue(
            &IssueParameters {
                not_before: moment,
                ..parameters()
            },
            &Key::agent().spki(),
            &|message| Key::issuer().sign(message),
        );
        assert!(matches!(refused, Err(CertificateError::Time(_))), "{refused:?}");
    }
}

#[test]
fn documents_beyond_their_limit_are_refused_before_parsing() {
    let refused = CertificateRequest::parse(&vec![0x30; MAX_REQUEST_BYTES + 1]).unwrap_err();
    assert!(matches!(refused, CertificateError::TooLarge { .. }), "{refused}");
    let refused = CertificateRequest::parse(&vec![0x30; MAX_REQUEST_BYTES]).unwrap_err();
    assert!(matches!(refused, CertificateError::Der { .. }), "{refused}");
    let refused = AgentCertificate::parse(&vec![0x30; MAX_CERTIFICATE_BYTES + 1]).unwrap_err();
    assert!(matches!(refused, CertificateError::TooLarge { .. }), "{refused}");
    let refused = AgentCertificate::parse(&vec![0x30; MAX_CERTIFICATE_BYTES]).unwrap_err();
    assert!(matches!(refused, CertificateError::Der { .. }), "{refused}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = CertificateRequest::parse(&bytes).map(|read| (read.verify().is_ok(), read.details()));
        let _ = AgentCertificate::parse(&bytes);
    }

    #[test]
    fn damaged_documents_are_survived_and_never_accepted_as_signed(place in 0_usize..700, bit in 0_u8..8) {
        let (request, certificate) = (request(), certificate(&parameters()));
        for original in [request, certificate] {
            let mut bytes = original.clone();
            let place = place % bytes.len();
            bytes[place] ^= 1 << bit;
            if let Ok(read) = CertificateRequest::parse(&bytes) {
                let _ = read.details();
                prop_assert!(read.verify().is_err());
            }
            if let Ok(read) = AgentCertificate::parse(&bytes) {
                let _ = (read.subject_unique_id(), read.allows_client_authentication(), read.registration_proof());
                prop_assert!(read.verify_signed_by(&Key::issuer().spki()).is_err());
            }
            prop_assert!(CertificateRequest::parse(&original[..place]).is_err());
        }
    }

    #[test]
    fn ids_and_times_round_trip(tenant in any::<u128>(), agent in any::<u128>(), serial in any::<[u8; 16]>(), begin in 0_i64..4_000_000_000) {
        let not_before = OffsetDateTime::from_unix_timestamp(begin).unwrap();
        let parameters = IssueParameters { tenant_id: Uuid::from_u128(tenant), agent_id: Uuid::from_u128(agent), serial, not_before, ..parameters() };
        let read = AgentCertificate::parse(&certificate(&parameters)).unwrap();
        prop_assert_eq!((read.tenant_id(), read.agent_id(), read.not_before()), (parameters.tenant_id, parameters.agent_id, not_before));
        prop_assert_eq!(read.serial_number().len(), 32);
    }

    #[test]
    fn details_round_trip(machine in ".{0,60}", user in ".{0,60}", process in ".{0,60}") {
        let key = Key::agent();
        let details = RequestDetails { os_version: "10.0".to_owned(), machine_name: machine, user_name: user, process_name: process };
        let der = CertificateRequest::build(&key.spki(), &details, &|message| key.sign(message)).unwrap();
        prop_assert_eq!(CertificateRequest::parse(&der).unwrap().details(), Some(details));
    }
}
