//! The hybrid identity service: registers agents, keeps them alive and in contact (PR 4–6, 9; CS 6.6, 9.1).
//!
//! [`registry`] holds the rules, the other modules are its doors: [`registration`](registration_router) and
//! [`bootstrap`](bootstrap_router) speak XML, [`publishing`] is the admin service that Graph beta shows as well.

mod bootstrap;
mod identity;
mod issue;
pub mod publishing;
mod registration;
pub mod registry;
mod renewal;
pub mod signaling;
mod xml;

pub use bootstrap::router as bootstrap_router;
pub use identity::{AgentIdentity, Refusal, identify};
pub use registration::router as registration_router;
pub use renewal::router as renewal_router;

use std::time::Duration;

use provlab_protocol::his::bootstrap::BootstrapResponse;
use uuid::Uuid;

use crate::shared::Shared;
use crate::state::{Cloud, TenantRegistry, Txn};
use registry::Registry;

/// The product's time between two bootstraps (PR 5.3).
fn documented_period() -> Duration {
    Duration::from_millis(BootstrapResponse::default().periodic_bootstrap_interval_milliseconds)
}

/// Time between two bootstraps at the present cadence.
#[must_use]
pub fn bootstrap_period(shared: &Shared) -> Duration {
    shared.period(documented_period())
}

/// The least grace, however quick the cadence: a busy machine must not make an agent look dead.
const LEAST_GRACE: Duration = Duration::from_secs(10);

/// How long after a bootstrap an agent counts as active: two periods and half a minute at the present cadence
/// (the product's grace is not published, CS 16).
#[must_use]
pub fn status_grace(shared: &Shared) -> time::Duration {
    let grace = shared.period(documented_period() * 2 + Duration::from_secs(30));
    time::Duration::try_from(grace.max(LEAST_GRACE)).unwrap_or(time::Duration::MAX)
}

/// The registry of a tenant; one without agents has none yet.
#[must_use]
pub fn registry_of(cloud: &Cloud, tenant: Uuid) -> Option<&Registry> {
    cloud
        .registries
        .get(tenant, &tenant.to_string())
        .map(|row| &row.registry)
}

/// Changes the registry of a tenant. What `change` refuses is not stored.
pub(crate) fn change_registry<T, E>(
    txn: &mut Txn<'_>,
    tenant: Uuid,
    change: impl FnOnce(&mut Registry) -> Result<T, E>,
) -> Result<T, E> {
    let mut registry = registry_of(txn.cloud(), tenant).cloned().unwrap_or_default();
    let value = change(&mut registry)?;
    txn.put(TenantRegistry { tenant, registry });
    Ok(value)
}
