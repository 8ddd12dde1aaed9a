//! What a cloud is built from: tenants, their accounts and applications, and the product's cadences.

use std::collections::BTreeMap;
use std::time::Duration;

use provlab_protocol::environment::EnvironmentName;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::assumptions::Assumptions;
use crate::state::SmartLockout;

/// The cloud as it is when it starts on an empty store. On a store that holds state, the tenants, accounts
/// and applications of the store stand and those missing there are added.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Config {
    /// Tenants by environment.
    pub tenants: Vec<TenantConfig>,
    /// Product cadences.
    pub cadence: Cadence,
    /// What is assumed of undocumented behaviour, where it differs from the defaults.
    pub assumptions: Assumptions,
}

/// One tenant.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TenantConfig {
    /// Initial domain, such as `contoso.onmicrosoft.com` or `contoso.onmicrosoft.us`.
    pub initial_domain: String,
    /// The environment it lives in; public if not given.
    #[serde(default = "public")]
    pub environment: EnvironmentName,
    /// Tenant id; drawn from the world's seed if not given.
    #[serde(default)]
    pub id: Option<Uuid>,
    /// Display name; the first label of the initial domain if not given.
    #[serde(default)]
    pub display_name: Option<String>,
    /// Verified domains beside the initial one.
    #[serde(default)]
    pub domains: Vec<String>,
    /// Cloud accounts, and users that nobody signs in as.
    #[serde(default)]
    pub accounts: Vec<AccountConfig>,
    /// Groups that live in the cloud.
    #[serde(default)]
    pub groups: Vec<GroupConfig>,
    /// Applications that may ask for tokens.
    #[serde(default)]
    pub applications: Vec<ApplicationConfig>,
    /// Smart lockout.
    #[serde(default)]
    pub smart_lockout: SmartLockout,
}

fn public() -> EnvironmentName {
    EnvironmentName::AzureCloud
}

/// One cloud account.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AccountConfig {
    /// Sign-in name, such as `admin@contoso.onmicrosoft.com`.
    pub user_principal_name: String,
    /// Password; an account without one answers AADSTS50056.
    #[serde(default, serialize_with = "provlab_protocol::secret_text::expose_option")]
    pub password: Option<SecretString>,
    /// Display name; the part before the `@` if not given.
    #[serde(default)]
    pub display_name: Option<String>,
    /// Directory roles by display name, such as `Hybrid Identity Administrator`.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Sign-in is blocked (AADSTS50057).
    #[serde(default)]
    pub disabled: bool,
    /// The password is expired (AADSTS50055).
    #[serde(default)]
    pub password_expired: bool,
    /// Sign-in needs a second factor, which a headless client cannot give (AADSTS50076).
    #[serde(default)]
    pub multi_factor: bool,
    /// Conditional Access blocks the account (AADSTS53003).
    #[serde(default)]
    pub blocked_by_conditional_access: bool,
    /// Primary mail address.
    #[serde(default)]
    pub mail: Option<String>,
    /// `SMTP:` and `smtp:` addresses beside the primary one.
    #[serde(default)]
    pub proxy_addresses: Vec<String>,
    /// Other properties by their Graph names.
    #[serde(default)]
    pub properties: BTreeMap<String, Value>,
}

impl AccountConfig {
    /// An account without password and roles, which nothing keeps from signing in.
    #[must_use]
    pub fn new(user_principal_name: &str) -> Self {
        Self {
            user_principal_name: user_principal_name.to_owned(),
            password: None,
            display_name: None,
            roles: Vec::new(),
            disabled: false,
            password_expired: false,
            multi_factor: false,
            blocked_by_conditional_access: false,
            mail: None,
            proxy_addresses: Vec::new(),
            properties: BTreeMap::new(),
        }
    }
}

/// One group that lives in the cloud.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct GroupConfig {
    /// Display name.
    pub display_name: String,
    /// Description.
    #[serde(default)]
    pub description: Option<String>,
    /// Primary mail address of a mail-enabled group.
    #[serde(default)]
    pub mail: Option<String>,
    /// `SMTP:` and `smtp:` addresses beside the primary one.
    #[serde(default)]
    pub proxy_addresses: Vec<String>,
    /// Whether it grants access.
    #[serde(default = "yes")]
    pub security_enabled: bool,
    /// Sign-in names of users and display names of groups.
    #[serde(default)]
    pub members: Vec<String>,
}

fn yes() -> bool {
    true
}

/// One application with its service principal.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ApplicationConfig {
    /// Display name.
    pub display_name: String,
    /// Client id; drawn from the world's seed if not given.
    #[serde(default)]
    pub client_id: Option<Uuid>,
    /// Client secret; without one it is a public client.
    #[serde(default, serialize_with = "provlab_protocol::secret_text::expose_option")]
    pub secret: Option<SecretString>,
    /// When the secret stops to work.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub secret_expires: Option<OffsetDateTime>,
    /// Application permissions with admin consent, such as `User.Read.All`.
    #[serde(default)]
    pub application_permissions: Vec<String>,
    /// Delegated permissions with admin consent.
    #[serde(default)]
    pub delegated_permissions: Vec<String>,
    /// Where an authorization code may be sent; empty allows any loopback address.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
}

/// How much quicker than the product the cloud's clocks run: 1 on the virtual clock, more on a real one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Cadence {
    /// Divides every period the product names: sync interval, bootstrap period, keep-alive.
    pub speed: f64,
}

impl Default for Cadence {
    fn default() -> Self {
        Self { speed: 1.0 }
    }
}

impl Cadence {
    /// Smallest and largest [`Cadence::speed`] that make sense.
    pub const SPEEDS: std::ops::RangeInclusive<f64> = 0.001..=1_000_000.0;

    /// A period of the product at this speed, never less than a millisecond.
    #[must_use]
    pub fn scale(&self, period: Duration) -> Duration {
        let seconds = period.as_secs_f64() / self.speed.clamp(*Self::SPEEDS.start(), *Self::SPEEDS.end());
        Duration::try_from_secs_f64(seconds)
            .unwrap_or(period)
            .max(Duration::from_millis(1))
    }
}
