//! A store in one file of this machine, for mocks that are processes of their own.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, TableError};

use super::{Batch, Row, Store, StoreError};

/// Rows in a redb file; a commit is flushed to the medium before it returns.
#[derive(Debug)]
pub struct RedbStore {
    database: Database,
    path: PathBuf,
}

impl RedbStore {
    /// Opens the file, making it if there is none.
    ///
    /// # Errors
    /// [`StoreError::Medium`] if the file is no store, is in use by another process, or cannot be made.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref().to_owned();
        let database = Database::create(&path).map_err(|e| medium("open", &path, &e))?;
        Ok(Self { database, path })
    }
}

fn medium(verb: &str, path: &Path, error: &dyn Display) -> StoreError {
    StoreError::Medium {
        action: format!("cannot {verb} the store {}", path.display()),
        detail: error.to_string(),
    }
}

fn definition(table: &str) -> TableDefinition<'_, &'static [u8], &'static [u8]> {
    TableDefinition::new(table)
}

impl Store for RedbStore {
    fn load(&self, table: &str) -> Result<Vec<Row>, StoreError> {
        let fail = |e: &dyn Display| medium("read", &self.path, e);
        let read = self.database.begin_read().map_err(|e| fail(&e))?;
        let rows = match read.open_table(definition(table)) {
            Ok(rows) => rows,
            Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
            Err(e) => return Err(fail(&e)),
        };
        let mut loaded = Vec::new();
        for row in rows.iter().map_err(|e| fail(&e))? {
            let (key, value) = row.map_err(|e| fail(&e))?;
            loaded.push((key.value().to_vec(), value.value().to_vec()));
        }
        Ok(loaded)
    }

    fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        batch.check()?;
        let fail = |e: &dyn Display| medium("write to", &self.path, e);
        let write = self.database.begin_write().map_err(|e| fail(&e))?;
        for change in &batch.changes {
            let mut rows = write
                .open_table(definition(&change.table))
                .map_err(|e| fail(&e))?;
            match &change.value {
                Some(value) => rows.insert(change.key.as_slice(), value.as_slice()),
                None => rows.remove(change.key.as_slice()),
            }
            .map_err(|e| fail(&e))?;
        }
        write.commit().map_err(|e| fail(&e))
    }
}
