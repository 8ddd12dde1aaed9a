//! The object identifiers of requests and certificates, named once.

use der::asn1::ObjectIdentifier;

/// Extension with the agent id: 16 raw bytes, GUID-LE (PR 4.4).
pub const AGENT_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.82.1");
/// Extension with the registration service's statement; what it hashes is not public (PR 4.4).
pub const REGISTRATION_PROOF: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.82.2");

/// Attribute with the version of Windows.
pub(super) const OS_VERSION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.13.2.3");
/// Attribute with the cryptographic provider.
pub(super) const ENROLMENT_CSP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.13.2.2");
/// Attribute with machine, user and process.
pub(super) const CLIENT_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.21.20");
/// Attribute with the wanted extensions.
pub(super) const EXTENSION_REQUEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.14");

pub(super) const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
pub(super) const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
pub(super) const SUBJECT_KEY_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");
pub(super) const CLIENT_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");

pub(super) const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
pub(super) const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
pub(super) const SHA256_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
