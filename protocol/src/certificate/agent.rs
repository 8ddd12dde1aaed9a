//! Agent and service read the same facts out of an agent certificate (PR 4.4).

use der::{Decode as _, Encode as _};
use sha1::{Digest as _, Sha1};
use time::OffsetDateTime;
use uuid::Uuid;
use x509_cert::certificate::Certificate;

use super::extensions::find;
use super::oids::{AGENT_ID, CLIENT_AUTH, EXTENDED_KEY_USAGE, REGISTRATION_PROOF};
use super::{CertificateError, names, signature};

/// Longest certificate, in bytes. The product's has about 4 KiB with its signed extension.
pub const MAX_CERTIFICATE_BYTES: usize = 32 * 1024;

const WHAT: &str = "certificate";

/// A parsed agent certificate.
#[derive(Debug, Clone)]
pub struct AgentCertificate {
    parsed: Certificate,
    der: Vec<u8>,
    tenant_id: Uuid,
    agent_id: Uuid,
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
}

impl AgentCertificate {
    /// Reads a certificate. Whether it is to be trusted is for [`AgentCertificate::verify_signed_by`] and the caller to say.
    ///
    /// # Errors
    /// Too long, not a certificate, or without tenant or agent id.
    pub fn parse(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > MAX_CERTIFICATE_BYTES {
            return Err(CertificateError::TooLarge {
                what: WHAT,
                bytes: der.len(),
                limit: MAX_CERTIFICATE_BYTES,
            });
        }
        let parsed = Certificate::from_der(der).map_err(CertificateError::der(WHAT))?;
        let validity = &parsed.tbs_certificate.validity;
        Ok(Self {
            tenant_id: tenant_id(&parsed)?,
            agent_id: agent_id(&parsed)?,
            not_before: moment(validity.not_before)?,
            not_after: moment(validity.not_after)?,
            der: der.to_vec(),
            parsed,
        })
    }

    /// Tenant id: the subject's common name.
    #[must_use]
    pub fn tenant_id(&self) -> Uuid {
        self.tenant_id
    }

    /// Agent (connector) id: extension 82.1, or the serial number where that is missing, as public tools do it.
    #[must_use]
    pub fn agent_id(&self) -> Uuid {
        self.agent_id
    }

    /// SHA-1 over the certificate in upper-case hexadecimal, as Windows shows it.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        hex::encode_upper(Sha1::digest(&self.der))
    }

    /// Begin of validity.
    #[must_use]
    pub fn not_before(&self) -> OffsetDateTime {
        self.not_before
    }

    /// End of validity.
    #[must_use]
    pub fn not_after(&self) -> OffsetDateTime {
        self.not_after
    }

    /// Whether `now` lies within validity, both ends included.
    #[must_use]
    pub fn is_valid_at(&self, now: OffsetDateTime) -> bool {
        (self.not_before..=self.not_after).contains(&now)
    }

    /// Common name of the issuer.
    #[must_use]
    pub fn issuer_common_name(&self) -> Option<String> {
        names::read_common_name(&self.parsed.tbs_certificate.issuer)
    }

    /// Tenant id as the subjectUniqueID has it.
    #[must_use]
    pub fn subject_unique_id(&self) -> Option<Uuid> {
        let bits = self
            .parsed
            .tbs_certificate
            .subject_unique_id
            .as_ref()?
            .as_bytes()?;
        Some(Uuid::from_bytes_le(bits.try_into().ok()?))
    }

    /// Serial number in upper-case hexadecimal.
    #[must_use]
    pub fn serial_number(&self) -> String {
        hex::encode_upper(self.parsed.tbs_certificate.serial_number.as_bytes())
    }

    /// Whether the extended key usage names client authentication.
    #[must_use]
    pub fn allows_client_authentication(&self) -> bool {
        find(&self.parsed, EXTENDED_KEY_USAGE)
            .and_then(|usage| Vec::<der::asn1::ObjectIdentifier>::from_der(usage.extn_value.as_bytes()).ok())
            .is_some_and(|purposes| purposes.contains(&CLIENT_AUTH))
    }

    /// Content of extension 82.2, if there is one.
    #[must_use]
    pub fn registration_proof(&self) -> Option<&[u8]> {
        find(&self.parsed, REGISTRATION_PROOF).map(|found| found.extn_value.as_bytes())
    }

    /// The public key, SubjectPublicKeyInfo DER.
    ///
    /// # Errors
    /// The key cannot be encoded again.
    pub fn spki_der(&self) -> Result<Vec<u8>, CertificateError> {
        self.parsed
            .tbs_certificate
            .subject_public_key_info
            .to_der()
            .map_err(CertificateError::der(WHAT))
    }

    /// The certificate as received.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Checks that the holder of `issuer_spki_der` signed the certificate.
    ///
    /// # Errors
    /// Another key, another algorithm, or a changed certificate.
    pub fn verify_signed_by(&self, issuer_spki_der: &[u8]) -> Result<(), CertificateError> {
        let issuer = names::public_key(issuer_spki_der, "issuer's public key")?;
        let message = signature::signed_part(&self.der, WHAT)?;
        if self.parsed.signature_algorithm != self.parsed.tbs_certificate.signature {
            return Err(CertificateError::UnsupportedSignature { what: WHAT });
        }
        signature::verify(
            &issuer,
            &self.parsed.signature_algorithm,
            message,
            &self.parsed.signature,
            WHAT,
        )
    }

    /// `{machine}_{tenantId}_{agentId}_{thumbprint}.pfx`: how public tools name the file with certificate and key (PR 4.4).
    #[must_use]
    pub fn key_file_name(&self, machine: &str) -> String {
        format!(
            "{machine}_{}_{}_{}.pfx",
            self.tenant_id,
            self.agent_id,
            self.thumbprint()
        )
    }
}

fn tenant_id(certificate: &Certificate) -> Result<Uuid, CertificateError> {
    names::read_common_name(&certificate.tbs_certificate.subject)
        .and_then(|name| name.parse().ok())
        .ok_or(CertificateError::Field {
            what: "tenant id in its subject",
        })
}

fn agent_id(certificate: &Certificate) -> Result<Uuid, CertificateError> {
    let bytes = match find(certificate, AGENT_ID) {
        Some(found) => found.extn_value.as_bytes(),
        None => certificate.tbs_certificate.serial_number.as_bytes(),
    };
    bytes
        .try_into()
        .map(Uuid::from_bytes_le)
        .map_err(|_| CertificateError::Field {
            what: "agent id in extension 1.3.6.1.4.1.311.82.1",
        })
}

fn moment(point: x509_cert::time::Time) -> Result<OffsetDateTime, CertificateError> {
    i64::try_from(point.to_unix_duration().as_secs())
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .ok_or(CertificateError::Field { what: "validity" })
}
