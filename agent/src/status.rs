//! `provagent status`: what an administrator checks on the server after an installation (CS 9.1).

use std::fmt;

use serde::Serialize;
use thiserror::Error;

use crate::host::{HostMachine, RegistryError, ServiceError, ServiceState};
use crate::product::{SERVICE_NAME, UPDATER_NAME, installed};
use crate::service::last_bootstrap;
use crate::setup::package::{PackageError, chosen_environment};

/// The host cannot be looked at.
#[derive(Debug, Error)]
pub enum StatusError {
    /// The service database failed.
    #[error(transparent)]
    Services(#[from] ServiceError),
    /// The registry failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The registry names an unknown cloud.
    #[error(transparent)]
    Package(#[from] PackageError),
}

/// One service as the Services console shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceStatus {
    /// Short name.
    pub name: String,
    /// Display name.
    pub display_name: String,
    /// State.
    pub state: ServiceState,
    /// Account.
    pub account: String,
    /// Why it does not run.
    pub last_error: String,
}

/// The whole picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Both services; empty when the package is not installed.
    pub services: Vec<ServiceStatus>,
    /// Product version of `AADConnectProvisioningAgent.exe`.
    pub product_version: Option<String>,
    /// The cloud that the agent belongs to.
    pub environment: String,
    /// Tenant id, once the agent has bootstrapped.
    pub tenant: Option<String>,
    /// Agent id, once the agent has bootstrapped.
    pub agent: Option<String>,
    /// Time of the last successful bootstrap, RFC 3339.
    pub last_bootstrap: Option<String>,
}

impl Status {
    /// Whether the local checks of CS 9.1 are all good.
    pub fn is_good(&self) -> bool {
        self.services.len() == 2
            && self
                .services
                .iter()
                .all(|service| service.state == ServiceState::Running)
            && self.product_version.is_some()
            && self.last_bootstrap.is_some()
    }
}

/// Looks at the host.
///
/// # Errors
/// When its services or registry cannot be read.
pub fn status(host: &HostMachine) -> Result<Status, StatusError> {
    let all = host.services.all()?;
    let services = [UPDATER_NAME, SERVICE_NAME]
        .into_iter()
        .filter_map(|name| all.get(name).map(|entry| (name, entry)))
        .map(|(name, entry)| ServiceStatus {
            name: name.to_owned(),
            display_name: entry.display_name.clone(),
            state: entry.state,
            account: entry.account.clone(),
            last_error: entry.last_error.clone(),
        })
        .collect();
    let binary = host
        .platform
        .files
        .read(&installed("AADConnectProvisioningAgent.exe"))
        .ok();
    let product_version = binary
        .as_deref()
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .and_then(|text| text.trim().strip_prefix("ProductVersion="))
        .map(str::to_owned);
    let last = last_bootstrap(host)?;
    Ok(Status {
        services,
        product_version,
        environment: chosen_environment(host)?.text.to_owned(),
        tenant: last.as_ref().map(|last| last.tenant.clone()),
        agent: last.as_ref().map(|last| last.agent.clone()),
        last_bootstrap: last.and_then(|last| {
            last.at
                .format(&time::format_description::well_known::Rfc3339)
                .ok()
        }),
    })
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.services.is_empty() {
            writeln!(f, "The provisioning agent is not installed.")?;
        }
        for service in &self.services {
            writeln!(
                f,
                "{:<44} {:?}  ({})",
                service.display_name, service.state, service.account
            )?;
            if !service.last_error.is_empty() {
                writeln!(f, "    {}", service.last_error)?;
            }
        }
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        writeln!(f, "Product version  {}", text(&self.product_version))?;
        writeln!(f, "Environment      {}", self.environment)?;
        writeln!(f, "Tenant           {}", text(&self.tenant))?;
        writeln!(f, "Agent            {}", text(&self.agent))?;
        write!(f, "Last bootstrap   {}", text(&self.last_bootstrap))
    }
}
