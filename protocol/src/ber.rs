//! LDAP and its controls are BER, and Windows writes padded lengths that strict DER readers refuse.
//!
//! This is the part of BER that LDAP uses (RFC 4511, 5.1): definite lengths of at most four bytes and tags
//! of one byte. [`Reader`] borrows, copies nothing and cannot recurse, so input cannot nest it deep: callers
//! bound depth and counts themselves. [`Writer`] works from the last byte to the first, so that every length
//! is known when its header is written and nothing is ever moved.

mod reader;
mod writer;

pub use reader::{MAX_OID_BYTES, Reader, number, truth};
pub use writer::{Writer, sequence};

/// Tag of BOOLEAN.
pub const BOOLEAN: u8 = 0x01;
/// Tag of INTEGER.
pub const INTEGER: u8 = 0x02;
/// Tag of OCTET STRING.
pub const OCTET_STRING: u8 = 0x04;
/// Tag of ENUMERATED.
pub const ENUMERATED: u8 = 0x0a;
/// Tag of SEQUENCE, constructed.
pub const SEQUENCE: u8 = 0x30;
/// Tag of SET, constructed.
pub const SET: u8 = 0x31;

/// Most bytes that the length field of an element may take after its first byte.
const MAX_LENGTH_BYTES: usize = 4;

/// The low bits of a tag that goes on in the next byte.
const LONG_TAG: u8 = 0x1f;

/// Why bytes are not the BER that was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BerError {
    /// An element runs past the end of what contains it.
    #[error("an element ends {missing} bytes or more past its container")]
    Truncated {
        /// How many bytes are missing at the least.
        missing: usize,
    },
    /// A tag of several bytes, which LDAP never uses.
    #[error("a tag must be one byte long")]
    LongTag,
    /// A length in the indefinite form, or in more than four bytes.
    #[error("a length must be definite and take at most {MAX_LENGTH_BYTES} bytes")]
    Length,
    /// Another element than the protocol has at this place.
    #[error("found tag {found:#04x} where {wanted:#04x} belongs")]
    Tag {
        /// The tag that belongs there.
        wanted: u8,
        /// The tag that was found.
        found: u8,
    },
    /// A number that is empty or does not fit into 64 bits.
    #[error("a number is empty or takes more than 64 bits")]
    Number,
    /// A boolean that is not one byte.
    #[error("a boolean is not one byte long")]
    Boolean,
    /// A text that is not UTF-8.
    #[error("a text is not UTF-8")]
    Text,
    /// An object identifier that is not made of digits and dots.
    #[error("an object identifier has other characters than digits and dots")]
    Oid,
    /// More bytes or elements than are accepted.
    #[error("there are more than {limit} where no more are accepted")]
    TooMany {
        /// The most that are accepted.
        limit: usize,
    },
    /// Elements after the last one that the protocol has.
    #[error("{0} bytes follow the last element")]
    Trailing(usize),
}

/// Tag and length of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its tag.
    pub tag: u8,
    /// Bytes of tag and length.
    size: usize,
    /// Bytes of its contents.
    length: usize,
}

impl Header {
    /// Bytes of the whole element.
    pub const fn total(self) -> usize {
        self.size.saturating_add(self.length)
    }
}

/// The header at the start of `bytes`, or `None` while it is not complete: for cutting a stream into elements.
///
/// # Errors
/// A tag of several bytes, an indefinite length, or one of more than four bytes.
pub fn header(bytes: &[u8]) -> Result<Option<Header>, BerError> {
    let Some(&tag) = bytes.first() else {
        return Ok(None);
    };
    if tag & LONG_TAG == LONG_TAG {
        return Err(BerError::LongTag);
    }
    let [_, first, rest @ ..] = bytes else {
        return Ok(None);
    };
    let (size, length) = if first & 0x80 == 0 {
        (2, usize::from(*first))
    } else {
        let count = usize::from(first & 0x7f);
        if count == 0 || count > MAX_LENGTH_BYTES {
            return Err(BerError::Length);
        }
        let Some(digits) = rest.get(..count) else {
            return Ok(None);
        };
        let length = digits
            .iter()
            .fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte));
        (2 + count, length)
    };
    Ok(Some(Header { tag, size, length }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_are_definite_and_short() {
        assert_eq!(header(&[0x30, 0x80, 0, 0]), Err(BerError::Length));
        assert_eq!(header(&[0x30, 0x85, 0, 0, 0, 0, 1]), Err(BerError::Length));
        assert_eq!(header(&[0x30, 0x84, 0, 0]), Ok(None));
        let longest = header(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(longest.unwrap().unwrap().total(), 6 + 0xffff_ffff);
    }

    #[test]
    fn tags_are_one_byte() {
        assert_eq!(header(&[0x1f, 0x01]), Err(BerError::LongTag));
        assert_eq!(header(&[0xff]), Err(BerError::LongTag));
        assert_eq!(header(&[0x1e]), Ok(None));
    }

    #[test]
    fn numbers_take_as_few_bytes_as_they_need() {
        for (value, bytes) in [
            (0_i64, vec![2_u8, 1, 0]),
            (127, vec![2, 1, 0x7f]),
            (128, vec![2, 2, 0, 0x80]),
            (-1, vec![2, 1, 0xff]),
            (-128, vec![2, 1, 0x80]),
            (-129, vec![2, 2, 0xff, 0x7f]),
            (0x7fff_ffff, vec![2, 4, 0x7f, 0xff, 0xff, 0xff]),
        ] {
            let mut writer = Writer::new();
            writer.integer(value);
            assert_eq!(writer.as_slice(), bytes, "{value}");
            assert_eq!(Reader::new(&bytes).integer(), Ok(value));
        }
    }

    #[test]
    fn a_length_takes_the_form_it_needs() {
        for (length, header_bytes) in [
            (0_usize, vec![0x04, 0]),
            (127, vec![0x04, 127]),
            (128, vec![0x04, 0x81, 128]),
            (200, vec![0x04, 0x81, 200]),
            (255, vec![0x04, 0x81, 255]),
            (256, vec![0x04, 0x82, 1, 0]),
            (300, vec![0x04, 0x82, 0x01, 0x2c]),
            (65_535, vec![0x04, 0x82, 0xff, 0xff]),
            (65_536, vec![0x04, 0x83, 1, 0, 0]),
        ] {
            let mut writer = Writer::new();
            writer.element(OCTET_STRING, &vec![7; length]);
            let bytes = writer.as_slice();
            assert!(bytes.starts_with(&header_bytes), "{length}");
            assert_eq!(header(bytes).unwrap().unwrap().total(), bytes.len());
            let mut reader = Reader::new(bytes);
            assert_eq!(reader.expect(OCTET_STRING).unwrap().len(), length);
            assert_eq!(reader.finish(), Ok(()));
        }
    }

    proptest! {
        #[test]
        fn integers_round_trip_in_the_shortest_form(value: i64) {
            let mut writer = Writer::new();
            writer.integer(value);
            prop_assert_eq!(Reader::new(writer.as_slice()).integer(), Ok(value));
            let bits = 65 - if value < 0 { value.leading_ones() } else { value.leading_zeros() };
            prop_assert_eq!(writer.as_slice().len() as u32, 2 + bits.div_ceil(8));
        }

        #[test]
        fn enumerations_round_trip(value: i64) {
            let mut writer = Writer::new();
            writer.enumerated(value);
            prop_assert_eq!(Reader::new(writer.as_slice()).enumerated(), Ok(value));
        }

        #[test]
        fn octet_strings_round_trip(length in 0usize..70_000) {
            let mut writer = Writer::new();
            writer.octets(&vec![7; length]);
            prop_assert_eq!(Reader::new(writer.as_slice()).octets().unwrap().len(), length);
        }
    }
}
