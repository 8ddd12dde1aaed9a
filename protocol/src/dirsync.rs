//! DirSync is how the agent learns what changed; its cookie is the watermark of the whole synchronization (PR 15.1).

mod cookie;

pub use cookie::{CookieError, DirSyncCookie, HighWaterMark, MAX_UP_TO_DATE_ENTRIES, UpToDateEntry};

use crate::ber;
use crate::ldap_controls::{ControlError, MAX_COOKIE_BYTES, check_length, read_fields};

const NAME: &str = "DirSync";

bit_flags! {
    /// The flags of a DirSync request.
    DirSyncFlags: u32 {
        /// Needs no special right, and returns only what the caller can read.
        OBJECT_SECURITY = 0x1;
        /// Parents come before children.
        ANCESTORS_FIRST_ORDER = 0x800;
        /// No confidential attributes.
        PUBLIC_DATA_ONLY = 0x2000;
        /// Changes of links come value by value.
        INCREMENTAL_VALUES = 0x8000_0000;
    }
}

impl DirSyncFlags {
    /// Every flag that AD knows.
    pub const KNOWN: DirSyncFlags = DirSyncFlags(
        Self::OBJECT_SECURITY.0
            | Self::ANCESTORS_FIRST_ORDER.0
            | Self::PUBLIC_DATA_ONLY.0
            | Self::INCREMENTAL_VALUES.0,
    );
}

/// The value of the request control.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DirSyncRequest {
    /// What is wanted.
    pub flags: DirSyncFlags,
    /// Most bytes in one answer; 0 leaves it to the server. Old texts call it MaxAttributeCount.
    pub max_bytes: u32,
    /// The last cookie; empty for a full enumeration.
    pub cookie: Vec<u8>,
}

impl DirSyncRequest {
    /// `SEQUENCE { Flags INTEGER, MaxBytes INTEGER, Cookie OCTET STRING }`, the flags as AD has them: signed, 32 bits.
    pub fn to_value(&self) -> Vec<u8> {
        ber::sequence(|out| {
            out.octets(&self.cookie);
            out.integer(self.max_bytes.into());
            out.integer((self.flags.0 as i32).into());
        })
    }

    /// Reads the control's value; flags are taken as four bytes (negative) and as five (positive).
    ///
    /// # Errors
    /// Malformed, a number out of range, or a cookie over [`MAX_COOKIE_BYTES`].
    pub fn from_value(value: &[u8]) -> Result<Self, ControlError> {
        let (flags, max_bytes, cookie) = read_triple(value)?;
        let wide = |value| ControlError::OutOfRange { control: NAME, value };
        let flags = i32::try_from(flags)
            .map(|signed| signed as u32)
            .or_else(|_| u32::try_from(flags))
            .map_err(|_| wide(flags))?;
        let max_bytes = u32::try_from(max_bytes).map_err(|_| wide(max_bytes))?;
        Ok(DirSyncRequest {
            flags: DirSyncFlags(flags),
            max_bytes,
            cookie,
        })
    }
}

/// The value of the response control, which comes with the end of the search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DirSyncResponse {
    /// Whether to ask again at once with the new cookie.
    pub more_results: bool,
    /// The cookie for the next request.
    pub cookie: Vec<u8>,
}

impl DirSyncResponse {
    /// `SEQUENCE { MoreResults INTEGER, unused INTEGER, CookieServer OCTET STRING }`.
    pub fn to_value(&self) -> Vec<u8> {
        ber::sequence(|out| {
            out.octets(&self.cookie);
            out.integer(0);
            out.integer(self.more_results.into());
        })
    }

    /// Reads the control's value.
    ///
    /// # Errors
    /// Malformed, or a cookie over [`MAX_COOKIE_BYTES`].
    pub fn from_value(value: &[u8]) -> Result<Self, ControlError> {
        let (more_results, _, cookie) = read_triple(value)?;
        Ok(DirSyncResponse {
            more_results: more_results != 0,
            cookie,
        })
    }
}

/// Request and response have the same shape.
fn read_triple(value: &[u8]) -> Result<(i64, i64, Vec<u8>), ControlError> {
    let (first, second, cookie) = read_fields(NAME, value, |fields| {
        Ok((fields.integer()?, fields.integer()?, fields.octets()?))
    })?;
    check_length(NAME, cookie, MAX_COOKIE_BYTES)?;
    Ok((first, second, cookie.to_vec()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ldap_controls::Control;
    use crate::oid;

    fn request(flags: u32, max_bytes: u32) -> DirSyncRequest {
        DirSyncRequest {
            flags: DirSyncFlags(flags),
            max_bytes,
            cookie: Vec::new(),
        }
    }

    #[test]
    fn reference_requests() {
        for (request, bytes) in [
            (request(0, 0x7fff_ffff), "300b02010002047fffffff0400"),
            (request(0x801, 1_048_576), "300b0202080102031000000400"),
            (request(0x8000_0001, 0), "300b0204800000010201000400"),
        ] {
            assert_eq!(hex::encode(request.to_value()), bytes);
            assert_eq!(
                DirSyncRequest::from_value(&hex::decode(bytes).unwrap()),
                Ok(request)
            );
        }
    }

    #[test]
    fn five_byte_flags_are_read() {
        let value = hex::decode("300c020500800000010201000400").unwrap();
        assert_eq!(DirSyncRequest::from_value(&value), Ok(request(0x8000_0001, 0)));
    }

    #[test]
    fn reference_control() {
        let control =
            Control::new(oid::control::DIRSYNC, true).with_value(request(0x801, 1_048_576).to_value());
        let mut writer = ber::Writer::new();
        control.write(&mut writer);
        assert_eq!(
            hex::encode(writer.as_slice()),
            "302a0416312e322e3834302e3131333535362e312e342e3834310101ff040d300b0202080102031000000400"
        );
        writer.wrap(crate::ldap::CONTROLS, 0);
        assert_eq!(hex::encode(&writer.as_slice()[..2]), "a02c");
    }

    #[test]
    fn reference_response() {
        let bytes = "304c02010002010004444d5344530300000000c083ed8a49da010000000000000000000000003930000000000000000000000000000039300000000000000d0c0b0a111122223333444455556666";
        let response = DirSyncResponse::from_value(&hex::decode(bytes).unwrap()).unwrap();
        assert!(!response.more_results);
        assert_eq!(response.cookie.len(), 68);
        assert_eq!(hex::encode(response.to_value()), bytes);
    }

    #[test]
    fn numbers_and_cookies_at_their_limits() {
        let longest = DirSyncRequest {
            cookie: vec![0; MAX_COOKIE_BYTES],
            ..request(0, 0)
        };
        assert_eq!(DirSyncRequest::from_value(&longest.to_value()), Ok(longest));
        let longer = DirSyncRequest {
            cookie: vec![0; MAX_COOKIE_BYTES + 1],
            ..request(0, 0)
        };
        assert!(DirSyncRequest::from_value(&longer.to_value()).is_err());
        for (flags, max_bytes) in [(0x1_0000_0000, 0), (-0x8000_0001, 0), (0, -1)] {
            let value = ber::sequence(|out| {
                out.octets(&[]);
                out.integer(max_bytes);
                out.integer(flags);
            });
            assert!(matches!(
                DirSyncRequest::from_value(&value),
                Err(ControlError::OutOfRange { .. })
            ));
        }
    }

    proptest! {
        #[test]
        fn round_trips(flags: u32, max_bytes: u32, cookie: Vec<u8>, more_results: bool) {
            let request = DirSyncRequest { flags: DirSyncFlags(flags), max_bytes, cookie: cookie.clone() };
            prop_assert_eq!(DirSyncRequest::from_value(&request.to_value()), Ok(request));
            let response = DirSyncResponse { more_results, cookie };
            prop_assert_eq!(DirSyncResponse::from_value(&response.to_value()), Ok(response));
        }

        #[test]
        fn any_bytes_survive(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = DirSyncRequest::from_value(&bytes);
            let _ = DirSyncResponse::from_value(&bytes);
        }
    }
}
