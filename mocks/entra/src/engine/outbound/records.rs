//! Rows of a job that keeps groups in a directory: what it wrote last, what it is not sure of, and what is left to do.
//!
//! They stand beside the groups of the cloud and are committed with them, so a cycle may be cut behind any step. [`super::store`] is the
//! way to them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::records::{Escrow, StagedDelete};
use crate::state::{ModifiedProperty, Row};

/// A group of the cloud that a job keeps in the directory, or is to keep there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboundGroup {
    /// Tenant of the job.
    pub tenant: Uuid,
    /// Id of the job.
    pub job: String,
    /// Object id of the group in the cloud.
    pub group: Uuid,
    /// Display name when it was looked at last: what remains of a group that is gone.
    pub name: String,
    /// Whether the scope took it in when it was looked at last.
    pub in_scope: bool,
    /// Whether the engine has still to look at it.
    pub dirty: bool,
    /// objectGUID of the group in the directory, once an agent told it.
    pub guid: Option<Uuid>,
    /// Whether it was ever sent: an answer that was lost may have made it.
    pub sent: bool,
    /// What was written last; none if nothing was, or if it cannot be told.
    pub written: Option<Written>,
    /// What was asked for after that and not answered, or refused half-way: perhaps done.
    pub asked: Option<Written>,
    /// Counts the questions about it: an answer to an earlier one settles nothing.
    pub ask: u64,
    /// What is known of its members in the directory.
    pub membership: Membership,
    /// It is to be deleted in the directory at the end of the cycle, or as soon as the delete threshold allows (CS 5.6).
    pub staged_delete: Option<StagedDelete>,
    /// Set while its last write failed.
    pub escrow: Option<Escrow>,
    /// What was done to it since the log told of it last.
    pub work: Work,
}

/// Everything of a group but its members, as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// Common name.
    pub name: String,
    /// Distinguished name of the container.
    pub parent: String,
    /// Values by attribute name as the schema spells it.
    pub attributes: BTreeMap<String, Vec<String>>,
}

/// What the cloud knows of a group's members in the directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Membership {
    /// The rows of [`OutboundMember`] tell.
    #[default]
    Known,
    /// An existing group was found; its members are being read, this one comes next (counted from 1).
    Reading(u32),
}

/// What was done to a group in one cycle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// It was made.
    pub created: bool,
    /// Attributes that changed.
    pub modified: Vec<ModifiedProperty>,
    /// Members that came.
    pub added: u64,
    /// Members that went.
    pub removed: u64,
}

impl Work {
    /// Whether anything was done.
    #[must_use]
    pub fn is_any(&self) -> bool {
        *self != Self::default()
    }
}

/// An object that is, or may be, a member of a group in the directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboundMember {
    /// Tenant of the job.
    pub tenant: Uuid,
    /// Id of the job.
    pub job: String,
    /// Object id of the group in the cloud.
    pub group: Uuid,
    /// objectGUID of the member.
    pub guid: Uuid,
    /// Object id of the member in the cloud; none for one that was read in the directory.
    pub object: Option<Uuid>,
    /// What is known.
    pub state: MemberState,
}

/// What is known of a membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MemberState {
    /// It is there.
    Present,
    /// The domain has no such object, so it was left out. Tried again when something of the group changes.
    Unresolved,
    /// This question asked for it, and was not answered yet.
    Adding(u64),
    /// This question asked for its end, and was not answered yet.
    Removing(u64),
}

impl MemberState {
    /// Whether it may be there or not.
    #[must_use]
    pub fn is_unsure(self) -> bool {
        matches!(self, Self::Adding(_) | Self::Removing(_))
    }
}

impl OutboundGroup {
    /// Index of the groups that the engine has still to look at, by the job.
    pub const BY_DIRTY: &'static str = "dirty";
    /// Index of the groups that wait for a retry, by the job.
    pub const BY_RETRY: &'static str = "retry";
    /// Index of the groups that are to be deleted, by the job.
    pub const BY_STAGED: &'static str = "staged";

    /// A group that was never written.
    #[must_use]
    pub fn new(tenant: Uuid, job: &str, group: Uuid) -> Self {
        Self {
            tenant,
            job: job.to_owned(),
            group,
            name: String::new(),
            in_scope: false,
            dirty: false,
            guid: None,
            sent: false,
            written: None,
            asked: None,
            ask: 0,
            membership: Membership::Known,
            staged_delete: None,
            escrow: None,
            work: Work::default(),
        }
    }

    /// Whether the directory has it, or may have it.
    #[must_use]
    pub fn may_be_there(&self) -> bool {
        self.guid.is_some() || self.sent
    }

    /// What it is as the member of another group.
    #[must_use]
    pub fn resolved(&self) -> Option<Uuid> {
        self.guid.filter(|_| self.in_scope)
    }
}

impl Row for OutboundGroup {
    const TABLE: &'static str = "outbound-groups";
    fn tenant(&self) -> Uuid {
        self.tenant
    }
    fn id(&self) -> String {
        format!("{}/{}", self.job, self.group)
    }
    fn keys(&self) -> Vec<(&'static str, String)> {
        let marks = [
            (Self::BY_DIRTY, self.dirty),
            (Self::BY_RETRY, self.escrow.is_some()),
            (Self::BY_STAGED, self.staged_delete.is_some()),
        ];
        let set = marks.into_iter().filter(|(_, set)| *set);
        set.map(|(index, _)| (index, self.job.clone())).collect()
    }
}

impl OutboundMember {
    /// Index of the rows of a group by the member's object id in the cloud.
    pub const BY_OBJECT: &'static str = "object";
    /// Index of the rows of a group whose member the domain does not have.
    pub const BY_UNRESOLVED: &'static str = "unresolved";

    /// Key in [`OutboundMember::BY_OBJECT`].
    #[must_use]
    pub fn object_key(job: &str, group: Uuid, object: Uuid) -> String {
        format!("{job}/{group}/{object}")
    }
}

impl Row for OutboundMember {
    const TABLE: &'static str = "outbound-members";
    fn tenant(&self) -> Uuid {
        self.tenant
    }
    fn id(&self) -> String {
        format!("{}/{}/{}", self.job, self.group, self.guid)
    }
    fn keys(&self) -> Vec<(&'static str, String)> {
        let object = self
            .object
            .map(|object| (Self::BY_OBJECT, Self::object_key(&self.job, self.group, object)));
        let unresolved = (self.state == MemberState::Unresolved)
            .then(|| (Self::BY_UNRESOLVED, format!("{}/{}", self.job, self.group)));
        object.into_iter().chain(unresolved).collect()
    }
}
