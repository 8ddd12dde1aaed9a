//! One group: what to ask of the directory next.
//!
//! Nothing is taken for done before it was answered. A question is noted before it is asked: if its answer is lost, the group and the
//! members that it named are perhaps as asked and perhaps as before, and are named again in the next question.

use std::collections::BTreeSet;

use provlab_protocol::scim::{
    DeleteGroup, ListMembers, MAX_MEMBER_CHANGES, MAX_MEMBERS_PER_PAGE, Operation, PutGroup,
};
use uuid::Uuid;

use super::super::configuration::Configuration;
use super::super::event::{Report, World};
use super::super::ledger::Ledger;
use super::super::log::Cycle;
use super::super::records::{Rejected, StagedDelete};
use super::log::Told;
use super::members::{self, MAX_MEMBERS, Wanted};
use super::plan::{Desired, Plan};
use super::records::{MemberState, Membership, OutboundGroup, OutboundMember, Written};
use super::scope::{self, Fate};
use super::store::Store;
use super::view::View;
use crate::state::{Group, ProvisioningAction};

/// A question about a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupAsk {
    /// Which group.
    pub group: Uuid,
    /// Which of the questions about it.
    pub number: u64,
}

/// What was done to the directory.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// Write operations that changed something.
    pub(super) exports: u64,
    /// Groups that were written.
    pub(super) exported: u64,
    /// A group in escrow was given up.
    pub(super) pruned: bool,
    /// What to tell.
    pub(super) reports: Vec<Report>,
}

/// What the join key begins with.
const EXTERNAL_ID_PREFIX: &str = "Group_";

/// Everything that the work on groups needs.
pub(super) struct Writer<'w, 's, 't, 'c> {
    pub(super) store: &'s mut Store<'t, 'c>,
    pub(super) world: &'s mut World<'w>,
    pub(super) plan: &'s Plan,
    pub(super) configuration: &'s Configuration,
    pub(super) domain: &'s str,
    pub(super) cycle: &'s Cycle,
    pub(super) ledger: &'s mut Ledger,
    pub(super) done: &'s mut Done,
}

/// Which memberships a page of changes is about.
struct Page {
    /// objectGUID and object id of who comes.
    add: Vec<(Uuid, Uuid)>,
    remove: Vec<OutboundMember>,
}

impl Writer<'_, '_, '_, '_> {
    /// What the scope says of a group.
    pub(super) fn fate(&mut self, group: Option<&Group>) -> Fate {
        let (now, guid) = (self.world.now, (self.world.new_id)());
        let view = group.map(|group| View { group, now, guid });
        scope::judge(
            self.plan,
            self.configuration,
            self.world.assumptions,
            view.as_ref(),
        )
    }

    /// Looks at a group: gives the question that brings the directory closer to the cloud, or settles the group. `only`: members that may
    /// come, for provisioning on demand; none goes then.
    pub(super) fn look(
        &mut self,
        mut row: OutboundGroup,
        only: Option<&BTreeSet<Uuid>>,
    ) -> Option<(GroupAsk, Operation)> {
        let found = self.store.cloud_group(row.group).cloned();
        if let Some(group) = &found {
            row.name.clone_from(&group.display_name);
        }
        match (self.fate(found.as_ref()), found) {
            (Fate::Provision, Some(group)) => self.provision(row, &group, only),
            (Fate::Withdraw(_), _) | (Fate::Provision, None) => {
                self.withdraw(row, true);
                None
            }
            (Fate::Leave(_), _) => {
                self.withdraw(row, false);
                None
            }
        }
    }

    /// Takes a group out of scope; with `delete` it is staged for deletion where the directory may have it.
    fn withdraw(&mut self, mut row: OutboundGroup, delete: bool) {
        let (group, left) = (row.group, row.in_scope);
        row.in_scope = false;
        row.dirty = false;
        if delete && row.may_be_there() {
            if row.staged_delete.is_none() {
                row.escrow = None;
            }
            row.staged_delete.get_or_insert(StagedDelete::Pending);
            self.store.put(row);
        } else if row.may_be_there() {
            (row.staged_delete, row.escrow) = (None, None);
            self.store.put(row);
        } else {
            self.store.remove(group);
        }
        if left {
            self.store.mark_holders(group);
        }
    }

    fn provision(
        &mut self,
        mut row: OutboundGroup,
        group: &Group,
        only: Option<&BTreeSet<Uuid>>,
    ) -> Option<(GroupAsk, Operation)> {
        if row.staged_delete.take().is_some() {
            row.escrow = None;
        }
        if !row.in_scope {
            row.in_scope = true;
            self.store.put(row.clone());
            if row.guid.is_some() {
                self.store.mark_holders(row.group);
            }
        }
        let view = View {
            group,
            now: self.world.now,
            guid: (self.world.new_id)(),
        };
        let desired = match self.plan.desired(&view) {
            Ok(desired) => desired,
            Err(rejected) => {
                self.failed(row, &rejected);
                return None;
            }
        };
        let wanted = if self.plan.members {
            members::wanted(self.store, self.domain, group)
        } else {
            Wanted::default()
        };
        if wanted.by_guid.len() > MAX_MEMBERS {
            let what = format!(
                "the group has {} members, and more than {MAX_MEMBERS} are not supported",
                wanted.by_guid.len()
            );
            self.failed(row, &Rejected::new("UnprocessableEntity", what));
            return None;
        }
        if let (Membership::Reading(start_index), Some(id)) = (row.membership, row.guid) {
            return Some(self.ask(row, |_| {
                Operation::ListMembers(ListMembers {
                    domain: String::new(),
                    id,
                    start_index,
                    count: MAX_MEMBERS_PER_PAGE,
                })
            }));
        }
        let page = self.page(&row, &wanted, only);
        let kept = desired.kept();
        let differs =
            row.written.as_ref() != Some(&kept) || row.asked.as_ref().is_some_and(|asked| *asked != kept);
        if row.guid.is_none() || differs || !page.add.is_empty() || !page.remove.is_empty() {
            let id = row.guid.or_else(|| members::former_guid(group));
            return Some(self.put(row, id, (desired, kept), &page));
        }
        // With a choice of members there may be more to do for the next cycle.
        self.settle(row, &wanted.skipped, only.is_some());
        None
    }

    /// Notes and makes a question.
    fn ask(
        &mut self,
        mut row: OutboundGroup,
        operation: impl FnOnce(&OutboundGroup) -> Operation,
    ) -> (GroupAsk, Operation) {
        row.ask += 1;
        let ask = GroupAsk {
            group: row.group,
            number: row.ask,
        };
        let mut operation = operation(&row);
        let domain = self.domain.to_owned();
        match &mut operation {
            Operation::PutGroup(put) => put.domain = domain,
            Operation::DeleteGroup(delete) => delete.domain = domain,
            Operation::ListMembers(list) => list.domain = domain,
            _ => {}
        }
        self.store.put(row);
        (ask, operation)
    }

    fn put(
        &mut self,
        mut row: OutboundGroup,
        id: Option<Uuid>,
        (desired, kept): (Desired, Written),
        page: &Page,
    ) -> (GroupAsk, Operation) {
        // Two unanswered questions leave three possibilities, and only one of them is remembered.
        if row.asked.as_ref().is_some_and(|asked| *asked != kept) {
            row.written = None;
        }
        row.asked = Some(kept);
        row.sent = true;
        let (group, number) = (row.group, row.ask + 1);
        for (guid, object) in &page.add {
            self.store
                .put_member(group, *guid, Some(*object), MemberState::Adding(number));
        }
        for member in &page.remove {
            self.store
                .put_member(group, member.guid, member.object, MemberState::Removing(number));
        }
        let external_id = external_id(group);
        self.ask(row, |_| {
            let mut put = PutGroup::new("", &external_id, &desired.all.parent, &desired.all.name);
            put.id = id;
            put.attributes = desired.all.attributes.into_iter().collect();
            put.only_at_creation = desired.only_at_creation;
            put.members_added = page.add.iter().map(|(guid, _)| *guid).collect();
            put.members_removed = page.remove.iter().map(|member| member.guid).collect();
            Operation::PutGroup(put)
        })
    }

    /// The next memberships to change: first those that an earlier question left in doubt.
    fn page(&mut self, row: &OutboundGroup, wanted: &Wanted, only: Option<&BTreeSet<Uuid>>) -> Page {
        let known = self.store.members(row.group);
        let (mut add, mut remove) = (Vec::new(), Vec::new());
        let mut settled = BTreeSet::new();
        let unsure = known.iter().filter(|member| member.state.is_unsure());
        let sure = known.iter().filter(|member| !member.state.is_unsure());
        for member in unsure.chain(sure) {
            settled.insert(member.guid);
            match (wanted.by_guid.get(&member.guid), member.state) {
                (Some(object), MemberState::Adding(_) | MemberState::Removing(_)) => {
                    add.push((member.guid, *object));
                }
                (Some(object), state) => {
                    self.store
                        .put_member(row.group, member.guid, Some(*object), state);
                }
                (None, MemberState::Unresolved) => self.store.remove_member(member),
                (None, MemberState::Present) if only.is_some() => {}
                (None, _) => remove.push(member.clone()),
            }
        }
        let new = wanted.by_guid.iter().filter(|(guid, object)| {
            !settled.contains(*guid) && only.is_none_or(|only| only.contains(*object))
        });
        add.extend(new.map(|(guid, object)| (*guid, *object)));
        add.truncate(MAX_MEMBER_CHANGES);
        remove.truncate(MAX_MEMBER_CHANGES - add.len());
        Page { add, remove }
    }

    /// The question that deletes a staged group.
    pub(super) fn delete(&mut self, mut row: OutboundGroup) -> (GroupAsk, Operation) {
        // If it comes back before this is answered, it has to be written to be there for sure.
        if let Some(written) = row.written.take() {
            row.asked = Some(written);
        }
        let external_id = external_id(row.group);
        self.ask(row, |_| {
            Operation::DeleteGroup(DeleteGroup {
                domain: String::new(),
                external_id,
            })
        })
    }

    /// Tells once of a deletion that is held back.
    pub(super) fn hold(&mut self, mut row: OutboundGroup) {
        row.staged_delete = Some(StagedDelete::Held);
        self.tell(
            &row,
            ProvisioningAction::StagedDelete,
            Vec::new(),
            Told::Success(&[]),
        );
        self.store.put(row);
    }
}

/// The join key: fixed, so that a group that is gone in the cloud can still be told (PR 10).
fn external_id(group: Uuid) -> String {
    format!("{EXTERNAL_ID_PREFIX}{group}")
}
