//! What an agent tells about itself with each bootstrap (PR 5.2).

use uuid::Uuid;

use super::metrics::PerformanceMetrics;
use crate::his::namespace;
use crate::his::xml::{Element, HisXmlError, XmlWriter};

const REQUEST: &str = "BootstrapRequest";

/// Body of `ConnectorBootstrap`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootstrapRequest {
    /// Version of the connector platform.
    pub agent_sdk_version: String,
    /// Account of the service, for example `CONTOSO\provAgentgMSA$`.
    pub agent_service_account_name: String,
    /// Version of the agent.
    pub agent_version: String,
    /// Agent id, from the certificate.
    pub connector_id: Uuid,
    /// Bootstraps that failed in a row before this one.
    pub consecutive_failures: u32,
    /// Whether this is the first bootstrap since the service started.
    pub initial_bootstrap: bool,
    /// Whether the service's account is a group managed service account.
    pub is_agent_service_account_gmsa: bool,
    /// `Release` of the .NET Framework: `528449` is 4.8.
    pub latest_dot_net_version_installed: String,
    /// Fully qualified host name.
    pub machine_name: String,
    /// Language id, decimal.
    pub operating_system_language: String,
    /// Locale id, hexadecimal.
    pub operating_system_locale: String,
    /// Edition.
    pub operating_system_sku: String,
    /// Version of Windows.
    pub operating_system_version: String,
    /// Counters.
    pub performance_metrics: PerformanceMetrics,
    /// Fresh for each call.
    pub request_id: Uuid,
    /// Tenant id.
    pub subscription_id: Uuid,
    /// `Running` or `Stopped`.
    pub updater_status: String,
}

impl BootstrapRequest {
    /// The document, members in contract order.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let metrics_namespace = [("xmlns:a", namespace::BOOTSTRAP)];
        let mut writer = XmlWriter::document(REQUEST, namespace::SIGNALER);
        writer.text("AgentSdkVersion", &self.agent_sdk_version);
        writer.text("AgentServiceAccountName", &self.agent_service_account_name);
        writer.text("AgentVersion", &self.agent_version);
        writer.nil("BootstrapAddOnRequests", &[]);
        writer.text("BootstrapDataModelVersion", &self.agent_sdk_version);
        writer.value("ConnectorId", self.connector_id);
        writer.nil("ConnectorVersion", &[]);
        writer.value("ConsecutiveFailures", self.consecutive_failures);
        writer.text("CurrentProxyPortResponseMode", "Primary");
        writer.empty("FailedRequestMetrics", &metrics_namespace);
        writer.value("InitialBootstrap", self.initial_bootstrap);
        writer.value("IsAgentServiceAccountGmsa", self.is_agent_service_account_gmsa);
        writer.value("IsProxyPortResponseFallbackDisabledFromRegistry", true);
        writer.text(
            "LatestDotNetVersionInstalled",
            &self.latest_dot_net_version_installed,
        );
        writer.text("MachineName", &self.machine_name);
        writer.text("OperatingSystemLanguage", &self.operating_system_language);
        writer.text("OperatingSystemLocale", &self.operating_system_locale);
        writer.text("OperatingSystemSKU", &self.operating_system_sku);
        writer.text("OperatingSystemVersion", &self.operating_system_version);
        self.performance_metrics.write(&mut writer);
        writer.text("ProxyDataModelVersion", &self.agent_sdk_version);
        writer.value("RequestId", self.request_id);
        writer.value("SubscriptionId", self.subscription_id);
        writer.empty("SuccessRequestMetrics", &metrics_namespace);
        writer.empty("TriggerErrors", &[]);
        writer.text("UpdaterStatus", &self.updater_status);
        writer.value("UseServiceBusTcpConnectivityMode", false);
        writer.value("UseSpnegoAuthentication", false);
        writer.finish()
    }

    /// Reads a document.
    ///
    /// # Errors
    /// [`HisXmlError`]; connector, tenant and request id must be there.
    pub fn from_xml(document: &str) -> Result<Self, HisXmlError> {
        let root = Element::parse(document, REQUEST, namespace::SIGNALER)?;
        Ok(Self {
            agent_sdk_version: root.string("AgentSdkVersion"),
            agent_service_account_name: root.string("AgentServiceAccountName"),
            agent_version: root.string("AgentVersion"),
            connector_id: root.guid("ConnectorId")?,
            consecutive_failures: root.number("ConsecutiveFailures", 0)?,
            initial_bootstrap: root.boolean("InitialBootstrap", false)?,
            is_agent_service_account_gmsa: root.boolean("IsAgentServiceAccountGmsa", false)?,
            latest_dot_net_version_installed: root.string("LatestDotNetVersionInstalled"),
            machine_name: root.string("MachineName"),
            operating_system_language: root.string("OperatingSystemLanguage"),
            operating_system_locale: root.string("OperatingSystemLocale"),
            operating_system_sku: root.string("OperatingSystemSKU"),
            operating_system_version: root.string("OperatingSystemVersion"),
            performance_metrics: PerformanceMetrics::read(&root)?,
            request_id: root.guid("RequestId")?,
            subscription_id: root.guid("SubscriptionId")?,
            updater_status: root.string("UpdaterStatus"),
        })
    }
}
