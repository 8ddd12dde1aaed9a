//! A tenant: one organization in one environment.

use std::collections::BTreeMap;

use provlab_protocol::environment::EnvironmentName;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Row;

/// One organization.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tenant {
    /// Tenant id.
    pub id: Uuid,
    /// The environment it lives in; it exists in no other.
    pub environment: EnvironmentName,
    /// Display name of the organization.
    pub display_name: String,
    /// Initial domain, such as `contoso.onmicrosoft.com`.
    pub initial_domain: String,
    /// Verified domains without the initial one, lower case.
    pub verified_domains: Vec<String>,
    /// Domains whose ownership has not been verified yet, lower case.
    #[serde(default)]
    pub unverified_domains: Vec<String>,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created: OffsetDateTime,
    /// `organization.onPremisesSyncEnabled` (CS 6.1 row 1): absent until sync was ever turned on.
    pub on_premises_sync_enabled: Option<bool>,
    /// `organization.onPremisesLastSyncDateTime`.
    #[serde(with = "time::serde::rfc3339::option")]
    pub on_premises_last_sync: Option<OffsetDateTime>,
    /// Sync features of the tenant (CS 6.7).
    pub features: TenantFeatures,
    /// Smart lockout of cloud sign-ins.
    pub smart_lockout: SmartLockout,
    /// `hybridAgentUpdaterConfiguration` (PR 9) as the admin service keeps it.
    pub updater_configuration: Option<serde_json::Value>,
}

impl Tenant {
    /// Whether `domain` is the initial domain or a verified one, without regard to case.
    #[must_use]
    pub fn owns_domain(&self, domain: &str) -> bool {
        self.initial_domain.eq_ignore_ascii_case(domain)
            || self
                .verified_domains
                .iter()
                .any(|verified| verified.eq_ignore_ascii_case(domain))
    }

    /// The domain new accounts get by default: the first verified one, else the initial domain.
    #[must_use]
    pub fn default_domain(&self) -> &str {
        self.verified_domains.first().unwrap_or(&self.initial_domain)
    }
}

impl Row for Tenant {
    const TABLE: &'static str = "tenants";
    fn tenant(&self) -> Uuid {
        self.id
    }
    fn id(&self) -> String {
        self.id.to_string()
    }
}

/// `onPremisesDirectorySynchronization` of a tenant (CS 6.7).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TenantFeatures {
    /// Feature switches by their Graph names; every known name is present.
    pub switches: BTreeMap<String, bool>,
    /// `configuration.accidentalDeletionPrevention.synchronizationPreventionType`.
    pub prevention_type: String,
    /// `configuration.accidentalDeletionPrevention.alertThreshold`.
    pub alert_threshold: u32,
}

/// The names of CS 6.7, all off unless said otherwise by a request.
const FEATURE_NAMES: [&str; 20] = [
    "allowOnPremUpdateOfOnPremisesObjectIdentifierEnabled",
    "blockCloudObjectTakeoverThroughHardMatchEnabled",
    "blockSoftMatchEnabled",
    "bypassDirSyncOverridesEnabled",
    "cloudPasswordPolicyForPasswordSyncedUsersEnabled",
    "concurrentCredentialUpdateEnabled",
    "concurrentOrgIdProvisioningEnabled",
    "deviceWritebackEnabled",
    "directoryExtensionsEnabled",
    "fopeConflictResolutionEnabled",
    "groupWriteBackEnabled",
    "passwordSyncEnabled",
    "passwordWritebackEnabled",
    "quarantineUponProxyAddressesConflictEnabled",
    "quarantineUponUpnConflictEnabled",
    "softMatchOnUpnEnabled",
    "synchronizeUpnForManagedUsersEnabled",
    "unifiedGroupWritebackEnabled",
    "userForcePasswordChangeOnLogonEnabled",
    "userWritebackEnabled",
];

/// Features that are on in a new tenant (inferred: the documents name no defaults; new tenants are known
/// to soft-match on the UPN and to follow UPN changes).
const ON_BY_DEFAULT: [&str; 4] = [
    "quarantineUponProxyAddressesConflictEnabled",
    "quarantineUponUpnConflictEnabled",
    "softMatchOnUpnEnabled",
    "synchronizeUpnForManagedUsersEnabled",
];

impl TenantFeatures {
    /// Whether a feature, by its Graph name, is on.
    #[must_use]
    pub fn is_on(&self, name: &str) -> bool {
        self.switches.get(name).copied().unwrap_or(false)
    }
}

impl Default for TenantFeatures {
    fn default() -> Self {
        Self {
            switches: FEATURE_NAMES
                .iter()
                .map(|name| ((*name).to_owned(), ON_BY_DEFAULT.contains(name)))
                .collect(),
            prevention_type: "enabledForCount".to_owned(),
            alert_threshold: 500,
        }
    }
}

/// When repeated wrong passwords lock an account for sign-in (AADSTS50053).
#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SmartLockout {
    /// Wrong passwords in a row until the account is locked.
    pub threshold: u32,
    /// How long the first lock holds, in seconds.
    pub duration_seconds: u32,
}

impl Default for SmartLockout {
    fn default() -> Self {
        Self {
            threshold: 10,
            duration_seconds: 60,
        }
    }
}
