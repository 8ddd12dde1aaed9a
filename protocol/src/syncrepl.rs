//! Content synchronization is how OpenLDAP and its kin tell what changed (RFC 4533).
//!
//! Only *refreshOnly* is asked for. The server answers with the changed entries, each with a [`SyncState`], with
//! [`SyncInfo`] messages between them, and with a [`SyncDone`] at the end.

use uuid::Uuid;

use crate::ber::{self, BerError, Reader};
use crate::ldap_controls::{ControlError, check_length, read_fields};

/// Longest synchronization cookie that is taken, in bytes: OpenLDAP's has about 41 for each provider of the directory.
pub const MAX_SYNC_COOKIE_BYTES: usize = 8 * 1024;
/// Most ids in one [`SyncInfo::IdSet`]. OpenLDAP sends about a thousand at a time.
pub const MAX_SYNC_IDS: usize = 100_000;
/// Longest value of a Sync Info message, in bytes: the ids, each with a header of two bytes, and a cookie.
const MAX_SYNC_INFO_BYTES: usize = MAX_SYNC_IDS * 18 + MAX_SYNC_COOKIE_BYTES + 64;

/// `refreshOnly` of the request's mode.
const REFRESH_ONLY: i64 = 1;
const UUID_BYTES: usize = 16;

/// The value of the request control, in mode *refreshOnly* (section 2.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncRequest {
    /// Where the last refresh ended; none for the initial content.
    pub cookie: Option<Vec<u8>>,
    /// Whether a server that cannot tell what was deleted should refuse with `e-syncRefreshRequired` and not send everything.
    pub reload_hint: bool,
}

/// The state of an entry (section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryState {
    /// Unchanged: the entry comes without attributes.
    Present,
    /// It came into the content, or may have changed.
    Add,
    /// It changed.
    Modify,
    /// It left the content: the entry comes without attributes.
    Delete,
}

/// The value of the control on an entry (section 2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncState {
    /// What happened to the entry.
    pub state: EntryState,
    /// Its entryUUID.
    pub id: Uuid,
    /// A new cookie.
    pub cookie: Option<Vec<u8>>,
}

/// The value of the control on the final answer (section 2.4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncDone {
    /// The new cookie; none where nothing changed.
    pub cookie: Option<Vec<u8>>,
    /// True: what was deleted was named. False: what was not mentioned is deleted.
    pub refresh_deletes: bool,
}

/// The value of a Sync Info message (section 2.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyncInfo {
    /// Nothing but a new cookie.
    NewCookie(Vec<u8>),
    /// A delete phase ends.
    RefreshDelete {
        /// A new cookie.
        cookie: Option<Vec<u8>>,
    },
    /// A present phase ends.
    RefreshPresent {
        /// A new cookie.
        cookie: Option<Vec<u8>>,
    },
    /// Many entries of one state.
    IdSet {
        /// A new cookie.
        cookie: Option<Vec<u8>>,
        /// True: they were deleted. False: they are unchanged.
        deleted: bool,
        /// Their entryUUIDs.
        ids: Vec<Uuid>,
    },
}

impl SyncRequest {
    /// `SEQUENCE { mode ENUMERATED, cookie OCTET STRING OPTIONAL, reloadHint BOOLEAN DEFAULT FALSE }`.
    pub fn to_value(&self) -> Vec<u8> {
        ber::sequence(|out| {
            if self.reload_hint {
                out.boolean(true);
            }
            if let Some(cookie) = &self.cookie {
                out.octets(cookie);
            }
            out.enumerated(REFRESH_ONLY);
        })
    }
}

impl SyncState {
    /// Reads the control's value.
    ///
    /// # Errors
    /// Malformed, or an id or cookie of an impossible length.
    pub fn from_value(value: &[u8]) -> Result<Self, ControlError> {
        read_fields("Sync State", value, |fields| {
            let state = match fields.enumerated()? {
                0 => EntryState::Present,
                1 => EntryState::Add,
                2 => EntryState::Modify,
                3 => EntryState::Delete,
                _ => return Err(BerError::Number),
            };
            Ok(Self {
                state,
                id: id(fields.octets()?)?,
                cookie: cookie(fields)?,
            })
        })
    }
}

impl SyncDone {
    /// Reads the control's value.
    ///
    /// # Errors
    /// Malformed, or a cookie of an impossible length.
    pub fn from_value(value: &[u8]) -> Result<Self, ControlError> {
        read_fields("Sync Done", value, |fields| {
            Ok(Self {
                cookie: cookie(fields)?,
                refresh_deletes: flag(fields, false)?,
            })
        })
    }
}

impl SyncInfo {
    /// Reads the value of an intermediate response.
    ///
    /// # Errors
    /// Malformed, too long, or more than [`MAX_SYNC_IDS`] ids.
    pub fn from_value(value: &[u8]) -> Result<Self, ControlError> {
        const NAME: &str = "Sync Info";
        check_length(NAME, value, MAX_SYNC_INFO_BYTES)?;
        read_info(value).map_err(|source| ControlError::Ber {
            control: NAME,
            source,
        })
    }
}

fn read_info(value: &[u8]) -> Result<SyncInfo, BerError> {
    let mut outer = Reader::new(value);
    let (tag, contents) = outer.element()?;
    outer.finish()?;
    let mut fields = Reader::new(contents);
    let info = match tag {
        0x80 => return Ok(SyncInfo::NewCookie(within_limit(contents)?.to_vec())),
        0xa1 | 0xa2 => {
            let cookie = cookie(&mut fields)?;
            // refreshDone: means something only where the search goes on.
            flag(&mut fields, true)?;
            if tag == 0xa1 {
                SyncInfo::RefreshDelete { cookie }
            } else {
                SyncInfo::RefreshPresent { cookie }
            }
        }
        0xa3 => {
            let cookie = cookie(&mut fields)?;
            let deleted = flag(&mut fields, false)?;
            let mut set = fields.nested(ber::SET)?;
            let mut ids = Vec::new();
            while !set.is_empty() {
                if ids.len() == MAX_SYNC_IDS {
                    return Err(BerError::TooMany { limit: MAX_SYNC_IDS });
                }
                ids.push(id(set.octets()?)?);
            }
            SyncInfo::IdSet { cookie, deleted, ids }
        }
        found => return Err(BerError::Tag { wanted: 0xa3, found }),
    };
    fields.finish()?;
    Ok(info)
}

fn id(bytes: &[u8]) -> Result<Uuid, BerError> {
    <[u8; UUID_BYTES]>::try_from(bytes)
        .map(Uuid::from_bytes)
        .map_err(|_| BerError::Length)
}

fn cookie(fields: &mut Reader<'_>) -> Result<Option<Vec<u8>>, BerError> {
    fields
        .optional(ber::OCTET_STRING)?
        .map(|bytes| within_limit(bytes).map(<[u8]>::to_vec))
        .transpose()
}

fn within_limit(cookie: &[u8]) -> Result<&[u8], BerError> {
    if cookie.len() > MAX_SYNC_COOKIE_BYTES {
        return Err(BerError::TooMany {
            limit: MAX_SYNC_COOKIE_BYTES,
        });
    }
    Ok(cookie)
}

fn flag(fields: &mut Reader<'_>, default: bool) -> Result<bool, BerError> {
    fields.optional(ber::BOOLEAN)?.map_or(Ok(default), ber::truth)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;
    use uuid::uuid;

    use super::*;

    #[test]
    fn requests_have_the_bytes_of_the_rfc() {
        let initial = SyncRequest::default();
        assert_eq!(hex::encode(initial.to_value()), "30030a0101");
        let next = SyncRequest {
            cookie: Some(b"ab".to_vec()),
            reload_hint: true,
        };
        assert_eq!(hex::encode(next.to_value()), "300a0a0101040261620101ff");
    }

    /// Recorded from OpenLDAP 2.6.10.
    #[test]
    fn answers_of_openldap_are_read() {
        let state = STANDARD.decode("MBUKAQEEENIW4Rh7TBBBiFpdtFg9W9w=").unwrap();
        assert_eq!(
            SyncState::from_value(&state),
            Ok(SyncState {
                state: EntryState::Add,
                id: uuid!("d216e118-7b4c-1041-885a-5db4583d5bdc"),
                cookie: None,
            })
        );
        let done = "MDkENHJpZD0wMDAsY3NuPTIwMjYxMTIzMDU0NTIzLjM2MzgzMVojMDAwMDAwIzAwMCMwMDAwMDABAf8=";
        let done = SyncDone::from_value(&STANDARD.decode(done).unwrap()).unwrap();
        assert!(done.refresh_deletes);
        assert_eq!(
            done.cookie.as_deref(),
            Some(&b"rid=000,csn=20261123054523.363831Z#000000#000#000000"[..])
        );
    }

    fn id_set(count: usize, deleted: bool) -> Vec<u8> {
        let mut out = ber::Writer::new();
        out.constructed(0xa3, |out| {
            out.constructed(ber::SET, |out| {
                (0..count).for_each(|_| out.octets(&[7; UUID_BYTES]));
            });
            if deleted {
                out.boolean(true);
            }
        });
        out.as_slice().to_vec()
    }

    #[test]
    fn sets_of_ids_say_whether_they_were_deleted() {
        let ids = vec![Uuid::from_bytes([7; 16]); 2];
        for deleted in [true, false] {
            let (cookie, ids) = (None, ids.clone());
            assert_eq!(
                SyncInfo::from_value(&id_set(2, deleted)),
                Ok(SyncInfo::IdSet { cookie, deleted, ids })
            );
        }
        assert_eq!(
            SyncInfo::from_value(&hex::decode("8002abcd").unwrap()),
            Ok(SyncInfo::NewCookie(vec![0xab, 0xcd]))
        );
        assert_eq!(
            SyncInfo::from_value(&hex::decode("a200").unwrap()),
            Ok(SyncInfo::RefreshPresent { cookie: None })
        );
    }

    #[test]
    fn ids_and_cookies_are_bounded() {
        assert!(SyncInfo::from_value(&id_set(MAX_SYNC_IDS, true)).is_ok());
        assert!(SyncInfo::from_value(&id_set(MAX_SYNC_IDS + 1, true)).is_err());
        let done = |length: usize| SyncDone::from_value(&ber::sequence(|out| out.octets(&vec![7; length])));
        assert!(done(MAX_SYNC_COOKIE_BYTES).is_ok());
        assert!(done(MAX_SYNC_COOKIE_BYTES + 1).is_err());
        let state = ber::sequence(|out| {
            out.octets(&[7; UUID_BYTES - 1]);
            out.enumerated(1);
        });
        assert!(SyncState::from_value(&state).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>) {
            let _ = SyncState::from_value(&bytes);
            let _ = SyncDone::from_value(&bytes);
            let _ = SyncInfo::from_value(&bytes);
        }
    }
}
