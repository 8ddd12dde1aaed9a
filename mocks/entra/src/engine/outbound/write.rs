//! One group: what to ask of the directory next, and what an answer says about it.
//!
//! Nothing is taken for done before it was answered. A question is noted before it is asked: if its answer is lost, the group and the
//! members that it named are perhaps as asked and perhaps as before, and are named again in the next question.

use std::collections::BTreeSet;

use provlab_protocol::scim::{
    DeleteGroup, ErrorCode, GroupAction, GroupDeleted, GroupWritten, ListMembers, MAX_MEMBER_CHANGES,
    MAX_MEMBERS_PER_PAGE, MemberPage, NAME_ATTRIBUTE, Operation, OperationResult, PARENT_ATTRIBUTE, PutGroup,
    ScimError,
};
use uuid::Uuid;

use super::super::configuration::Configuration;
use super::super::escrow;
use super::super::event::{Failure, Report, World};
use super::super::ledger::Ledger;
use super::super::log::Cycle;
use super::super::records::{ObjectKind, Rejected, StagedDelete};
use super::log::{self, Told};
use super::members::{self, MAX_MEMBERS, Skipped, Wanted};
use super::plan::{Desired, Plan};
use super::records::{MemberState, Membership, OutboundGroup, OutboundMember, Work, Written};
use super::scope::{self, Fate};
use super::store::Store;
use super::view::View;
use crate::state::{Group, ModifiedProperty, ProvisioningAction};

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
/// Refusals of LDAP that say nothing of the object but of the server: busy, unavailable, and a logon that does not work.
const SERVER_TROUBLE: [u32; 3] = [49, 51, 52];

/// Whether an error is the group's own, and no reason to end the cycle (docs/wire.md).
fn is_own(error: &ScimError) -> bool {
    let trouble = error
        .ldap
        .as_ref()
        .map(|ldap| SERVER_TROUBLE.contains(&ldap.result_code));
    match error.code {
        ErrorCode::HybridSynchronizationActiveDirectoryInvalidGroupType
        | ErrorCode::HybridSynchronizationActiveDirectoryUnexpectedDuplicateEntriesFound => true,
        ErrorCode::HybridSynchronizationActiveDirectoryInsufficientAccessRights
        | ErrorCode::HybridSynchronizationActiveDirectoryInternalServerError => trouble == Some(false),
        _ => false,
    }
}

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

    /// Takes an answer.
    ///
    /// # Errors
    /// An error that ends the cycle.
    pub(super) fn took(
        &mut self,
        ask: GroupAsk,
        answer: Result<OperationResult, ScimError>,
    ) -> Result<(), Failure> {
        let Some(row) = self.store.get(ask.group).cloned() else {
            return Ok(());
        };
        if row.ask != ask.number {
            return Ok(());
        }
        match answer {
            Ok(OperationResult::Group(written)) => self.wrote(row, &written),
            Ok(OperationResult::Deleted(deleted)) => self.deleted(row, &deleted),
            Ok(OperationResult::Members(page)) => self.read(row, page),
            Ok(_) => {
                let code = ErrorCode::HybridSynchronizationActiveDirectoryInternalServerError;
                return Err(ScimError::new(code, "the agent answered something that was not asked").into());
            }
            Err(error) if is_own(&error) => {
                let code = error.code.known().unwrap_or("InternalError");
                self.failed(row, &Rejected::new(code, error.message));
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn wrote(&mut self, mut row: OutboundGroup, written: &GroupWritten) {
        let (group, number) = (row.group, row.ask);
        let another = row.guid != Some(written.id);
        let created = written.action == GroupAction::Created;
        if another {
            // Whatever was known was known of another object, or of none.
            for member in self.store.members(group) {
                if !member.state.is_unsure() {
                    self.store.remove_member(&member);
                }
            }
            row.membership = if created {
                Membership::Known
            } else {
                Membership::Reading(1)
            };
        }
        let unresolved: BTreeSet<Uuid> = written.unresolved.iter().copied().collect();
        for member in self.store.members(group) {
            match member.state {
                MemberState::Adding(asked) if asked == number => {
                    let state = if unresolved.contains(&member.guid) {
                        MemberState::Unresolved
                    } else {
                        MemberState::Present
                    };
                    self.store.put_member(group, member.guid, member.object, state);
                }
                MemberState::Removing(asked) if asked == number => self.store.remove_member(&member),
                _ => {}
            }
        }
        let asked = row.asked.take().unwrap_or_default();
        note(&mut row.work, row.written.as_ref(), &asked, written);
        if written.action != GroupAction::Unchanged {
            self.done.exports += 1;
        }
        row.guid = Some(written.id);
        row.written = Some(asked);
        row.dirty = true;
        self.store.put(row);
        if another {
            self.store.mark_holders(group);
        }
    }

    fn read(&mut self, mut row: OutboundGroup, page: Option<MemberPage>) {
        match page {
            // It went while it was being read: the next question makes it.
            None => {
                self.store.forget_members(row.group);
                (row.guid, row.written, row.asked) = (None, None, None);
                row.membership = Membership::Known;
            }
            Some(page) => {
                for guid in page.members {
                    let known = self.store.member(row.group, guid).cloned();
                    if !known.as_ref().is_some_and(|member| member.state.is_unsure()) {
                        let object = known.and_then(|member| member.object);
                        self.store
                            .put_member(row.group, guid, object, MemberState::Present);
                    }
                }
                row.membership = page.next_index.map_or(Membership::Known, Membership::Reading);
            }
        }
        row.dirty = true;
        self.store.put(row);
    }

    fn deleted(&mut self, mut row: OutboundGroup, deleted: &GroupDeleted) {
        let group = row.group;
        if deleted.id.is_some() {
            self.done.exports += 1;
            self.done.exported += 1;
            row.work = Work::default();
            self.tell(&row, ProvisioningAction::Delete, Vec::new(), Told::Success(&[]));
        }
        let again = row.dirty;
        self.store.remove(group);
        // It came back into scope while it was being deleted.
        if again && self.store.cloud_group(group).is_some() {
            let row = self.store.fresh(group);
            self.store.put(row);
        }
    }

    /// The group is in the directory as it shall be.
    fn settle(&mut self, mut row: OutboundGroup, skipped: &[(Uuid, Skipped)], dirty: bool) {
        row.dirty = dirty;
        row.escrow = None;
        let work = std::mem::take(&mut row.work);
        if work.is_any() {
            self.done.exported += 1;
            let action = if work.created {
                ProvisioningAction::Create
            } else {
                ProvisioningAction::Update
            };
            self.tell(&row, action, log::modified(work), Told::Success(skipped));
        }
        self.store.put(row);
    }

    /// The group cannot be written now; it is tried again by the rules of CS 5.5.
    fn failed(&mut self, mut row: OutboundGroup, rejected: &Rejected) {
        row.dirty = false;
        row.escrow = escrow::after_failure(self.world, row.escrow.as_ref(), rejected);
        self.done.pruned |= row.escrow.is_none();
        let action = match row.staged_delete {
            Some(_) => ProvisioningAction::Delete,
            None if row.guid.is_some() => ProvisioningAction::Update,
            None => ProvisioningAction::Create,
        };
        self.done.reports.push(Report::Escrow {
            kind: ObjectKind::Group,
            name: row.name.clone(),
            code: rejected.code,
        });
        let entry = log::entry(
            &row,
            action,
            Vec::new(),
            Told::Failure(rejected),
            self.cycle,
            &mut *self.world.new_id,
        );
        self.ledger.append(self.store.txn(), entry);
        self.store.put(row);
    }

    /// Puts what was done into the trace and into the log.
    fn tell(
        &mut self,
        row: &OutboundGroup,
        action: ProvisioningAction,
        modified: Vec<ModifiedProperty>,
        told: Told<'_>,
    ) {
        self.done.reports.push(Report::Export {
            action: action.as_str(),
            kind: ObjectKind::Group,
            name: row.name.clone(),
        });
        let entry = log::entry(row, action, modified, told, self.cycle, &mut *self.world.new_id);
        self.ledger.append(self.store.txn(), entry);
    }
}

/// The join key: fixed, so that a group that is gone in the cloud can still be told (PR 10).
fn external_id(group: Uuid) -> String {
    format!("{EXTERNAL_ID_PREFIX}{group}")
}

/// Adds what an answer says was done.
fn note(work: &mut Work, before: Option<&Written>, after: &Written, written: &GroupWritten) {
    let shown = |of: Option<&Written>, name: &str| -> Option<String> {
        let of = of?;
        let value = match name {
            NAME_ATTRIBUTE => of.name.clone(),
            PARENT_ATTRIBUTE => of.parent.clone(),
            other => of.attributes.get(other)?.join(", "),
        };
        Some(value).filter(|value| !value.is_empty())
    };
    let created = written.action == GroupAction::Created;
    let own = [NAME_ATTRIBUTE, PARENT_ATTRIBUTE].map(str::to_owned);
    let names: Vec<String> = if created {
        own.into_iter().chain(after.attributes.keys().cloned()).collect()
    } else {
        written.changed.clone()
    };
    for name in names {
        let new = shown(Some(after), &name);
        let old = shown(before, &name).filter(|_| !created);
        if new.is_some() || old.is_some() {
            work.modified.retain(|known| known.name != name);
            work.modified.push(ModifiedProperty { name, old, new });
        }
    }
    work.created |= created;
    work.added += u64::from(written.members_added);
    work.removed += u64::from(written.members_removed);
}
