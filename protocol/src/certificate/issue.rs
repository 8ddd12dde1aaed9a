//! The registration service issues agent certificates; this is their layout (PR 4.4).

use der::Encode as _;
use der::asn1::{BitString, GeneralizedTime, UtcTime};
use sha2::{Digest as _, Sha256};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use x509_cert::certificate::{Certificate, TbsCertificate, Version};
use x509_cert::ext::Extension;
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::{Time, Validity};

use super::extensions::{client_authentication, extension};
use super::oids::{AGENT_ID, REGISTRATION_PROOF};
use super::{CertificateError, Signer, names, signature};

/// Nominal lifetime of an agent certificate: 180 days (PR 4.4).
pub const DEFAULT_LIFETIME: Duration = Duration::days(180);
/// How our stand-in for extension 82.2 begins. The product's begins with `v2:` and goes on with a signed message whose content is not public.
pub const STAND_IN_PREFIX: &str = "provlab:v1:";

const WHAT: &str = "certificate";
/// X.509 writes years through 2049 as UTCTime (RFC 5280 4.1.2.5).
const LAST_UTC_TIME_YEAR: i32 = 2049;

/// What goes into an agent certificate.
#[derive(Debug, Clone)]
pub struct IssueParameters<'a> {
    /// Tenant: subject, subjectUniqueID.
    pub tenant_id: Uuid,
    /// Agent: extension 82.1.
    pub agent_id: Uuid,
    /// 16 random bytes. The top bit is cleared and the next one set, so that the number is positive and keeps its length.
    pub serial: [u8; 16],
    /// Common name of the issuer, see `Environment::agent_ca_common_name`.
    pub issuer_common_name: &'a str,
    /// Begin of validity; fractions of a second are cut off.
    pub not_before: OffsetDateTime,
    /// Length of validity, normally [`DEFAULT_LIFETIME`].
    pub lifetime: Duration,
    /// `FeatureString` of the registration.
    pub feature: &'a str,
}

/// Makes an agent certificate for the key in `spki_der` and gives its DER. `signer` holds the issuer's key.
///
/// # Errors
/// The key is not RSA 2048, a time or text cannot be encoded, or `signer` fails.
pub fn issue<E: std::fmt::Display>(
    parameters: &IssueParameters<'_>,
    spki_der: &[u8],
    signer: Signer<'_, E>,
) -> Result<Vec<u8>, CertificateError> {
    let subject_public_key_info = names::public_key(spki_der, "public key")?;
    signature::rsa_key(&subject_public_key_info, WHAT)?;
    let not_after = parameters
        .not_before
        .checked_add(parameters.lifetime)
        .ok_or(CertificateError::Time(parameters.not_before))?;
    let validity = Validity {
        not_before: point(parameters.not_before)?,
        not_after: point(not_after)?,
    };
    let assemble = || -> Result<TbsCertificate, der::Error> {
        Ok(TbsCertificate {
            version: Version::V3,
            serial_number: SerialNumber::new(&positive(parameters.serial))?,
            signature: signature::algorithm(),
            issuer: names::common_name(parameters.issuer_common_name)?,
            validity,
            subject: names::common_name(&parameters.tenant_id.hyphenated().to_string())?,
            subject_public_key_info,
            issuer_unique_id: None,
            subject_unique_id: Some(BitString::from_bytes(&parameters.tenant_id.to_bytes_le())?),
            extensions: Some(extensions(parameters, spki_der)?),
        })
    };
    let tbs_certificate = assemble().map_err(CertificateError::der(WHAT))?;
    let signature = signature::sign(&tbs_certificate, signer, WHAT)?;
    Certificate {
        tbs_certificate,
        signature_algorithm: signature::algorithm(),
        signature,
    }
    .to_der()
    .map_err(CertificateError::der(WHAT))
}

fn extensions(parameters: &IssueParameters<'_>, spki_der: &[u8]) -> Result<Vec<Extension>, der::Error> {
    Ok(vec![
        agent_id_extension(&parameters.agent_id)?,
        client_authentication(true)?,
        extension(REGISTRATION_PROOF, false, &stand_in(parameters, spki_der))?,
    ])
}

/// 82.1: the raw bytes, without an inner DER wrapper.
fn agent_id_extension(agent_id: &Uuid) -> Result<Extension, der::Error> {
    extension(AGENT_ID, false, &agent_id.to_bytes_le())
}

/// 82.2: our own stand-in, `provlab:v1:{feature}:` and SHA-256 over public key, tenant id and agent id.
fn stand_in(parameters: &IssueParameters<'_>, spki_der: &[u8]) -> Vec<u8> {
    let digest = Sha256::new()
        .chain_update(spki_der)
        .chain_update(parameters.tenant_id.to_bytes_le())
        .chain_update(parameters.agent_id.to_bytes_le())
        .finalize();
    let mut content = format!("{STAND_IN_PREFIX}{}:", parameters.feature).into_bytes();
    content.extend_from_slice(&digest);
    content
}

fn positive(mut serial: [u8; 16]) -> [u8; 16] {
    serial[0] = (serial[0] & 0x7F) | 0x40;
    serial
}

fn point(moment: OffsetDateTime) -> Result<Time, CertificateError> {
    let refused = |_| CertificateError::Time(moment);
    let seconds = u64::try_from(moment.unix_timestamp()).map_err(|_| CertificateError::Time(moment))?;
    let since_epoch = std::time::Duration::from_secs(seconds);
    if moment.to_offset(time::UtcOffset::UTC).year() <= LAST_UTC_TIME_YEAR {
        return UtcTime::from_unix_duration(since_epoch)
            .map(Time::UtcTime)
            .map_err(refused);
    }
    GeneralizedTime::from_unix_duration(since_epoch)
        .map(Time::GeneralTime)
        .map_err(refused)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use der::Encode as _;
    use uuid::uuid;

    use super::agent_id_extension;

    #[test]
    fn the_agent_id_extension_has_the_bytes_of_the_reference() {
        let extension = agent_id_extension(&uuid!("bbbbbbbb-1111-2222-3333-000000000002")).unwrap();
        assert_eq!(
            hex::encode(extension.to_der().unwrap()),
            "301d06092b06010401823752010410bbbbbbbb111122223333000000000002"
        );
    }
}
