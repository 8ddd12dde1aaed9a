//! What changed in the cloud since the watermark, and which groups that concerns.

use provlab_protocol::scim::Watermark;
use uuid::Uuid;

use super::super::job::{Phase, Stage};
use super::machine::Machine;
use super::members;
use super::records::MemberState;
use super::scope::Fate;
use crate::state::{Cloud, Group, Row as _};

impl Machine<'_, '_, '_, '_> {
    /// Looks at what changed in the cloud since the watermark. Gives the next stage; none when the step is full.
    pub(super) fn mark_changes(&mut self, quota: &mut usize) -> Option<Stage> {
        let Some(watermark) = &self.job.sync.watermark else {
            return Some(self.start_over());
        };
        let since = number_of(watermark);
        let (changes, complete) = changes_since(self.store.cloud(), self.store.tenant, since, *quota);
        *quota -= changes.len();
        for (number, change) in changes {
            match change {
                Change::Group(group) => {
                    if self.consider(group) {
                        self.count(|e| e.imported_deltas += 1);
                    }
                }
                Change::User(user) => self.follow_user(user),
                Change::Removed(group) => self.store.mark(group),
            }
            self.job.sync.watermark = Some(watermark_of(number));
        }
        if !complete {
            return None;
        }
        for group in self.store.due_retries(Some(self.world.now)) {
            self.store.mark(group);
        }
        Some(Stage::Export)
    }

    /// Without a watermark everything is looked at; what changes meanwhile comes behind the watermark that is set here.
    fn start_over(&mut self) -> Stage {
        let last = last_change(self.store.cloud(), self.store.tenant);
        let sync = &mut self.job.sync;
        sync.watermark = Some(watermark_of(last));
        sync.phase = Phase::Initial;
        sync.generation += 1;
        let gone: Vec<Uuid> = self
            .store
            .all()
            .map(|row| row.group)
            .filter(|group| self.store.cloud_group(*group).is_none())
            .collect();
        gone.into_iter().for_each(|group| self.store.mark(group));
        Stage::Sweep { after: None }
    }

    pub(super) fn sweep(&mut self, after: Option<Uuid>, quota: &mut usize) -> Option<Stage> {
        let after = after.map_or_else(String::new, |group| group.to_string());
        let groups = self.store.cloud().groups.after(self.store.tenant, &after);
        let groups: Vec<Uuid> = groups.take(*quota).map(|group| group.id).collect();
        let complete = groups.len() < *quota;
        *quota -= groups.len();
        for group in &groups {
            if self.consider(*group) {
                self.count(|e| e.imported += 1);
            }
        }
        if complete {
            return Some(Stage::Read);
        }
        let after = groups.last().copied();
        self.job.sync.stage = Stage::Sweep { after };
        None
    }

    /// Marks a group that is in scope or was. `false`: it is none of this job's.
    pub(super) fn consider(&mut self, group: Uuid) -> bool {
        if self.store.get(group).is_some() {
            self.store.mark(group);
            return true;
        }
        let found = self.store.cloud_group(group).cloned();
        let wanted = self.with_writer(|writer| writer.fate(found.as_ref())) == Fate::Provision;
        if wanted {
            let row = self.store.fresh(group);
            self.store.put(row);
        }
        wanted
    }

    /// Marks the groups of a user whose account in the directory came, went or became another one.
    fn follow_user(&mut self, user: Uuid) {
        let groups = self
            .store
            .cloud()
            .groups
            .find(self.store.tenant, Group::BY_MEMBER, &user.to_string());
        let groups: Vec<Uuid> = groups.map(|group| group.id).collect();
        for group in groups {
            let resolved = members::resolve(&self.store, self.domain, group, user).ok();
            let known = self.store.member_object(group, user);
            let as_known = match (resolved, known) {
                (Some(guid), Some(row)) => row.guid == guid && row.state != MemberState::Unresolved,
                (None, None) => true,
                _ => false,
            };
            if !as_known {
                self.store.mark(group);
            }
        }
    }
}

/// The watermark of an outbound job: the number of the last change that was looked at.
fn watermark_of(number: u64) -> Watermark {
    Watermark(number.to_be_bytes().to_vec())
}

fn number_of(watermark: &Watermark) -> u64 {
    <[u8; 8]>::try_from(watermark.0.as_slice()).map_or(0, u64::from_be_bytes)
}

/// Something that changed in the cloud.
enum Change {
    Group(Uuid),
    User(Uuid),
    /// A group that is gone for good.
    Removed(Uuid),
}

/// At most `quota` changes after a number, oldest first; and whether there are no more.
fn changes_since(cloud: &Cloud, tenant: Uuid, since: u64, quota: usize) -> (Vec<(u64, Change)>, bool) {
    let most = quota.saturating_add(1);
    let groups = cloud.groups.changed_since(tenant, since).take(most);
    let users = cloud.users.changed_since(tenant, since).take(most);
    let removed = cloud
        .removed
        .changed_since(tenant, since)
        .filter(|removed| removed.kind == "group")
        .take(most);
    let mut all: Vec<(u64, Change)> = groups
        .map(|group| (group.change, Change::Group(group.id)))
        .chain(users.map(|user| (user.change, Change::User(user.id))))
        .chain(removed.map(|removed| (removed.change, Change::Removed(removed.id))))
        .collect();
    all.sort_by_key(|(number, _)| *number);
    let complete = all.len() <= quota;
    all.truncate(quota);
    (all, complete)
}

/// Number of the last change of a tenant's groups and users.
fn last_change(cloud: &Cloud, tenant: Uuid) -> u64 {
    let groups = cloud.groups.last_changed(tenant).and_then(Group::change);
    let users = cloud.users.last_changed(tenant).and_then(|user| user.change());
    let removed = cloud
        .removed
        .last_changed(tenant)
        .and_then(|removed| removed.change());
    groups.max(users).max(removed).unwrap_or(0)
}
