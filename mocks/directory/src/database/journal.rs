//! What rows held before an operation touched them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Counters, Database};
use crate::model::{Change, Dnt, LinkKey, LinkValue, Object};

/// The first value of every row that an operation touched.
#[derive(Clone, Debug, Default)]
pub(super) struct Journal {
    pub(super) objects: BTreeMap<Dnt, Option<Arc<Object>>>,
    pub(super) links: BTreeMap<LinkKey, Option<LinkValue>>,
    pub(super) counters: Option<Counters>,
}

impl Database {
    /// Begins an operation. Operations do not nest: an open one is continued.
    pub fn begin(&mut self) {
        self.journal.get_or_insert_default();
    }

    /// Ends an operation and keeps what it did.
    pub fn commit(&mut self) -> Change {
        let journal = self.journal.take().unwrap_or_default();
        Change {
            objects: journal.objects,
            links: journal.links,
            counters: journal.counters,
            identity: None,
        }
    }

    /// Ends an operation and takes back what it did.
    pub fn roll_back(&mut self) {
        let change = self.commit();
        self.revert(change);
    }

    /// Takes back a committed change; only the last one can be.
    pub fn revert(&mut self, change: Change) {
        for (dnt, before) in change.objects {
            self.replace(dnt, before);
        }
        for (key, before) in change.links {
            self.swap_link(key, before);
        }
        if let Some(counters) = change.counters {
            self.counters = counters;
        }
    }
}
