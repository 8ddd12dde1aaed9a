//! The only way to change the cloud: all or nothing, durable before it is visible outside.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use provlab_platform::{Batch, Store, StoreError};
use tokio::sync::watch;
use uuid::Uuid;

use super::{Cloud, Stored};

/// Why the state could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The durable store refused.
    #[error("the cloud's durable store failed: {0}; look at the disk that holds it")]
    Store(#[from] StoreError),
    /// A stored row does not fit its type.
    #[error("a stored row of table `{table}` cannot be read: {source}; start from an empty store")]
    Row {
        /// Name of the table.
        table: &'static str,
        /// What the parser says.
        source: serde_json::Error,
    },
}

/// The state behind its lock, with the store that makes it durable.
pub struct Db {
    inner: Mutex<Inner>,
    store: Arc<dyn Store>,
    commits: watch::Sender<u64>,
}

struct Inner {
    cloud: Cloud,
    last_change: u64,
}

impl Db {
    /// Loads what the store holds; an empty store gives an empty cloud.
    ///
    /// # Errors
    /// The store cannot be read, or holds rows of another shape.
    pub fn open(store: Arc<dyn Store>) -> Result<Self, DbError> {
        let cloud = Cloud::load(store.as_ref())?;
        let last_change = [
            cloud.users.last_change(),
            cloud.groups.last_change(),
            cloud.removed.last_change(),
        ]
        .into_iter()
        .max()
        .unwrap_or(0);
        Ok(Self {
            inner: Mutex::new(Inner { cloud, last_change }),
            store,
            commits: watch::Sender::new(0),
        })
    }

    /// Looks at the state. `look` must not call back into the database.
    pub fn read<T>(&self, look: impl FnOnce(&Cloud) -> T) -> T {
        look(&self.lock().cloud)
    }

    /// Changes the state: all or nothing.
    ///
    /// When `change` fails, or the store does, every row is as before. `change` must not call back into the
    /// database.
    ///
    /// # Errors
    /// What `change` returns, or the failure of the store.
    pub fn write<T, E: From<DbError>>(
        &self,
        change: impl FnOnce(&mut Txn<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut guard = self.lock();
        let inner = &mut *guard;
        let mut txn = Txn {
            cloud: &mut inner.cloud,
            last_change: inner.last_change,
            undo: Vec::new(),
            dirty: BTreeMap::new(),
            failed: None,
        };
        match change(&mut txn) {
            Ok(value) => {
                let last_change = txn.last_change;
                if txn.commit(self.store.as_ref())? {
                    inner.last_change = last_change;
                    self.commits.send_modify(|count| *count += 1);
                }
                Ok(value)
            }
            Err(error) => {
                txn.roll_back();
                Err(error)
            }
        }
    }

    /// Wakes on every commit; the value counts them.
    #[must_use]
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.commits.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic inside a closure cannot leave half a change: rows are undone or were never committed.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Undo = Box<dyn FnOnce(&mut Cloud)>;

/// One change under way.
pub struct Txn<'a> {
    cloud: &'a mut Cloud,
    last_change: u64,
    undo: Vec<Undo>,
    dirty: BTreeMap<(&'static str, Vec<u8>), Option<Vec<u8>>>,
    failed: Option<DbError>,
}

impl Txn<'_> {
    /// The state as this change has made it so far.
    #[must_use]
    pub fn cloud(&self) -> &Cloud {
        self.cloud
    }

    /// Writes a row, new or changed.
    pub fn put<R: Stored>(&mut self, mut row: R) {
        if row.change().is_some() {
            self.last_change += 1;
        }
        let (tenant, id) = (row.tenant(), row.id());
        row.stamp(R::table(self.cloud).get(tenant, &id), self.last_change);
        match serde_json::to_vec(&row) {
            Ok(bytes) => {
                self.dirty.insert((R::TABLE, key(tenant, &id)), Some(bytes));
            }
            Err(source) => {
                self.failed.get_or_insert(DbError::Row {
                    table: R::TABLE,
                    source,
                });
            }
        }
        let before = R::table_mut(self.cloud).insert(row);
        self.remember(tenant, id, before);
    }

    /// Changes the row with this id in place; `None` when there is none.
    pub fn update<R: Stored, T>(
        &mut self,
        tenant: Uuid,
        id: &str,
        change: impl FnOnce(&mut R) -> T,
    ) -> Option<T> {
        let mut row = R::table(self.cloud).get(tenant, id)?.clone();
        let value = change(&mut row);
        self.put(row);
        Some(value)
    }

    /// Removes the row with this id and returns it.
    pub fn remove<R: Stored>(&mut self, tenant: Uuid, id: &str) -> Option<R> {
        let row = R::table_mut(self.cloud).take(tenant, id)?;
        self.dirty.insert((R::TABLE, key(tenant, id)), None);
        self.remember(tenant, id.to_owned(), Some(row.clone()));
        Some(row)
    }

    fn remember<R: Stored>(&mut self, tenant: Uuid, id: String, before: Option<R>) {
        self.undo.push(Box::new(move |cloud| {
            let table = R::table_mut(cloud);
            match before {
                Some(row) => {
                    table.insert(row);
                }
                None => {
                    table.take(tenant, &id);
                }
            }
        }));
    }

    /// Makes the change durable; `false` when there was nothing to change.
    fn commit(mut self, store: &dyn Store) -> Result<bool, DbError> {
        if let Some(failure) = self.failed.take() {
            self.roll_back();
            return Err(failure);
        }
        if self.dirty.is_empty() {
            return Ok(false);
        }
        let mut batch = Batch::default();
        for ((table, key), bytes) in std::mem::take(&mut self.dirty) {
            match bytes {
                Some(bytes) => batch.put(table, key, bytes),
                None => batch.remove(table, key),
            };
        }
        if let Err(failure) = store.commit(batch) {
            self.roll_back();
            return Err(failure.into());
        }
        Ok(true)
    }

    fn roll_back(mut self) {
        while let Some(undo) = self.undo.pop() {
            undo(self.cloud);
        }
    }
}

fn key(tenant: Uuid, id: &str) -> Vec<u8> {
    let mut key = tenant.as_bytes().to_vec();
    key.extend_from_slice(id.as_bytes());
    key
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use provlab_platform::MemoryStore;
    use time::macros::datetime;

    use super::*;
    use crate::state::{Group, Row as _, User};

    const TENANT: Uuid = Uuid::from_u128(1);
    const NOW: time::OffsetDateTime = datetime!(2026-01-02 03:04:05 UTC);

    fn user(number: u128) -> User {
        User::new(
            TENANT,
            Uuid::from_u128(number),
            &format!("U{number}@contoso.com"),
            NOW,
        )
    }

    fn add(db: &Db, number: u128) -> Result<(), DbError> {
        db.write(|txn| {
            txn.put(user(number));
            Ok(())
        })
    }

    fn names(db: &Db) -> Vec<String> {
        db.read(|cloud| {
            cloud
                .users
                .of(TENANT)
                .map(|user| user.user_principal_name.clone())
                .collect()
        })
    }

    #[test]
    fn what_is_committed_survives_and_indexes_follow() {
        let store = Arc::new(MemoryStore::new());
        let db = Db::open(store.clone()).unwrap();
        add(&db, 1).unwrap();
        add(&db, 2).unwrap();
        db.write::<_, DbError>(|txn| {
            txn.update(TENANT, &Uuid::from_u128(1).to_string(), |user: &mut User| {
                user.user_principal_name = "new@contoso.com".to_owned();
            });
            txn.remove::<User>(TENANT, &Uuid::from_u128(2).to_string());
            Ok(())
        })
        .unwrap();
        for db in [db, Db::open(store).unwrap()] {
            assert_eq!(names(&db), ["new@contoso.com"]);
            db.read(|cloud| {
                assert_eq!(
                    cloud.users.find(TENANT, User::BY_UPN, "new@contoso.com").count(),
                    1
                );
                assert_eq!(
                    cloud.users.find(TENANT, User::BY_UPN, "u1@contoso.com").count(),
                    0
                );
                assert_eq!(cloud.users.changed_since(TENANT, 2).count(), 1);
            });
            add(&db, 9).unwrap();
            let change = db.read(|cloud| {
                cloud
                    .users
                    .get(TENANT, &Uuid::from_u128(9).to_string())
                    .unwrap()
                    .change()
            });
            assert_eq!(change, Some(4), "change numbers go on after a restart");
        }
    }

    #[test]
    fn a_change_that_fails_leaves_no_trace() {
        let store = Arc::new(MemoryStore::new());
        let db = Db::open(store.clone()).unwrap();
        add(&db, 1).unwrap();
        let refused: Result<(), DbError> = db.write(|txn| {
            txn.put(user(2));
            txn.remove::<User>(TENANT, &Uuid::from_u128(1).to_string());
            txn.put(user(1));
            Err(DbError::Store(StoreError::Crashed))
        });
        assert!(refused.is_err());
        assert_eq!(names(&db), ["U1@contoso.com"]);
        store.crash_after(0);
        assert!(add(&db, 3).is_err());
        assert_eq!(names(&db), ["U1@contoso.com"]);
        assert_eq!(
            db.read(|cloud| cloud.users.find(TENANT, User::BY_UPN, "u3@contoso.com").count()),
            0
        );
    }

    #[test]
    fn commits_wake_whoever_waits() {
        let db = Db::open(Arc::new(MemoryStore::new())).unwrap();
        let mut commits = db.commits();
        commits.borrow_and_update();
        db.write::<_, DbError>(|_| Ok(())).unwrap();
        assert!(!commits.has_changed().unwrap(), "nothing was changed");
        add(&db, 1).unwrap();
        assert!(commits.has_changed().unwrap());
    }

    #[test]
    fn a_group_remembers_who_joined_and_left() {
        let db = Db::open(Arc::new(MemoryStore::new())).unwrap();
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let id = Uuid::from_u128(7);
        let put = |members: &[Uuid]| {
            db.write::<_, DbError>(|txn| {
                let known = txn.cloud().groups.get(TENANT, &id.to_string()).cloned();
                let mut group = known.unwrap_or_else(|| Group::new(TENANT, id, "G", NOW));
                group.members = members.iter().copied().collect();
                txn.put(group);
                Ok(())
            })
            .unwrap();
        };
        put(&[one]);
        put(&[two]);
        put(&[one, two]);
        db.read(|cloud| {
            let group = cloud.groups.get(TENANT, &id.to_string()).unwrap();
            assert_eq!(group.joined, [(one, 3), (two, 2)].into());
            assert!(group.left.is_empty());
            assert_eq!((group.made, group.change), (1, 3));
        });
    }
}
