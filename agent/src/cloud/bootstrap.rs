//! Bootstrap: the agent shows that it lives and learns where to listen (PR 5).

use provlab_protocol::environment::Environment;
use provlab_protocol::his::bootstrap::{BootstrapRequest, BootstrapResponse, PerformanceMetrics};
use thiserror::Error;

use super::http::{self, CloudError, CloudRequest, XML};
use crate::host::{HostMachine, ServiceState};
use crate::product::{SDK_VERSION, UPDATER_NAME};
use crate::trust::Trust;

/// No bootstrap.
#[derive(Debug, Error)]
pub enum BootstrapError {
    /// The cloud could not be asked.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// The certificate is not accepted: HTTP 403 (PR 5.1).
    #[error(
        "the bootstrap service does not accept the agent's certificate (HTTP 403); register the agent again"
    )]
    Forbidden,
    /// Any other answer that is none.
    #[error("the bootstrap service answered {0}")]
    Answer(String),
}

/// State that a call reports besides the host's own.
#[derive(Debug, Clone, Default)]
pub struct BootstrapState {
    /// Bootstraps that failed in a row.
    pub consecutive_failures: u32,
    /// Nothing has succeeded since the service started.
    pub initial: bool,
    /// Account of the service.
    pub account: String,
    /// Whether that account is a gMSA.
    pub gmsa: bool,
    /// Address that the last answer told to use from now on.
    pub endpoint_override: Option<String>,
}

/// Calls `ConnectorBootstrap` once.
///
/// # Errors
/// When the cloud cannot be reached, refuses the certificate, or answers nonsense.
pub async fn bootstrap(
    host: &HostMachine,
    environment: &Environment,
    trust: &Trust,
    state: &BootstrapState,
) -> Result<BootstrapResponse, BootstrapError> {
    let updater = host
        .services
        .get(UPDATER_NAME)
        .map_or(ServiceState::Stopped, |entry| entry.state);
    let request = BootstrapRequest {
        agent_sdk_version: SDK_VERSION.to_owned(),
        agent_service_account_name: state.account.clone(),
        agent_version: host.agent_version(),
        connector_id: trust.agent,
        consecutive_failures: state.consecutive_failures,
        initial_bootstrap: state.initial,
        is_agent_service_account_gmsa: state.gmsa,
        latest_dot_net_version_installed: host.facts.dotnet_release.to_string(),
        machine_name: host.platform.host.clone(),
        operating_system_language: host.facts.os_language.clone(),
        operating_system_locale: host.facts.os_locale.clone(),
        operating_system_sku: host.facts.os_sku.clone(),
        operating_system_version: host.facts.os_version.clone(),
        performance_metrics: PerformanceMetrics::default(),
        request_id: host.platform.entropy.uuid(),
        subscription_id: trust.tenant,
        updater_status: if updater == ServiceState::Running {
            "Running"
        } else {
            "Stopped"
        }
        .to_owned(),
    };
    let url = state
        .endpoint_override
        .clone()
        .unwrap_or_else(|| environment.bootstrap_url(&trust.tenant));
    let call = CloudRequest::post(url, XML, request.to_xml().into_bytes()).with_identity(trust.identity());
    let answer = http::send(&host.platform, &call).await?;
    if answer.status == ::http::StatusCode::FORBIDDEN {
        return Err(BootstrapError::Forbidden);
    }
    if !answer.status.is_success() {
        return Err(BootstrapError::Answer(format!("HTTP {}", answer.status)));
    }
    BootstrapResponse::from_xml(&answer.text()).map_err(|error| BootstrapError::Answer(error.to_string()))
}
