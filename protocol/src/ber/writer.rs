//! A large entry is written once: from its last byte to its first, no length has to be guessed or made room for.

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{BOOLEAN, ENUMERATED, INTEGER, OCTET_STRING, SEQUENCE};

/// Bytes a new writer has room for.
const FIRST_ROOM: usize = 512;

/// Builds elements from the last byte to the first: what stands last in the result is written first.
///
/// Binds and password changes go through it, so it leaves none of its buffers behind uncleared.
#[derive(ZeroizeOnDrop)]
pub struct Writer {
    bytes: Vec<u8>,
    start: usize,
}

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("written", &self.mark()).finish()
    }
}

impl Writer {
    /// An empty writer.
    pub fn new() -> Self {
        Self {
            bytes: vec![0; FIRST_ROOM],
            start: FIRST_ROOM,
        }
    }

    /// Where the element that is about to be written will end; to be handed to [`Writer::wrap`].
    pub const fn mark(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// Puts a header before everything written since `mark`.
    pub fn wrap(&mut self, tag: u8, mark: usize) {
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

    /// Puts an element whose contents `fill` writes, the last of them first.
    pub fn constructed(&mut self, tag: u8, fill: impl FnOnce(&mut Self)) {
        let mark = self.mark();
        fill(self);
        self.wrap(tag, mark);
    }

    /// Puts an element with these contents before everything written so far.
    pub fn element(&mut self, tag: u8, contents: &[u8]) {
        let mark = self.mark();
        self.raw(contents);
        self.wrap(tag, mark);
    }

    /// Puts an OCTET STRING.
    pub fn octets(&mut self, contents: &[u8]) {
        self.element(OCTET_STRING, contents);
    }

    /// Puts an INTEGER, in as few bytes as it takes.
    pub fn integer(&mut self, value: i64) {
        self.number(INTEGER, value);
    }

    /// Puts an ENUMERATED, in as few bytes as it takes.
    pub fn enumerated(&mut self, value: i64) {
        self.number(ENUMERATED, value);
    }

    /// Puts a BOOLEAN, TRUE as 0xff (RFC 4511, 5.1).
    pub fn boolean(&mut self, value: bool) {
        self.element(BOOLEAN, &[if value { 0xff } else { 0 }]);
    }

    /// The finished bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// Starts over with the room that is there.
    pub const fn clear(&mut self) {
        self.start = self.bytes.len();
    }

    fn number(&mut self, tag: u8, value: i64) {
        let bytes = value.to_be_bytes();
        // A leading byte is redundant when it only repeats the sign of the next one.
        let redundant = bytes
            .windows(2)
            .take_while(|pair| matches!(pair, [0, 0..=0x7f] | [0xff, 0x80..=0xff]))
            .count();
        self.element(tag, &bytes[redundant..]);
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
        std::mem::replace(&mut self.bytes, bytes).zeroize();
    }
}

/// A SEQUENCE whose content `fill` writes, the last element first.
pub fn sequence(fill: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.constructed(SEQUENCE, fill);
    writer.as_slice().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_can_be_used_again() {
        let mut writer = Writer::new();
        writer.octets(&[1; 3 * FIRST_ROOM]);
        writer.clear();
        writer.boolean(true);
        assert_eq!(writer.as_slice(), [0x01, 0x01, 0xff]);
    }

    #[test]
    fn what_is_written_is_not_shown() {
        let mut writer = Writer::new();
        writer.octets(b"secret");
        assert_eq!(format!("{writer:?}"), "Writer { written: 8 }");
    }

    #[test]
    fn nested_elements_are_written_from_the_last_to_the_first() {
        let bytes = sequence(|out| {
            out.constructed(0xa0, |out| out.octets(b"b"));
            out.integer(1);
        });
        assert_eq!(bytes, [0x30, 8, 0x02, 1, 1, 0xa0, 3, 0x04, 1, b'b']);
    }
}
