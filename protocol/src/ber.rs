//! Control values are a handful of BER elements, and Windows writes them with padded lengths that strict DER readers refuse.

/// Tag of BOOLEAN.
pub const BOOLEAN: u8 = 0x01;
/// Tag of INTEGER.
pub const INTEGER: u8 = 0x02;
/// Tag of OCTET STRING.
pub const OCTET_STRING: u8 = 0x04;
/// Tag of SEQUENCE.
pub const SEQUENCE: u8 = 0x30;

/// Why bytes are not the BER that was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BerError {
    /// The bytes end inside an element.
    #[error("the BER element ends too early")]
    Truncated,
    /// Another type of element.
    #[error("expected the BER tag 0x{expected:02x}, found 0x{actual:02x}")]
    Tag {
        /// The tag that belongs here.
        expected: u8,
        /// The tag that is here.
        actual: u8,
    },
    /// Indefinite, or with more than four length bytes.
    #[error("the BER length is indefinite or takes more than 4 bytes")]
    Length,
    /// Empty, or outside 64 bits.
    #[error("the BER integer is empty or does not fit into 64 bits")]
    Integer,
    /// A boolean that is not one byte.
    #[error("the BER boolean is not one byte long")]
    Boolean,
    /// Something follows the last element.
    #[error("{0} bytes follow the last BER element")]
    Trailing(usize),
}

/// Reads definite-length BER elements one after the other, without copying.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader over `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes }
    }

    /// The tag of the next element, if there is one.
    pub fn peek_tag(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The content of the next element, which must have this tag.
    ///
    /// # Errors
    /// Another tag, or a malformed length.
    pub fn element(&mut self, expected: u8) -> Result<&'a [u8], BerError> {
        let (&actual, after_tag) = self.rest.split_first().ok_or(BerError::Truncated)?;
        if actual != expected {
            return Err(BerError::Tag { expected, actual });
        }
        let (&first, after_first) = after_tag.split_first().ok_or(BerError::Truncated)?;
        let (length, body) = match first {
            0..=0x7f => (usize::from(first), after_first),
            0x81..=0x84 => {
                let (digits, body) = after_first
                    .split_at_checked(usize::from(first & 0x7f))
                    .ok_or(BerError::Truncated)?;
                let length = digits.iter().fold(0u32, |sum, &byte| sum << 8 | u32::from(byte));
                (usize::try_from(length).map_err(|_| BerError::Length)?, body)
            }
            _ => return Err(BerError::Length),
        };
        let (content, rest) = body.split_at_checked(length).ok_or(BerError::Truncated)?;
        self.rest = rest;
        Ok(content)
    }

    /// A reader over the content of the next SEQUENCE.
    ///
    /// # Errors
    /// The next element is no SEQUENCE.
    pub fn sequence(&mut self) -> Result<Reader<'a>, BerError> {
        self.element(SEQUENCE).map(Reader::new)
    }

    /// The next OCTET STRING.
    ///
    /// # Errors
    /// The next element is no OCTET STRING.
    pub fn octet_string(&mut self) -> Result<&'a [u8], BerError> {
        self.element(OCTET_STRING)
    }

    /// The next INTEGER, padded or not.
    ///
    /// # Errors
    /// The next element is no INTEGER, or one outside 64 bits.
    pub fn integer(&mut self) -> Result<i64, BerError> {
        let content = self.element(INTEGER)?;
        let (&first, _) = content.split_first().ok_or(BerError::Integer)?;
        if content.len() > 8 {
            return Err(BerError::Integer);
        }
        let sign = if first & 0x80 == 0 { 0 } else { -1 };
        Ok(content.iter().fold(sign, |sum, &byte| sum << 8 | i64::from(byte)))
    }

    /// The next BOOLEAN; any byte but zero is true.
    ///
    /// # Errors
    /// The next element is no BOOLEAN of one byte.
    pub fn boolean(&mut self) -> Result<bool, BerError> {
        match self.element(BOOLEAN)? {
            [byte] => Ok(*byte != 0),
            _ => Err(BerError::Boolean),
        }
    }

    /// Checks that nothing is left.
    ///
    /// # Errors
    /// Something is.
    pub const fn finish(self) -> Result<(), BerError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(BerError::Trailing(self.rest.len()))
        }
    }
}

/// Appends an element with the shortest length form.
pub fn write_element(out: &mut Vec<u8>, tag: u8, content: &[u8]) {
    out.push(tag);
    let length = content.len().to_be_bytes();
    let significant = &length[length.iter().take_while(|&&byte| byte == 0).count()..];
    match significant {
        [] => out.push(0),
        &[short @ 0..=0x7f] => out.push(short),
        long => {
            out.push(0x80 | long.len() as u8);
            out.extend_from_slice(long);
        }
    }
    out.extend_from_slice(content);
}

/// Appends an INTEGER in its shortest form.
pub fn write_integer(out: &mut Vec<u8>, value: i64) {
    let bytes = value.to_be_bytes();
    // A leading byte is redundant when it only repeats the sign of the next one.
    let redundant = bytes
        .windows(2)
        .take_while(|pair| matches!(pair, [0, 0..=0x7f] | [0xff, 0x80..=0xff]))
        .count();
    write_element(out, INTEGER, &bytes[redundant..]);
}

/// A SEQUENCE whose content `fill` writes.
pub fn sequence(fill: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut content = Vec::new();
    fill(&mut content);
    let mut out = Vec::with_capacity(content.len() + 6);
    write_element(&mut out, SEQUENCE, &content);
    out
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
        assert_eq!(Reader::new(&[]).integer(), Err(BerError::Truncated));
        assert_eq!(Reader::new(&[0x02]).integer(), Err(BerError::Truncated));
        assert_eq!(Reader::new(&[0x02, 0x00]).integer(), Err(BerError::Integer));
        assert_eq!(Reader::new(&[0x02, 0x02, 1]).integer(), Err(BerError::Truncated));
        assert_eq!(
            Reader::new(&[0x30, 0x80, 0, 0]).sequence().unwrap_err(),
            BerError::Length
        );
        assert_eq!(Reader::new(&[0x04, 0x85]).octet_string(), Err(BerError::Length));
        assert_eq!(
            Reader::new(&[0x04, 0x84, 0xff, 0xff, 0xff, 0xff]).octet_string(),
            Err(BerError::Truncated)
        );
        assert_eq!(Reader::new(&[0x01, 0x02, 0, 0]).boolean(), Err(BerError::Boolean));
        assert_eq!(
            Reader::new(&[0x04, 0x00]).integer(),
            Err(BerError::Tag {
                expected: INTEGER,
                actual: OCTET_STRING
            })
        );
        assert_eq!(Reader::new(&[1, 2, 3]).finish(), Err(BerError::Trailing(3)));
        let nine = [&[0x02, 0x09][..], &[1; 9]].concat();
        assert_eq!(Reader::new(&nine).integer(), Err(BerError::Integer));
    }

    proptest! {
        #[test]
        fn integers_round_trip_in_the_shortest_form(value: i64) {
            let mut out = Vec::new();
            write_integer(&mut out, value);
            prop_assert_eq!(Reader::new(&out).integer(), Ok(value));
            let bits = 65 - if value < 0 { value.leading_ones() } else { value.leading_zeros() };
            prop_assert_eq!(out.len() as u32, 2 + bits.div_ceil(8));
        }

        #[test]
        fn octet_strings_round_trip(length in 0usize..70_000) {
            let mut out = Vec::new();
            write_element(&mut out, OCTET_STRING, &vec![7; length]);
            prop_assert_eq!(Reader::new(&out).octet_string().unwrap().len(), length);
        }

        #[test]
        fn any_bytes_survive(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut reader = Reader::new(&bytes);
            while let Some(tag) = reader.peek_tag() {
                if reader.element(tag).is_err() {
                    break;
                }
            }
        }
    }
}
