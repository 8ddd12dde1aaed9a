//! A domain controller must know its own cookie again and notice one that another controller gave.

use crate::filetime::FileTime;
use crate::guid::Guid;

/// Most entries of the up-to-date vector that are read: as many as fit into the largest cookie.
pub const MAX_UP_TO_DATE_ENTRIES: usize = 2000;

const MAGIC: &[u8; 4] = b"MSDS";
const VERSION: u32 = 3;
const VECTOR_VERSION: u32 = 2;
const FIXED_BYTES: usize = 68;
const VECTOR_HEADER_BYTES: usize = 16;
const VECTOR_ENTRY_BYTES: usize = 32;

/// Update sequence numbers up to which everything was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HighWaterMark {
    /// Highest USN of the page in progress.
    pub tmp_highest_usn: u64,
    /// Reserved.
    pub reserved_usn: u64,
    /// Highest USN of what is complete.
    pub highest_usn: u64,
}

/// What is known to have arrived from one domain controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpToDateEntry {
    /// That controller's database.
    pub invocation_id: Guid,
    /// Its USN.
    pub usn: u64,
    /// When it was last replicated with; whole seconds are kept.
    pub last_sync: FileTime,
}

/// The content of the cookie. Only a domain controller may look inside; to everyone else it is opaque (PR 15.1, observed layout).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirSyncCookie {
    /// When the cookie was made.
    pub time: FileTime,
    /// How far the enumeration got.
    pub high_water_mark: HighWaterMark,
    /// The database that the numbers belong to.
    pub invocation_id: Guid,
    /// Knowledge about other databases; may be absent.
    pub up_to_date: Vec<UpToDateEntry>,
}

/// Why bytes are not a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CookieError {
    /// Other magic, version or reserved fields.
    #[error("the DirSync cookie does not begin as version {VERSION} cookies do")]
    Header,
    /// The lengths inside do not fit.
    #[error("the DirSync cookie has {0} bytes, which does not fit the lengths in it")]
    Length(usize),
    /// The up-to-date vector is of another version.
    #[error("the up-to-date vector in the DirSync cookie is not of version {VECTOR_VERSION}")]
    Vector,
    /// More than [`MAX_UP_TO_DATE_ENTRIES`].
    #[error("the up-to-date vector in the DirSync cookie has more than {MAX_UP_TO_DATE_ENTRIES} entries")]
    TooManyEntries,
}

impl DirSyncCookie {
    /// The bytes that a client gets.
    pub fn to_bytes(&self) -> Vec<u8> {
        let vector_bytes = match self.up_to_date.len() {
            0 => 0,
            count => VECTOR_HEADER_BYTES + VECTOR_ENTRY_BYTES * count,
        };
        let mut out = Vec::with_capacity(FIXED_BYTES + vector_bytes);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&self.time.0.to_le_bytes());
        out.extend_from_slice(&[0; 8]);
        out.extend_from_slice(&(vector_bytes as u32).to_le_bytes());
        let mark = self.high_water_mark;
        for usn in [mark.tmp_highest_usn, mark.reserved_usn, mark.highest_usn] {
            out.extend_from_slice(&usn.to_le_bytes());
        }
        out.extend_from_slice(&self.invocation_id.to_le_bytes());
        if vector_bytes > 0 {
            for word in [VECTOR_VERSION, 0, self.up_to_date.len() as u32, 0] {
                out.extend_from_slice(&word.to_le_bytes());
            }
        }
        for entry in &self.up_to_date {
            out.extend_from_slice(&entry.invocation_id.to_le_bytes());
            out.extend_from_slice(&entry.usn.to_le_bytes());
            out.extend_from_slice(&entry.last_sync.seconds().to_le_bytes());
        }
        out
    }

    /// Reads a cookie that a client brings back.
    ///
    /// # Errors
    /// Not a cookie of this layout. The numbers in it are not judged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CookieError> {
        let wrong_length = CookieError::Length(bytes.len());
        let mut rest = bytes;
        if take::<4>(&mut rest).ok_or(wrong_length)? != *MAGIC {
            return Err(CookieError::Header);
        }
        let version = take_u32(&mut rest).ok_or(wrong_length)?;
        let time = FileTime(take_u64(&mut rest).ok_or(wrong_length)?);
        let reserved = take_u64(&mut rest).ok_or(wrong_length)?;
        if version != VERSION || reserved != 0 {
            return Err(CookieError::Header);
        }
        let vector_bytes = take_u32(&mut rest).ok_or(wrong_length)?;
        let high_water_mark = HighWaterMark {
            tmp_highest_usn: take_u64(&mut rest).ok_or(wrong_length)?,
            reserved_usn: take_u64(&mut rest).ok_or(wrong_length)?,
            highest_usn: take_u64(&mut rest).ok_or(wrong_length)?,
        };
        let invocation_id = Guid::from_le_bytes(take(&mut rest).ok_or(wrong_length)?);
        if usize::try_from(vector_bytes) != Ok(rest.len()) {
            return Err(wrong_length);
        }
        let up_to_date = if rest.is_empty() {
            Vec::new()
        } else {
            read_vector(rest, wrong_length)?
        };
        Ok(DirSyncCookie {
            time,
            high_water_mark,
            invocation_id,
            up_to_date,
        })
    }
}

fn read_vector(mut rest: &[u8], wrong_length: CookieError) -> Result<Vec<UpToDateEntry>, CookieError> {
    let mut word = || take_u32(&mut rest).ok_or(wrong_length);
    let (version, reserved, count, padding) = (word()?, word()?, word()?, word()?);
    if (version, reserved, padding) != (VECTOR_VERSION, 0, 0) {
        return Err(CookieError::Vector);
    }
    let count = usize::try_from(count).map_err(|_| CookieError::TooManyEntries)?;
    if count > MAX_UP_TO_DATE_ENTRIES {
        return Err(CookieError::TooManyEntries);
    }
    if count == 0 || rest.len() != VECTOR_ENTRY_BYTES * count {
        return Err(wrong_length);
    }
    (0..count)
        .map(|_| {
            Some(UpToDateEntry {
                invocation_id: Guid::from_le_bytes(take(&mut rest)?),
                usn: take_u64(&mut rest)?,
                last_sync: FileTime::from_seconds(take_u64(&mut rest)?),
            })
        })
        .collect::<Option<_>>()
        .ok_or(wrong_length)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk::<N>()?;
    *rest = tail;
    Some(*head)
}

fn take_u32(rest: &mut &[u8]) -> Option<u32> {
    take(rest).map(u32::from_le_bytes)
}

fn take_u64(rest: &mut &[u8]) -> Option<u64> {
    take(rest).map(u64::from_le_bytes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ldap_controls::MAX_COOKIE_BYTES;

    const BARE: &str = "4d5344530300000000c083ed8a49da010000000000000000000000003930000000000000000000000000000039300000000000000d0c0b0a111122223333444455556666";
    const WITH_VECTOR: &str = "4d5344530300000000c083ed8a49da010000000000000000300000003930000000000000000000000000000039300000000000000d0c0b0a111122223333444455556666020000000000000001000000000000000d0c0b0a111122223333444455556666393000000000000080d5b81b03000000";

    fn sample() -> DirSyncCookie {
        DirSyncCookie {
            time: FileTime(133500000000000000),
            high_water_mark: HighWaterMark {
                tmp_highest_usn: 12345,
                reserved_usn: 0,
                highest_usn: 12345,
            },
            invocation_id: "0a0b0c0d-1111-2222-3333-444455556666".parse().unwrap(),
            up_to_date: Vec::new(),
        }
    }

    #[test]
    fn reference_vectors() {
        let mut cookie = sample();
        assert_eq!(hex::encode(cookie.to_bytes()), BARE);
        cookie.up_to_date.push(UpToDateEntry {
            invocation_id: cookie.invocation_id,
            usn: 12345,
            last_sync: FileTime(133500000000000000),
        });
        assert_eq!(hex::encode(cookie.to_bytes()), WITH_VECTOR);
        for text in [BARE, WITH_VECTOR] {
            let bytes = hex::decode(text).unwrap();
            assert_eq!(DirSyncCookie::from_bytes(&bytes).unwrap().to_bytes(), bytes);
        }
    }

    #[test]
    fn damaged_cookies_are_refused() {
        let good = hex::decode(WITH_VECTOR).unwrap();
        for length in 0..good.len() {
            assert!(DirSyncCookie::from_bytes(&good[..length]).is_err(), "{length}");
        }
        assert!(DirSyncCookie::from_bytes(&[&good[..], &[0]].concat()).is_err());
        for (at, error) in [
            (0, CookieError::Header),
            (4, CookieError::Header),
            (16, CookieError::Header),
            (68, CookieError::Vector),
            (76, CookieError::Length(116)),
            (78, CookieError::TooManyEntries),
        ] {
            let mut bad = good.clone();
            bad[at] ^= 2;
            assert_eq!(DirSyncCookie::from_bytes(&bad), Err(error), "byte {at}");
        }
    }

    #[test]
    fn vectors_at_the_limit() {
        let entry = UpToDateEntry {
            invocation_id: Guid::NIL,
            usn: 1,
            last_sync: FileTime::ZERO,
        };
        let mut cookie = sample();
        cookie.up_to_date = vec![entry; MAX_UP_TO_DATE_ENTRIES];
        assert!(cookie.to_bytes().len() <= MAX_COOKIE_BYTES);
        assert_eq!(DirSyncCookie::from_bytes(&cookie.to_bytes()).unwrap(), cookie);
        cookie.up_to_date.push(entry);
        assert_eq!(
            DirSyncCookie::from_bytes(&cookie.to_bytes()),
            Err(CookieError::TooManyEntries)
        );
    }

    proptest! {
        #[test]
        fn round_trips(time: u64, usns: [u64; 3], id: u128, entries in prop::collection::vec((any::<u128>(), any::<u64>(), 0..1u64 << 40), 0..4)) {
            let cookie = DirSyncCookie {
                time: FileTime(time),
                high_water_mark: HighWaterMark { tmp_highest_usn: usns[0], reserved_usn: usns[1], highest_usn: usns[2] },
                invocation_id: Guid::from_u128(id),
                up_to_date: entries.into_iter().map(|(id, usn, seconds)| UpToDateEntry {
                    invocation_id: Guid::from_u128(id), usn, last_sync: FileTime::from_seconds(seconds),
                }).collect(),
            };
            prop_assert_eq!(DirSyncCookie::from_bytes(&cookie.to_bytes()), Ok(cookie));
        }

        #[test]
        fn any_bytes_survive(tail in prop::collection::vec(any::<u8>(), 0..140)) {
            let _ = DirSyncCookie::from_bytes(&tail);
            let _ = DirSyncCookie::from_bytes(&[&b"MSDS\x03\0\0\0"[..], &tail].concat());
        }
    }
}
