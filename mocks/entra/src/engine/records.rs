//! Rows of the connector data store of a job: source objects as last seen, their links, and what they became in the cloud.
//!
//! They are tables of the cloud's state like any other, so they are committed together with the users, the groups and the
//! watermark. [`super::connector`] is the way to them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::state::Row;

/// Class of object that is synchronized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ObjectKind {
    /// `user` (and `inetOrgPerson`) to `User`.
    User,
    /// `group` to `Group`.
    Group,
    /// `contact` to `Contact`.
    Contact,
}

impl ObjectKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::User, Self::Group, Self::Contact];

    /// The target type: `User`, `Group`, `Contact`.
    pub fn target_name(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
            Self::Contact => "Contact",
        }
    }

    /// The source type: `user`, `group`, `contact`.
    pub fn source_name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Contact => "contact",
        }
    }

    /// Key in `synchronizedEntryCountByType` (CS 6.3).
    pub fn entry_count_key(self) -> &'static str {
        match self {
            Self::User => "user to User",
            Self::Group => "group to Group",
            Self::Contact => "contact to Contact",
        }
    }
}

/// A reference attribute that is synchronized (CS 5.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum LinkAttribute {
    /// `member` of a group.
    Member,
    /// `manager` of a user or contact.
    Manager,
}

impl LinkAttribute {
    /// Finds the attribute by its name in the directory.
    pub fn find(name: &str) -> Option<Self> {
        [Self::Member, Self::Manager]
            .into_iter()
            .find(|a| a.name().eq_ignore_ascii_case(name))
    }

    /// Finds the attribute by the target that it becomes.
    pub fn of_target(kind: ObjectKind, target: &str) -> Option<Self> {
        match kind {
            ObjectKind::Group => Some(Self::Member).filter(|_| target.eq_ignore_ascii_case("Members")),
            ObjectKind::User | ObjectKind::Contact => {
                Some(Self::Manager).filter(|_| target.eq_ignore_ascii_case("Manager"))
            }
        }
    }

    /// Target attribute that it becomes.
    pub fn target_name(self) -> &'static str {
        match self {
            Self::Member => "Members",
            Self::Manager => "Manager",
        }
    }

    /// Name in the directory.
    pub fn name(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Manager => "manager",
        }
    }
}

/// What a link points to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Reference {
    /// An object by its objectGUID.
    Guid(Uuid),
    /// An object known by its DN only (lower case), until an object of that DN arrives.
    Dn(String),
}

/// One link of a source object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Tenant of the job.
    pub tenant: Uuid,
    /// Id of the job that read it.
    pub job: String,
    /// objectGUID of the object that holds the link.
    pub holder: Uuid,
    /// The attribute it is a value of.
    pub attribute: LinkAttribute,
    /// What it points to.
    pub to: Reference,
    /// Full enumeration it was seen in last.
    pub generation: u64,
    /// Whether the directory has it; one that is gone stays until the cloud has followed.
    pub present: bool,
    /// Whether the cloud has still to follow.
    pub dirty: bool,
}

/// A source object as last seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRecord {
    /// Tenant of the job.
    pub tenant: Uuid,
    /// Id of the job that read it.
    pub job: String,
    /// objectGUID.
    pub guid: Uuid,
    /// Its class.
    pub kind: ObjectKind,
    /// Full enumeration it was seen in last.
    pub generation: u64,
    /// Values by lower-case attribute name; strings as sent, binary as base64.
    pub attributes: BTreeMap<String, Vec<String>>,
    /// Deleted in the directory; kept for its link to the cloud object, which comes back if the object does.
    pub deleted: bool,
    /// Whether it is of class `inetOrgPerson`, which has a mapping of its own.
    #[serde(default)]
    pub inet_org_person: bool,
    /// Whether the scope took it in when it was looked at last (CS 5.8).
    pub in_scope: bool,
    /// Whether the engine has still to look at it.
    #[serde(default)]
    pub dirty: bool,
    /// Its cloud object is to be deleted at the end of the cycle, or as soon as the delete threshold allows (CS 5.6).
    #[serde(default)]
    pub staged_delete: Option<StagedDelete>,
    /// The cloud object it became.
    pub target: Option<TargetLink>,
    /// Set while its last export failed.
    pub escrow: Option<Escrow>,
    /// When values that another object has are tried again.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub conflict_retry: Option<OffsetDateTime>,
}

/// A deletion that has not happened yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StagedDelete {
    /// The end of the cycle decides.
    Pending,
    /// The delete threshold holds it back, and the log says so.
    Held,
}

/// The link of a source object to its cloud object, with what was fixed when it was made (CS 5.11).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetLink {
    /// Id of the cloud object.
    pub id: Uuid,
    /// Source anchor (base64): immutable once the object is synchronized.
    pub anchor: String,
    /// Names that follow their own rules of recalculation; users only.
    pub names: Option<AssignedNames>,
}

/// Cloud names of a user and the directory values that they were calculated from (CS 5.11).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignedNames {
    /// Cloud `UserPrincipalName`.
    pub user_principal_name: String,
    /// Directory UPN it was calculated from: only a change of this one recalculates.
    pub from_upn: String,
    /// Cloud `MailNickName`.
    pub mail_nickname: String,
    /// Directory `mailNickname` when it was calculated: only a change of this one recalculates.
    pub from_nickname: Option<String>,
}

/// An object that could not be written, or a value that could not (CS 6.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Code of CS 6.8.
    pub code: &'static str,
    /// What to mend.
    pub message: String,
}

impl Rejected {
    /// With a sentence that says what to mend.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}

/// A failed export that is retried (CS 5.5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escrow {
    /// Code of CS 6.8.
    pub code: String,
    /// What went wrong.
    pub message: String,
    /// First failure.
    #[serde(with = "time::serde::rfc3339")]
    pub first_failed: OffsetDateTime,
    /// Next retry.
    #[serde(with = "time::serde::rfc3339")]
    pub retry_at: OffsetDateTime,
}

impl Reference {
    /// The reference as part of a row's key; the two forms cannot collide.
    pub fn key(&self) -> String {
        match self {
            Self::Guid(guid) => guid.to_string(),
            Self::Dn(dn) => format!("dn:{dn}"),
        }
    }
}

impl Link {
    /// Index of links by the job and the object they point to.
    pub const BY_TARGET: &'static str = "to";
    /// Index of the links that the cloud has still to follow, by the job.
    pub const BY_DIRTY: &'static str = "dirty";
}

impl Row for Link {
    const TABLE: &'static str = "source-links";
    fn tenant(&self) -> Uuid {
        self.tenant
    }
    fn id(&self) -> String {
        format!(
            "{}/{}/{}/{}",
            self.job,
            self.holder,
            self.attribute.name(),
            self.to.key()
        )
    }
    fn keys(&self) -> Vec<(&'static str, String)> {
        let dirty = self.dirty.then(|| (Self::BY_DIRTY, self.job.clone()));
        std::iter::once((Self::BY_TARGET, format!("{}/{}", self.job, self.to.key())))
            .chain(dirty)
            .collect()
    }
}

impl SourceRecord {
    /// Index of live records by the job and the DN, lower case.
    pub const BY_DN: &'static str = "dn";
    /// Index of the records that wait for a retry, by the job.
    pub const BY_RETRY: &'static str = "retry";
    /// Index of the records that the engine has still to look at, by the job.
    pub const BY_DIRTY: &'static str = "dirty";
    /// Index of the records whose cloud object is to be deleted, by the job.
    pub const BY_STAGED: &'static str = "staged";
    /// Index of the records by the id of their cloud object, whatever the job.
    pub const BY_CLOUD_ID: &'static str = "cloud-id";

    /// First value of an attribute, by lower-case name.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<&str> {
        self.attributes
            .get(name)?
            .first()
            .map(String::as_str)
            .filter(|v| !v.is_empty())
    }

    /// All values of an attribute, by lower-case name.
    #[must_use]
    pub fn all(&self, name: &str) -> &[String] {
        self.attributes.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether it lives in the directory and the scope takes it in.
    #[must_use]
    pub fn wanted(&self) -> bool {
        self.in_scope && !self.deleted
    }

    /// Id of the cloud object that links to this object resolve to.
    #[must_use]
    pub fn resolved(&self) -> Option<Uuid> {
        self.target.as_ref().filter(|_| self.wanted()).map(|t| t.id)
    }

    /// The DN in the form that references are compared in; none for a deleted object.
    #[must_use]
    pub fn dn_key(&self) -> Option<String> {
        self.first("distinguishedname")
            .filter(|_| !self.deleted)
            .map(str::to_lowercase)
    }

    /// When it is tried again: after a failure, or because another object had its values.
    #[must_use]
    pub fn retry_at(&self) -> Option<OffsetDateTime> {
        self.escrow
            .as_ref()
            .map(|escrow| escrow.retry_at)
            .or(self.conflict_retry)
    }
}

impl Row for SourceRecord {
    const TABLE: &'static str = "source-objects";
    fn tenant(&self) -> Uuid {
        self.tenant
    }
    fn id(&self) -> String {
        format!("{}/{}", self.job, self.guid)
    }
    fn keys(&self) -> Vec<(&'static str, String)> {
        let dn = self
            .dn_key()
            .map(|dn| (Self::BY_DN, format!("{}/{dn}", self.job)));
        let marks = [
            (Self::BY_RETRY, self.retry_at().is_some()),
            (Self::BY_DIRTY, self.dirty),
            (Self::BY_STAGED, self.staged_delete.is_some()),
        ];
        let marks = marks
            .into_iter()
            .filter(|(_, set)| *set)
            .map(|(index, _)| (index, self.job.clone()));
        let cloud = self
            .target
            .as_ref()
            .map(|t| (Self::BY_CLOUD_ID, t.id.to_string()));
        dn.into_iter().chain(marks).chain(cloud).collect()
    }
}
