//! Pointers are numbered as Windows numbers them, so that stubs equal the reference's byte for byte.

use crate::guid::Guid;

const FIRST_REFERENT: u32 = 0x0002_0000;

/// A stub being written.
#[derive(Debug, Clone)]
pub struct NdrWriter {
    bytes: Vec<u8>,
    next_referent: u32,
}

impl Default for NdrWriter {
    fn default() -> Self {
        Self {
            bytes: Vec::new(),
            next_referent: FIRST_REFERENT,
        }
    }
}

impl NdrWriter {
    /// An empty stub.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The stub.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Bytes written so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing was written yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Pads with zeros to a multiple of `boundary`.
    pub fn align(&mut self, boundary: usize) {
        self.bytes.resize(self.bytes.len().next_multiple_of(boundary), 0);
    }

    /// Bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// One byte.
    pub fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    /// A 16-bit number.
    pub fn u16(&mut self, value: u16) {
        self.align(2);
        self.bytes(&value.to_le_bytes());
    }

    /// A 32-bit number.
    pub fn u32(&mut self, value: u32) {
        self.align(4);
        self.bytes(&value.to_le_bytes());
    }

    /// A 64-bit number.
    pub fn u64(&mut self, value: u64) {
        self.align(8);
        self.bytes(&value.to_le_bytes());
    }

    /// A GUID.
    pub fn guid(&mut self, value: Guid) {
        self.align(4);
        self.bytes(&value.to_le_bytes());
    }

    /// A number of elements. Nobody writes 2^32 of them.
    pub fn count(&mut self, count: usize) {
        self.u32(u32::try_from(count).unwrap_or(u32::MAX));
    }

    /// A pointer, null if there is nothing to point to.
    pub fn pointer(&mut self, present: bool) {
        if !present {
            return self.u32(0);
        }
        self.u32(self.next_referent);
        self.next_referent = self.next_referent.wrapping_add(4);
    }

    /// Conformant bytes: their number, then they.
    pub fn counted_bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.bytes(bytes);
    }

    /// A string of UTF-16 with terminator.
    pub fn wide_string(&mut self, text: &str) {
        let units: Vec<u16> = text.encode_utf16().chain([0]).collect();
        self.count(units.len());
        self.u32(0);
        self.count(units.len());
        for unit in units {
            self.bytes(&unit.to_le_bytes());
        }
    }
}
