//! Active Directory stores GUIDs mixed-endian, and every place that forgets it names the wrong object.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// A GUID as Windows knows it.
///
/// The text form is the canonical lower-case one; the byte form used in LDAP values, security
/// descriptors and blobs has its first three fields little-endian (PR 15.4).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guid(Uuid);

/// A text that is not a GUID.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a GUID; write it as 8-4-4-4-12 hexadecimal digits, with or without braces")]
pub struct GuidParseError {
    text: String,
}

impl Guid {
    /// All zeros.
    pub const NIL: Guid = Guid(Uuid::nil());

    /// From the 128 bits in the order in which the text form shows them.
    pub const fn from_u128(bits: u128) -> Self {
        Guid(Uuid::from_u128(bits))
    }

    /// From the mixed-endian bytes that directories store.
    pub const fn from_le_bytes(bytes: [u8; 16]) -> Self {
        Guid(Uuid::from_bytes_le(bytes))
    }

    /// The mixed-endian bytes that directories store.
    pub const fn to_le_bytes(self) -> [u8; 16] {
        self.0.to_bytes_le()
    }

    /// From the value of an attribute, if it has 16 bytes.
    pub fn from_le_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::from_le_bytes)
    }

    /// The stored bytes as an LDAP filter value, each byte escaped: `\44\33\22\11…`.
    pub fn to_ldap_filter(self) -> String {
        self.to_le_bytes()
            .iter()
            .map(|byte| format!("\\{byte:02x}"))
            .collect()
    }

    /// The same value as a [`Uuid`].
    pub const fn as_uuid(self) -> Uuid {
        self.0
    }
}

impl From<Uuid> for Guid {
    fn from(uuid: Uuid) -> Self {
        Guid(uuid)
    }
}

impl From<Guid> for Uuid {
    fn from(guid: Guid) -> Self {
        guid.0
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.hyphenated(), f)
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Guid({self})")
    }
}

impl FromStr for Guid {
    type Err = GuidParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The library also reads URNs and undivided digits, which Windows does not.
        let bare = text
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'))
            .unwrap_or(text);
        let canonical = bare.len() == 36 && bare.is_ascii();
        canonical
            .then(|| Uuid::try_parse(bare).ok())
            .flatten()
            .map(Guid)
            .ok_or_else(|| GuidParseError {
                text: text.chars().take(64).collect(),
            })
    }
}

serde_as_text!(Guid);

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "11223344-5566-7788-99aa-bbccddeeff00";

    #[test]
    fn first_three_fields_are_little_endian_in_bytes() {
        let guid: Guid = TEXT.parse().unwrap();
        assert_eq!(
            hex::encode(guid.to_le_bytes()),
            "443322116655887799aabbccddeeff00"
        );
        assert_eq!(Guid::from_le_bytes(guid.to_le_bytes()), guid);
        assert_eq!(guid.to_string(), TEXT);
    }

    #[test]
    fn filter_value_escapes_every_stored_byte() {
        let guid: Guid = TEXT.parse().unwrap();
        assert_eq!(
            guid.to_ldap_filter(),
            r"\44\33\22\11\66\55\88\77\99\aa\bb\cc\dd\ee\ff\00"
        );
    }

    #[test]
    fn braces_and_upper_case_are_read_and_other_spellings_refused() {
        let guid: Guid = TEXT.parse().unwrap();
        assert_eq!("{11223344-5566-7788-99AA-BBCCDDEEFF00}".parse(), Ok(guid));
        for bad in [
            "",
            "{}",
            "112233445566778899aabbccddeeff00",
            "urn:uuid:11223344-5566-7788-99aa-bbccddeeff00",
            "{11223344-5566-7788-99aa-bbccddeeff00",
            "11223344-5566-7788-99aa-bbccddeeff0g",
        ] {
            assert!(bad.parse::<Guid>().is_err(), "{bad}");
        }
    }

    #[test]
    fn json_is_the_canonical_text() {
        let guid: Guid = TEXT.parse().unwrap();
        let json = serde_json::to_string(&guid).unwrap();
        assert_eq!(json, format!("\"{TEXT}\""));
        assert_eq!(serde_json::from_str::<Guid>(&json).unwrap(), guid);
    }

    proptest! {
        #[test]
        fn round_trips(bits: u128) {
            let guid = Guid::from_u128(bits);
            prop_assert_eq!(Guid::from_le_bytes(guid.to_le_bytes()), guid);
            prop_assert_eq!(guid.to_string().parse::<Guid>(), Ok(guid));
        }

        #[test]
        fn any_text_survives(text in ".{0,80}") {
            let _ = text.parse::<Guid>();
        }
    }
}
