//! The connector data store of a job: where the changes that the agent sends are merged into whole objects (CS 5.4).
//!
//! A view of one transaction on the cloud's state. Every look-up that a delta needs is indexed, so its cost follows the number
//! of changes and not the size of the directory.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::records::{Link, LinkAttribute, ObjectKind, Reference, SourceRecord};
use crate::state::{Row as _, Txn};

/// Sizes kept up to date with every change, so that a status costs no walk over the store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Objects in scope.
    pub in_scope: u64,
    /// Objects linked to a live cloud object, by kind.
    pub linked: BTreeMap<ObjectKind, u64>,
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

    /// objectGUIDs of every record, in order.
    #[must_use]
    pub fn guids(&self) -> Vec<Uuid> {
        let prefix = format!("{}/", self.job);
        self.txn
            .cloud()
            .source_objects
            .starting_with(self.tenant, &prefix)
            .map(|r| r.guid)
            .collect()
    }

    /// Stores a record in place of the one that has its objectGUID. An unchanged record costs no write.
    pub fn put(&mut self, record: SourceRecord) {
        let old = self.get(record.guid);
        if old == Some(&record) {
            return;
        }
        let old = old.map(|old| (old.kind, old.wanted(), old.resolved().is_some()));
        self.count(
            old,
            Some((record.kind, record.wanted(), record.resolved().is_some())),
        );
        self.txn.put(record);
    }

    /// Removes a record and the links it holds.
    pub fn remove(&mut self, guid: Uuid) {
        let id = self.id(guid);
        if let Some(old) = self.txn.remove::<SourceRecord>(self.tenant, &id) {
            self.count(Some((old.kind, old.wanted(), old.resolved().is_some())), None);
        }
        for link in self.links_of(guid) {
            self.remove_link(&link);
        }
    }

    /// Forgets everything (`resetScope` `ConnectorDataStore`).
    pub fn clear(&mut self) {
        self.guids().into_iter().for_each(|guid| self.remove(guid));
    }

    fn count(&mut self, old: Option<(ObjectKind, bool, bool)>, new: Option<(ObjectKind, bool, bool)>) {
        if let Some((kind, wanted, linked)) = new {
            self.counts.in_scope += u64::from(wanted);
            *self.counts.linked.entry(kind).or_default() += u64::from(linked);
        }
        if let Some((kind, wanted, linked)) = old {
            self.counts.in_scope = self.counts.in_scope.saturating_sub(u64::from(wanted));
            let count = self.counts.linked.entry(kind).or_default();
            *count = count.saturating_sub(u64::from(linked));
        }
    }

    /// A link of this job. A DN that is known becomes the objectGUID, which survives a rename.
    #[must_use]
    pub fn link(&self, holder: Uuid, attribute: LinkAttribute, to: Reference) -> Link {
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
        }
    }

    /// Adds a link; `false` if it was there.
    pub fn add_link(&mut self, link: Link) -> bool {
        let new = !self.has_link(&link);
        if new {
            self.txn.put(link);
        }
        new
    }

    /// Removes a link; `false` if there was none.
    pub fn remove_link(&mut self, link: &Link) -> bool {
        self.txn.remove::<Link>(self.tenant, &link.id()).is_some()
    }

    /// Whether the link exists.
    #[must_use]
    pub fn has_link(&self, link: &Link) -> bool {
        self.txn
            .cloud()
            .source_links
            .get(self.tenant, &link.id())
            .is_some()
    }

    /// Links that an object holds.
    #[must_use]
    pub fn links_of(&self, holder: Uuid) -> Vec<Link> {
        let prefix = format!("{}/{holder}/", self.job);
        self.txn
            .cloud()
            .source_links
            .starting_with(self.tenant, &prefix)
            .cloned()
            .collect()
    }

    /// Links that point to an object.
    #[must_use]
    pub fn links_to(&self, to: &Reference) -> Vec<Link> {
        let key = format!("{}/{}", self.job, to.key());
        self.txn
            .cloud()
            .source_links
            .find(self.tenant, Link::BY_TARGET, &key)
            .cloned()
            .collect()
    }

    /// Turns links that wait for the DN of an object into links to the object; gives them in their new form.
    pub fn settle_dn(&mut self, guid: Uuid) -> Vec<Link> {
        let Some(dn) = self.get(guid).and_then(SourceRecord::dn_key) else {
            return Vec::new();
        };
        let mut settled = Vec::new();
        for waiting in self.links_to(&Reference::Dn(dn)) {
            self.remove_link(&waiting);
            let link = Link {
                to: Reference::Guid(guid),
                ..waiting
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

    /// Number of objects in escrow.
    #[must_use]
    pub fn count_escrowed(&self) -> u64 {
        self.escrowed().count() as u64
    }

    /// Objects in escrow whose retry is due; all of them without a time.
    #[must_use]
    pub fn due_retries(&self, now: Option<OffsetDateTime>) -> Vec<Uuid> {
        let due = |r: &&SourceRecord| {
            r.escrow
                .as_ref()
                .is_some_and(|e| now.is_none_or(|now| e.retry_at <= now))
        };
        self.escrowed().filter(due).map(|r| r.guid).collect()
    }

    fn escrowed(&self) -> impl Iterator<Item = &SourceRecord> {
        self.txn
            .cloud()
            .source_objects
            .find(self.tenant, SourceRecord::BY_ESCROW, &self.job)
    }
}
