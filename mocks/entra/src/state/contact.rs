//! An organizational contact: a mail recipient outside of the organization (`orgContact` in Graph).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{OnPremises, Row};

/// One contact. Contacts come from a directory only; Graph cannot make any.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Contact {
    /// Owning tenant.
    pub tenant: Uuid,
    /// Object id.
    pub id: Uuid,
    /// Number of the last change; set by the database.
    pub change: u64,
    /// Display name.
    pub display_name: Option<String>,
    /// Primary mail address.
    pub mail: Option<String>,
    /// Mail alias.
    pub mail_nickname: Option<String>,
    /// `SMTP:`/`smtp:` addresses.
    pub proxy_addresses: Vec<String>,
    /// The manager's object id.
    pub manager: Option<Uuid>,
    /// Every other property under its Graph name.
    pub properties: BTreeMap<String, Value>,
    /// What synchronization wrote.
    pub on_premises: Option<OnPremises>,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created: OffsetDateTime,
    /// When it was soft-deleted.
    #[serde(with = "time::serde::rfc3339::option")]
    pub deleted: Option<OffsetDateTime>,
}

impl Contact {
    /// Index of all contacts by source anchor.
    pub const BY_ANCHOR: &'static str = "anchor";
    /// Index of all contacts by proxy address, lower case without the `smtp:` prefix.
    pub const BY_ADDRESS: &'static str = "address";
    /// Index of contacts by their manager's object id.
    pub const BY_MANAGER: &'static str = "manager";

    /// A contact with nothing but an id.
    #[must_use]
    pub fn new(tenant: Uuid, id: Uuid, created: OffsetDateTime) -> Self {
        Self {
            tenant,
            id,
            change: 0,
            display_name: None,
            mail: None,
            mail_nickname: None,
            proxy_addresses: Vec::new(),
            manager: None,
            properties: BTreeMap::new(),
            on_premises: None,
            created,
            deleted: None,
        }
    }
}

impl Row for Contact {
    const TABLE: &'static str = "contacts";
    fn tenant(&self) -> Uuid {
        self.tenant
    }
    fn id(&self) -> String {
        self.id.to_string()
    }
    fn keys(&self) -> Vec<(&'static str, String)> {
        let addresses: BTreeSet<String> = self
            .proxy_addresses
            .iter()
            .map(|address| super::user::bare_address(address))
            .collect();
        let anchor = self.on_premises.as_ref().and_then(|p| p.immutable_id.clone());
        addresses
            .into_iter()
            .map(|address| (Self::BY_ADDRESS, address))
            .chain(anchor.map(|anchor| (Self::BY_ANCHOR, anchor)))
            .chain(self.manager.map(|id| (Self::BY_MANAGER, id.to_string())))
            .collect()
    }
    fn change(&self) -> Option<u64> {
        Some(self.change)
    }
    fn stamp(&mut self, _before: Option<&Self>, change: u64) {
        self.change = change;
    }
}
