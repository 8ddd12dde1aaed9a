//! DSNAME: an object by GUID, SID and distinguished name, any of which may be absent (PR 13.6).

use crate::guid::Guid;
use crate::ndr::{NdrError, NdrReader, NdrWriter};
use crate::sid::Sid;

/// Longest distinguished name that is read, in characters.
pub const MAX_DS_NAME_CHARS: usize = 8_192;

/// The place of a SID, whatever its length.
const SID_BYTES: usize = 28;
/// Bytes up to and including `NameLen`.
const FIXED_BYTES: usize = 56;
const WHAT: &str = "a name of an object";

/// Which object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DsName {
    /// objectGUID, all zero if it is not told.
    pub guid: Guid,
    /// objectSid. One that is longer than 28 bytes cannot be told.
    pub sid: Option<Sid>,
    /// Distinguished name, empty if it is not told.
    pub dn: String,
}

impl DsName {
    /// By GUID alone.
    #[must_use]
    pub fn of_guid(guid: Guid) -> Self {
        Self {
            guid,
            ..Self::default()
        }
    }

    /// By distinguished name alone.
    #[must_use]
    pub fn of_dn(dn: impl Into<String>) -> Self {
        Self {
            dn: dn.into(),
            ..Self::default()
        }
    }

    /// The value of an attribute of DN syntax, as replication carries it.
    #[must_use]
    pub fn to_value(&self) -> Vec<u8> {
        let mut writer = NdrWriter::new();
        self.write_body(&mut writer, &self.units());
        writer.into_bytes()
    }

    pub(super) fn write(&self, writer: &mut NdrWriter) {
        let units = self.units();
        writer.count(units.len());
        self.write_body(writer, &units);
    }

    fn units(&self) -> Vec<u16> {
        self.dn.encode_utf16().chain([0]).collect()
    }

    fn write_body(&self, writer: &mut NdrWriter, units: &[u16]) {
        let mut sid = self.sid.map(|sid| sid.to_bytes()).unwrap_or_default();
        if sid.len() > SID_BYTES {
            sid.clear();
        }
        writer.count(FIXED_BYTES + 2 * units.len());
        writer.count(sid.len());
        writer.guid(self.guid);
        sid.resize(SID_BYTES, 0);
        writer.bytes(&sid);
        writer.count(units.len() - 1);
        for unit in units {
            writer.bytes(&unit.to_le_bytes());
        }
    }

    /// `structLen` is not looked at: clients are known to send one that is too high.
    pub(super) fn read(reader: &mut NdrReader<'_>) -> Result<Self, NdrError> {
        let max = reader.count(WHAT, MAX_DS_NAME_CHARS + 1)?;
        reader.u32(WHAT)?;
        let sid_length = reader.count(WHAT, SID_BYTES)?;
        let guid = reader.guid(WHAT)?;
        let sid = &reader.bytes(SID_BYTES, WHAT)?[..sid_length];
        let length = reader.count(WHAT, MAX_DS_NAME_CHARS)?;
        if length + 1 != max {
            return Err(NdrError::Contradiction(WHAT));
        }
        let units = reader.bytes(2 * max, WHAT)?;
        let dn = match units.split_last_chunk::<2>() {
            Some((text, [0, 0])) => crate::ndr::utf16(text).ok_or(NdrError::Text(WHAT))?,
            _ => return Err(NdrError::Text(WHAT)),
        };
        let sid = match sid {
            [] => None,
            bytes => Some(Sid::from_bytes(bytes).map_err(|_| NdrError::Contradiction(WHAT))?),
        };
        Ok(Self { guid, sid, dn })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes(name: &DsName) -> Vec<u8> {
        let mut writer = NdrWriter::new();
        name.write(&mut writer);
        writer.into_bytes()
    }

    #[test]
    fn names_at_the_limit() {
        let longest = DsName::of_dn("x".repeat(MAX_DS_NAME_CHARS));
        assert_eq!(DsName::read(&mut NdrReader::new(&bytes(&longest))), Ok(longest));
        let longer = bytes(&DsName::of_dn("x".repeat(MAX_DS_NAME_CHARS + 1)));
        assert!(matches!(
            DsName::read(&mut NdrReader::new(&longer)),
            Err(NdrError::TooMany { .. })
        ));
    }

    #[test]
    fn damage_is_refused_and_a_wrong_total_is_not() {
        let name = DsName {
            guid: Guid::from_u128(1),
            sid: Some("S-1-5-21-1-2-3-1105".parse().unwrap()),
            dn: "CN=Alice".to_owned(),
        };
        let good = bytes(&name);
        for length in 0..good.len() {
            assert!(
                DsName::read(&mut NdrReader::new(&good[..length])).is_err(),
                "{length}"
            );
        }
        let with = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            DsName::read(&mut NdrReader::new(&bytes))
        };
        // Impacket's `structLen` is 4 too high.
        assert_eq!(with(4, good[4] + 4), Ok(name));
        // Longer than its place, cut short, and of another revision.
        for (at, byte) in [(8, 29), (8, 27), (28, 2), (56, 7), (60, 0)] {
            assert!(with(at, byte).is_err(), "byte {at}");
        }
    }

    proptest! {
        #[test]
        fn round_trips(guid: u128, rids in prop::collection::vec(any::<u32>(), 1..=5), named: bool, dn in "[^\0]{0,30}") {
            let sid = named.then(|| Sid::new(5, &rids).unwrap());
            let name = DsName { guid: Guid::from_u128(guid), sid, dn };
            let bytes = bytes(&name);
            prop_assert_eq!(&bytes[4..], &name.to_value()[..]);
            prop_assert_eq!(DsName::read(&mut NdrReader::new(&bytes)), Ok(name));
        }
    }
}
