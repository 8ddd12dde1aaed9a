//! Where replication with one domain controller stands, as the cloud keeps it (`docs/wire.md`).

use provlab_protocol::drsuapi::{MAX_CURSORS, UpToDateCursor, UsnVector};
use provlab_protocol::guid::Guid;
use thiserror::Error;

const MAGIC: &[u8; 4] = b"PVH1";
const CURSOR_BYTES: usize = 24;

/// A position in the changes of one database, and what is known of others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Position {
    /// The database that `usns` count.
    pub invocation_id: Guid,
    /// How far its changes are known.
    pub usns: UsnVector,
    /// How far the writes of all databases are known.
    pub up_to_date: Vec<UpToDateCursor>,
}

/// Not a watermark of password hash synchronization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the watermark is damaged")]
pub struct Damaged;

impl Position {
    /// The watermark's bytes. Of a longer up-to-date vector than [`MAX_CURSORS`] the rest is left out: what it knows is told again.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let cursors = &self.up_to_date[..self.up_to_date.len().min(MAX_CURSORS)];
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&self.invocation_id.to_le_bytes());
        let usns = self.usns;
        for usn in [usns.object_update, usns.reserved, usns.property_update] {
            out.extend_from_slice(&usn.to_le_bytes());
        }
        out.extend_from_slice(&(cursors.len() as u16).to_le_bytes());
        for cursor in cursors {
            out.extend_from_slice(&cursor.invocation_id.to_le_bytes());
            out.extend_from_slice(&cursor.usn.to_le_bytes());
        }
        out
    }

    /// Reads a watermark.
    ///
    /// # Errors
    /// It is of another kind, or damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Damaged> {
        let mut rest = bytes.strip_prefix(MAGIC).ok_or(Damaged)?;
        let invocation_id = Guid::from_le_bytes(take(&mut rest)?);
        let mut usn = || take(&mut rest).map(u64::from_le_bytes);
        let usns = UsnVector {
            object_update: usn()?,
            reserved: usn()?,
            property_update: usn()?,
        };
        let count = usize::from(u16::from_le_bytes(take(&mut rest)?));
        if count > MAX_CURSORS || rest.len() != count * CURSOR_BYTES {
            return Err(Damaged);
        }
        let mut up_to_date = Vec::with_capacity(count);
        for _ in 0..count {
            up_to_date.push(UpToDateCursor {
                invocation_id: Guid::from_le_bytes(take(&mut rest)?),
                usn: u64::from_le_bytes(take(&mut rest)?),
            });
        }
        Ok(Self {
            invocation_id,
            usns,
            up_to_date,
        })
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Damaged> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or(Damaged)?;
    *rest = tail;
    Ok(*head)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;
    use provlab_protocol::scim::MAX_WATERMARK_BYTES;

    use super::*;

    fn position(cursors: usize) -> Position {
        let cursor = UpToDateCursor {
            invocation_id: Guid::from_u128(2),
            usn: 7,
        };
        Position {
            invocation_id: Guid::from_u128(1),
            usns: UsnVector {
                object_update: 3,
                reserved: 0,
                property_update: 1,
            },
            up_to_date: vec![cursor; cursors],
        }
    }

    #[test]
    fn watermarks_at_the_limit() {
        let longest = position(MAX_CURSORS);
        assert!(longest.to_bytes().len() <= MAX_WATERMARK_BYTES);
        assert_eq!(Position::from_bytes(&longest.to_bytes()), Ok(longest.clone()));
        assert_eq!(position(MAX_CURSORS + 1).to_bytes(), longest.to_bytes());
        let mut longer = longest.to_bytes();
        longer[44..46].copy_from_slice(&(MAX_CURSORS as u16 + 1).to_le_bytes());
        longer.extend_from_slice(&[0; CURSOR_BYTES]);
        assert_eq!(Position::from_bytes(&longer), Err(Damaged));
    }

    #[test]
    fn damage_is_refused() {
        let good = position(2).to_bytes();
        for length in 0..good.len() {
            assert_eq!(Position::from_bytes(&good[..length]), Err(Damaged), "{length}");
        }
        assert_eq!(Position::from_bytes(&[&good[..], &[0]].concat()), Err(Damaged));
        assert_eq!(Position::from_bytes(b"PVS1"), Err(Damaged));
    }

    proptest! {
        #[test]
        fn any_bytes_survive(tail in prop::collection::vec(any::<u8>(), 0..120)) {
            let bytes = [&MAGIC[..], &tail].concat();
            if let Ok(position) = Position::from_bytes(&bytes) {
                prop_assert_eq!(position.to_bytes(), bytes);
            }
        }
    }
}
