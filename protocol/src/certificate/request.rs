//! The agent asks for its certificate as Windows would: empty subject and the four enrolment attributes (PR 4.3).

use der::asn1::{Any, BitString, BmpString, Ia5StringRef, ObjectIdentifier, OctetString, SetOfVec};
use der::{Decode as _, Encode as _, Sequence};
use sha1::{Digest as _, Sha1};
use x509_cert::attr::Attribute;
use x509_cert::ext::Extension;
use x509_cert::request::{CertReq, CertReqInfo, Version};

use super::extensions::{client_authentication, extension};
use super::oids::{
    CLIENT_INFO, ENROLMENT_CSP, EXTENSION_REQUEST, KEY_USAGE, OS_VERSION, SUBJECT_KEY_IDENTIFIER,
};
use super::{CertificateError, Signer, names, signature};

/// Longest request, in bytes; a real one has about 1.2 KiB.
pub const MAX_REQUEST_BYTES: usize = 16 * 1024;
/// Process that asks for the certificate (PR 4.3).
pub const WIZARD_PROCESS_NAME: &str = "AADConnectProvisioningAgentWizard.exe";

const WHAT: &str = "certificate request";
const CSP_NAME: &str = "Microsoft Enhanced RSA and AES Cryptographic Provider";
/// digitalSignature, nonRepudiation, keyEncipherment, dataEncipherment.
const KEY_USAGE_DER: [u8; 4] = [0x03, 0x02, 0x04, 0xF0];
/// `ClientId` of the client information: a certificate request made by CertEnroll.
const CLIENT_ID: u8 = 5;

/// What the Windows attributes of a request tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestDetails {
    /// For example `10.0.20348.2`.
    pub os_version: String,
    /// Fully qualified host name.
    pub machine_name: String,
    /// `DOMAIN\user`.
    pub user_name: String,
    /// [`WIZARD_PROCESS_NAME`].
    pub process_name: String,
}

/// A parsed request.
#[derive(Debug, Clone)]
pub struct CertificateRequest {
    parsed: CertReq,
    der: Vec<u8>,
}

/// SEQUENCE of the client information attribute.
#[derive(Sequence)]
struct ClientInfo {
    client_id: u8,
    machine: String,
    user: String,
    process: String,
}

/// SEQUENCE of the enrolment CSP attribute.
#[derive(Sequence)]
struct EnrolmentCsp {
    key_spec: u8,
    name: BmpString,
    signature: BitString,
}

impl CertificateRequest {
    /// Makes a request for the key in `spki_der` and gives its DER.
    ///
    /// # Errors
    /// The key is not RSA 2048, a text cannot be encoded, or `signer` fails.
    pub fn build<E: std::fmt::Display>(
        spki_der: &[u8],
        details: &RequestDetails,
        signer: Signer<'_, E>,
    ) -> Result<Vec<u8>, CertificateError> {
        let public_key = names::public_key(spki_der, "public key")?;
        signature::rsa_key(&public_key, WHAT)?;
        let key_id = Sha1::digest(signature::pkcs1(&public_key, WHAT)?);
        let attributes = attributes(details, &key_id).map_err(CertificateError::der(WHAT))?;
        let info = CertReqInfo {
            version: Version::V1,
            subject: names::empty(),
            public_key,
            attributes,
        };
        let signature = signature::sign(&info, signer, WHAT)?;
        CertReq {
            info,
            algorithm: signature::algorithm(),
            signature,
        }
        .to_der()
        .map_err(CertificateError::der(WHAT))
    }

    /// Reads a request. Whether it is properly signed is for [`CertificateRequest::verify`] to say.
    ///
    /// # Errors
    /// Too long, or not a PKCS#10 request.
    pub fn parse(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > MAX_REQUEST_BYTES {
            return Err(CertificateError::TooLarge {
                what: WHAT,
                bytes: der.len(),
                limit: MAX_REQUEST_BYTES,
            });
        }
        let parsed = CertReq::from_der(der).map_err(CertificateError::der(WHAT))?;
        Ok(Self {
            parsed,
            der: der.to_vec(),
        })
    }

    /// Checks that the requester holds the key: RSA 2048, SHA-256, signed with itself. The Windows attributes are not insisted on, as the
    /// service does not either (PR 4.3).
    ///
    /// # Errors
    /// The first check that fails.
    pub fn verify(&self) -> Result<(), CertificateError> {
        let message = signature::signed_part(&self.der, WHAT)?;
        signature::verify(
            &self.parsed.info.public_key,
            &self.parsed.algorithm,
            message,
            &self.parsed.signature,
            WHAT,
        )
    }

    /// The key that a certificate is asked for, SubjectPublicKeyInfo DER.
    ///
    /// # Errors
    /// The key cannot be encoded again.
    pub fn spki_der(&self) -> Result<Vec<u8>, CertificateError> {
        self.parsed
            .info
            .public_key
            .to_der()
            .map_err(CertificateError::der(WHAT))
    }

    /// What the Windows attributes tell, if they are there and readable.
    #[must_use]
    pub fn details(&self) -> Option<RequestDetails> {
        let value = |oid| {
            self.parsed
                .info
                .attributes
                .iter()
                .find(|attribute| attribute.oid == oid)?
                .values
                .iter()
                .next()
        };
        let os_version = value(OS_VERSION)?
            .decode_as::<Ia5StringRef<'_>>()
            .ok()?
            .as_str()
            .to_owned();
        let client: ClientInfo = value(CLIENT_INFO)?.decode_as().ok()?;
        Some(RequestDetails {
            os_version,
            machine_name: client.machine,
            user_name: client.user,
            process_name: client.process,
        })
    }
}

fn attributes(details: &RequestDetails, key_id: &[u8]) -> Result<SetOfVec<Attribute>, der::Error> {
    let client = ClientInfo {
        client_id: CLIENT_ID,
        machine: details.machine_name.clone(),
        user: details.user_name.clone(),
        process: details.process_name.clone(),
    };
    let csp = EnrolmentCsp {
        key_spec: 1,
        name: BmpString::from_utf8(CSP_NAME)?,
        signature: BitString::from_bytes(&[])?,
    };
    SetOfVec::try_from(vec![
        attribute(
            OS_VERSION,
            Any::encode_from(&Ia5StringRef::new(&details.os_version)?)?,
        )?,
        attribute(EXTENSION_REQUEST, Any::encode_from(&wanted_extensions(key_id)?)?)?,
        attribute(CLIENT_INFO, Any::encode_from(&client)?)?,
        attribute(ENROLMENT_CSP, Any::encode_from(&csp)?)?,
    ])
}

fn attribute(oid: ObjectIdentifier, value: Any) -> Result<Attribute, der::Error> {
    Ok(Attribute {
        oid,
        values: SetOfVec::try_from(vec![value])?,
    })
}

fn wanted_extensions(key_id: &[u8]) -> Result<Vec<Extension>, der::Error> {
    Ok(vec![
        extension(KEY_USAGE, true, &KEY_USAGE_DER)?,
        client_authentication(false)?,
        extension(
            SUBJECT_KEY_IDENTIFIER,
            false,
            &OctetString::new(key_id)?.to_der()?,
        )?,
    ])
}
