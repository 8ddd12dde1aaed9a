//! Every size is checked against a limit and against what is there before anything is kept.

use super::NdrError;
use crate::guid::Guid;

/// A cursor over a stub. Alignment counts from the stub's first byte.
#[derive(Clone, Debug)]
pub struct NdrReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> NdrReader<'a> {
    /// A cursor before the first argument.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bytes that are left.
    pub const fn remaining(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    /// Skips padding to a multiple of `boundary`. Its content is nobody's business.
    ///
    /// # Errors
    /// The stub ends before it.
    pub fn align(&mut self, boundary: usize, what: &'static str) -> Result<(), NdrError> {
        let aligned = self.at.next_multiple_of(boundary);
        if aligned > self.bytes.len() {
            return Err(NdrError::Truncated(what));
        }
        self.at = aligned;
        Ok(())
    }

    /// So many bytes as they are.
    ///
    /// # Errors
    /// Fewer are left.
    pub fn bytes(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], NdrError> {
        let taken = self
            .at
            .checked_add(count)
            .and_then(|end| self.bytes.get(self.at..end))
            .ok_or(NdrError::Truncated(what))?;
        self.at += count;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], NdrError> {
        self.bytes(N, what)?
            .try_into()
            .map_err(|_| NdrError::Truncated(what))
    }

    /// One byte.
    ///
    /// # Errors
    /// The stub ends.
    pub fn u8(&mut self, what: &'static str) -> Result<u8, NdrError> {
        self.array::<1>(what).map(|[byte]| byte)
    }

    /// A 16-bit number.
    ///
    /// # Errors
    /// The stub ends.
    pub fn u16(&mut self, what: &'static str) -> Result<u16, NdrError> {
        self.align(2, what)?;
        self.array(what).map(u16::from_le_bytes)
    }

    /// A 32-bit number.
    ///
    /// # Errors
    /// The stub ends.
    pub fn u32(&mut self, what: &'static str) -> Result<u32, NdrError> {
        self.align(4, what)?;
        self.array(what).map(u32::from_le_bytes)
    }

    /// A 64-bit number.
    ///
    /// # Errors
    /// The stub ends.
    pub fn u64(&mut self, what: &'static str) -> Result<u64, NdrError> {
        self.align(8, what)?;
        self.array(what).map(u64::from_le_bytes)
    }

    /// A GUID.
    ///
    /// # Errors
    /// The stub ends.
    pub fn guid(&mut self, what: &'static str) -> Result<Guid, NdrError> {
        self.align(4, what)?;
        self.array(what).map(Guid::from_le_bytes)
    }

    /// Whether a pointer points to something. What it points to comes later.
    ///
    /// # Errors
    /// The stub ends.
    pub fn pointer(&mut self, what: &'static str) -> Result<bool, NdrError> {
        self.u32(what).map(|referent| referent != 0)
    }

    /// A pointer that must point to something.
    ///
    /// # Errors
    /// It is null, or the stub ends.
    pub fn required_pointer(&mut self, what: &'static str) -> Result<(), NdrError> {
        if self.pointer(what)? {
            Ok(())
        } else {
            Err(NdrError::Null(what))
        }
    }

    /// A number of elements, at most `limit`.
    ///
    /// # Errors
    /// More, or the stub ends.
    pub fn count(&mut self, what: &'static str, limit: usize) -> Result<usize, NdrError> {
        let count = self.u32(what)?;
        let found = usize::try_from(count).unwrap_or(usize::MAX);
        if found > limit {
            return Err(NdrError::TooMany { what, found, limit });
        }
        Ok(found)
    }

    /// The maximum count in front of a conformant array, which must be the number of elements told before.
    ///
    /// # Errors
    /// Another number, or the stub ends.
    pub fn conformance(&mut self, count: usize, what: &'static str) -> Result<(), NdrError> {
        if self.u32(what).map(usize::try_from)? == Ok(count) {
            Ok(())
        } else {
            Err(NdrError::Contradiction(what))
        }
    }

    /// A string of UTF-16 with terminator (`[string] wchar_t*`), at most `limit` characters long.
    ///
    /// # Errors
    /// Longer, not UTF-16, without terminator, or the stub ends.
    pub fn wide_string(&mut self, what: &'static str, limit: usize) -> Result<String, NdrError> {
        let most = limit.saturating_add(1);
        let max = self.count(what, most)?;
        if self.u32(what)? != 0 {
            return Err(NdrError::Contradiction(what));
        }
        let count = self.count(what, most)?;
        if count > max {
            return Err(NdrError::Contradiction(what));
        }
        let units = self.bytes(2 * count, what)?;
        match units.split_last_chunk::<2>() {
            Some((text, [0, 0])) => utf16(text).ok_or(NdrError::Text(what)),
            _ => Err(NdrError::Text(what)),
        }
    }
}

/// UTF-16LE without a zero character as text.
pub(crate) fn utf16(bytes: &[u8]) -> Option<String> {
    let (units, odd) = bytes.as_chunks::<2>();
    if !odd.is_empty() || units.contains(&[0, 0]) {
        return None;
    }
    char::decode_utf16(units.iter().map(|unit| u16::from_le_bytes(*unit)))
        .collect::<Result<String, _>>()
        .ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::super::NdrWriter;
    use super::*;

    #[test]
    fn numbers_are_aligned_from_the_first_byte() {
        let mut reader = NdrReader::new(&[1, 9, 2, 0, 3, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(reader.u8("a"), Ok(1));
        assert_eq!(reader.u16("b"), Ok(2));
        assert_eq!(reader.u32("c"), Ok(3));
        assert_eq!(reader.u64("d"), Ok(4));
        assert_eq!(reader.remaining(), 0);
        assert_eq!(reader.u8("e"), Err(NdrError::Truncated("e")));
        let mut reader = NdrReader::new(&[1, 0]);
        assert_eq!(reader.u8("a"), Ok(1));
        assert_eq!(reader.u64("b"), Err(NdrError::Truncated("b")));
    }

    #[test]
    fn strings_at_the_limit() {
        let written = |text: &str| {
            let mut writer = NdrWriter::new();
            writer.wide_string(text);
            writer.into_bytes()
        };
        let read = |bytes: &[u8]| NdrReader::new(bytes).wide_string("name", 3);
        assert_eq!(read(&written("abc")).as_deref(), Ok("abc"));
        assert_eq!(
            read(&written("abcd")),
            Err(NdrError::TooMany {
                what: "name",
                found: 5,
                limit: 4
            })
        );
        let mut offset = written("abc");
        offset[4] = 1;
        assert_eq!(read(&offset), Err(NdrError::Contradiction("name")));
        let mut endless = written("abc");
        endless[18] = 1;
        assert_eq!(read(&endless), Err(NdrError::Text("name")));
        let mut early = written("abc");
        early[12] = 0;
        assert_eq!(read(&early), Err(NdrError::Text("name")));
        let mut surrogate = written("abc");
        surrogate[12..14].copy_from_slice(&[0, 0xd8]);
        assert_eq!(read(&surrogate), Err(NdrError::Text("name")));
        assert_eq!(read(&[0; 12]), Err(NdrError::Text("name")));
    }

    proptest! {
        #[test]
        fn strings_round_trip(text in "[^\0]{0,20}", lead in 0..4usize) {
            let mut writer = NdrWriter::new();
            writer.bytes(&vec![7; lead]);
            writer.wide_string(&text);
            let bytes = writer.into_bytes();
            let mut reader = NdrReader::new(&bytes);
            reader.bytes(lead, "lead").unwrap();
            prop_assert_eq!(reader.wide_string("text", 40).unwrap(), text);
            prop_assert_eq!(reader.remaining(), 0);
        }
    }
}
