//! A user of the cloud, whether made there or synchronized.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Cloud, PasswordVerifier, Row};

/// One user.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct User {
    /// Owning tenant.
    pub tenant: Uuid,
    /// Object id.
    pub id: Uuid,
    /// Number of the last change, for delta queries; set by the database.
    pub change: u64,
    /// Sign-in name.
    pub user_principal_name: String,
    /// Display name.
    pub display_name: Option<String>,
    /// Whether sign-in is allowed.
    pub account_enabled: bool,
    /// Primary mail address.
    pub mail: Option<String>,
    /// Mail alias.
    pub mail_nickname: Option<String>,
    /// `SMTP:`/`smtp:` addresses.
    pub proxy_addresses: Vec<String>,
    /// The manager's object id.
    pub manager: Option<Uuid>,
    /// Every other property under its Graph name (`givenName`, `businessPhones`, …).
    pub properties: BTreeMap<String, Value>,
    /// What synchronization wrote; `None` for an account made in the cloud.
    pub on_premises: Option<OnPremises>,
    /// Role template ids of the directory roles held.
    pub roles: BTreeSet<Uuid>,
    /// The account's password and what is wrong with it.
    pub credential: Option<CredentialState>,
    /// Failed sign-ins.
    pub sign_in: SignInState,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created: OffsetDateTime,
    /// When it was soft-deleted; kept 30 days (CS 5.4).
    #[serde(with = "time::serde::rfc3339::option")]
    pub deleted: Option<OffsetDateTime>,
}

impl Cloud {
    /// The live user of a tenant with this sign-in name, in any case.
    #[must_use]
    pub fn user_named(&self, tenant: Uuid, name: &str) -> Option<&User> {
        self.users.find(tenant, User::BY_UPN, &name.to_lowercase()).next()
    }
}

impl User {
    /// Index of live users by sign-in name, lower case.
    pub const BY_UPN: &'static str = "upn";
    /// Index of all users by proxy address, lower case without the `smtp:` prefix.
    pub const BY_ADDRESS: &'static str = "address";
    /// Index of all users by `onPremisesImmutableId`.
    pub const BY_ANCHOR: &'static str = "anchor";
    /// Index of users by their manager's object id.
    pub const BY_MANAGER: &'static str = "manager";

    /// A cloud account with the least that one has.
    #[must_use]
    pub fn new(tenant: Uuid, id: Uuid, user_principal_name: &str, created: OffsetDateTime) -> Self {
        Self {
            tenant,
            id,
            change: 0,
            user_principal_name: user_principal_name.to_owned(),
            display_name: None,
            account_enabled: true,
            mail: None,
            mail_nickname: None,
            proxy_addresses: Vec::new(),
            manager: None,
            properties: BTreeMap::new(),
            on_premises: None,
            roles: BTreeSet::new(),
            credential: None,
            sign_in: SignInState::default(),
            created,
            deleted: None,
        }
    }
}

impl Row for User {
    const TABLE: &'static str = "users";
    fn tenant(&self) -> Uuid {
        self.tenant
    }
    fn id(&self) -> String {
        self.id.to_string()
    }
    fn keys(&self) -> Vec<(&'static str, String)> {
        let mut keys: Vec<_> = self
            .proxy_addresses
            .iter()
            .map(|address| (Self::BY_ADDRESS, bare_address(address)))
            .collect();
        if self.deleted.is_none() {
            keys.push((Self::BY_UPN, self.user_principal_name.to_lowercase()));
        }
        if let Some(anchor) = self
            .on_premises
            .as_ref()
            .and_then(|origin| origin.immutable_id.clone())
        {
            keys.push((Self::BY_ANCHOR, anchor));
        }
        if let Some(manager) = self.manager {
            keys.push((Self::BY_MANAGER, manager.to_string()));
        }
        keys
    }
    fn change(&self) -> Option<u64> {
        Some(self.change)
    }
    /// A counted sign-in is no change that a delta query reports.
    fn stamp(&mut self, before: Option<&Self>, change: u64) {
        self.change = match before {
            Some(before) if before.sign_in != self.sign_in => before.change,
            _ => change,
        };
    }
}

/// `SMTP:A@b.c` as the key of the address index: `a@b.c`.
pub(super) fn bare_address(address: &str) -> String {
    let lower = address.to_lowercase();
    lower
        .strip_prefix("smtp:")
        .map_or_else(|| lower.clone(), str::to_owned)
}

/// The `onPremises*` properties (PR 10.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnPremises {
    /// `onPremisesSyncEnabled`: `false` after the object was taken out of synchronization.
    pub sync_enabled: bool,
    /// `onPremisesImmutableId`: base64 of the source anchor.
    pub immutable_id: Option<String>,
    /// `onPremisesDistinguishedName`.
    pub distinguished_name: Option<String>,
    /// `onPremisesSamAccountName`.
    pub sam_account_name: Option<String>,
    /// `onPremisesSecurityIdentifier` in its string form.
    pub security_identifier: Option<String>,
    /// `onPremisesUserPrincipalName`.
    pub user_principal_name: Option<String>,
    /// `onPremisesDomainName`: DNS name of the source domain.
    pub domain_name: Option<String>,
    /// `onPremisesNetBiosName`, which Graph shows on groups.
    pub net_bios_name: Option<String>,
    /// `onPremisesLastSyncDateTime`.
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_sync: Option<OffsetDateTime>,
    /// `onPremisesExtensionAttributes`: `extensionAttribute1` to `15`.
    pub extension_attributes: BTreeMap<String, String>,
    /// Target attributes that no property of Graph shows (`CommonName`, `Initials`, …), by the product's names.
    #[serde(default)]
    pub hidden: BTreeMap<String, Vec<String>>,
    /// `onPremisesProvisioningErrors` (CS 6.8): values that could not be written because another object has them.
    #[serde(default)]
    pub provisioning_errors: Vec<ProvisioningError>,
}

/// One entry of `onPremisesProvisioningErrors` (CS 6.8).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvisioningError {
    /// `propertyCausingError`: `UserPrincipalName` or `ProxyAddress`.
    pub property: String,
    /// `value` that was refused.
    pub value: String,
    /// `occurredDateTime`.
    #[serde(with = "time::serde::rfc3339")]
    pub occurred: OffsetDateTime,
}

impl ProvisioningError {
    /// `category`: the only documented one.
    pub const CATEGORY: &'static str = "PropertyConflict";
}

impl OnPremises {
    /// An object that synchronization has just taken over, with no value yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            sync_enabled: true,
            immutable_id: None,
            distinguished_name: None,
            sam_account_name: None,
            security_identifier: None,
            user_principal_name: None,
            domain_name: None,
            net_bios_name: None,
            last_sync: None,
            extension_attributes: BTreeMap::new(),
            hidden: BTreeMap::new(),
            provisioning_errors: Vec::new(),
        }
    }
}

impl Default for OnPremises {
    fn default() -> Self {
        Self::new()
    }
}

/// A password and its conditions.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CredentialState {
    /// Checks the password; the password itself is not kept.
    pub verifier: PasswordVerifier,
    /// The password is right but too old (AADSTS50055).
    pub expired: bool,
    /// Sign-in needs a second factor (AADSTS50076).
    pub multi_factor: bool,
    /// Conditional Access blocks the sign-in (AADSTS53003).
    pub blocked: bool,
}

/// Failed sign-ins of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInState {
    /// Wrong passwords in a row.
    pub failures: u32,
    /// Until when smart lockout refuses every password (AADSTS50053).
    #[serde(with = "time::serde::rfc3339::option")]
    pub locked_until: Option<OffsetDateTime>,
}

/// A user or group that is gone for good: delta queries report it as removed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Removed {
    /// Owning tenant.
    pub tenant: Uuid,
    /// Object id it had.
    pub id: Uuid,
    /// Number of the removal; set by the database.
    pub change: u64,
    /// `user` or `group`.
    pub kind: String,
}

impl Row for Removed {
    const TABLE: &'static str = "removed";
    fn tenant(&self) -> Uuid {
        self.tenant
    }
    fn id(&self) -> String {
        self.id.to_string()
    }
    fn change(&self) -> Option<u64> {
        Some(self.change)
    }
    fn stamp(&mut self, _before: Option<&Self>, change: u64) {
        self.change = change;
    }
}
