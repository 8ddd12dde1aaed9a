//! Reading costs nothing but looking: every value stays where it was received.

use super::{BOOLEAN, BerError, ENUMERATED, INTEGER, OCTET_STRING, SEQUENCE, header};

/// Longest object identifier that is taken in, in bytes of its text form.
pub const MAX_OID_BYTES: usize = 1_024;

/// A cursor over the elements of one container.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A cursor before the first element of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether nothing is left.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The tag of the next element, if there is one.
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next element, whatever it is: its tag and contents.
    ///
    /// # Errors
    /// A malformed header, or contents beyond the container.
    pub fn element(&mut self) -> Result<(u8, &'a [u8]), BerError> {
        let header = header(self.rest)?.ok_or(BerError::Truncated { missing: 1 })?;
        let end = header.total();
        let Some(contents) = self.rest.get(header.size..end) else {
            let missing = end - self.rest.len();
            return Err(BerError::Truncated { missing });
        };
        self.rest = &self.rest[end..];
        Ok((header.tag, contents))
    }

    /// The contents of the next element, which must have this tag.
    ///
    /// # Errors
    /// Another tag, or what [`Reader::element`] refuses.
    pub fn expect(&mut self, wanted: u8) -> Result<&'a [u8], BerError> {
        match self.peek() {
            Some(found) if found != wanted => Err(BerError::Tag { wanted, found }),
            _ => Ok(self.element()?.1),
        }
    }

    /// The contents of the next element if it has this tag.
    ///
    /// # Errors
    /// It has the tag and is malformed.
    pub fn optional(&mut self, wanted: u8) -> Result<Option<&'a [u8]>, BerError> {
        if self.peek() == Some(wanted) {
            Ok(Some(self.element()?.1))
        } else {
            Ok(None)
        }
    }

    /// The elements of the next element, which must have this tag.
    ///
    /// # Errors
    /// See [`Reader::expect`].
    pub fn nested(&mut self, wanted: u8) -> Result<Self, BerError> {
        self.expect(wanted).map(Self::new)
    }

    /// The elements of the next SEQUENCE.
    ///
    /// # Errors
    /// See [`Reader::expect`].
    pub fn sequence(&mut self) -> Result<Self, BerError> {
        self.nested(SEQUENCE)
    }

    /// The next OCTET STRING.
    ///
    /// # Errors
    /// See [`Reader::expect`].
    pub fn octets(&mut self) -> Result<&'a [u8], BerError> {
        self.expect(OCTET_STRING)
    }

    /// The next OCTET STRING as text.
    ///
    /// # Errors
    /// See [`Reader::expect`]; or not UTF-8.
    pub fn text(&mut self) -> Result<&'a str, BerError> {
        std::str::from_utf8(self.octets()?).map_err(|_| BerError::Text)
    }

    /// The next OCTET STRING as an object identifier in text form.
    ///
    /// # Errors
    /// See [`Reader::expect`]; longer than [`MAX_OID_BYTES`], or anything but digits and dots.
    pub fn oid(&mut self) -> Result<&'a str, BerError> {
        let bytes = self.octets()?;
        if bytes.len() > MAX_OID_BYTES {
            return Err(BerError::TooMany { limit: MAX_OID_BYTES });
        }
        std::str::from_utf8(bytes)
            .ok()
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
            .ok_or(BerError::Oid)
    }

    /// The next INTEGER, padded or not.
    ///
    /// # Errors
    /// See [`Reader::expect`]; or outside 64 bits.
    pub fn integer(&mut self) -> Result<i64, BerError> {
        number(self.expect(INTEGER)?)
    }

    /// The next ENUMERATED, padded or not.
    ///
    /// # Errors
    /// See [`Reader::expect`]; or outside 64 bits.
    pub fn enumerated(&mut self) -> Result<i64, BerError> {
        number(self.expect(ENUMERATED)?)
    }

    /// The next BOOLEAN.
    ///
    /// # Errors
    /// See [`Reader::expect`]; or not one byte long.
    pub fn boolean(&mut self) -> Result<bool, BerError> {
        truth(self.expect(BOOLEAN)?)
    }

    /// Refuses anything that is left.
    ///
    /// # Errors
    /// Something is.
    pub const fn finish(self) -> Result<(), BerError> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(BerError::Trailing(left)),
        }
    }
}

/// The contents of an INTEGER or ENUMERATED: two's complement of one to eight bytes.
///
/// # Errors
/// No bytes, or more than eight.
pub fn number(contents: &[u8]) -> Result<i64, BerError> {
    let first = *contents.first().ok_or(BerError::Number)?;
    if contents.len() > size_of::<i64>() {
        return Err(BerError::Number);
    }
    let sign = if first & 0x80 == 0 { 0 } else { -1 };
    Ok(contents
        .iter()
        .fold(sign, |sum, byte| (sum << 8) | i64::from(*byte)))
}

/// The contents of a BOOLEAN: any byte but zero is true.
///
/// # Errors
/// Not one byte.
pub fn truth(contents: &[u8]) -> Result<bool, BerError> {
    match contents {
        [byte] => Ok(*byte != 0),
        _ => Err(BerError::Boolean),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn padded_lengths_and_integers_are_read() {
        let mut outer = Reader::new(&[0x30, 0x84, 0, 0, 0, 4, 0x02, 0x02, 0x00, 0x05]);
        let mut inner = outer.sequence().unwrap();
        assert_eq!(inner.integer(), Ok(5));
        assert_eq!(inner.finish(), Ok(()));
        assert_eq!(outer.finish(), Ok(()));
    }

    #[test]
    fn malformed_elements_are_refused() {
        let truncated = |missing| BerError::Truncated { missing };
        assert_eq!(Reader::new(&[]).integer(), Err(truncated(1)));
        assert_eq!(Reader::new(&[0x02]).integer(), Err(truncated(1)));
        assert_eq!(Reader::new(&[0x02, 0x00]).integer(), Err(BerError::Number));
        assert_eq!(Reader::new(&[0x02, 0x02, 1]).integer(), Err(truncated(1)));
        assert_eq!(
            Reader::new(&[0x30, 0x80, 0, 0]).sequence().unwrap_err(),
            BerError::Length
        );
        assert_eq!(Reader::new(&[0x04, 0x85]).octets(), Err(BerError::Length));
        assert_eq!(
            Reader::new(&[0x04, 0x84, 0xff, 0xff, 0xff, 0xff]).octets(),
            Err(truncated(0xffff_ffff))
        );
        assert_eq!(Reader::new(&[0x01, 0x02, 0, 0]).boolean(), Err(BerError::Boolean));
        assert_eq!(
            Reader::new(&[0x04, 0x00]).integer(),
            Err(BerError::Tag {
                wanted: INTEGER,
                found: OCTET_STRING
            })
        );
        assert_eq!(Reader::new(&[1, 2, 3]).finish(), Err(BerError::Trailing(3)));
        let nine = [&[0x02, 0x09][..], &[1; 9]].concat();
        assert_eq!(Reader::new(&nine).integer(), Err(BerError::Number));
        assert_eq!(Reader::new(&[0x04, 0x01, 0xff]).text(), Err(BerError::Text));
    }

    #[test]
    fn an_element_stays_within_its_container() {
        let mut reader = Reader::new(&[0x04, 0x05, 1, 2]);
        assert_eq!(reader.element(), Err(BerError::Truncated { missing: 3 }));
    }

    #[test]
    fn optional_elements_are_left_where_they_do_not_belong() {
        let mut reader = Reader::new(&[0x01, 0x01, 0xff]);
        assert_eq!(reader.optional(INTEGER), Ok(None));
        assert_eq!(reader.optional(BOOLEAN), Ok(Some(&[0xff][..])));
        assert_eq!(reader.optional(BOOLEAN), Ok(None));
    }

    #[test]
    fn object_identifiers_are_digits_and_dots() {
        let read = |text: &[u8]| {
            let mut writer = crate::ber::Writer::new();
            writer.octets(text);
            Reader::new(writer.as_slice()).oid().map(str::to_owned)
        };
        assert_eq!(read(b"1.2.840"), Ok("1.2.840".to_owned()));
        assert_eq!(read(b"abc"), Err(BerError::Oid));
        assert_eq!(read(&[0xff]), Err(BerError::Oid));
        assert!(read(&[b'1'; MAX_OID_BYTES]).is_ok());
        assert_eq!(
            read(&[b'1'; MAX_OID_BYTES + 1]),
            Err(BerError::TooMany { limit: MAX_OID_BYTES })
        );
    }

    proptest! {
        #[test]
        fn any_bytes_survive(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut reader = Reader::new(&bytes);
            while !reader.is_empty() && reader.element().is_ok() {}
        }
    }
}
