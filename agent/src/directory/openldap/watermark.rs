//! The cloud's watermark: the server's cookie, and what is left of a reading that did not fit into one page.
//!
//! Everything is in it, so that any agent of the domain can give the next page.

use thiserror::Error;
use uuid::Uuid;

use super::csn::Csn;

const MAGIC: &[u8; 4] = b"PVS1";
/// Longest cookie in a watermark; two of them and the bounds fit into a SCIM watermark.
pub(super) const MAX_COOKIE_BYTES: usize = provlab_protocol::syncrepl::MAX_SYNC_COOKIE_BYTES;
/// Most bounds in a watermark.
pub(super) const MAX_BOUNDS: usize = 2_500;

const IDLE: u8 = 0;
const DELETED: u8 = 1;
const READING: u8 = 2;

/// What is to be done before the cookie is up to date.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Work {
    /// Nothing: ask for what changed since the cookie.
    #[default]
    Idle,
    /// Tell which objects were deleted since an older cookie, in the order of their ids; then read what changed since.
    Deleted {
        /// The older cookie.
        since: Vec<u8>,
        /// The last id that was told.
        after: Uuid,
    },
    /// Read objects in the order of their last change.
    Reading {
        /// From this number on; from the beginning if there is none.
        from: Option<Csn>,
        /// Where the next pages end, each included; the last page is open.
        bounds: Vec<Csn>,
    },
}

/// Where a synchronization stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Progress {
    /// What the server gave before the present work began: the next refresh goes on from it.
    pub(super) cookie: Vec<u8>,
    /// What is left to do.
    pub(super) work: Work,
}

/// Not a watermark of this dialect.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("the watermark is damaged: {0}")]
pub(super) struct Damaged(&'static str);

impl Progress {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        put(&mut out, &self.cookie);
        match &self.work {
            Work::Idle => out.push(IDLE),
            Work::Deleted { since, after } => {
                out.push(DELETED);
                put(&mut out, since);
                out.extend_from_slice(after.as_bytes());
            }
            Work::Reading { from, bounds } => {
                out.push(READING);
                out.push(u8::from(from.is_some()));
                for number in from.iter().chain(bounds) {
                    out.extend_from_slice(&number.to_bytes());
                }
            }
        }
        out
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, Damaged> {
        let rest = bytes
            .strip_prefix(MAGIC)
            .ok_or(Damaged("it does not begin with PVS1"))?;
        let (cookie, rest) = take(rest)?;
        let (tag, rest) = rest.split_first().ok_or(Damaged("it is cut off"))?;
        let work = match *tag {
            IDLE if rest.is_empty() => Work::Idle,
            DELETED => {
                let (since, rest) = take(rest)?;
                let after = Uuid::from_slice(rest).map_err(|_| Damaged("an id is cut off"))?;
                Work::Deleted { since, after }
            }
            READING => {
                let (begun, rest) = rest.split_first().ok_or(Damaged("it is cut off"))?;
                let (numbers, left) = rest.as_chunks::<{ Csn::BYTES }>();
                let mut bounds: Vec<_> = numbers.iter().copied().map(Csn::from_bytes).collect();
                let from = match (*begun, bounds.is_empty()) {
                    (0, _) => None,
                    (1, false) => Some(bounds.remove(0)),
                    _ => return Err(Damaged("its beginning is cut off")),
                };
                if !left.is_empty() || bounds.len() > MAX_BOUNDS || !bounds.is_sorted() {
                    return Err(Damaged("its bounds are cut off, too many or not in order"));
                }
                Work::Reading { from, bounds }
            }
            _ => return Err(Damaged("it names an unknown state")),
        };
        Ok(Self { cookie, work })
    }
}

/// A cookie behind its length, two bytes.
fn put(out: &mut Vec<u8>, cookie: &[u8]) {
    let length = u16::try_from(cookie.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(cookie);
}

fn take(bytes: &[u8]) -> Result<(Vec<u8>, &[u8]), Damaged> {
    let (length, rest) = bytes.split_first_chunk().ok_or(Damaged("a length is cut off"))?;
    let length = usize::from(u16::from_be_bytes(*length));
    if length > MAX_COOKIE_BYTES {
        return Err(Damaged("a cookie is too long"));
    }
    let (cookie, rest) = rest
        .split_at_checked(length)
        .ok_or(Damaged("a cookie is cut off"))?;
    Ok((cookie.to_vec(), rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use provlab_protocol::scim::MAX_WATERMARK_BYTES;

    use super::*;

    fn reading(bounds: usize) -> Progress {
        Progress {
            cookie: vec![b'c'; MAX_COOKIE_BYTES],
            work: Work::Reading {
                from: Some(Csn::from_bytes([0; 16])),
                bounds: vec![Csn::from_bytes([1; 16]); bounds],
            },
        }
    }

    #[test]
    fn the_longest_watermark_is_one_that_the_cloud_takes() {
        assert!(reading(MAX_BOUNDS).to_bytes().len() <= MAX_WATERMARK_BYTES);
        assert!(Progress::from_bytes(&reading(MAX_BOUNDS).to_bytes()).is_ok());
        assert!(Progress::from_bytes(&reading(MAX_BOUNDS + 1).to_bytes()).is_err());
        let long = Progress {
            cookie: vec![b'c'; MAX_COOKIE_BYTES + 1],
            work: Work::Idle,
        };
        assert_eq!(
            Progress::from_bytes(&long.to_bytes()),
            Err(Damaged("a cookie is too long"))
        );
    }

    #[test]
    fn a_watermark_of_another_dialect_is_refused() {
        assert!(Progress::from_bytes(b"PVW1").is_err());
        assert!(Progress::from_bytes(b"").is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(cookie: Vec<u8>, since: Vec<u8>, after: u128, mut bounds: Vec<[u8; 16]>, begun: bool) {
            bounds.sort_unstable();
            let bounds: Vec<_> = bounds.into_iter().map(Csn::from_bytes).collect();
            let from = begun.then(|| Csn::from_bytes([0; 16]));
            let works = [
                Work::Idle,
                Work::Deleted { since, after: Uuid::from_u128(after) },
                Work::Reading { from, bounds },
            ];
            for work in works {
                let progress = Progress { cookie: cookie.clone(), work };
                prop_assert_eq!(Progress::from_bytes(&progress.to_bytes()), Ok(progress));
            }
        }

        #[test]
        fn arbitrary_bytes_are_survived(bytes: Vec<u8>) {
            let _ = Progress::from_bytes(&bytes);
            let mut framed = MAGIC.to_vec();
            framed.extend(bytes);
            let _ = Progress::from_bytes(&framed);
        }
    }
}
