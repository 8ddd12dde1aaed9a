//! Replication names attributes and classes by numbers that only a table of prefixes makes sense of (PR 13.6).
//!
//! Each end has its own table, which comes with its message: a number means nothing under another table.

use crate::ndr::{NdrError, NdrReader, NdrWriter};

/// Most prefixes in a table that is read.
pub const MAX_PREFIXES: usize = 10_000;
/// Longest prefix that is read, in bytes.
pub const MAX_PREFIX_BYTES: usize = 256;

const WHAT: &str = "the prefix table";
/// The entry that carries the version of the schema begins so; it is no prefix.
const SCHEMA_INFO: u8 = 0xFF;
/// It has a version and the invocation id of who wrote it behind that (MS-DRSR 5.16.5.4).
const SCHEMA_INFO_BYTES: usize = 21;
/// Arcs from here on have three bytes, of which the prefix keeps the first.
const LONG_ARC: u32 = 16_384;
/// Marks the lower half of such an arc.
const LONG_MARK: u32 = 0x8000;

/// The number of an attribute or class: index of its prefix, and its last arc.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttrTyp(pub u32);

/// One entry of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// The upper half of the numbers.
    pub index: u32,
    /// BER of the object identifier without the last arc.
    pub bytes: Vec<u8>,
}

/// The prefixes of one end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrefixTable {
    /// In the order of the wire.
    pub entries: Vec<Prefix>,
}

impl PrefixTable {
    /// The number of an object identifier, under a new index if its prefix is not there yet. `None` for a text that is none.
    pub fn add(&mut self, oid: &str) -> Option<AttrTyp> {
        let (prefix, low) = split(oid)?;
        let known = self.entries.iter().find(|entry| entry.bytes == prefix);
        let index = match known {
            Some(entry) => entry.index,
            None => {
                let used = self.entries.iter().map(|entry| entry.index + 1);
                let index = used.max().unwrap_or(0);
                self.entries.push(Prefix { index, bytes: prefix });
                index
            }
        };
        Some(AttrTyp(index << 16 | low))
    }

    /// Ends the table with the version of a schema that was never changed. Domain controllers end theirs so, and Samba takes no
    /// table from a client without it; Windows does.
    pub fn push_schema_info(&mut self) {
        let mut bytes = vec![0; SCHEMA_INFO_BYTES];
        bytes[0] = SCHEMA_INFO;
        self.entries.push(Prefix { index: 0, bytes });
    }

    /// The number of an object identifier whose prefix is there.
    #[must_use]
    pub fn find(&self, oid: &str) -> Option<AttrTyp> {
        let (prefix, low) = split(oid)?;
        self.entries
            .iter()
            .find(|entry| entry.bytes == prefix)
            .map(|entry| AttrTyp(entry.index << 16 | low))
    }

    /// The object identifier of a number; none if its prefix is not there.
    #[must_use]
    pub fn oid(&self, number: AttrTyp) -> Option<String> {
        let (index, low) = (number.0 >> 16, number.0 & 0xFFFF);
        let entry = self
            .entries
            .iter()
            .find(|entry| entry.index == index && entry.bytes.first() != Some(&SCHEMA_INFO))?;
        let mut bytes = entry.bytes.clone();
        if low < 128 {
            bytes.push(low as u8);
        } else {
            let arc = low & !LONG_MARK;
            bytes.extend_from_slice(&[(arc / 128 % 128) as u8 | 0x80, (arc % 128) as u8]);
        }
        text_of(&bytes)
    }

    pub(super) fn write_head(&self, writer: &mut NdrWriter) {
        writer.count(self.entries.len());
        writer.pointer(!self.entries.is_empty());
    }

    pub(super) fn write_entries(&self, writer: &mut NdrWriter) {
        if self.entries.is_empty() {
            return;
        }
        writer.count(self.entries.len());
        for entry in &self.entries {
            writer.u32(entry.index);
            writer.count(entry.bytes.len());
            writer.pointer(true);
        }
        for entry in &self.entries {
            writer.align(4);
            writer.counted_bytes(&entry.bytes);
        }
    }

    /// The number of entries, if they follow.
    pub(super) fn read_head(reader: &mut NdrReader<'_>) -> Result<Option<usize>, NdrError> {
        let count = reader.count(WHAT, MAX_PREFIXES)?;
        Ok(reader.pointer(WHAT)?.then_some(count))
    }

    pub(super) fn read_entries(reader: &mut NdrReader<'_>, count: Option<usize>) -> Result<Self, NdrError> {
        let mut table = Self::default();
        let Some(count) = count else { return Ok(table) };
        reader.conformance(count, WHAT)?;
        let mut heads = Vec::new();
        for _ in 0..count {
            let index = reader.u32(WHAT)?;
            let length = reader.count(WHAT, MAX_PREFIX_BYTES)?;
            heads.push((index, length, reader.pointer(WHAT)?));
        }
        for (index, length, present) in heads {
            let mut bytes = Vec::new();
            if present {
                reader.conformance(length, WHAT)?;
                bytes = reader.bytes(length, WHAT)?.to_vec();
            }
            // Only 16 bits of it have a place in a number.
            if index > u32::from(u16::MAX) {
                return Err(NdrError::Contradiction(WHAT));
            }
            table.entries.push(Prefix { index, bytes });
        }
        Ok(table)
    }
}

/// The prefix and the lower half of the number (MS-DRSR 5.16.4).
fn split(oid: &str) -> Option<(Vec<u8>, u32)> {
    let arcs: Vec<u32> = oid.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
    let &[root @ 0..=2, second, ref middle @ .., last] = arcs.as_slice() else {
        return None;
    };
    let mut bytes = Vec::new();
    push_arc(
        &mut bytes,
        (40 * root)
            .checked_add(second)
            .filter(|_| root == 2 || second < 40)?,
    );
    for arc in middle.iter().chain([&last]) {
        push_arc(&mut bytes, *arc);
    }
    let kept = bytes.len().checked_sub(if last < 128 { 1 } else { 2 })?;
    let low = if last < LONG_ARC {
        last
    } else {
        LONG_MARK + last % LONG_ARC
    };
    bytes.truncate(kept);
    Some((bytes, low))
}

/// An arc in groups of seven bits.
fn push_arc(bytes: &mut Vec<u8>, arc: u32) {
    for group in (1..5).rev().filter(|group| arc >> (7 * group) > 0) {
        bytes.push((arc >> (7 * group) & 0x7F) as u8 | 0x80);
    }
    bytes.push((arc & 0x7F) as u8);
}

/// The text of an object identifier; none for bytes that are not one.
fn text_of(bytes: &[u8]) -> Option<String> {
    if bytes.last()? & 0x80 != 0 {
        return None;
    }
    let mut text = String::new();
    for arc in bytes.split_inclusive(|byte| byte & 0x80 == 0) {
        let arc = arc.iter().try_fold(0_u32, |arc, byte| {
            arc.checked_mul(128).map(|arc| arc | u32::from(byte & 0x7F))
        })?;
        if text.is_empty() {
            let root = (arc / 40).min(2);
            text = format!("{root}.{}", arc - 40 * root);
        } else {
            text.push('.');
            text.push_str(&arc.to_string());
        }
    }
    Some(text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reference_prefixes_and_low_words() {
        for (oid, prefix, low) in [
            ("1.2.840.113556.1.4.90", "2a864886f7140104", 0x5A),
            ("1.2.840.113556.1.4.94", "2a864886f7140104", 0x5E),
            ("1.2.840.113556.1.4.55", "2a864886f7140104", 0x37),
            ("1.2.840.113556.1.4.160", "2a864886f7140104", 0xA0),
            ("1.2.840.113556.1.4.125", "2a864886f7140104", 0x7D),
            ("1.2.840.113556.1.4.146", "2a864886f7140104", 0x92),
            ("1.2.840.113556.1.4.221", "2a864886f7140104", 0xDD),
            ("1.2.840.113556.1.4.656", "2a864886f7140104", 0x290),
            ("1.2.840.113556.1.4.8", "2a864886f7140104", 8),
            ("1.2.840.113556.1.4.96", "2a864886f7140104", 0x60),
            ("1.2.840.113556.1.4.2196", "2a864886f7140104", 0x894),
            ("1.2.840.113556.1.2.48", "2a864886f7140102", 48),
            ("2.5.4.0", "5504", 0),
        ] {
            let (bytes, number) = split(oid).unwrap();
            assert_eq!((hex::encode(bytes).as_str(), number), (prefix, low), "{oid}");
        }
    }

    #[test]
    fn numbers_depend_on_the_table() {
        let mut table = PrefixTable::default();
        assert_eq!(table.add("2.5.4.0"), Some(AttrTyp(0)));
        assert_eq!(table.add("1.2.840.113556.1.4.90"), Some(AttrTyp(0x1_005A)));
        assert_eq!(table.add("2.5.4.3"), Some(AttrTyp(3)));
        let mut windows = PrefixTable::default();
        windows.entries.push(Prefix {
            index: 9,
            bytes: hex::decode("2a864886f7140104").unwrap(),
        });
        assert_eq!(windows.find("1.2.840.113556.1.4.90"), Some(AttrTyp(0x9_005A)));
        assert_eq!(windows.find("2.5.4.0"), None);
        assert_eq!(
            windows.oid(AttrTyp(0x9_005A)).as_deref(),
            Some("1.2.840.113556.1.4.90")
        );
        assert_eq!(windows.oid(AttrTyp(0x1_005A)), None);
        assert_eq!(windows.add("2.5.4.0"), Some(AttrTyp(10 << 16)));
        assert_eq!(windows.add("not an oid"), None);
        for bad in ["1", "1.40.1", "3.1.1", "2.5.4.", "2.5.4.4294967296"] {
            assert_eq!(windows.add(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_schema_version_is_no_prefix() {
        let mut table = PrefixTable::default();
        table.push_schema_info();
        assert_eq!(table.oid(AttrTyp(3)), None);
        table.entries.push(Prefix {
            index: 0,
            bytes: hex::decode("5504").unwrap(),
        });
        assert_eq!(table.oid(AttrTyp(3)).as_deref(), Some("2.5.4.3"));
    }

    fn round_trip(table: &PrefixTable) -> Result<PrefixTable, NdrError> {
        let mut writer = NdrWriter::new();
        table.write_head(&mut writer);
        table.write_entries(&mut writer);
        let bytes = writer.into_bytes();
        let mut reader = NdrReader::new(&bytes);
        let count = PrefixTable::read_head(&mut reader)?;
        PrefixTable::read_entries(&mut reader, count)
    }

    #[test]
    fn tables_at_the_limit() {
        let table = |count: usize, length: usize| {
            let bytes = vec![1; length];
            let entries = vec![Prefix { index: 1, bytes }; count];
            PrefixTable { entries }
        };
        for good in [table(MAX_PREFIXES, 1), table(1, MAX_PREFIX_BYTES), table(0, 0)] {
            assert_eq!(round_trip(&good), Ok(good));
        }
        for bad in [table(MAX_PREFIXES + 1, 1), table(1, MAX_PREFIX_BYTES + 1)] {
            assert!(matches!(round_trip(&bad), Err(NdrError::TooMany { .. })));
        }
        let mut wide = table(1, 1);
        wide.entries[0].index = 0x1_0000;
        assert_eq!(round_trip(&wide), Err(NdrError::Contradiction(WHAT)));
    }

    proptest! {
        #[test]
        fn any_prefix_survives(bytes in prop::collection::vec(any::<u8>(), 0..12), number: u32) {
            let table = PrefixTable { entries: vec![Prefix { index: number >> 16, bytes }] };
            let _ = table.oid(AttrTyp(number));
        }

        #[test]
        fn every_arc_comes_back(arcs in prop::collection::vec(0..1_000_000u32, 1..4), last in prop_oneof![0..200u32, 16_000..17_000u32, 0..2_000_000u32]) {
            let middle: Vec<String> = arcs.iter().map(u32::to_string).collect();
            let oid = format!("1.2.{}.{last}", middle.join("."));
            let mut table = PrefixTable::default();
            let number = table.add(&oid).unwrap();
            let found = table.oid(number);
            prop_assert_eq!(found.as_deref(), Some(oid.as_str()));
            prop_assert_eq!(table.find(&oid), Some(number));
            prop_assert_eq!(round_trip(&table), Ok(table));
        }
    }
}
