//! The connector data store of a job: where the changes that the agent sends are merged into whole objects (CS 5.4).
//!
//! A view of one transaction on the cloud's state. What is still to be done is marked on the rows themselves, so that work may stop after
//! any transaction. Every look-up that a delta needs is indexed: its cost follows the number of changes and not the size of the directory.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::records::{Link, LinkAttribute, ObjectKind, Reference, SourceRecord, StagedDelete};
use crate::state::{Row as _, Txn};

/// Sizes kept up to date with every change, so that a status costs no walk over the store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Objects in scope.
    pub in_scope: u64,
    /// Objects linked to a live cloud object, by kind.
    pub linked: BTreeMap<ObjectKind, u64>,
    /// Objects in escrow.
    #[serde(default)]
    pub escrowed: u64,
    /// Objects whose deletion is staged.
    #[serde(default)]
    pub staged: u64,
}

/// What [`Counts`] counts of one record.
struct Share {
    kind: ObjectKind,
    in_scope: bool,
    linked: bool,
    escrowed: bool,
    staged: bool,
}

impl Share {
    fn of(record: &SourceRecord) -> Self {
        Self {
            kind: record.kind,
            in_scope: record.wanted(),
            linked: record.resolved().is_some(),
            escrowed: record.escrow.is_some(),
            staged: record.staged_delete.is_some(),
        }
    }
}

/// The store of one job within one transaction.
pub struct Connector<'t, 'c> {
    txn: &'t mut Txn<'c>,
    tenant: Uuid,
    job: String,
    counts: Counts,
}

impl<'t, 'c> Connector<'t, 'c> {
    /// The store of `job`, whose sizes were `counts` at the end of the last transaction.
    pub fn new(txn: &'t mut Txn<'c>, tenant: Uuid, job: &str, counts: Counts) -> Self {
        Self {
            txn,
            tenant,
            job: job.to_owned(),
            counts,
        }
    }

    /// The transaction, for the rows of the target.
    pub fn txn(&mut self) -> &mut Txn<'c> {
        self.txn
    }

    /// The state as the transaction has made it so far.
    #[must_use]
    pub fn cloud(&self) -> &crate::state::Cloud {
        self.txn.cloud()
    }

    /// The tenant of the job.
    #[must_use]
    pub fn tenant(&self) -> Uuid {
        self.tenant
    }

    /// The id of the job.
    #[must_use]
    pub fn job(&self) -> &str {
        &self.job
    }

    /// The sizes now.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    fn id(&self, guid: Uuid) -> String {
        format!("{}/{guid}", self.job)
    }

    /// The record of an object.
    #[must_use]
    pub fn get(&self, guid: Uuid) -> Option<&SourceRecord> {
        self.txn.cloud().source_objects.get(self.tenant, &self.id(guid))
    }

    /// objectGUIDs of at most `count` records behind `after`, in order.
    #[must_use]
    pub fn guids_after(&self, after: Option<Uuid>, count: usize) -> Vec<Uuid> {
        let prefix = format!("{}/", self.job);
        let start = after.map_or_else(|| prefix.clone(), |guid| self.id(guid));
        self.txn
            .cloud()
            .source_objects
            .after(self.tenant, &start)
            .take_while(|record| record.job == self.job)
            .take(count)
            .map(|record| record.guid)
            .collect()
    }

    /// At most `count` records that the engine has still to look at.
    #[must_use]
    pub fn dirty(&self, count: usize) -> Vec<Uuid> {
        self.marked(SourceRecord::BY_DIRTY)
            .take(count)
            .map(|r| r.guid)
            .collect()
    }

    /// At most `count` records whose cloud object is to be deleted, in the state `how`, or in any.
    #[must_use]
    pub fn staged(&self, how: Option<StagedDelete>, count: usize) -> Vec<SourceRecord> {
        let fits = |r: &&SourceRecord| how.is_none() || r.staged_delete == how;
        self.marked(SourceRecord::BY_STAGED)
            .filter(fits)
            .take(count)
            .cloned()
            .collect()
    }

    /// References to objects that could not be written, each a failure of its own (CS 5.5).
    #[must_use]
    pub fn failing_references(&self) -> u64 {
        let escrowed = self.marked(SourceRecord::BY_RETRY).filter(|r| r.escrow.is_some());
        escrowed
            .map(|r| self.links_to(&Reference::Guid(r.guid)).len() as u64)
            .sum()
    }

    /// Records whose retry is due; all that wait for one without a time.
    #[must_use]
    pub fn due_retries(&self, now: Option<OffsetDateTime>) -> Vec<Uuid> {
        let due = |r: &&SourceRecord| r.retry_at().is_some_and(|at| now.is_none_or(|now| at <= now));
        self.marked(SourceRecord::BY_RETRY)
            .filter(due)
            .map(|r| r.guid)
            .collect()
    }

    fn marked(&self, index: &'static str) -> impl Iterator<Item = &SourceRecord> {
        self.txn
            .cloud()
            .source_objects
            .find(self.tenant, index, &self.job)
    }

    /// Stores a record in place of the one that has its objectGUID. An unchanged record costs no write.
    pub fn put(&mut self, record: SourceRecord) {
        let old = self.get(record.guid);
        if old == Some(&record) {
            return;
        }
        let old = old.map(Share::of);
        self.count(old.as_ref(), Some(&Share::of(&record)));
        self.txn.put(record);
    }

    /// Marks a record to be looked at.
    pub fn mark(&mut self, guid: Uuid) {
        if let Some(record) = self.get(guid).filter(|record| !record.dirty).cloned() {
            self.put(SourceRecord {
                dirty: true,
                ..record
            });
        }
    }

    /// Removes a record and the links it holds.
    pub fn remove(&mut self, guid: Uuid) {
        let id = self.id(guid);
        if let Some(old) = self.txn.remove::<SourceRecord>(self.tenant, &id) {
            self.count(Some(&Share::of(&old)), None);
        }
        self.forget_left_links(guid);
        for link in self.all_links_of(guid) {
            self.txn.remove::<Link>(self.tenant, &link.id());
        }
    }

    /// Forgets everything (`resetScope` `ConnectorDataStore`).
    pub fn clear(&mut self) {
        let all = self.guids_after(None, usize::MAX);
        all.into_iter().for_each(|guid| self.remove(guid));
    }

    fn count(&mut self, old: Option<&Share>, new: Option<&Share>) {
        let counts = &mut self.counts;
        if let Some(new) = new {
            counts.in_scope += u64::from(new.in_scope);
            counts.escrowed += u64::from(new.escrowed);
            counts.staged += u64::from(new.staged);
            *counts.linked.entry(new.kind).or_default() += u64::from(new.linked);
        }
        if let Some(old) = old {
            let take = |count: &mut u64, share: bool| *count = count.saturating_sub(u64::from(share));
            take(&mut counts.in_scope, old.in_scope);
            take(&mut counts.escrowed, old.escrowed);
            take(&mut counts.staged, old.staged);
            take(counts.linked.entry(old.kind).or_default(), old.linked);
        }
    }

    /// A link of this job. A DN that is known becomes the objectGUID, which survives a rename.
    #[must_use]
    pub fn link(&self, holder: Uuid, attribute: LinkAttribute, to: Reference, generation: u64) -> Link {
        let known = match &to {
            Reference::Dn(dn) => self.with_dn(dn).map(|record| Reference::Guid(record.guid)),
            Reference::Guid(_) => None,
        };
        Link {
            tenant: self.tenant,
            job: self.job.clone(),
            holder,
            attribute,
            to: known.unwrap_or(to),
            generation,
            present: true,
            dirty: true,
        }
    }

    fn stored(&self, link: &Link) -> Option<&Link> {
        self.txn.cloud().source_links.get(self.tenant, &link.id())
    }

    /// Notes that the directory has a link; the cloud follows later. `false` if it was known.
    pub fn add_link(&mut self, link: Link) -> bool {
        match self.stored(&link).cloned() {
            Some(known) if known.present => {
                if known.generation != link.generation {
                    self.txn.put(Link {
                        generation: link.generation,
                        ..known
                    });
                }
                false
            }
            _ => {
                self.txn.put(link);
                true
            }
        }
    }

    /// Notes that the directory no longer has a link; the cloud follows later. `false` if there was none.
    pub fn drop_link(&mut self, link: &Link) -> bool {
        let Some(known) = self.stored(link).filter(|known| known.present).cloned() else {
            return false;
        };
        self.txn.put(Link {
            present: false,
            dirty: true,
            ..known
        });
        true
    }

    /// Notes that the cloud has followed: what the directory has no longer is forgotten.
    pub fn settle(&mut self, link: &Link) {
        let Some(known) = self.stored(link).cloned() else {
            return;
        };
        if known.present {
            self.txn.put(Link {
                dirty: false,
                ..known
            });
        } else {
            self.txn.remove::<Link>(self.tenant, &link.id());
        }
    }

    /// Notes that a link went with an object that is deleted: the cloud drops it itself when it deletes its own object.
    pub fn leave_link(&mut self, link: &Link) {
        self.txn.put(Link {
            present: false,
            dirty: false,
            ..link.clone()
        });
    }

    /// Links that went with an object and that the cloud has not dropped yet.
    fn left_links(&self, guid: Uuid) -> Vec<Link> {
        let mut links = self.all_links_of(guid);
        let key = format!("{}/{}", self.job, Reference::Guid(guid).key());
        let to = self
            .txn
            .cloud()
            .source_links
            .find(self.tenant, Link::BY_TARGET, &key);
        links.extend(to.cloned());
        links.retain(|link| !link.present);
        links
    }

    /// The object is back before the cloud deleted its own: the cloud has to follow what went with it.
    pub fn follow_left_links(&mut self, guid: Uuid) {
        for link in self.left_links(guid) {
            self.txn.put(Link { dirty: true, ..link });
        }
    }

    /// The cloud deleted its object, and with it what went with the source.
    pub fn forget_left_links(&mut self, guid: Uuid) {
        for link in self.left_links(guid) {
            self.txn.remove::<Link>(self.tenant, &link.id());
        }
    }

    /// Marks a link to be followed again.
    pub fn mark_link(&mut self, link: &Link) {
        if let Some(known) = self.stored(link).filter(|known| !known.dirty).cloned() {
            self.txn.put(Link { dirty: true, ..known });
        }
    }

    /// Whether the directory has the link.
    #[must_use]
    pub fn has_link(&self, holder: Uuid, attribute: LinkAttribute, to: Uuid) -> bool {
        let id = format!("{}/{holder}/{}/{to}", self.job, attribute.name());
        self.txn
            .cloud()
            .source_links
            .get(self.tenant, &id)
            .is_some_and(|link| link.present)
    }

    /// Links that an object holds, those that are gone included.
    fn all_links_of(&self, holder: Uuid) -> Vec<Link> {
        let prefix = format!("{}/{holder}/", self.job);
        let links = self.txn.cloud().source_links.starting_with(self.tenant, &prefix);
        links.cloned().collect()
    }

    /// Links that an object holds.
    #[must_use]
    pub fn links_of(&self, holder: Uuid) -> Vec<Link> {
        let mut links = self.all_links_of(holder);
        links.retain(|link| link.present);
        links
    }

    /// Links that point to an object.
    #[must_use]
    pub fn links_to(&self, to: &Reference) -> Vec<Link> {
        let key = format!("{}/{}", self.job, to.key());
        let links = self
            .txn
            .cloud()
            .source_links
            .find(self.tenant, Link::BY_TARGET, &key);
        links.filter(|link| link.present).cloned().collect()
    }

    /// At most `count` links that the cloud has still to follow, those of one holder together.
    #[must_use]
    pub fn dirty_links(&self, count: usize) -> Vec<Link> {
        let links = self
            .txn
            .cloud()
            .source_links
            .find(self.tenant, Link::BY_DIRTY, &self.job);
        links.take(count).cloned().collect()
    }

    /// Turns links that wait for the DN of an object into links to the object; gives them in their new form.
    pub fn settle_dn(&mut self, guid: Uuid) -> Vec<Link> {
        let Some(dn) = self.get(guid).and_then(SourceRecord::dn_key) else {
            return Vec::new();
        };
        let waiting = self.links_to(&Reference::Dn(dn));
        let mut settled = Vec::new();
        for link in waiting {
            self.txn.remove::<Link>(self.tenant, &link.id());
            let link = Link {
                to: Reference::Guid(guid),
                dirty: true,
                ..link
            };
            self.add_link(link.clone());
            settled.push(link);
        }
        settled
    }

    /// Id of the cloud object that a reference stands for, once there is one.
    #[must_use]
    pub fn resolve(&self, to: &Reference) -> Option<Uuid> {
        match to {
            Reference::Guid(guid) => self.get(*guid)?.resolved(),
            Reference::Dn(dn) => self.with_dn(dn)?.resolved(),
        }
    }

    fn with_dn(&self, dn: &str) -> Option<&SourceRecord> {
        let key = format!("{}/{dn}", self.job);
        self.txn
            .cloud()
            .source_objects
            .find(self.tenant, SourceRecord::BY_DN, &key)
            .next()
    }

    /// Whether a cloud object belongs to another source object that is wanted, of this job or another one.
    #[must_use]
    pub fn belongs_to_another(&self, cloud_object: Uuid, guid: Uuid) -> bool {
        let key = cloud_object.to_string();
        let mut owners = self
            .txn
            .cloud()
            .source_objects
            .find(self.tenant, SourceRecord::BY_CLOUD_ID, &key);
        owners.any(|owner| owner.wanted() && (owner.guid != guid || owner.job != self.job))
    }
}
