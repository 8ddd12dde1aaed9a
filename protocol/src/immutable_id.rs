//! The source anchor ties a directory object to its cloud object for life (PR 15.4, CS 5.11).

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::guid::Guid;

/// Characters in the text form: 16 bytes in base64.
pub const IMMUTABLE_ID_CHARS: usize = 24;

/// `onPremisesImmutableId`: standard base64 of the stored bytes of `ms-DS-ConsistencyGuid`, else of `objectGUID`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImmutableId(Guid);

/// A text that is not an immutable id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not an immutable id; it must be the base64 of the 16 bytes of a GUID, {IMMUTABLE_ID_CHARS} characters"
)]
pub struct ImmutableIdParseError {
    text: String,
}

impl ImmutableId {
    /// The anchor of an object whose `ms-DS-ConsistencyGuid` or `objectGUID` this is.
    pub const fn from_guid(guid: Guid) -> Self {
        ImmutableId(guid)
    }

    /// The GUID that the anchor was made from.
    pub const fn guid(self) -> Guid {
        self.0
    }
}

impl From<Guid> for ImmutableId {
    fn from(guid: Guid) -> Self {
        ImmutableId(guid)
    }
}

impl fmt::Display for ImmutableId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0.to_le_bytes()))
    }
}

impl FromStr for ImmutableId {
    type Err = ImmutableIdParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        (text.len() == IMMUTABLE_ID_CHARS)
            .then(|| STANDARD.decode(text).ok())
            .flatten()
            .and_then(|bytes| Guid::from_le_slice(&bytes))
            .map(ImmutableId)
            .ok_or_else(|| ImmutableIdParseError {
                text: text.chars().take(64).collect(),
            })
    }
}

serde_as_text!(ImmutableId);

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reference_vector() {
        let guid: Guid = "11223344-5566-7788-99aa-bbccddeeff00".parse().unwrap();
        let id = ImmutableId::from_guid(guid);
        assert_eq!(id.to_string(), "RDMiEWZViHeZqrvM3e7/AA==");
        assert_eq!("RDMiEWZViHeZqrvM3e7/AA==".parse(), Ok(id));
        assert_eq!(id.guid(), guid);
        // What big-endian bytes would give.
        assert_ne!(id.to_string(), "ESIzRFVmd4iZqrvM3e7/AA==");
    }

    #[test]
    fn other_texts_are_refused() {
        for bad in [
            "",
            "RDMiEWZViHeZqrvM3e7/AA",
            "RDMiEWZViHeZqrvM3e7_AA==",
            "RDMiEWZViHeZqrvM3e7/AAAA",
            "11223344-5566-7788-99aa-bbccddeeff00",
        ] {
            assert!(bad.parse::<ImmutableId>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn round_trips(bits: u128) {
            let id = ImmutableId::from_guid(Guid::from_u128(bits));
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }

        #[test]
        fn any_text_survives(text in ".{0,40}") {
            let _ = text.parse::<ImmutableId>();
        }
    }
}
