//! Groups that the cloud keeps in a directory: what they shall be, which one it is, and what came of it (PR 10, PR 11).
//!
//! Every request says how the directory shall be and not what to do with it, so that the same request may come twice, over two agents
//! and in the midst of its first performance, and the directory is the same afterwards.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::GROUP_WRITE_SCHEMA;
use super::operation::{LimitExceeded, within};
use crate::dn::MAX_DN_BYTES;

/// Most memberships that one request changes: added and removed together.
pub const MAX_MEMBER_CHANGES: usize = 1_000;
/// Most members in one page of a group's members.
pub const MAX_MEMBERS_PER_PAGE: u32 = 5_000;
/// Most attributes that one request sets.
pub const MAX_GROUP_ATTRIBUTES: usize = 100;
/// Most values of one attribute that is set.
pub const MAX_GROUP_VALUES: usize = 100;
/// Longest value of an attribute that is set, longest name and longest external id, in bytes.
pub const MAX_GROUP_VALUE_BYTES: usize = 4 * 1024;

/// The attribute that an external id is kept in: the join key of PR 10.
pub const EXTERNAL_ID_ATTRIBUTE: &str = "msDS-ExternalDirectoryObjectId";

/// How a mapping and an answer name the common name.
pub const NAME_ATTRIBUTE: &str = "cn";
/// How a mapping and an answer name the container (CS 5.10).
pub const PARENT_ATTRIBUTE: &str = "parentDistinguishedName";

/// How a group shall be. It is found by its id or else by its external id; where there is none, it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PutGroup {
    /// [`GROUP_WRITE_SCHEMA`].
    pub schemas: Vec<String>,
    /// DNS name of the Active Directory domain.
    pub domain: String,
    /// objectGUID, where the cloud knows it.
    pub id: Option<Uuid>,
    /// `Group_{objectId}`: written to [`EXTERNAL_ID_ATTRIBUTE`] and looked for there.
    pub external_id: String,
    /// Distinguished name of the container: where it is made, and where it is moved to.
    pub parent: String,
    /// Its common name.
    pub name: String,
    /// Values by Active Directory attribute name. An empty list clears the attribute; what is not named is left alone.
    #[serde(default)]
    pub attributes: IndexMap<String, Vec<String>>,
    /// Which of the attributes count only when it is made; [`NAME_ATTRIBUTE`] and [`PARENT_ATTRIBUTE`] stand for name and container.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only_at_creation: Vec<String>,
    /// objectGUIDs that shall be among its members.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members_added: Vec<Uuid>,
    /// objectGUIDs that shall not be among its members.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members_removed: Vec<Uuid>,
}

impl PutGroup {
    /// A group without further attributes and without any word on its members.
    #[must_use]
    pub fn new(domain: &str, external_id: &str, parent: &str, name: &str) -> Self {
        Self {
            schemas: vec![GROUP_WRITE_SCHEMA.to_owned()],
            domain: domain.to_owned(),
            id: None,
            external_id: external_id.to_owned(),
            parent: parent.to_owned(),
            name: name.to_owned(),
            attributes: IndexMap::new(),
            only_at_creation: Vec::new(),
            members_added: Vec::new(),
            members_removed: Vec::new(),
        }
    }

    /// Whether an attribute counts only when the group is made.
    #[must_use]
    pub fn is_only_at_creation(&self, attribute: &str) -> bool {
        let mut names = self.only_at_creation.iter();
        names.any(|name| name.eq_ignore_ascii_case(attribute))
    }

    pub(super) fn check_limits(&self) -> Result<(), LimitExceeded> {
        within("externalId", self.external_id.len(), MAX_GROUP_VALUE_BYTES)?;
        within(
            "onlyAtCreation",
            self.only_at_creation.len(),
            MAX_GROUP_ATTRIBUTES + 2,
        )?;
        within("parent", self.parent.len(), MAX_DN_BYTES)?;
        within("name", self.name.len(), MAX_GROUP_VALUE_BYTES)?;
        within("attributes", self.attributes.len(), MAX_GROUP_ATTRIBUTES)?;
        for values in self.attributes.values() {
            within("values of an attribute", values.len(), MAX_GROUP_VALUES)?;
            let longest = values.iter().map(String::len).max().unwrap_or_default();
            within("value of an attribute", longest, MAX_GROUP_VALUE_BYTES)?;
        }
        within(
            "membersAdded and membersRemoved",
            self.members_added
                .len()
                .saturating_add(self.members_removed.len()),
            MAX_MEMBER_CHANGES,
        )
    }
}

/// What became of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupWritten {
    /// Its objectGUID.
    pub id: Uuid,
    /// Its distinguished name now.
    pub dn: String,
    /// What was done.
    pub action: GroupAction,
    /// Attributes that got another value, in the order of the request; [`NAME_ATTRIBUTE`] for a rename, [`PARENT_ATTRIBUTE`] for a move.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
    /// Memberships that were not there before.
    #[serde(default)]
    pub members_added: u32,
    /// Memberships that are there no more.
    #[serde(default)]
    pub members_removed: u32,
    /// Of those that shall be members, the ones that the domain has no object for. They are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unresolved: Vec<Uuid>,
}

impl GroupWritten {
    pub(super) fn check_limits(&self) -> Result<(), LimitExceeded> {
        within("changed", self.changed.len(), MAX_GROUP_ATTRIBUTES + 2)?;
        within("unresolved", self.unresolved.len(), MAX_MEMBER_CHANGES)
    }
}

/// What was done to a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GroupAction {
    /// There was none, and it was made.
    Created,
    /// It was there, and something of it was changed.
    Updated,
    /// It was there as it shall be.
    Unchanged,
}

/// That a group shall not be there. Nothing is deleted that does not bear the external id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteGroup {
    /// DNS name of the Active Directory domain.
    pub domain: String,
    /// `Group_{objectId}`.
    pub external_id: String,
}

impl DeleteGroup {
    pub(super) fn check_limits(&self) -> Result<(), LimitExceeded> {
        within("externalId", self.external_id.len(), MAX_GROUP_VALUE_BYTES)
    }
}

/// The group is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupDeleted {
    /// objectGUID of the group that was deleted by this request; none if there was no group.
    pub id: Option<Uuid>,
}

/// Asks for one page of the members that a group has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListMembers {
    /// DNS name of the Active Directory domain.
    pub domain: String,
    /// objectGUID of the group.
    pub id: Uuid,
    /// Which member to begin with, counted from 1 as SCIM does.
    pub start_index: u32,
    /// Most members in the answer.
    pub count: u32,
}

impl ListMembers {
    pub(super) fn check_limits(&self) -> Result<(), LimitExceeded> {
        let to_usize = |number| usize::try_from(number).unwrap_or(usize::MAX);
        within("count", to_usize(self.count), to_usize(MAX_MEMBERS_PER_PAGE))
    }
}

/// One page of a group's members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberPage {
    /// objectGUIDs, in the order of the directory.
    pub members: Vec<Uuid>,
    /// `startIndex` of the next page; none behind the last.
    pub next_index: Option<u32>,
}

impl MemberPage {
    pub(super) fn check_limits(&self) -> Result<(), LimitExceeded> {
        let most = usize::try_from(MAX_MEMBERS_PER_PAGE).unwrap_or(usize::MAX);
        within("members", self.members.len(), most)
    }
}
