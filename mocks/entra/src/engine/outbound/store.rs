//! The rows of one outbound job within one transaction, with the counts that its status shows.

use time::OffsetDateTime;
use uuid::Uuid;

use super::super::connector::Counts;
use super::super::records::{ObjectKind, StagedDelete};
use super::records::{MemberState, OutboundGroup, OutboundMember};
use crate::state::{Cloud, Group, Row as _, Txn};

/// The store of one job.
pub(super) struct Store<'t, 'c> {
    txn: &'t mut Txn<'c>,
    pub(super) tenant: Uuid,
    pub(super) job: String,
    counts: Counts,
}

impl<'t, 'c> Store<'t, 'c> {
    pub(super) fn new(txn: &'t mut Txn<'c>, tenant: Uuid, job: &str, counts: Counts) -> Self {
        Self {
            txn,
            tenant,
            job: job.to_owned(),
            counts,
        }
    }

    pub(super) fn txn(&mut self) -> &mut Txn<'c> {
        self.txn
    }

    pub(super) fn cloud(&self) -> &Cloud {
        self.txn.cloud()
    }

    pub(super) fn counts(&self) -> &Counts {
        &self.counts
    }

    fn id(&self, group: Uuid) -> String {
        format!("{}/{group}", self.job)
    }

    /// The group of the cloud, soft-deleted ones included.
    pub(super) fn cloud_group(&self, group: Uuid) -> Option<&Group> {
        self.cloud().groups.get(self.tenant, &group.to_string())
    }

    /// The row of a group.
    pub(super) fn get(&self, group: Uuid) -> Option<&OutboundGroup> {
        self.cloud().outbound_groups.get(self.tenant, &self.id(group))
    }

    /// A row for a group that was never written; it is not stored yet.
    pub(super) fn fresh(&self, group: Uuid) -> OutboundGroup {
        OutboundGroup {
            dirty: true,
            ..OutboundGroup::new(self.tenant, &self.job, group)
        }
    }

    /// Every row, in order.
    pub(super) fn all(&self) -> impl Iterator<Item = &OutboundGroup> {
        let rows = self.cloud().outbound_groups.after(self.tenant, &self.job);
        rows.skip_while(|row| row.job != self.job)
            .take_while(|row| row.job == self.job)
    }

    fn marked(&self, index: &'static str) -> impl Iterator<Item = &OutboundGroup> {
        self.cloud().outbound_groups.find(self.tenant, index, &self.job)
    }

    /// The next group to look at.
    pub(super) fn next_dirty(&self) -> Option<OutboundGroup> {
        self.marked(OutboundGroup::BY_DIRTY).next().cloned()
    }

    /// Groups whose retry is due; all that wait for one without a time.
    pub(super) fn due_retries(&self, now: Option<OffsetDateTime>) -> Vec<Uuid> {
        let due = |row: &&OutboundGroup| {
            let retry = row.escrow.as_ref().map(|escrow| escrow.retry_at);
            retry.is_some_and(|at| now.is_none_or(|now| at <= now))
        };
        self.marked(OutboundGroup::BY_RETRY)
            .filter(due)
            .map(|row| row.group)
            .collect()
    }

    /// The next group to delete: one that does not wait for a retry.
    pub(super) fn next_staged(&self, now: OffsetDateTime) -> Option<OutboundGroup> {
        let due = |row: &&OutboundGroup| row.escrow.as_ref().is_none_or(|escrow| escrow.retry_at <= now);
        self.marked(OutboundGroup::BY_STAGED).find(due).cloned()
    }

    /// At most `count` groups whose deletion nobody was told of yet.
    pub(super) fn pending(&self, count: usize) -> Vec<OutboundGroup> {
        self.marked(OutboundGroup::BY_STAGED)
            .filter(|row| row.staged_delete == Some(StagedDelete::Pending))
            .take(count)
            .cloned()
            .collect()
    }

    /// Stores a row. An unchanged one costs no write.
    pub(super) fn put(&mut self, row: OutboundGroup) {
        let old = self.get(row.group);
        if old == Some(&row) {
            return;
        }
        let old = old.map(Share::of);
        self.count(old, Some(Share::of(&row)));
        self.txn.put(row);
    }

    /// Marks a group to be looked at. Members that the domain did not have are tried again.
    pub(super) fn mark(&mut self, group: Uuid) {
        let Some(row) = self.get(group).filter(|row| !row.dirty).cloned() else {
            return;
        };
        self.put(OutboundGroup { dirty: true, ..row });
        let key = self.id(group);
        let unresolved = self
            .cloud()
            .outbound_members
            .find(self.tenant, OutboundMember::BY_UNRESOLVED, &key);
        let ids: Vec<String> = unresolved.map(OutboundMember::id).collect();
        for id in ids {
            self.txn.remove::<OutboundMember>(self.tenant, &id);
        }
    }

    /// Marks the groups that have an object of the cloud among their members.
    pub(super) fn mark_holders(&mut self, object: Uuid) {
        let groups = self
            .cloud()
            .groups
            .find(self.tenant, Group::BY_MEMBER, &object.to_string());
        let holders: Vec<Uuid> = groups.map(|group| group.id).collect();
        holders.into_iter().for_each(|holder| self.mark(holder));
    }

    /// Removes a row and what is known of its members.
    pub(super) fn remove(&mut self, group: Uuid) {
        let id = self.id(group);
        if let Some(old) = self.txn.remove::<OutboundGroup>(self.tenant, &id) {
            self.count(Some(Share::of(&old)), None);
        }
        self.forget_members(group);
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        let groups: Vec<Uuid> = self.all().map(|row| row.group).collect();
        groups.into_iter().for_each(|group| self.remove(group));
    }

    /// What is known of a group's members, by objectGUID.
    pub(super) fn members(&self, group: Uuid) -> Vec<OutboundMember> {
        let prefix = format!("{}/{group}/", self.job);
        let rows = self.cloud().outbound_members.starting_with(self.tenant, &prefix);
        rows.cloned().collect()
    }

    pub(super) fn member(&self, group: Uuid, guid: Uuid) -> Option<&OutboundMember> {
        let id = format!("{}/{group}/{guid}", self.job);
        self.cloud().outbound_members.get(self.tenant, &id)
    }

    /// The row of a group for an object of the cloud.
    pub(super) fn member_object(&self, group: Uuid, object: Uuid) -> Option<&OutboundMember> {
        let key = OutboundMember::object_key(&self.job, group, object);
        let mut rows = self
            .cloud()
            .outbound_members
            .find(self.tenant, OutboundMember::BY_OBJECT, &key);
        rows.next()
    }

    /// Notes what is known of a membership.
    pub(super) fn put_member(&mut self, group: Uuid, guid: Uuid, object: Option<Uuid>, state: MemberState) {
        let row = OutboundMember {
            tenant: self.tenant,
            job: self.job.clone(),
            group,
            guid,
            object,
            state,
        };
        if self.member(group, guid) != Some(&row) {
            self.txn.put(row);
        }
    }

    pub(super) fn remove_member(&mut self, row: &OutboundMember) {
        self.txn.remove::<OutboundMember>(self.tenant, &row.id());
    }

    pub(super) fn forget_members(&mut self, group: Uuid) {
        for row in self.members(group) {
            self.remove_member(&row);
        }
    }

    fn count(&mut self, old: Option<Share>, new: Option<Share>) {
        let counts = &mut self.counts;
        let linked = counts.linked.entry(ObjectKind::Group).or_default();
        for (share, sign) in [(new, true), (old, false)] {
            let Some(share) = share else { continue };
            for (count, part) in [
                (&mut counts.in_scope, share.in_scope),
                (&mut *linked, share.linked),
                (&mut counts.escrowed, share.escrowed),
                (&mut counts.staged, share.staged),
            ] {
                *count = if sign {
                    count.saturating_add(u64::from(part))
                } else {
                    count.saturating_sub(u64::from(part))
                };
            }
        }
    }
}

/// What [`Counts`] counts of one row.
#[derive(Clone, Copy)]
struct Share {
    in_scope: bool,
    linked: bool,
    escrowed: bool,
    staged: bool,
}

impl Share {
    fn of(row: &OutboundGroup) -> Self {
        Self {
            in_scope: row.in_scope,
            linked: row.resolved().is_some(),
            escrowed: row.escrow.is_some(),
            staged: row.staged_delete.is_some(),
        }
    }
}
