//! Just enough BER for an LDAP client, because a general parser costs most of a directory read.
//!
//! The reader borrows: it walks definite-length, single-byte-tag elements (all that LDAP uses, RFC 4511 section 5.1)
//! and copies nothing. It does not recurse, so input cannot nest it deep.

use thiserror::Error;

/// Universal tag BOOLEAN.
pub(crate) const BOOLEAN: u8 = 0x01;
/// Universal tag INTEGER.
pub(crate) const INTEGER: u8 = 0x02;
/// Universal tag OCTET STRING.
pub(crate) const OCTET_STRING: u8 = 0x04;
/// Universal tag ENUMERATED.
pub(crate) const ENUMERATED: u8 = 0x0a;
/// Universal tag SEQUENCE.
pub(crate) const SEQUENCE: u8 = 0x30;
/// Universal tag SET.
pub(crate) const SET: u8 = 0x31;

/// Longest length field that is accepted: `0x84` and four bytes.
const MAX_LENGTH_BYTES: usize = 4;

/// A malformed element; the texts complete "the server sent …".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BerError {
    /// The element says it is longer than what holds it.
    #[error("an element that ends beyond its container")]
    Truncated,
    /// A high-tag-number form, which LDAP never uses.
    #[error("a multi-byte tag")]
    LongTag,
    /// Indefinite length or more than four length bytes.
    #[error("an indefinite or oversized length")]
    Length,
    /// Another element was expected here.
    #[error("tag 0x{found:02x} where 0x{wanted:02x} was expected")]
    Unexpected {
        /// The tag that belongs here.
        wanted: u8,
        /// The tag that came.
        found: u8,
    },
    /// An INTEGER or ENUMERATED of no bytes or more than eight.
    #[error("an integer of a bad size")]
    Integer,
    /// A text that is not UTF-8.
    #[error("a text that is not UTF-8")]
    Text,
}

/// A cursor over consecutive elements.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next element: its tag and its contents.
    pub(crate) fn next(&mut self) -> Result<(u8, &'a [u8]), BerError> {
        let (tag, header, length) = header(self.rest)?.ok_or(BerError::Truncated)?;
        let end = header.checked_add(length).ok_or(BerError::Length)?;
        let contents = self.rest.get(header..end).ok_or(BerError::Truncated)?;
        self.rest = self.rest.get(end..).unwrap_or_default();
        Ok((tag, contents))
    }

    /// The contents of the next element, which must carry `wanted`.
    pub(crate) fn expect(&mut self, wanted: u8) -> Result<&'a [u8], BerError> {
        match self.next()? {
            (found, contents) if found == wanted => Ok(contents),
            (found, _) => Err(BerError::Unexpected { wanted, found }),
        }
    }

    /// The next element as a cursor over its children.
    pub(crate) fn enter(&mut self, wanted: u8) -> Result<Reader<'a>, BerError> {
        self.expect(wanted).map(Reader::new)
    }

    pub(crate) fn integer(&mut self, wanted: u8) -> Result<i64, BerError> {
        integer(self.expect(wanted)?)
    }

    pub(crate) fn text(&mut self, wanted: u8) -> Result<&'a str, BerError> {
        std::str::from_utf8(self.expect(wanted)?).map_err(|_| BerError::Text)
    }
}

/// Reads a two's complement integer of one to eight bytes.
fn integer(bytes: &[u8]) -> Result<i64, BerError> {
    let first = *bytes.first().ok_or(BerError::Integer)?;
    if bytes.len() > 8 {
        return Err(BerError::Integer);
    }
    let sign = if first & 0x80 == 0 { 0 } else { -1 };
    Ok(bytes
        .iter()
        .fold(sign, |value, byte| (value << 8) | i64::from(*byte)))
}

/// Tag, header length and content length of the element at the start of `bytes`; `None` while the header is incomplete.
pub(crate) fn header(bytes: &[u8]) -> Result<Option<(u8, usize, usize)>, BerError> {
    let [tag, first, more @ ..] = bytes else {
        return Ok(None);
    };
    if tag & 0x1f == 0x1f {
        return Err(BerError::LongTag);
    }
    if first & 0x80 == 0 {
        return Ok(Some((*tag, 2, usize::from(*first))));
    }
    let count = usize::from(first & 0x7f);
    if count == 0 || count > MAX_LENGTH_BYTES {
        return Err(BerError::Length);
    }
    let Some(length) = more.get(..count) else {
        return Ok(None);
    };
    let length = length
        .iter()
        .fold(0usize, |value, byte| (value << 8) | usize::from(*byte));
    Ok(Some((*tag, 2 + count, length)))
}

/// Appends one element whose contents `fill` writes.
pub(crate) fn put(out: &mut Vec<u8>, tag: u8, fill: impl FnOnce(&mut Vec<u8>)) {
    out.push(tag);
    let start = out.len();
    fill(out);
    let length = out.len() - start;
    let mut field = Vec::with_capacity(5);
    if length < 0x80 {
        field.push(length.to_le_bytes()[0]);
    } else {
        let bytes = length.to_be_bytes();
        let skip = bytes.iter().take_while(|byte| **byte == 0).count();
        let significant = bytes.get(skip..).unwrap_or_default();
        field.push(0x80 | significant.len().to_le_bytes()[0]);
        field.extend_from_slice(significant);
    }
    out.splice(start..start, field);
}

/// Appends an element of the given contents.
pub(crate) fn put_bytes(out: &mut Vec<u8>, tag: u8, contents: &[u8]) {
    put(out, tag, |out| out.extend_from_slice(contents));
}

/// Appends an integer in its shortest form.
pub(crate) fn put_integer(out: &mut Vec<u8>, tag: u8, value: i64) {
    let bytes = value.to_be_bytes();
    let mut start = 0;
    while start < 7 {
        let redundant = match bytes[start] {
            0x00 => bytes[start + 1] & 0x80 == 0,
            0xff => bytes[start + 1] & 0x80 != 0,
            _ => false,
        };
        if !redundant {
            break;
        }
        start += 1;
    }
    put_bytes(out, tag, &bytes[start..]);
}

/// Appends a boolean, TRUE as 0xff.
pub(crate) fn put_boolean(out: &mut Vec<u8>, value: bool) {
    put_bytes(out, BOOLEAN, &[if value { 0xff } else { 0 }]);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn long_lengths_are_written_in_their_shortest_form() {
        let mut out = Vec::new();
        put_bytes(&mut out, OCTET_STRING, &[0; 200]);
        assert_eq!(out[..3], [0x04, 0x81, 200]);
        out.clear();
        put_bytes(&mut out, OCTET_STRING, &[0; 300]);
        assert_eq!(out[..4], [0x04, 0x82, 0x01, 0x2c]);
    }

    #[test]
    fn indefinite_and_oversized_lengths_are_refused() {
        assert_eq!(header(&[0x30, 0x80]), Err(BerError::Length));
        assert_eq!(header(&[0x30, 0x85, 0, 0, 0, 0, 1]), Err(BerError::Length));
        assert_eq!(header(&[0x30, 0x84, 0, 0, 0]), Ok(None));
        assert_eq!(header(&[0x1f, 0x01]), Err(BerError::LongTag));
    }

    proptest! {
        #[test]
        fn integers_survive_a_round_trip(value: i64) {
            let mut out = Vec::new();
            put_integer(&mut out, INTEGER, value);
            prop_assert_eq!(Reader::new(&out).integer(INTEGER), Ok(value));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let mut reader = Reader::new(&bytes);
            while !reader.is_empty() && reader.next().is_ok() {}
        }
    }
}
