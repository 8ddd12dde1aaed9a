//! What the cloud remembers of a tenant's password reset. Public keys and the relays' secrets; never a password.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use provlab_protocol::environment::Environment;
use provlab_protocol::writeback::{KeyId, RelayEndpoint, is_supported_by};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::KEY_LIFETIME;
use crate::his::registry::Registry;
use crate::his::signaling::Endpoint;
use crate::shared::Shared;
use crate::state::{Cloud, Row, SecretText, Txn};

/// Bytes of a relay's secret.
const SECRET_BYTES: usize = 32;
/// The tenant's switch in Graph (CS 6.7) is the portal's first option.
pub(super) const FEATURE: &str = "passwordWritebackEnabled";

/// Password reset of one tenant.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TenantSspr {
    /// Owning tenant.
    pub tenant: Uuid,
    /// *Self service password reset enabled*: all users or none.
    pub self_service: bool,
    /// *Write back passwords with Microsoft Entra Cloud Sync*.
    pub with_cloud_sync: bool,
    /// *Allow users to unlock accounts without resetting their password*.
    pub unlock_without_reset: bool,
    /// Agents that have onboarded, by agent id.
    pub agents: BTreeMap<Uuid, Onboarded>,
    /// Last part of the path to listen on; drawn at the first onboarding.
    pub routing: Option<Uuid>,
    /// The relays' secrets by namespace.
    pub secrets: BTreeMap<String, SecretText>,
}

/// An agent that writes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Onboarded {
    /// `SubjectPublicKeyInfo`, base64.
    pub public_key: String,
    /// Since when the key is known.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// The last heartbeat.
    #[serde(with = "time::serde::rfc3339")]
    pub last_heartbeat: OffsetDateTime,
}

impl Onboarded {
    /// The public key.
    #[must_use]
    pub fn spki(&self) -> Vec<u8> {
        STANDARD.decode(&self.public_key).unwrap_or_default()
    }

    /// Its name on the wire.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        KeyId::of(&self.spki())
    }

    /// Whether the key has to be replaced.
    #[must_use]
    pub fn is_too_old_at(&self, now: OffsetDateTime) -> bool {
        now - self.since >= KEY_LIFETIME
    }
}

impl Row for TenantSspr {
    const TABLE: &'static str = "password-resets";
    fn tenant(&self) -> Uuid {
        self.tenant
    }
    fn id(&self) -> String {
        self.tenant.to_string()
    }
}

impl TenantSspr {
    fn new(tenant: Uuid) -> Self {
        Self {
            tenant,
            self_service: false,
            with_cloud_sync: false,
            unlock_without_reset: false,
            agents: BTreeMap::new(),
            routing: None,
            secrets: BTreeMap::new(),
        }
    }

    /// Where the tenant's agents listen; path and secrets are drawn once and then stay.
    pub(super) fn relays(&mut self, shared: &Shared, environment: &Environment) -> Vec<RelayEndpoint> {
        let routing = *self.routing.get_or_insert_with(|| shared.uuid());
        let path = service_path(self.tenant, routing);
        let relay = |namespace: &&str| RelayEndpoint {
            namespace: (*namespace).to_owned(),
            domain: environment.service_bus_domain.to_owned(),
            service_path: path.clone(),
            shared_access_key: self
                .secrets
                .entry((*namespace).to_owned())
                .or_insert_with(|| secret(shared))
                .expose()
                .to_owned()
                .into(),
        };
        environment.password_reset_namespaces.iter().map(relay).collect()
    }
}

fn service_path(tenant: Uuid, routing: Uuid) -> String {
    format!("{tenant}_{routing}")
}

fn secret(shared: &Shared) -> SecretText {
    let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
    shared.platform.entropy.fill(bytes.as_mut());
    SecretText::new(STANDARD.encode(bytes.as_ref()))
}

/// The relay of a namespace and a path, if the tenant has it.
pub(crate) fn endpoint_of(shared: &Shared, tenant: Uuid, namespace: &str, path: &str) -> Option<Endpoint> {
    shared.db.read(|cloud| {
        let row = of(cloud, tenant)?;
        let secret = row.secrets.get(namespace)?;
        let fits = path.eq_ignore_ascii_case(&service_path(tenant, row.routing?));
        (fits && is_on(cloud, tenant)).then(|| Endpoint {
            key: secret.expose().to_owned().into(),
        })
    })
}

/// The row of a tenant; one that never touched its options has none.
pub(super) fn of(cloud: &Cloud, tenant: Uuid) -> Option<&TenantSspr> {
    cloud.password_resets.get(tenant, &tenant.to_string())
}

/// Changes the row of a tenant.
pub(super) fn change<T>(txn: &mut Txn<'_>, tenant: Uuid, change: impl FnOnce(&mut TenantSspr) -> T) -> T {
    let known = of(txn.cloud(), tenant).cloned();
    let mut row = known.unwrap_or_else(|| TenantSspr::new(tenant));
    let value = change(&mut row);
    txn.put(row);
    value
}

/// Whether passwords of a tenant are written back with cloud sync.
pub(super) fn is_on(cloud: &Cloud, tenant: Uuid) -> bool {
    let feature = cloud
        .tenants
        .get(tenant, &tenant.to_string())
        .is_some_and(|row| row.features.is_on(FEATURE));
    feature && of(cloud, tenant).is_some_and(|row| row.with_cloud_sync)
}

/// Ids of the agents that are new enough: the second option is shown when there is one (CS 8.1).
pub(super) fn capable(registry: &Registry) -> impl Iterator<Item = Uuid> + '_ {
    registry
        .agents
        .values()
        .filter(|agent| agent.version.as_deref().is_some_and(is_supported_by))
        .map(|agent| agent.id)
}
