//! The record of the last successful bootstrap: what `provagent status` shows and the wizard verifies by.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::host::{HostMachine, RegistryError};
use crate::trust::Trust;

/// Registry values (own names; the product keeps no such record that is public).
const TIME_VALUE: &str = "LastBootstrapTime";
const THUMBPRINT_VALUE: &str = "LastBootstrapThumbprint";
const TENANT_VALUE: &str = "TenantID";
const AGENT_VALUE: &str = "InstanceID";

/// A successful bootstrap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastBootstrap {
    /// When.
    pub at: OffsetDateTime,
    /// With which certificate.
    pub thumbprint: String,
    /// The agent's id.
    pub agent: String,
    /// Its tenant.
    pub tenant: String,
}

/// The last successful bootstrap of this host, if there was one.
///
/// # Errors
/// When the registry cannot be read.
pub fn last_bootstrap(host: &HostMachine) -> Result<Option<LastBootstrap>, RegistryError> {
    let get = |name| host.registry.get(name);
    let Some(at) = get(TIME_VALUE)?.and_then(|text| OffsetDateTime::parse(&text, &Rfc3339).ok()) else {
        return Ok(None);
    };
    Ok(Some(LastBootstrap {
        at,
        thumbprint: get(THUMBPRINT_VALUE)?.unwrap_or_default(),
        agent: get(AGENT_VALUE)?.unwrap_or_default(),
        tenant: get(TENANT_VALUE)?.unwrap_or_default(),
    }))
}

/// Notes a success.
pub(super) fn record(host: &HostMachine, trust: &Trust) -> Result<(), RegistryError> {
    let now = host.platform.clock.wall().format(&Rfc3339).unwrap_or_default();
    host.registry.set(&[
        (TIME_VALUE, &now),
        (THUMBPRINT_VALUE, &trust.thumbprint),
        (TENANT_VALUE, &trust.tenant.to_string()),
        (AGENT_VALUE, &trust.agent.to_string()),
    ])
}
