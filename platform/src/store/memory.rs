//! A store that outlives the component, not the process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Batch, Row, Store, StoreError};

type Tables = BTreeMap<String, BTreeMap<Vec<u8>, Vec<u8>>>;

/// Rows in memory. Clones share them: keep one to start a killed component again on the same state.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    tables: Tables,
    commits_left: Option<usize>,
    commits: usize,
    rows_written: usize,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets `count` further commits succeed; every one after that fails with [`StoreError::Crashed`].
    pub fn crash_after(&self, count: usize) {
        self.lock().commits_left = Some(count);
    }

    /// The component runs again: commits succeed from now on.
    pub fn restart(&self) {
        self.lock().commits_left = None;
    }

    /// How many commits have succeeded so far; the range in which a kill can be placed.
    #[must_use]
    pub fn commits(&self) -> usize {
        self.lock().commits
    }

    /// How many rows these commits have written or removed: what a change costs, whatever the machine.
    #[must_use]
    pub fn rows_written(&self) -> usize {
        self.lock().rows_written
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn load(&self, table: &str) -> Result<Vec<Row>, StoreError> {
        let state = self.lock();
        let rows = state.tables.get(table).into_iter().flatten();
        Ok(rows.map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        batch.check()?;
        let mut state = self.lock();
        match state.commits_left {
            Some(0) => return Err(StoreError::Crashed),
            Some(left) => state.commits_left = Some(left - 1),
            None => {}
        }
        state.commits += 1;
        state.rows_written += batch.changes.len();
        for change in batch.changes {
            let rows = state.tables.entry(change.table).or_default();
            match change.value {
                Some(value) => rows.insert(change.key, value),
                None => rows.remove(&change.key),
            };
        }
        Ok(())
    }
}
