//! Durable state of the mocks: what is committed survives a kill at any instant, what is not leaves no trace.

mod durable;
mod memory;
#[cfg(test)]
mod tests;

pub use durable::RedbStore;
pub use memory::MemoryStore;

/// Longest name of a table.
pub const MAX_TABLE_NAME_BYTES: usize = 64;
/// Longest key of a row.
pub const MAX_KEY_BYTES: usize = 1 << 16;
/// Longest value of a row.
pub const MAX_VALUE_BYTES: usize = 64 << 20;

/// A key and its value.
pub type Row = (Vec<u8>, Vec<u8>);

/// Rows of bytes in named tables.
pub trait Store: Send + Sync {
    /// All rows of the table in key order; empty if there is no such table.
    ///
    /// # Errors
    /// [`StoreError`] if the medium cannot be read.
    fn load(&self, table: &str) -> Result<Vec<Row>, StoreError>;

    /// Applies the whole batch, in its order, or nothing of it; it is on the medium when this returns.
    ///
    /// # Errors
    /// [`StoreError`] if a name, key or value is over its limit or the medium refuses; then nothing changed.
    fn commit(&self, batch: Batch) -> Result<(), StoreError>;
}

/// Changes that belong together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    pub(crate) changes: Vec<Change>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) table: String,
    pub(crate) key: Vec<u8>,
    /// `None` removes the row.
    pub(crate) value: Option<Vec<u8>>,
}

impl Batch {
    /// No change yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes the row, replacing what was under the key.
    pub fn put(
        &mut self,
        table: impl Into<String>,
        key: impl Into<Vec<u8>>,
        value: impl Into<Vec<u8>>,
    ) -> &mut Self {
        self.changes.push(Change {
            table: table.into(),
            key: key.into(),
            value: Some(value.into()),
        });
        self
    }

    /// Removes the row; nothing happens if there is none.
    pub fn remove(&mut self, table: impl Into<String>, key: impl Into<Vec<u8>>) -> &mut Self {
        self.changes.push(Change {
            table: table.into(),
            key: key.into(),
            value: None,
        });
        self
    }

    /// Adds the changes of `other` after these.
    pub fn append(&mut self, mut other: Batch) -> &mut Self {
        self.changes.append(&mut other.changes);
        self
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Number of changes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    pub(crate) fn check(&self) -> Result<(), StoreError> {
        for change in &self.changes {
            let limits = [
                ("table name", change.table.len(), MAX_TABLE_NAME_BYTES),
                ("key", change.key.len(), MAX_KEY_BYTES),
                (
                    "value",
                    change.value.as_ref().map_or(0, Vec::len),
                    MAX_VALUE_BYTES,
                ),
            ];
            if let Some((what, size, limit)) = limits.into_iter().find(|(_, size, limit)| size > limit) {
                return Err(StoreError::TooLarge { what, size, limit });
            }
        }
        Ok(())
    }
}

/// The store refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A name, key or value is over its limit.
    #[error("a {what} of {size} bytes is over the limit of {limit} bytes")]
    TooLarge {
        /// Which of them.
        what: &'static str,
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The component was killed by [`MemoryStore::crash_after`]; nothing is written any more.
    #[error("the component was killed before this commit")]
    Crashed,
    /// The medium failed.
    #[error("{action}: {detail}")]
    Medium {
        /// What was attempted, with the place.
        action: String,
        /// What the medium said.
        detail: String,
    },
}
