//! What has been begun and how it ended. The one thing that an agent keeps beside its trust: without it, a message that comes again
//! behind a crash would set a password a second time, perhaps over a newer one.
//!
//! Nothing secret is in it: message ids, expiries, outcomes.

use std::sync::Arc;

use provlab_platform::Files;
use provlab_protocol::writeback::{Binding, Outcome};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::product::CONFIG_FOLDER;

/// Most messages that are remembered. Expired ones are refused anyway and need no entry.
pub(super) const MAX_ENTRIES: usize = 1_024;
/// Largest journal that is read: an entry has at most about 500 bytes.
pub(super) const MAX_JOURNAL_BYTES: usize = 1024 * 1024;
/// How long beyond its expiry a message is remembered, in seconds: clocks are set back now and then.
const GRACE_SECONDS: i64 = 600;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) id: Uuid,
    /// Seconds since 1970.
    pub(super) expires: i64,
    pub(super) state: State,
}

impl Entry {
    /// How far the message of a package has come.
    pub(super) fn of(binding: &Binding, state: State) -> Self {
        Self {
            id: binding.message_id,
            expires: binding.expires,
            state,
        }
    }
}

/// How far a message has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum State {
    /// The directory may have been asked.
    Begun,
    /// It is over.
    Done(Outcome),
}

/// The journal cannot be used; nothing is written to a directory then.
#[derive(Debug, Error)]
pub(super) enum JournalError {
    /// A file failed.
    #[error("the journal of password writeback cannot be used: {0}")]
    Files(String),
    /// The file holds something else.
    #[error("the journal of password writeback is damaged; remove {0} when no reset is under way")]
    Damaged(String),
    /// There are too many messages at once.
    #[error("more than {MAX_ENTRIES} messages are under way")]
    Full,
}

/// The journal of one host.
pub(super) struct Journal {
    files: Arc<dyn Files>,
}

impl Journal {
    pub(super) fn new(files: Arc<dyn Files>) -> Self {
        Self { files }
    }

    fn path() -> String {
        format!(r"{CONFIG_FOLDER}\PasswordWriteback.journal.json")
    }

    fn load(&self) -> Result<Vec<Entry>, JournalError> {
        let fail = |error: provlab_platform::files::FilesError| JournalError::Files(error.to_string());
        let path = Self::path();
        if !self.files.exists(&path).map_err(fail)? {
            return Ok(Vec::new());
        }
        let bytes = self.files.read(&path).map_err(fail)?;
        let damaged = || JournalError::Damaged(path.clone());
        if bytes.len() > MAX_JOURNAL_BYTES {
            return Err(damaged());
        }
        serde_json::from_slice(&bytes).map_err(|_| damaged())
    }

    /// What is known of a message.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub(super) fn find(&self, id: Uuid) -> Result<Option<Entry>, JournalError> {
        Ok(self.load()?.into_iter().find(|entry| entry.id == id))
    }

    /// Notes how far a message has come; durable when this returns.
    ///
    /// # Errors
    /// The journal cannot be read or written, or is full.
    pub(super) fn note(&self, entry: Entry, now: OffsetDateTime) -> Result<(), JournalError> {
        let mut entries = self.load()?;
        let now = now.unix_timestamp();
        entries.retain(|known| known.id != entry.id && known.expires.saturating_add(GRACE_SECONDS) > now);
        if entries.len() >= MAX_ENTRIES {
            return Err(JournalError::Full);
        }
        entries.push(entry);
        let bytes = serde_json::to_vec(&entries).map_err(|error| JournalError::Files(error.to_string()))?;
        self.files
            .write_atomic(&Self::path(), &bytes)
            .map_err(|error| JournalError::Files(error.to_string()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::{World, simulate};
    use provlab_protocol::writeback::{Failure, FailureCode};

    fn entry(id: u128, expires: i64, state: State) -> Entry {
        Entry {
            id: Uuid::from_u128(id),
            expires,
            state,
        }
    }

    #[test]
    fn the_last_word_on_a_message_is_kept_until_it_has_long_expired() {
        simulate(async {
            let world = World::new();
            let journal = Journal::new(world.host.platform.files.clone());
            let now = world.host.platform.clock.wall();
            let soon = now.unix_timestamp() + 180;
            let failed = State::Done(Failure::new(FailureCode::PasswordPolicy, "0000052D").into());
            journal.note(entry(1, soon, State::Begun), now).unwrap();
            journal.note(entry(1, soon, failed.clone()), now).unwrap();
            journal.note(entry(2, soon, State::Begun), now).unwrap();
            let again = Journal::new(world.host.platform.files.clone());
            assert_eq!(
                again.find(Uuid::from_u128(1)).unwrap(),
                Some(entry(1, soon, failed))
            );
            assert_eq!(again.find(Uuid::from_u128(3)).unwrap(), None);
            let later = now + time::Duration::seconds(180 + GRACE_SECONDS);
            journal.note(entry(3, soon + 2_000, State::Begun), later).unwrap();
            assert_eq!(again.find(Uuid::from_u128(1)).unwrap(), None);
        });
    }

    #[test]
    fn a_damaged_or_full_journal_stops_the_writing() {
        simulate(async {
            let world = World::new();
            let files = world.host.platform.files.clone();
            let journal = Journal::new(files.clone());
            let now = world.host.platform.clock.wall();
            for damage in [b"[{".to_vec(), vec![b' '; MAX_JOURNAL_BYTES + 1]] {
                files.write_atomic(&Journal::path(), &damage).unwrap();
                assert!(matches!(journal.find(Uuid::nil()), Err(JournalError::Damaged(_))));
                assert!(journal.note(entry(1, 0, State::Begun), now).is_err());
            }
            let full: Vec<Entry> = (0..MAX_ENTRIES)
                .map(|id| entry(id as u128, i64::MAX, State::Begun))
                .collect();
            let bytes = serde_json::to_vec(&full).unwrap();
            files.write_atomic(&Journal::path(), &bytes).unwrap();
            assert!(matches!(
                journal.note(entry(9_999, i64::MAX, State::Begun), now),
                Err(JournalError::Full)
            ));
            let done = entry(0, i64::MAX, State::Done(Outcome::Success));
            journal.note(done.clone(), now).unwrap();
            assert_eq!(
                journal.find(Uuid::nil()).unwrap(),
                Some(done),
                "what is known can end"
            );
        });
    }
}
