//! Request and certificate build and find their extensions the same way.

use der::Encode as _;
use der::asn1::{ObjectIdentifier, OctetString};
use x509_cert::certificate::Certificate;
use x509_cert::ext::Extension;

use super::oids::{CLIENT_AUTH, EXTENDED_KEY_USAGE};

/// An extension with the given content.
pub(super) fn extension(
    oid: ObjectIdentifier,
    critical: bool,
    content: &[u8],
) -> Result<Extension, der::Error> {
    Ok(Extension {
        extn_id: oid,
        critical,
        extn_value: OctetString::new(content)?,
    })
}

/// Extended key usage with client authentication alone.
pub(super) fn client_authentication(critical: bool) -> Result<Extension, der::Error> {
    extension(EXTENDED_KEY_USAGE, critical, &vec![CLIENT_AUTH].to_der()?)
}

/// The extension of a certificate, if it is there.
pub(super) fn find(certificate: &Certificate, oid: ObjectIdentifier) -> Option<&Extension> {
    certificate
        .tbs_certificate
        .extensions
        .as_ref()?
        .iter()
        .find(|extension| extension.extn_id == oid)
}
