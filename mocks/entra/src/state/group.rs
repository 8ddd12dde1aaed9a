//! A group of the cloud, whether made there or synchronized.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{OnPremises, Row};

/// One group.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Group {
    /// Owning tenant.
    pub tenant: Uuid,
    /// Object id.
    pub id: Uuid,
    /// Number of the last change, for delta queries; set by the database.
    pub change: u64,
    /// Number of the change that made it; set by the database.
    pub made: u64,
    /// Display name.
    pub display_name: String,
    /// Description.
    pub description: Option<String>,
    /// Primary mail address.
    pub mail: Option<String>,
    /// Mail alias.
    pub mail_nickname: Option<String>,
    /// Whether it receives mail.
    pub mail_enabled: bool,
    /// Whether it grants access.
    pub security_enabled: bool,
    /// `Unified`, `DynamicMembership`; empty for a synchronized group.
    pub group_types: Vec<String>,
    /// `SMTP:`/`smtp:` addresses.
    pub proxy_addresses: Vec<String>,
    /// Object ids of the direct members, users and groups.
    pub members: BTreeSet<Uuid>,
    /// Object ids of the owners, which are users.
    #[serde(default)]
    pub owners: BTreeSet<Uuid>,
    /// Membership changes after the group was made, with the number of the change, for delta queries: who
    /// joined and is still a member, and who left. Set by the database.
    pub joined: BTreeMap<Uuid, u64>,
    /// See [`Group::joined`].
    pub left: BTreeMap<Uuid, u64>,
    /// Every other property under its Graph name.
    pub properties: BTreeMap<String, Value>,
    /// What synchronization wrote; `None` for a group made in the cloud.
    pub on_premises: Option<OnPremises>,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created: OffsetDateTime,
    /// When it was soft-deleted.
    #[serde(with = "time::serde::rfc3339::option")]
    pub deleted: Option<OffsetDateTime>,
}

impl Group {
    /// Index of all groups by `onPremisesImmutableId`, which Graph does not show on groups.
    pub const BY_ANCHOR: &'static str = "anchor";
    /// Index of all groups by proxy address, lower case without the `smtp:` prefix.
    pub const BY_ADDRESS: &'static str = "address";
    /// Index of groups by the object id of a direct member.
    pub const BY_MEMBER: &'static str = "member";
    /// Index of groups by the object id of an owner.
    pub const BY_OWNER: &'static str = "owner";

    /// A cloud security group.
    #[must_use]
    pub fn new(tenant: Uuid, id: Uuid, display_name: &str, created: OffsetDateTime) -> Self {
        Self {
            tenant,
            id,
            change: 0,
            made: 0,
            display_name: display_name.to_owned(),
            description: None,
            mail: None,
            mail_nickname: None,
            mail_enabled: false,
            security_enabled: true,
            group_types: Vec::new(),
            proxy_addresses: Vec::new(),
            members: BTreeSet::new(),
            owners: BTreeSet::new(),
            joined: BTreeMap::new(),
            left: BTreeMap::new(),
            properties: BTreeMap::new(),
            on_premises: None,
            created,
            deleted: None,
        }
    }
}

impl Group {
    /// Whether the group was made after a change number.
    #[must_use]
    pub fn is_new_since(&self, change: u64) -> bool {
        self.made > change
    }
}

impl Row for Group {
    const TABLE: &'static str = "groups";
    fn tenant(&self) -> Uuid {
        self.tenant
    }
    fn id(&self) -> String {
        self.id.to_string()
    }
    fn keys(&self) -> Vec<(&'static str, String)> {
        let addresses = self
            .proxy_addresses
            .iter()
            .map(|address| (Self::BY_ADDRESS, super::user::bare_address(address)));
        let members = self
            .members
            .iter()
            .map(|member| (Self::BY_MEMBER, member.to_string()));
        let owners = self
            .owners
            .iter()
            .map(|owner| (Self::BY_OWNER, owner.to_string()));
        let anchor = self
            .on_premises
            .as_ref()
            .and_then(|origin| origin.immutable_id.clone())
            .map(|anchor| (Self::BY_ANCHOR, anchor));
        addresses.chain(members).chain(owners).chain(anchor).collect()
    }
    fn change(&self) -> Option<u64> {
        Some(self.change)
    }
    fn stamp(&mut self, before: Option<&Self>, change: u64) {
        self.change = change;
        let Some(before) = before else {
            self.made = change;
            return;
        };
        for member in self.members.difference(&before.members) {
            self.joined.insert(*member, change);
            self.left.remove(member);
        }
        for member in before.members.difference(&self.members) {
            self.left.insert(*member, change);
            self.joined.remove(member);
        }
    }
}
