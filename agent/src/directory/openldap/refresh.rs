//! One answer to a synchronization request in mode *refreshOnly*, taken in as it arrives (RFC 4533 section 3.3).

use std::collections::BTreeSet;

use provlab_protocol::ldap_controls::{Control, ControlError};
use provlab_protocol::oid;
use provlab_protocol::syncrepl::{EntryState, SyncDone, SyncInfo, SyncState};
use thiserror::Error;
use uuid::Uuid;

use crate::directory::ldap::{Entry, Found};

/// Most deleted objects in one answer, 32 MiB of them.
pub(super) const MAX_DELETED: usize = 2_000_000;

/// The answer makes no sense.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum Unusable {
    /// A control or message is malformed.
    #[error(transparent)]
    Malformed(#[from] ControlError),
    /// An entry without its state.
    #[error("an entry without a Sync State control")]
    NoState,
    /// An end without a Sync Done control.
    #[error("no Sync Done control")]
    NoDone,
    /// Too many ids.
    #[error("more than {MAX_DELETED} deleted objects")]
    TooManyDeleted,
}

/// What changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Refresh {
    /// Ids of what left the content, in their order.
    pub(super) deleted: BTreeSet<Uuid>,
    /// Entries that came or changed, as many as were to be kept.
    pub(super) entries: Vec<Entry>,
    /// How many entries there were.
    pub(super) changed: usize,
    /// The new cookie; none where nothing changed.
    pub(super) cookie: Option<Vec<u8>>,
    /// Whether what was deleted was named. If not, it was a present phase: whatever the answer does not mention is deleted.
    pub(super) deletes_named: bool,
}

impl Refresh {
    /// How many objects it tells of.
    pub(super) fn len(&self) -> usize {
        self.deleted.len() + self.changed
    }
}

/// Takes an answer in; keeps a bounded part of it.
pub(super) struct Collector {
    keep: usize,
    refresh: Refresh,
    present: bool,
    trouble: Option<Unusable>,
}

impl Collector {
    /// Keeps this many entries and counts the others.
    pub(super) fn new(keep: usize) -> Self {
        Self {
            keep,
            refresh: Refresh::default(),
            present: false,
            trouble: None,
        }
    }

    /// Takes what arrived before the end.
    pub(super) fn take(&mut self, found: Found) {
        if self.trouble.is_some() {
            return;
        }
        let taken = match found {
            Found::Entry(entry, controls) => self.entry(entry, &controls),
            Found::Between(between) if between.name == oid::intermediate::SYNC_INFO => {
                self.info(&between.value)
            }
            Found::Between(_) => Ok(()),
        };
        self.trouble = taken.err();
    }

    fn entry(&mut self, entry: Entry, controls: &[Control]) -> Result<(), Unusable> {
        let state = value_of(controls, oid::control::SYNC_STATE).ok_or(Unusable::NoState)?;
        let state = SyncState::from_value(state)?;
        match state.state {
            EntryState::Add | EntryState::Modify => {
                // It left the content and came back while the answer was made.
                self.refresh.deleted.remove(&state.id);
                self.refresh.changed += 1;
                if self.refresh.entries.len() < self.keep {
                    self.refresh.entries.push(entry);
                }
            }
            EntryState::Delete => self.delete(state.id)?,
            EntryState::Present => self.present = true,
        }
        Ok(())
    }

    fn info(&mut self, value: &[u8]) -> Result<(), Unusable> {
        match SyncInfo::from_value(value)? {
            SyncInfo::IdSet {
                deleted: true, ids, ..
            } => ids.into_iter().try_for_each(|id| self.delete(id))?,
            SyncInfo::IdSet { deleted: false, .. } | SyncInfo::RefreshPresent { .. } => self.present = true,
            SyncInfo::RefreshDelete { .. } | SyncInfo::NewCookie(_) => {}
        }
        Ok(())
    }

    fn delete(&mut self, id: Uuid) -> Result<(), Unusable> {
        if self.refresh.deleted.len() == MAX_DELETED {
            return Err(Unusable::TooManyDeleted);
        }
        self.refresh.deleted.insert(id);
        Ok(())
    }

    /// Takes the controls of the final answer.
    pub(super) fn finish(mut self, controls: &[Control]) -> Result<Refresh, Unusable> {
        if let Some(trouble) = self.trouble {
            return Err(trouble);
        }
        let done = value_of(controls, oid::control::SYNC_DONE).ok_or(Unusable::NoDone)?;
        let done = SyncDone::from_value(done)?;
        self.refresh.cookie = done.cookie;
        self.refresh.deletes_named = done.refresh_deletes && !self.present;
        Ok(self.refresh)
    }
}

fn value_of<'a>(controls: &'a [Control], oid: &str) -> Option<&'a [u8]> {
    let control = controls.iter().find(|control| control.oid == oid)?;
    control.value.as_deref()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use provlab_protocol::ber::{self, Writer};

    use super::*;
    use crate::directory::ldap::Intermediate;

    fn id(number: u8) -> Uuid {
        Uuid::from_bytes([number; 16])
    }

    fn entry(state: i64, number: u8) -> Found {
        let value = ber::sequence(|out| {
            out.octets(id(number).as_bytes());
            out.enumerated(state);
        });
        let control = Control::new(oid::control::SYNC_STATE, false).with_value(value);
        let entry = Entry {
            dn: format!("uid=u{number}"),
            attributes: Vec::new(),
        };
        Found::Entry(entry, vec![control])
    }

    fn ids(deleted: bool, numbers: &[u8]) -> Found {
        let mut out = Writer::new();
        out.constructed(0xa3, |out| {
            out.constructed(ber::SET, |out| {
                numbers
                    .iter()
                    .for_each(|number| out.octets(id(*number).as_bytes()));
            });
            out.boolean(deleted);
        });
        Found::Between(Intermediate {
            name: oid::intermediate::SYNC_INFO.to_owned(),
            value: out.as_slice().to_vec(),
        })
    }

    fn done(deletes: bool) -> Vec<Control> {
        let value = ber::sequence(|out| {
            out.boolean(deletes);
            out.octets(b"next");
        });
        vec![Control::new(oid::control::SYNC_DONE, false).with_value(value)]
    }

    fn taken(keep: usize, found: Vec<Found>, end: &[Control]) -> Result<Refresh, Unusable> {
        let mut collector = Collector::new(keep);
        found.into_iter().for_each(|found| collector.take(found));
        collector.finish(end)
    }

    #[test]
    fn a_delete_phase_names_what_was_deleted() {
        let refresh = taken(9, vec![ids(true, &[3, 1]), entry(1, 2), entry(3, 4)], &done(true)).unwrap();
        assert!(refresh.deletes_named);
        assert_eq!(refresh.deleted, BTreeSet::from([id(1), id(3), id(4)]));
        assert_eq!(refresh.entries[0].dn, "uid=u2");
        assert_eq!(refresh.cookie.as_deref(), Some(&b"next"[..]));
        assert_eq!(refresh.len(), 4);
    }

    #[test]
    fn a_present_phase_is_not_taken_for_a_delete_phase() {
        let by_the_end = taken(9, vec![entry(1, 2)], &done(false)).unwrap();
        let by_the_ids = taken(9, vec![ids(false, &[3])], &done(true)).unwrap();
        assert!(!by_the_end.deletes_named && !by_the_ids.deletes_named);
        assert!(by_the_ids.deleted.is_empty());
    }

    #[test]
    fn more_than_was_to_be_kept_is_counted() {
        let refresh = taken(1, vec![entry(1, 1), entry(2, 2), entry(1, 3)], &done(true)).unwrap();
        assert_eq!((refresh.entries.len(), refresh.changed), (1, 3));
    }

    #[test]
    fn answers_without_their_controls_are_unusable() {
        assert_eq!(taken(1, Vec::new(), &[]), Err(Unusable::NoDone));
        let bare = Found::Entry(Entry::default(), Vec::new());
        assert_eq!(taken(1, vec![bare], &done(true)), Err(Unusable::NoState));
        let mut damaged = done(true);
        damaged[0].value = Some(vec![0x30, 0x05]);
        assert!(matches!(
            taken(1, Vec::new(), &damaged),
            Err(Unusable::Malformed(_))
        ));
    }
}
