//! Domain controllers agree on a gMSA's password without talking, by deriving it from a shared root key (PR 14.3-14.5).

mod derive;
mod envelope;

pub use derive::{RootKey, derive_gmsa_password};
pub use envelope::{EnvelopeFlags, KeyEnvelope, MAX_ENVELOPE_BYTES, MAX_NAME_BYTES};

use crate::filetime::{FileTime, TICKS_PER_HOUR};

/// How long one key is in force: 10 hours.
pub const CYCLE_TICKS: u64 = 10 * TICKS_PER_HOUR;
/// L1 and L2 indices count to here.
pub const KEYS_PER_LEVEL: u64 = 32;
/// Hours from a root key's creation until Windows lets it be used (PR 14.3).
pub const ROOT_KEY_DELAY_HOURS: u64 = 10;

/// Why key identifiers or parameters are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GkdiError {
    /// L1 or L2 out of range.
    #[error(
        "the group key index ({l0}, {l1}, {l2}) is out of range; L0 is at most 2147483647, L1 and L2 at most 31"
    )]
    Index {
        /// First index.
        l0: u32,
        /// Second index.
        l1: u32,
        /// Third index.
        l2: u32,
    },
    /// Not a key envelope.
    #[error("the key envelope is malformed: {0}")]
    Envelope(&'static str),
    /// Over a limit.
    #[error("the key envelope is {0} bytes long; at most {MAX_ENVELOPE_BYTES} are read")]
    TooLong(usize),
    /// Key derivation parameters that are not understood.
    #[error("the key derivation parameters name `{0}`; only SHA512 is supported")]
    Hash(String),
}

/// Which group key: a cycle of ten hours, split into three indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKeyId {
    l0: u32,
    l1: u32,
    l2: u32,
}

impl GroupKeyId {
    /// From the three indices.
    ///
    /// # Errors
    /// L0 does not fit into 31 bits, or L1 or L2 exceeds 31.
    pub const fn new(l0: u32, l1: u32, l2: u32) -> Result<Self, GkdiError> {
        if l0 > i32::MAX as u32 || l1 as u64 >= KEYS_PER_LEVEL || l2 as u64 >= KEYS_PER_LEVEL {
            return Err(GkdiError::Index { l0, l1, l2 });
        }
        Ok(GroupKeyId { l0, l1, l2 })
    }

    /// The key in force at a time.
    pub const fn at(time: FileTime) -> Self {
        Self::from_cycle(time.0 / CYCLE_TICKS)
    }

    /// The key of a cycle, counted from 1601.
    pub const fn from_cycle(cycle: u64) -> Self {
        // The last cycle that a FILETIME can name is below 2^26, so the casts lose nothing that exists.
        GroupKeyId {
            l0: (cycle / (KEYS_PER_LEVEL * KEYS_PER_LEVEL)) as u32 & i32::MAX as u32,
            l1: (cycle / KEYS_PER_LEVEL % KEYS_PER_LEVEL) as u32,
            l2: (cycle % KEYS_PER_LEVEL) as u32,
        }
    }

    /// The cycle, counted from 1601.
    pub const fn cycle(self) -> u64 {
        (self.l0 as u64 * KEYS_PER_LEVEL + self.l1 as u64) * KEYS_PER_LEVEL + self.l2 as u64
    }

    /// When the key comes into force.
    pub const fn start(self) -> FileTime {
        FileTime(self.cycle().saturating_mul(CYCLE_TICKS))
    }

    /// First index.
    pub const fn l0(self) -> u32 {
        self.l0
    }

    /// Second index, 0 to 31.
    pub const fn l1(self) -> u32 {
        self.l1
    }

    /// Third index, 0 to 31.
    pub const fn l2(self) -> u32 {
        self.l2
    }
}

/// Cycles for which a password lives whose `msDS-ManagedPasswordInterval` is so many days: whole cycles, at least one.
pub const fn rollover_cycles(interval_days: u32) -> u64 {
    let cycles = interval_days as u64 * 24 / 10;
    if cycles == 0 { 1 } else { cycles }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reference_identifiers() {
        let id = GroupKeyId::at(FileTime(133500000000000000));
        assert_eq!((id.l0(), id.l1(), id.l2()), (362, 4, 17));
        let id = GroupKeyId::new(362, 5, 17).unwrap();
        assert_eq!(id.start(), FileTime(133511400000000000));
        assert_eq!(CYCLE_TICKS, 360000000000);
        assert_eq!(rollover_cycles(30), 72);
        assert_eq!(rollover_cycles(0), 1);
    }

    #[test]
    fn indices_at_their_limits() {
        assert!(GroupKeyId::new(i32::MAX as u32, 31, 31).is_ok());
        for (l0, l1, l2) in [(1 << 31, 0, 0), (0, 32, 0), (0, 0, 32)] {
            assert_eq!(GroupKeyId::new(l0, l1, l2), Err(GkdiError::Index { l0, l1, l2 }));
        }
    }

    proptest! {
        #[test]
        fn a_time_lies_in_its_cycle(ticks: u64) {
            let id = GroupKeyId::at(FileTime(ticks));
            prop_assert!(id.start().0 <= ticks && ticks - id.start().0 < CYCLE_TICKS);
            prop_assert_eq!(GroupKeyId::from_cycle(id.cycle()), id);
        }
    }
}
