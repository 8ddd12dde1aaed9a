//! The objects and link values of one domain controller with the indexes that find them quickly.
//!
//! Every mutation goes through a journal, so that an operation that fails half-way is undone and one that
//! succeeds knows exactly which rows to make durable.

mod index;
mod journal;
mod names;
mod read;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use provlab_protocol::guid::Guid;

pub use index::INDEXED;
pub use names::Resolved;
pub(crate) use read::{is_hidden, reference, reference_of};

use crate::model::{Dnt, LinkKey, LinkValue, Object};
use crate::schema::{AttributeId, Schema};
use index::Indexes;
use journal::Journal;

/// The numbers that only ever grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters {
    /// The last USN given out: `highestCommittedUSN`.
    pub usn: u64,
    /// The next object tag.
    pub next_dnt: u32,
    /// The next relative identifier of the domain.
    pub next_rid: u32,
}

/// The first relative identifier that is not reserved.
pub const FIRST_RID: u32 = 1000;

impl Default for Counters {
    fn default() -> Self {
        Self {
            usn: 0,
            next_dnt: 1,
            next_rid: FIRST_RID,
        }
    }
}

/// All rows and indexes.
#[derive(Clone, Debug, Default)]
pub struct Database {
    objects: Vec<Option<Arc<Object>>>,
    links: BTreeMap<LinkKey, LinkValue>,
    back_links: BTreeSet<(Dnt, AttributeId, Dnt)>,
    counters: Counters,
    indexes: Indexes,
    journal: Option<Journal>,
    live: usize,
}

impl Database {
    /// The counters.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Number of objects, tombstones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live
    }

    /// Whether there is no object.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// Number of link values that are present or remembered as removed.
    #[must_use]
    pub fn link_count(&self) -> usize {
        self.links.len()
    }

    /// The object with this tag.
    #[must_use]
    pub fn get(&self, dnt: Dnt) -> Option<&Object> {
        self.shared(dnt).map(Arc::as_ref)
    }

    fn shared(&self, dnt: Dnt) -> Option<&Arc<Object>> {
        self.objects.get(usize::try_from(dnt.0).ok()?)?.as_ref()
    }

    /// The objects whose tag is above `after`, in the order of their tags: the order of their creation.
    pub fn iter_after(&self, after: Dnt) -> impl Iterator<Item = &Object> {
        let first = usize::try_from(after.0).unwrap_or(usize::MAX).saturating_add(1);
        self.objects
            .get(first..)
            .unwrap_or_default()
            .iter()
            .filter_map(|object| object.as_deref())
    }

    /// Every object in the order of its creation.
    pub fn iter(&self) -> impl Iterator<Item = &Object> {
        self.objects.iter().filter_map(|object| object.as_deref())
    }

    /// The object with this `objectGUID`.
    #[must_use]
    pub fn by_guid(&self, guid: Guid) -> Option<&Object> {
        self.get(*self.indexes.guids.get(&guid)?)
    }

    /// The objects changed after `usn`, in the order of their changes.
    pub fn changed_after(&self, usn: u64) -> impl Iterator<Item = &Object> {
        self.indexes
            .usns
            .range((Bound::Excluded(usn), Bound::Unbounded))
            .filter_map(|(_, dnt)| self.get(*dnt))
    }

    /// The state of a link value, present or remembered as removed.
    #[must_use]
    pub fn link(&self, key: LinkKey) -> Option<&LinkValue> {
        self.links.get(&key)
    }

    /// The link values of one forward attribute, removed ones included.
    pub fn links(&self, source: Dnt, attribute: AttributeId) -> impl Iterator<Item = (Dnt, &LinkValue)> {
        let key = |target| LinkKey {
            source,
            attribute,
            target: Dnt(target),
        };
        self.links
            .range(key(0)..=key(u32::MAX))
            .map(|(key, value)| (key.target, value))
    }

    /// Every link value of an object's forward attributes, removed ones included.
    pub fn links_from(&self, source: Dnt) -> impl Iterator<Item = (LinkKey, &LinkValue)> {
        self.links
            .range(link_key(source, AttributeId::FIRST)..)
            .take_while(move |(key, _)| key.source == source)
            .map(|(key, value)| (*key, value))
    }

    /// Every link value of the database, removed ones included.
    pub fn all_links(&self) -> impl Iterator<Item = (LinkKey, &LinkValue)> {
        self.links.iter().map(|(key, value)| (*key, value))
    }

    /// The objects whose forward attribute `attribute` names `target` now.
    pub fn linked_from(&self, target: Dnt, attribute: AttributeId) -> impl Iterator<Item = Dnt> {
        self.back_links
            .range((target, attribute, Dnt(0))..=(target, attribute, Dnt(u32::MAX)))
            .map(|(_, _, source)| *source)
    }

    /// The forward and back links of an object that have a value.
    #[must_use]
    pub fn linked_attributes(&self, dnt: Dnt) -> Vec<AttributeId> {
        let schema = Schema::get();
        let mut found = Vec::new();
        let mut from = AttributeId::FIRST;
        // From one attribute straight to the next: a group's members are not walked through.
        while let Some(key) = self
            .links
            .range(link_key(dnt, from)..)
            .next()
            .map(|(key, _)| *key)
        {
            if key.source != dnt {
                break;
            }
            found.extend(
                self.links(dnt, key.attribute)
                    .any(|(_, value)| value.present)
                    .then_some(key.attribute),
            );
            from = key.attribute.next();
        }
        let mut from = AttributeId::FIRST;
        while let Some((target, forward, _)) = self.back_links.range((dnt, from, Dnt(0))..).next() {
            if *target != dnt {
                break;
            }
            found.extend(schema.link_partner(*forward));
            from = forward.next();
        }
        found
    }

    /// Every link value that names `target` now.
    #[must_use]
    pub fn links_to(&self, target: Dnt) -> Vec<LinkKey> {
        self.back_links
            .range((target, AttributeId::FIRST, Dnt(0))..)
            .take_while(|(known, _, _)| *known == target)
            .map(|&(target, attribute, source)| LinkKey {
                source,
                attribute,
                target,
            })
            .collect()
    }

    /// Takes the next USN.
    pub fn next_usn(&mut self) -> u64 {
        self.remember_counters();
        self.counters.usn += 1;
        self.counters.usn
    }

    /// Takes the next object tag; `None` once all are used.
    pub fn next_dnt(&mut self) -> Option<Dnt> {
        self.remember_counters();
        let dnt = self.counters.next_dnt;
        self.counters.next_dnt = dnt.checked_add(1)?;
        Some(Dnt(dnt))
    }

    /// Takes the next relative identifier; `None` once the domain's pool (2^30 - 1) is used up.
    pub fn next_rid(&mut self) -> Option<u32> {
        /// `rIDAvailablePool`'s upper end.
        const LAST_RID: u32 = (1 << 30) - 1;
        self.remember_counters();
        let rid = self.counters.next_rid;
        (rid <= LAST_RID).then(|| {
            self.counters.next_rid += 1;
            rid
        })
    }

    /// Sets the counters as they were when the rows were stored.
    pub fn restore_counters(&mut self, counters: Counters) {
        self.counters = counters;
    }

    /// Puts an object, replacing what was under its tag.
    pub fn put(&mut self, object: Object) {
        let dnt = object.dnt;
        self.swap(dnt, Some(Arc::new(object)));
    }

    /// Removes an object's row.
    pub fn remove(&mut self, dnt: Dnt) {
        self.swap(dnt, None);
    }

    /// Sets or removes the row of a link value.
    pub fn set_link(&mut self, key: LinkKey, value: Option<LinkValue>) {
        let before = self.swap_link(key, value);
        if let Some(journal) = &mut self.journal {
            journal.links.entry(key).or_insert(before);
        }
    }

    fn swap(&mut self, dnt: Dnt, object: Option<Arc<Object>>) {
        let before = self.replace(dnt, object);
        if let Some(journal) = &mut self.journal {
            journal.objects.entry(dnt).or_insert(before);
        }
    }

    fn replace(&mut self, dnt: Dnt, object: Option<Arc<Object>>) -> Option<Arc<Object>> {
        let at = usize::try_from(dnt.0).unwrap_or(usize::MAX);
        if at >= self.objects.len() {
            // Removing what was never there needs no room.
            object.as_ref()?;
            self.objects.resize(at + 1, None);
        }
        let schema = Schema::get();
        let before = std::mem::replace(&mut self.objects[at], object);
        if let Some(before) = &before {
            self.indexes.forget(schema, before);
            self.live -= 1;
        }
        if let Some(after) = &self.objects[at] {
            self.indexes.learn(schema, after);
            self.live += 1;
        }
        before
    }

    fn swap_link(&mut self, key: LinkKey, value: Option<LinkValue>) -> Option<LinkValue> {
        let back = (key.target, key.attribute, key.source);
        match value {
            Some(value) => {
                if value.present {
                    self.back_links.insert(back);
                } else {
                    self.back_links.remove(&back);
                }
                self.links.insert(key, value)
            }
            None => {
                self.back_links.remove(&back);
                self.links.remove(&key)
            }
        }
    }

    fn remember_counters(&mut self) {
        let counters = self.counters;
        if let Some(journal) = &mut self.journal {
            journal.counters.get_or_insert(counters);
        }
    }
}

/// Where the link values of an object's attribute begin.
fn link_key(source: Dnt, attribute: AttributeId) -> LinkKey {
    LinkKey {
        source,
        attribute,
        target: Dnt(0),
    }
}
