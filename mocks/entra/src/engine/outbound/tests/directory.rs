//! A directory that does what docs/wire.md says of `putGroup`, `deleteGroup` and `listMembers`, and counts what it had to change.

use std::collections::{BTreeMap, BTreeSet};

use provlab_protocol::scim::{
    DeleteGroup, ErrorCode, GroupAction, GroupDeleted, GroupWritten, ListMembers, MemberPage, NAME_ATTRIBUTE,
    Operation, OperationResult, PARENT_ATTRIBUTE, PutGroup, ScimError,
};
use uuid::Uuid;

/// A group there.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Entry {
    pub(super) external_id: Option<String>,
    pub(super) name: String,
    pub(super) parent: String,
    pub(super) attributes: BTreeMap<String, Vec<String>>,
    pub(super) members: BTreeSet<Uuid>,
}

/// The directory.
#[derive(Debug, Default)]
pub(super) struct Directory {
    pub(super) groups: BTreeMap<Uuid, Entry>,
    /// Accounts of people.
    pub(super) people: BTreeSet<Uuid>,
    /// Answers to requests for groups with these external ids, in place of what they ask for.
    pub(super) refusals: BTreeMap<String, ScimError>,
    /// Requests that changed something, and requests that did not.
    pub(super) changes: u64,
    pub(super) idle: u64,
    next: u128,
}

impl Directory {
    /// The group that a group of the cloud became.
    pub(super) fn group(&self, object: Uuid) -> Option<&Entry> {
        let key = format!("Group_{object}");
        let mut entries = self.groups.values();
        entries.find(|entry| entry.external_id.as_deref() == Some(&key))
    }

    pub(super) fn guid(&self, object: Uuid) -> Option<Uuid> {
        let key = format!("Group_{object}");
        let found = self
            .groups
            .iter()
            .find(|(_, entry)| entry.external_id.as_deref() == Some(&key));
        found.map(|(guid, _)| *guid)
    }

    /// A group that nobody provisioned.
    pub(super) fn add(&mut self, entry: Entry) -> Uuid {
        self.next += 1;
        let guid = Uuid::from_u128(0xb000_0000 + self.next);
        self.groups.insert(guid, entry);
        guid
    }

    pub(super) fn perform(&mut self, operation: &Operation) -> Result<OperationResult, ScimError> {
        match operation {
            Operation::PutGroup(put) => self.put(put).map(OperationResult::Group),
            Operation::DeleteGroup(delete) => self.delete(delete).map(OperationResult::Deleted),
            Operation::ListMembers(list) => Ok(OperationResult::Members(self.list(list))),
            other => Err(ScimError::new(
                ErrorCode::HybridSynchronizationActiveDirectoryInternalServerError,
                other.kind(),
            )),
        }
    }

    fn put(&mut self, put: &PutGroup) -> Result<GroupWritten, ScimError> {
        if let Some(refusal) = self.refusals.get(&put.external_id) {
            return Err(refusal.clone());
        }
        let fits = |(guid, entry): &(&Uuid, &Entry)| {
            Some(**guid) == put.id || entry.external_id.as_ref() == Some(&put.external_id)
        };
        let found: Vec<Uuid> = self.groups.iter().filter(fits).map(|(guid, _)| *guid).collect();
        if found.len() > 1 {
            let code = ErrorCode::HybridSynchronizationActiveDirectoryUnexpectedDuplicateEntriesFound;
            return Err(ScimError::new(code, &put.external_id));
        }
        let created = found.is_empty();
        let guid = found
            .first()
            .copied()
            .unwrap_or_else(|| self.add(Entry::default()));
        let there: BTreeSet<Uuid> = self.people.iter().chain(self.groups.keys()).copied().collect();
        let entry = self.groups.get_mut(&guid).unwrap();
        let before = entry.clone();
        let mut changed = Vec::new();
        let sets = |name: &str| created || !put.is_only_at_creation(name);
        if entry.external_id.as_ref() != Some(&put.external_id) {
            changed.push("msDS-ExternalDirectoryObjectId".to_owned());
            entry.external_id = Some(put.external_id.clone());
        }
        for (name, values) in &put.attributes {
            let had = entry.attributes.get(name).cloned().unwrap_or_default();
            if sets(name) && had != *values {
                changed.push(name.clone());
                entry.attributes.insert(name.clone(), values.clone());
            }
        }
        for (name, had, wanted) in [
            (NAME_ATTRIBUTE, &mut entry.name, &put.name),
            (PARENT_ATTRIBUTE, &mut entry.parent, &put.parent),
        ] {
            if sets(name) && had != wanted {
                changed.push(name.to_owned());
                had.clone_from(wanted);
            }
        }
        let mut unresolved = Vec::new();
        let (mut added, mut removed) = (0, 0);
        for member in &put.members_added {
            if !there.contains(member) {
                unresolved.push(*member);
            } else if entry.members.insert(*member) {
                added += 1;
            }
        }
        for member in &put.members_removed {
            assert!(!put.members_added.contains(member), "{member} is in both lists");
            removed += u32::from(entry.members.remove(member));
        }
        let action = match (created, *entry == before) {
            (true, _) => GroupAction::Created,
            (false, true) => GroupAction::Unchanged,
            (false, false) => GroupAction::Updated,
        };
        *(if action == GroupAction::Unchanged {
            &mut self.idle
        } else {
            &mut self.changes
        }) += 1;
        Ok(GroupWritten {
            id: guid,
            dn: format!("CN={},{}", put.name, put.parent),
            action,
            changed: if created { Vec::new() } else { changed },
            members_added: added,
            members_removed: removed,
            unresolved,
        })
    }

    fn delete(&mut self, delete: &DeleteGroup) -> Result<GroupDeleted, ScimError> {
        if let Some(refusal) = self.refusals.get(&delete.external_id) {
            return Err(refusal.clone());
        }
        let key = Some(&delete.external_id);
        let found = self
            .groups
            .iter()
            .find(|(_, entry)| entry.external_id.as_ref() == key);
        let id = found.map(|(guid, _)| *guid);
        match id {
            Some(guid) => {
                self.groups.remove(&guid);
                for entry in self.groups.values_mut() {
                    entry.members.remove(&guid);
                }
                self.changes += 1;
            }
            None => self.idle += 1,
        }
        Ok(GroupDeleted { id })
    }

    fn list(&self, list: &ListMembers) -> Option<MemberPage> {
        let entry = self.groups.get(&list.id)?;
        let skip = usize::try_from(list.start_index).unwrap() - 1;
        let count = usize::try_from(list.count).unwrap();
        let members: Vec<Uuid> = entry.members.iter().skip(skip).take(count).copied().collect();
        let next = skip + members.len();
        Some(MemberPage {
            members,
            next_index: (next < entry.members.len()).then(|| u32::try_from(next + 1).unwrap()),
        })
    }
}
