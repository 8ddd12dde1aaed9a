//! AV_PAIRs: what a server tells of itself, and what a client puts under its response (MS-NLMP 2.2.2.1).

use super::NtlmError;
use crate::filetime::FileTime;

/// Most pairs in a list.
pub(super) const MAX_PAIRS: usize = 64;

const END: u16 = 0;
pub(super) const NETBIOS_COMPUTER: u16 = 1;
pub(super) const NETBIOS_DOMAIN: u16 = 2;
pub(super) const DNS_COMPUTER: u16 = 3;
pub(super) const DNS_DOMAIN: u16 = 4;
pub(super) const DNS_FOREST: u16 = 5;
const FLAGS: u16 = 6;
const TIMESTAMP: u16 = 7;
/// The client's messages carry an integrity code.
const FLAG_INTEGRITY: u32 = 2;

/// The list, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TargetInfo(pub(super) Vec<(u16, Vec<u8>)>);

impl TargetInfo {
    pub(super) fn text(&mut self, id: u16, text: &str) {
        self.0.push((id, utf16(text)));
    }

    pub(super) fn set_timestamp(&mut self, now: FileTime) {
        self.0.push((TIMESTAMP, now.0.to_le_bytes().to_vec()));
    }

    pub(super) fn timestamp(&self) -> Option<FileTime> {
        let bytes = self.value(TIMESTAMP)?.try_into().ok()?;
        Some(FileTime(u64::from_le_bytes(bytes)))
    }

    pub(super) fn promises_integrity(&self) -> bool {
        self.value(FLAGS)
            .and_then(|bytes| bytes.try_into().ok())
            .is_some_and(|bytes| u32::from_le_bytes(bytes) & FLAG_INTEGRITY != 0)
    }

    /// The list with the promise that the client's messages carry an integrity code.
    pub(super) fn promise_integrity(mut self) -> Self {
        let told = self.0.iter_mut().find(|(id, _)| *id == FLAGS);
        match told {
            Some((_, value)) if value.len() == 4 => value[0] |= FLAG_INTEGRITY as u8,
            _ => self.0.push((FLAGS, FLAG_INTEGRITY.to_le_bytes().to_vec())),
        }
        self
    }

    fn value(&self, id: u16) -> Option<&[u8]> {
        self.0
            .iter()
            .find(|(known, _)| *known == id)
            .map(|(_, value)| value.as_slice())
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (id, value) in &self.0 {
            out.extend_from_slice(&id.to_le_bytes());
            out.extend_from_slice(&(value.len() as u16).to_le_bytes());
            out.extend_from_slice(value);
        }
        out.extend_from_slice(&[0; 4]);
        out
    }

    /// Reads a list up to its end; what follows is not looked at.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, NtlmError> {
        const CUT: NtlmError = NtlmError::Malformed("the target information is cut short");
        let mut rest = bytes;
        let mut pairs = Vec::new();
        loop {
            let (head, tail) = rest.split_first_chunk::<4>().ok_or(CUT)?;
            let [a, b, c, d] = *head;
            let id = u16::from_le_bytes([a, b]);
            if id == END {
                return Ok(Self(pairs));
            }
            if pairs.len() == MAX_PAIRS {
                return Err(NtlmError::Malformed("the target information has too many parts"));
            }
            let length = usize::from(u16::from_le_bytes([c, d]));
            let (value, after) = tail.split_at_checked(length).ok_or(CUT)?;
            pairs.push((id, value.to_vec()));
            rest = after;
        }
    }
}

pub(super) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn lists_at_the_limit() {
        let list = |count| TargetInfo(vec![(NETBIOS_DOMAIN, vec![1]); count]);
        let read = |list: &TargetInfo| TargetInfo::from_bytes(&list.to_bytes());
        assert_eq!(read(&list(MAX_PAIRS)), Ok(list(MAX_PAIRS)));
        assert!(read(&list(MAX_PAIRS + 1)).is_err());
        let bytes = list(2).to_bytes();
        for length in 0..bytes.len() {
            assert!(TargetInfo::from_bytes(&bytes[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn the_promise_keeps_what_was_there() {
        let mut list = TargetInfo::default();
        assert!(!list.promises_integrity());
        list.0.push((FLAGS, vec![1, 0, 0, 0]));
        let list = list.promise_integrity();
        assert_eq!(list.0, [(FLAGS, vec![3, 0, 0, 0])]);
        assert!(list.promises_integrity());
        assert!(TargetInfo::default().promise_integrity().promises_integrity());
    }
}
