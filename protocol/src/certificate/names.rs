//! Names here are one common name or nothing.

use der::Decode as _;
use der::asn1::{Any, PrintableStringRef, SetOfVec, Utf8StringRef};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};

use super::oids::COMMON_NAME;

/// `CN={text}` as UTF8String.
pub(super) fn common_name(text: &str) -> Result<Name, der::Error> {
    let value = Any::encode_from(&Utf8StringRef::new(text)?)?;
    let attributes = SetOfVec::try_from(vec![AttributeTypeAndValue {
        oid: COMMON_NAME,
        value,
    }])?;
    Ok(RdnSequence(vec![RelativeDistinguishedName(attributes)]))
}

/// The common name of a name, UTF8String or PrintableString.
pub(super) fn read_common_name(name: &Name) -> Option<String> {
    let attribute = name
        .0
        .iter()
        .flat_map(|rdn| rdn.0.iter())
        .find(|attribute| attribute.oid == COMMON_NAME)?;
    attribute
        .value
        .decode_as::<Utf8StringRef<'_>>()
        .map(|text| text.as_str().to_owned())
        .or_else(|_| {
            attribute
                .value
                .decode_as::<PrintableStringRef<'_>>()
                .map(|text| text.as_str().to_owned())
        })
        .ok()
}

/// An empty name.
pub(super) fn empty() -> Name {
    RdnSequence(Vec::new())
}

/// A subject public key info from its DER.
pub(super) fn public_key(
    der: &[u8],
    what: &'static str,
) -> Result<spki::SubjectPublicKeyInfoOwned, super::CertificateError> {
    spki::SubjectPublicKeyInfoOwned::from_der(der).map_err(super::CertificateError::der(what))
}
