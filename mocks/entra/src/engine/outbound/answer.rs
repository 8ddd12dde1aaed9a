//! What the directory's answer says about a group.

use std::collections::BTreeSet;

use provlab_protocol::scim::{
    ErrorCode, GroupAction, GroupDeleted, GroupWritten, MemberPage, NAME_ATTRIBUTE, OperationResult,
    PARENT_ATTRIBUTE, ScimError,
};
use uuid::Uuid;

use super::super::escrow;
use super::super::event::{Failure, Report};
use super::super::records::{ObjectKind, Rejected};
use super::log::{self, Told};
use super::members::Skipped;
use super::records::{MemberState, Membership, OutboundGroup, Work, Written};
use super::write::{GroupAsk, Writer};
use crate::state::{ModifiedProperty, ProvisioningAction};

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

impl Writer<'_, '_, '_, '_> {
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
            Ok(_) => return Err(Failure::not_asked()),
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
    pub(super) fn settle(&mut self, mut row: OutboundGroup, skipped: &[(Uuid, Skipped)], dirty: bool) {
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
    pub(super) fn failed(&mut self, mut row: OutboundGroup, rejected: &Rejected) {
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
    pub(super) fn tell(
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
