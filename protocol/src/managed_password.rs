//! A gMSA's password reaches its host in this blob, and everything the host derives starts from its bytes (PR 14.2).

use std::fmt;

use secrecy::SecretString;
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::nt_hash::{NtHash, nt_hash_of_utf16};

/// Length of a managed password that a domain controller makes.
pub const PASSWORD_BYTES: usize = 256;
/// Longest blob that is read. One with two passwords has 548 bytes.
pub const MAX_BLOB_BYTES: usize = 4096;

const VERSION: u16 = 1;
const HEADER_BYTES: usize = 16;
const TERMINATOR: [u8; 2] = [0, 0];

/// A managed password: UTF-16 code units that need not be valid text. Wiped on drop and never shown.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct ManagedPassword(Vec<u8>);

/// The content of `msDS-ManagedPassword`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedPasswordBlob {
    /// The password in force.
    pub current: ManagedPassword,
    /// The one before it, if there was one.
    pub previous: Option<ManagedPassword>,
    /// Ticks of 100 ns after which the password should be read again.
    pub query_interval: u64,
    /// Ticks for which the password will stay the same.
    pub unchanged_interval: u64,
}

/// Why bytes are not a managed password or a blob of them. Never tells any part of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManagedPasswordError {
    /// Over [`MAX_BLOB_BYTES`].
    #[error("the managed password blob is {0} bytes long; at most {MAX_BLOB_BYTES} are read")]
    TooLong(usize),
    /// Version other than 1.
    #[error("the managed password blob has version {0}; only version 1 is known")]
    Version(u16),
    /// The length field and the length differ.
    #[error("the managed password blob says that it has {claimed} bytes but has {actual}")]
    Length {
        /// What the length field says.
        claimed: u32,
        /// What is there.
        actual: usize,
    },
    /// A part lies outside the blob, or is not ended.
    #[error("the managed password blob ends inside its {0}")]
    Truncated(&'static str),
    /// No code unit, half a code unit, or a zero among them.
    #[error("a managed password is a non-empty sequence of UTF-16 code units other than zero")]
    NotCodeUnits,
}

impl ManagedPassword {
    /// From the code units' bytes, without terminator.
    ///
    /// # Errors
    /// Empty, an odd number of bytes, or a zero code unit, which would end the password early.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ManagedPasswordError> {
        let whole = !bytes.is_empty() && bytes.len().is_multiple_of(2);
        if !whole || bytes.chunks_exact(2).any(|unit| unit == TERMINATOR) {
            return Err(ManagedPasswordError::NotCodeUnits);
        }
        Ok(ManagedPassword(bytes.to_vec()))
    }

    /// From bytes that contain no zero code unit by construction.
    pub(crate) fn from_key_material(mut bytes: Zeroizing<Vec<u8>>) -> Self {
        ManagedPassword(std::mem::take(&mut *bytes))
    }

    /// The bytes. Keep them out of every log.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The NT hash: MD4 of the bytes as they are.
    pub fn nt_hash(&self) -> NtHash {
        nt_hash_of_utf16(&self.0)
    }

    /// The text form, see [`to_utf8_lossy`].
    pub fn to_utf8_lossy(&self) -> SecretString {
        to_utf8_lossy(&self.0)
    }
}

impl PartialEq for ManagedPassword {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for ManagedPassword {}

impl fmt::Debug for ManagedPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ManagedPassword([REDACTED])")
    }
}

/// A password of UTF-16LE bytes as UTF-8, each invalid code unit replaced by U+FFFD: the input of Kerberos string-to-key.
///
/// Half a code unit at the end counts as an invalid one.
pub fn to_utf8_lossy(password: &[u8]) -> SecretString {
    let (units, rest) = password.as_chunks::<2>();
    // A code unit becomes at most three bytes: reserving them keeps copies from being left behind.
    let mut text = Zeroizing::new(String::with_capacity(3 * units.len() + 3));
    for unit in char::decode_utf16(units.iter().map(|unit| u16::from_le_bytes(*unit))) {
        text.push(unit.unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    if !rest.is_empty() {
        text.push(char::REPLACEMENT_CHARACTER);
    }
    SecretString::from(text.as_str())
}

impl ManagedPasswordBlob {
    /// The attribute's value, packed without padding as real domain controllers write it.
    ///
    /// # Errors
    /// The passwords are so long that the blob exceeds [`MAX_BLOB_BYTES`].
    pub fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, ManagedPasswordError> {
        let current_offset = HEADER_BYTES;
        let after_current = current_offset + self.current.0.len() + TERMINATOR.len();
        let previous_bytes = self.previous.as_ref().map_or(0, |p| p.0.len() + TERMINATOR.len());
        let query_offset = after_current + previous_bytes;
        let unchanged_offset = query_offset + 8;
        let length = unchanged_offset + 8;
        if length > MAX_BLOB_BYTES {
            return Err(ManagedPasswordError::TooLong(length));
        }
        let previous_offset = if self.previous.is_some() { after_current } else { 0 };
        let mut out = Zeroizing::new(Vec::with_capacity(length));
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&(length as u32).to_le_bytes());
        for offset in [current_offset, previous_offset, query_offset, unchanged_offset] {
            out.extend_from_slice(&(offset as u16).to_le_bytes());
        }
        for password in std::iter::once(&self.current).chain(&self.previous) {
            out.extend_from_slice(&password.0);
            out.extend_from_slice(&TERMINATOR);
        }
        out.extend_from_slice(&self.query_interval.to_le_bytes());
        out.extend_from_slice(&self.unchanged_interval.to_le_bytes());
        Ok(out)
    }

    /// Reads the attribute's value, following its offsets and nothing else.
    ///
    /// # Errors
    /// Too long, another version, or offsets that lead outside.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ManagedPasswordError> {
        if bytes.len() > MAX_BLOB_BYTES {
            return Err(ManagedPasswordError::TooLong(bytes.len()));
        }
        let header = bytes
            .first_chunk::<HEADER_BYTES>()
            .ok_or(ManagedPasswordError::Truncated("header"))?;
        let short = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
        let version = short(0);
        if version != VERSION {
            return Err(ManagedPasswordError::Version(version));
        }
        let claimed = u32::from(short(4)) | u32::from(short(6)) << 16;
        if usize::try_from(claimed) != Ok(bytes.len()) {
            return Err(ManagedPasswordError::Length {
                claimed,
                actual: bytes.len(),
            });
        }
        let from = |at: usize, part| {
            let offset = usize::from(short(at));
            (offset >= HEADER_BYTES)
                .then(|| bytes.get(offset..))
                .flatten()
                .ok_or(ManagedPasswordError::Truncated(part))
        };
        let interval = |at, part| {
            from(at, part)?
                .first_chunk::<8>()
                .map(|ticks| u64::from_le_bytes(*ticks))
                .ok_or(ManagedPasswordError::Truncated(part))
        };
        let previous = match short(10) {
            0 => None,
            _ => Some(terminated(from(10, "previous password")?, "previous password")?),
        };
        Ok(ManagedPasswordBlob {
            current: terminated(from(8, "current password")?, "current password")?,
            previous,
            query_interval: interval(12, "query interval")?,
            unchanged_interval: interval(14, "unchanged interval")?,
        })
    }
}

/// The password up to its zero code unit.
fn terminated(bytes: &[u8], part: &'static str) -> Result<ManagedPassword, ManagedPasswordError> {
    let (units, _) = bytes.as_chunks::<2>();
    let end = units
        .iter()
        .position(|unit| *unit == TERMINATOR)
        .ok_or(ManagedPasswordError::Truncated(part))?;
    ManagedPassword::from_bytes(&bytes[..2 * end])
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;
    use secrecy::ExposeSecret as _;

    use super::*;

    fn password(byte: u8) -> ManagedPassword {
        ManagedPassword::from_bytes(&[byte; PASSWORD_BYTES]).unwrap()
    }

    fn blob(previous: Option<ManagedPassword>) -> ManagedPasswordBlob {
        ManagedPasswordBlob {
            current: password(0x41),
            previous,
            query_interval: 1000,
            unchanged_interval: 2000,
        }
    }

    #[test]
    fn reference_headers() {
        for (blob, length, header) in [
            (blob(None), 290, "01000000220100001000000012011a01"),
            (
                blob(Some(password(0x42))),
                548,
                "01000000240200001000120114021c02",
            ),
        ] {
            let bytes = blob.to_bytes().unwrap();
            assert_eq!(bytes.len(), length);
            assert_eq!(hex::encode(&bytes[..16]), header);
            assert_eq!(ManagedPasswordBlob::from_bytes(&bytes), Ok(blob));
        }
    }

    #[test]
    fn padding_before_the_intervals_is_followed() {
        let packed = blob(None).to_bytes().unwrap();
        let mut padded = packed.to_vec();
        padded.splice(274..274, [0xaa; 6]);
        padded[4..6].copy_from_slice(&296u16.to_le_bytes());
        padded[12..14].copy_from_slice(&280u16.to_le_bytes());
        padded[14..16].copy_from_slice(&288u16.to_le_bytes());
        assert_eq!(ManagedPasswordBlob::from_bytes(&padded), Ok(blob(None)));
    }

    #[test]
    fn damaged_blobs_are_refused() {
        let good = blob(None).to_bytes().unwrap();
        for length in 0..good.len() {
            assert!(
                ManagedPasswordBlob::from_bytes(&good[..length]).is_err(),
                "{length}"
            );
        }
        let with = |at: usize, value: u16| {
            let mut bad = good.to_vec();
            bad[at..at + 2].copy_from_slice(&value.to_le_bytes());
            ManagedPasswordBlob::from_bytes(&bad).unwrap_err()
        };
        assert_eq!(with(0, 2), ManagedPasswordError::Version(2));
        assert_eq!(with(8, 15), ManagedPasswordError::Truncated("current password"));
        assert_eq!(with(8, 291), ManagedPasswordError::Truncated("current password"));
        assert_eq!(
            with(10, 289),
            ManagedPasswordError::Truncated("previous password")
        );
        assert_eq!(
            with(14, 283),
            ManagedPasswordError::Truncated("unchanged interval")
        );
        // Points at the terminator.
        assert_eq!(with(8, 272), ManagedPasswordError::NotCodeUnits);
    }

    #[test]
    fn blobs_at_the_limit() {
        let room = MAX_BLOB_BYTES - HEADER_BYTES - TERMINATOR.len() - 16;
        let mut blob = blob(None);
        blob.current = ManagedPassword::from_bytes(&vec![0x41; room]).unwrap();
        let bytes = blob.to_bytes().unwrap();
        assert_eq!(ManagedPasswordBlob::from_bytes(&bytes), Ok(blob.clone()));
        blob.current = ManagedPassword::from_bytes(&vec![0x41; room + 2]).unwrap();
        assert!(matches!(blob.to_bytes(), Err(ManagedPasswordError::TooLong(_))));
        assert_eq!(
            ManagedPasswordBlob::from_bytes(&vec![1; MAX_BLOB_BYTES + 1]),
            Err(ManagedPasswordError::TooLong(MAX_BLOB_BYTES + 1))
        );
    }

    #[test]
    fn invalid_code_units_become_replacement_characters() {
        let text = to_utf8_lossy(&[0x41, 0x00, 0x00, 0xd8, 0x42, 0x00, 0x3d, 0xd8, 0x00, 0xde, 0x43]);
        assert_eq!(text.expose_secret(), "A\u{fffd}B\u{1f600}\u{fffd}");
    }

    #[test]
    fn debug_shows_nothing() {
        let shown = format!("{:?}", blob(Some(password(0x42))));
        assert!(shown.contains("REDACTED") && !shown.contains("65, 65") && !shown.contains("AA"));
    }

    #[test]
    fn zero_units_and_halves_are_no_password() {
        for bad in [&b""[..], b"a", b"\0\0", b"ab\0\0cd"] {
            assert_eq!(
                ManagedPassword::from_bytes(bad),
                Err(ManagedPasswordError::NotCodeUnits)
            );
        }
    }

    proptest! {
        #[test]
        fn round_trips(units in prop::collection::vec(1u16.., 1..200), previous: bool, query: u64, unchanged: u64) {
            let bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
            let current = ManagedPassword::from_bytes(&bytes).unwrap();
            let blob = ManagedPasswordBlob {
                previous: previous.then(|| current.clone()), current, query_interval: query, unchanged_interval: unchanged,
            };
            prop_assert_eq!(ManagedPasswordBlob::from_bytes(&blob.to_bytes().unwrap()), Ok(blob));
        }

        #[test]
        fn any_bytes_survive(mut bytes in prop::collection::vec(any::<u8>(), 0..300), headed: bool) {
            if headed && bytes.len() >= 16 {
                let length = bytes.len() as u32;
                bytes[..4].copy_from_slice(&[1, 0, 0, 0]);
                bytes[4..8].copy_from_slice(&length.to_le_bytes());
            }
            let _ = ManagedPasswordBlob::from_bytes(&bytes);
            let _ = to_utf8_lossy(&bytes);
        }
    }
}
