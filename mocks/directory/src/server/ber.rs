//! The BER that LDAP uses (RFC 4511 section 5.1), read over borrowed bytes and written back to front.
//!
//! Reading copies nothing and cannot recurse: callers bound depth and counts themselves. Writing from
//! the end means that every length is known when its header is written, so nothing is ever moved.

use thiserror::Error;

/// Universal BOOLEAN.
pub(crate) const BOOLEAN: u8 = 0x01;
/// Universal INTEGER.
pub(crate) const INTEGER: u8 = 0x02;
/// Universal OCTET STRING.
pub(crate) const OCTET_STRING: u8 = 0x04;
/// Universal ENUMERATED.
pub(crate) const ENUMERATED: u8 = 0x0a;
/// Universal SEQUENCE, constructed.
pub(crate) const SEQUENCE: u8 = 0x30;
/// Universal SET, constructed.
pub(crate) const SET: u8 = 0x31;

/// Most bytes that the length field of an element may take after its first byte.
const MAX_LENGTH_BYTES: usize = 4;

/// What is wrong with a piece of BER.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum BerError {
    /// An element runs past the end of what contains it.
    #[error("an element ends {missing} bytes past its container")]
    Truncated {
        /// How many bytes are missing.
        missing: usize,
    },
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
    /// A number that is empty or does not fit.
    #[error("a number is empty or too large")]
    Number,
    /// Elements after the last one that the protocol has.
    #[error("{0} bytes follow the last element")]
    Trailing(usize),
}

/// A cursor over the elements of one container.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The tag of the next element.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next element, whatever it is: its tag and contents.
    pub(crate) fn element(&mut self) -> Result<(u8, &'a [u8]), BerError> {
        let header = match header(self.rest)? {
            Some(header) => header,
            None => return Err(BerError::Truncated { missing: 1 }),
        };
        let end = header.total();
        let Some(contents) = self.rest.get(header.size..end) else {
            let missing = end - self.rest.len();
            return Err(BerError::Truncated { missing });
        };
        self.rest = &self.rest[end..];
        Ok((header.tag, contents))
    }

    /// The contents of the next element, which must have this tag.
    pub(crate) fn expect(&mut self, wanted: u8) -> Result<&'a [u8], BerError> {
        match self.peek() {
            Some(found) if found != wanted => Err(BerError::Tag { wanted, found }),
            _ => Ok(self.element()?.1),
        }
    }

    /// The contents of the next element if it has this tag.
    pub(crate) fn optional(&mut self, wanted: u8) -> Result<Option<&'a [u8]>, BerError> {
        if self.peek() == Some(wanted) {
            Ok(Some(self.element()?.1))
        } else {
            Ok(None)
        }
    }

    /// The elements of the next element, which must have this tag.
    pub(crate) fn nested(&mut self, wanted: u8) -> Result<Self, BerError> {
        Ok(Self::new(self.expect(wanted)?))
    }

    pub(crate) fn integer(&mut self) -> Result<i64, BerError> {
        number(self.expect(INTEGER)?)
    }

    pub(crate) fn enumerated(&mut self) -> Result<i64, BerError> {
        number(self.expect(ENUMERATED)?)
    }

    pub(crate) fn boolean(&mut self) -> Result<bool, BerError> {
        truth(self.expect(BOOLEAN)?)
    }

    /// Refuses anything that is left.
    pub(crate) fn finish(self) -> Result<(), BerError> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(BerError::Trailing(left)),
        }
    }
}

/// A signed number of one to eight bytes.
pub(crate) fn number(contents: &[u8]) -> Result<i64, BerError> {
    let first = *contents.first().ok_or(BerError::Number)?;
    if contents.len() > size_of::<i64>() {
        return Err(BerError::Number);
    }
    let sign = if first & 0x80 == 0 { 0 } else { -1 };
    Ok(contents
        .iter()
        .fold(sign, |sum, byte| (sum << 8) | i64::from(*byte)))
}

/// A BOOLEAN: any byte but zero is true.
pub(crate) fn truth(contents: &[u8]) -> Result<bool, BerError> {
    match contents {
        [byte] => Ok(*byte != 0),
        _ => Err(BerError::Number),
    }
}

/// Tag and length of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Its tag.
    pub(crate) tag: u8,
    /// Bytes of tag and length.
    size: usize,
    /// Bytes of its contents.
    length: usize,
}

impl Header {
    /// Bytes of the whole element.
    pub(crate) const fn total(self) -> usize {
        self.size.saturating_add(self.length)
    }
}

/// The header at the start of `bytes`, or `None` while it is not complete.
pub(crate) fn header(bytes: &[u8]) -> Result<Option<Header>, BerError> {
    let [tag, first, rest @ ..] = bytes else {
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
    Ok(Some(Header {
        tag: *tag,
        size,
        length,
    }))
}

/// Bytes a new writer has room for.
const FIRST_ROOM: usize = 512;

/// Builds one message from its last byte to its first.
#[derive(Debug)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
    start: usize,
}

impl Writer {
    pub(crate) fn new() -> Self {
        Self {
            bytes: vec![0; FIRST_ROOM],
            start: FIRST_ROOM,
        }
    }

    /// Where the element that is about to be written will end; to be handed to [`Writer::wrap`].
    pub(crate) const fn mark(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// Puts a header before everything written since `mark`.
    pub(crate) fn wrap(&mut self, tag: u8, mark: usize) {
        let length = self.mark() - mark;
        if let Ok(short) = u8::try_from(length)
            && short < 0x80
        {
            self.raw(&[tag, short]);
            return;
        }
        let digits = length.to_be_bytes();
        let skip = digits.iter().take_while(|digit| **digit == 0).count();
        let digits = &digits[skip..];
        self.raw(digits);
        // A length has at most eight digits, so the count fits its seven bits.
        self.raw(&[tag, 0x80 | digits.len() as u8]);
    }

    /// Puts an element with these contents before everything written so far.
    pub(crate) fn element(&mut self, tag: u8, contents: &[u8]) {
        let mark = self.mark();
        self.raw(contents);
        self.wrap(tag, mark);
    }

    /// Puts a number, in as few bytes as it takes.
    pub(crate) fn number(&mut self, tag: u8, value: i64) {
        let bytes = value.to_be_bytes();
        let mut from = 0;
        while from < 7
            && ((bytes[from] == 0 && bytes[from + 1] & 0x80 == 0)
                || (bytes[from] == 0xff && bytes[from + 1] & 0x80 != 0))
        {
            from += 1;
        }
        self.element(tag, &bytes[from..]);
    }

    /// The finished bytes.
    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// Starts over with the room that is there.
    pub(crate) fn clear(&mut self) {
        self.start = self.bytes.len();
    }

    fn raw(&mut self, contents: &[u8]) {
        if contents.len() > self.start {
            self.grow(contents.len());
        }
        let start = self.start - contents.len();
        self.bytes[start..self.start].copy_from_slice(contents);
        self.start = start;
    }

    fn grow(&mut self, needed: usize) {
        let used = self.mark();
        let room = (self.bytes.len() * 2).max(used + needed);
        let mut bytes = vec![0; room];
        bytes[room - used..].copy_from_slice(self.as_slice());
        self.start = room - used;
        self.bytes = bytes;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
            writer.number(INTEGER, value);
            assert_eq!(writer.as_slice(), bytes, "{value}");
            assert_eq!(Reader::new(&bytes).integer(), Ok(value));
        }
    }

    #[test]
    fn a_length_takes_the_form_it_needs() {
        for length in [0_usize, 127, 128, 255, 256, 65_535, 65_536] {
            let mut writer = Writer::new();
            writer.element(OCTET_STRING, &vec![7; length]);
            let bytes = writer.as_slice().to_vec();
            assert_eq!(header(&bytes).unwrap().unwrap().total(), bytes.len());
            let mut reader = Reader::new(&bytes);
            assert_eq!(reader.expect(OCTET_STRING).unwrap().len(), length);
            assert_eq!(reader.finish(), Ok(()));
        }
    }

    #[test]
    fn lengths_are_definite_and_short() {
        assert_eq!(header(&[0x30, 0x80, 0, 0]), Err(BerError::Length));
        assert_eq!(header(&[0x30, 0x85, 0, 0, 0, 0, 1]), Err(BerError::Length));
        assert_eq!(header(&[0x30, 0x84, 0, 0]), Ok(None));
        let longest = header(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(longest.unwrap().unwrap().total(), 6 + 0xffff_ffff);
    }

    #[test]
    fn an_element_stays_within_its_container() {
        let mut reader = Reader::new(&[0x04, 0x05, 1, 2]);
        assert_eq!(reader.element(), Err(BerError::Truncated { missing: 3 }));
    }

    proptest! {
        #[test]
        fn numbers_round_trip(value: i64) {
            let mut writer = Writer::new();
            writer.number(ENUMERATED, value);
            prop_assert_eq!(Reader::new(writer.as_slice()).enumerated(), Ok(value));
        }

        #[test]
        fn arbitrary_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut reader = Reader::new(&bytes);
            while !reader.is_empty() && reader.element().is_ok() {}
        }
    }
}
