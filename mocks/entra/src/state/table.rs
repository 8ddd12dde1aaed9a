//! A table of rows: ordered, with secondary indexes that follow every change.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::{Cloud, DbError};

/// One durable record of the cloud.
pub trait Row: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Name of the table in the durable store.
    const TABLE: &'static str;

    /// The tenant that owns the row, or [`super::GLOBAL`].
    fn tenant(&self) -> Uuid;

    /// Key within the tenant. Stable for the life of the row.
    fn id(&self) -> String;

    /// Secondary keys as (index, key) pairs; several rows may share one. Keys that are compared without
    /// regard to case are given in lower case.
    fn keys(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Number of the last change for rows that delta queries follow.
    fn change(&self) -> Option<u64> {
        None
    }

    /// Called on every [`super::Txn::put`] with the row as it was and the number of the change.
    fn stamp(&mut self, _before: Option<&Self>, _change: u64) {}
}

/// A row that has a table in [`Cloud`]; implemented by the list of tables.
pub trait Stored: Row {
    /// Its table.
    fn table(cloud: &Cloud) -> &Table<Self>;
    /// Its table, for [`super::Txn`].
    fn table_mut(cloud: &mut Cloud) -> &mut Table<Self>;
}

/// Rows of one kind, ordered by tenant and id.
pub struct Table<R> {
    rows: BTreeMap<(Uuid, String), R>,
    keys: BTreeMap<(Uuid, &'static str, String), BTreeSet<String>>,
    changes: BTreeMap<(Uuid, u64), String>,
}

impl<R> Default for Table<R> {
    fn default() -> Self {
        Self {
            rows: BTreeMap::new(),
            keys: BTreeMap::new(),
            changes: BTreeMap::new(),
        }
    }
}

impl<R: Row> Table<R> {
    /// The row with this id.
    #[must_use]
    pub fn get(&self, tenant: Uuid, id: &str) -> Option<&R> {
        self.rows.get(&(tenant, id.to_owned()))
    }

    /// All rows of a tenant, by id.
    pub fn of(&self, tenant: Uuid) -> impl Iterator<Item = &R> {
        self.starting_with(tenant, "")
    }

    /// The rows of a tenant whose id starts with `prefix`, by id.
    pub fn starting_with<'a>(&'a self, tenant: Uuid, prefix: &'a str) -> impl Iterator<Item = &'a R> {
        self.rows
            .range((tenant, prefix.to_owned())..)
            .take_while(move |((owner, id), _)| *owner == tenant && id.starts_with(prefix))
            .map(|(_, row)| row)
    }

    /// The rows of a tenant whose id is greater than `after`, by id.
    pub fn after<'a>(&'a self, tenant: Uuid, after: &str) -> impl Iterator<Item = &'a R> + use<'a, R> {
        use std::ops::Bound::{Excluded, Unbounded};
        self.rows
            .range((Excluded((tenant, after.to_owned())), Unbounded))
            .take_while(move |((owner, _), _)| *owner == tenant)
            .map(|(_, row)| row)
    }

    /// Every row of every tenant.
    pub fn all(&self) -> impl Iterator<Item = &R> {
        self.rows.values()
    }

    /// The rows of a tenant that carry a secondary key, by id.
    pub fn find<'a>(
        &'a self,
        tenant: Uuid,
        index: &'static str,
        key: &str,
    ) -> impl Iterator<Item = &'a R> + use<'a, R> {
        self.keys
            .get(&(tenant, index, key.to_owned()))
            .into_iter()
            .flatten()
            .filter_map(move |id| self.get(tenant, id))
    }

    /// The rows of a tenant changed after change number `since`, oldest change first.
    pub fn changed_since(&self, tenant: Uuid, since: u64) -> impl Iterator<Item = &R> {
        self.changes
            .range((tenant, since.saturating_add(1))..=(tenant, u64::MAX))
            .filter_map(move |((_, _), id)| self.get(tenant, id))
    }

    /// The row of a tenant that was changed last.
    #[must_use]
    pub fn last_changed(&self, tenant: Uuid) -> Option<&R> {
        let ((_, _), id) = self.changes.range((tenant, 0)..=(tenant, u64::MAX)).next_back()?;
        self.get(tenant, id)
    }

    /// Number of rows of a tenant.
    #[must_use]
    pub fn count(&self, tenant: Uuid) -> usize {
        self.of(tenant).count()
    }

    pub(super) fn load(store: &dyn provlab_platform::Store) -> Result<Self, DbError> {
        let mut table = Self::default();
        for (_, bytes) in store.load(R::TABLE)? {
            let row = serde_json::from_slice(&bytes).map_err(|source| DbError::Row {
                table: R::TABLE,
                source,
            })?;
            table.insert(row);
        }
        Ok(table)
    }

    /// Highest change number of any row.
    pub(super) fn last_change(&self) -> u64 {
        self.changes.keys().map(|(_, change)| *change).max().unwrap_or(0)
    }

    pub(super) fn insert(&mut self, row: R) -> Option<R> {
        let (tenant, id) = (row.tenant(), row.id());
        let before = self.take(tenant, &id);
        for (index, key) in row.keys() {
            self.keys
                .entry((tenant, index, key))
                .or_default()
                .insert(id.clone());
        }
        if let Some(change) = row.change() {
            self.changes.insert((tenant, change), id.clone());
        }
        self.rows.insert((tenant, id), row);
        before
    }

    pub(super) fn take(&mut self, tenant: Uuid, id: &str) -> Option<R> {
        let row = self.rows.remove(&(tenant, id.to_owned()))?;
        for (index, key) in row.keys() {
            let place = (tenant, index, key);
            if let Some(ids) = self.keys.get_mut(&place) {
                ids.remove(id);
                if ids.is_empty() {
                    self.keys.remove(&place);
                }
            }
        }
        if let Some(change) = row.change() {
            self.changes.remove(&(tenant, change));
        }
        Some(row)
    }
}
