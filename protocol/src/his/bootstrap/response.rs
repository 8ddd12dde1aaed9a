//! Everything an agent does between two bootstraps follows from this answer (PR 5.3).

use super::connectivity::ConnectivitySettings;
use super::endpoint::SignalingListenerEndpoint;
use super::retry::RetryStrategy;
use crate::his::namespace;
use crate::his::xml::{Element, HisXmlError, XmlWriter};

const RESPONSE: &str = "BootstrapResponse";
/// .NET's `TimeSpan.MaxValue`.
const FOR_EVER: &str = "P10675199DT2H48M5.4775807S";

/// Answer of `ConnectorBootstrap`. [`BootstrapResponse::default`] has the values of published captures and no endpoint.
#[derive(Debug, Clone)]
pub struct BootstrapResponse {
    /// A session with a back end, milliseconds.
    pub backend_session_timeout_milliseconds: u64,
    /// Address of the next bootstrap, if it is to go elsewhere.
    pub bootstrap_endpoint_override: Option<String>,
    /// How often to check whether the certificate needs renewal, minutes.
    pub check_for_trust_renew_period_in_minutes: u64,
    /// Time limit of a configuration request, milliseconds.
    pub config_request_timeout_milliseconds: u64,
    /// Address of the configuration; `{0}` host, `{1}` port.
    pub configuration_endpoint_format: String,
    /// Most connections.
    pub connection_limit: u32,
    /// Connection parameters.
    pub connectivity_settings: ConnectivitySettings,
    /// How long and how much to trace.
    pub connector_local_trace_config: ConnectorLocalTraceConfig,
    /// What the service thinks of the agent.
    pub connector_state: ConnectorState,
    /// Lifetime of cached names, `xs:duration`.
    pub dns_lookup_cache_ttl: String,
    /// Refresh of names, milliseconds.
    pub dns_refresh_timeout_milliseconds: u64,
    /// Newer metrics.
    pub enable_connector_metrics_v2: bool,
    /// Address for failure reports.
    pub error_endpoint_format: String,
    /// Time limit of an answer, milliseconds.
    pub logical_response_timeout_milliseconds: u64,
    /// Longest add-on requests.
    pub max_bootstrap_add_on_requests_length: u64,
    /// The agent gives up after so many failed bootstraps in a row.
    pub max_failed_bootstrap_requests: u32,
    /// Idle connections, milliseconds.
    pub max_service_point_idle_time_milliseconds: u64,
    /// Renew when fewer minutes of the certificate's life remain; 0 in newer answers.
    pub minutes_in_trust_lifetime_before_renew: u64,
    /// Address of a request's body.
    pub payload_endpoint_format: String,
    /// Time limit for fetching it, milliseconds.
    pub payload_request_timeout_milliseconds: u64,
    /// Time between two bootstraps, milliseconds.
    pub periodic_bootstrap_interval_milliseconds: u64,
    /// What to do when one fails.
    pub periodic_bootstrap_retry_strategy: RetryStrategy,
    /// `xs:duration`.
    pub proxy_port_response_fallback_period: String,
    /// `xs:duration`.
    pub relay_receive_timeout: String,
    /// Address for results.
    pub response_endpoint_format: String,
    /// Factor between two tries to return a result.
    pub response_retry_delay_factor: u32,
    /// Wait before the second try, milliseconds.
    pub response_retry_initial_delay_milliseconds: u64,
    /// Tries in all.
    pub response_retry_total_attempts: u32,
    /// Whether results are signed.
    pub response_signing_enabled: bool,
    /// Text for people, with the states that carry a message.
    pub service_message: String,
    /// Where to listen.
    pub signaling_listener_endpoints: Vec<SignalingListenerEndpoint>,
    /// Address of the renewal service.
    pub trust_renew_endpoint: String,
}

/// `ConnectorState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ConnectorState {
    /// All is well.
    #[default]
    Ok,
    /// The agent is too old.
    UpdateRequired,
    /// `ServiceMessage` is information.
    InfoServiceMessage,
    /// `ServiceMessage` is an error.
    ErrorServiceMessage,
}

const STATES: [(ConnectorState, &str); 4] = [
    (ConnectorState::Ok, "Ok"),
    (ConnectorState::UpdateRequired, "UpdateRequired"),
    (ConnectorState::InfoServiceMessage, "InfoServiceMessage"),
    (ConnectorState::ErrorServiceMessage, "ErrorServiceMessage"),
];

impl ConnectorState {
    /// The name as text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        STATES
            .iter()
            .find(|(state, _)| *state == self)
            .map_or("", |(_, text)| text)
    }
}

/// `ConnectorLocalTraceConfig`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectorLocalTraceConfig {
    /// Days after which trace files go.
    pub days_to_keep_local_traces: u32,
    /// Whether to write none.
    pub local_traces_disabled: bool,
    /// How much to write.
    pub local_traces_level: u32,
}

impl Default for ConnectorLocalTraceConfig {
    fn default() -> Self {
        Self {
            days_to_keep_local_traces: 30,
            local_traces_disabled: false,
            local_traces_level: 2,
        }
    }
}

impl Default for BootstrapResponse {
    fn default() -> Self {
        Self {
            backend_session_timeout_milliseconds: 305_000,
            bootstrap_endpoint_override: None,
            check_for_trust_renew_period_in_minutes: 360,
            config_request_timeout_milliseconds: 20_000,
            configuration_endpoint_format: "https://{0}:{1}/subscriber/admin".to_owned(),
            connection_limit: 200,
            connectivity_settings: ConnectivitySettings::default(),
            connector_local_trace_config: ConnectorLocalTraceConfig::default(),
            connector_state: ConnectorState::Ok,
            dns_lookup_cache_ttl: "PT30M".to_owned(),
            dns_refresh_timeout_milliseconds: 1_800_000,
            enable_connector_metrics_v2: false,
            error_endpoint_format: "https://{0}:{1}/subscriber/error".to_owned(),
            logical_response_timeout_milliseconds: 15_000,
            max_bootstrap_add_on_requests_length: 0,
            max_failed_bootstrap_requests: 2_170,
            max_service_point_idle_time_milliseconds: 300_000,
            minutes_in_trust_lifetime_before_renew: 43_200,
            payload_endpoint_format: "https://{0}:{1}/subscriber/payload".to_owned(),
            payload_request_timeout_milliseconds: 20_000,
            periodic_bootstrap_interval_milliseconds: 600_000,
            periodic_bootstrap_retry_strategy: RetryStrategy::default(),
            proxy_port_response_fallback_period: "P1D".to_owned(),
            relay_receive_timeout: FOR_EVER.to_owned(),
            response_endpoint_format: "https://{0}:{1}/subscriber/connection".to_owned(),
            response_retry_delay_factor: 2,
            response_retry_initial_delay_milliseconds: 200,
            response_retry_total_attempts: 5,
            response_signing_enabled: false,
            service_message: String::new(),
            signaling_listener_endpoints: Vec::new(),
            trust_renew_endpoint: String::new(),
        }
    }
}

impl BootstrapResponse {
    /// The document, members in contract order. It contains the listener keys.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let connectivity =
            serde_json::to_string(&self.connectivity_settings).expect("numbers and strings always serialize");
        let mut writer = XmlWriter::document(RESPONSE, namespace::SIGNALER);
        writer.value(
            "BackendSessionTimeoutMilliseconds",
            self.backend_session_timeout_milliseconds,
        );
        writer.nil("BootstrapAddOnResponses", &[]);
        writer.nil(
            "BootstrapClientAddOnSettings",
            &[("xmlns:a", namespace::BOOTSTRAP)],
        );
        writer.optional(
            "BootstrapEndpointOverride",
            self.bootstrap_endpoint_override.as_deref(),
        );
        writer.value(
            "CheckForTrustRenewPeriodInMinutes",
            self.check_for_trust_renew_period_in_minutes,
        );
        writer.value(
            "ConfigRequestTimeoutMilliseconds",
            self.config_request_timeout_milliseconds,
        );
        writer.text("ConfigurationEndpointFormat", &self.configuration_endpoint_format);
        writer.value("ConnectionLimit", self.connection_limit);
        writer.text("ConnectivitySettings", &connectivity);
        write_trace_config(&mut writer, self.connector_local_trace_config);
        writer.text("ConnectorState", self.connector_state.as_str());
        writer.text("DnsLookupCacheTtl", &self.dns_lookup_cache_ttl);
        writer.value(
            "DnsRefreshTimeoutMilliseconds",
            self.dns_refresh_timeout_milliseconds,
        );
        writer.value("EnableConnectorMetricsV2", self.enable_connector_metrics_v2);
        writer.text("ErrorEndpointFormat", &self.error_endpoint_format);
        writer.value(
            "LogicalResponseTimeoutMilliseconds",
            self.logical_response_timeout_milliseconds,
        );
        writer.value(
            "MaxBootstrapAddOnRequestsLength",
            self.max_bootstrap_add_on_requests_length,
        );
        writer.value("MaxFailedBootstrapRequests", self.max_failed_bootstrap_requests);
        writer.value(
            "MaxServicePointIdleTimeMilliseconds",
            self.max_service_point_idle_time_milliseconds,
        );
        writer.value(
            "MinutesInTrustLifetimeBeforeRenew",
            self.minutes_in_trust_lifetime_before_renew,
        );
        writer.text("PayloadEndpointFormat", &self.payload_endpoint_format);
        writer.value(
            "PayloadRequestTimeoutMilliseconds",
            self.payload_request_timeout_milliseconds,
        );
        writer.value(
            "PeriodicBootstrapIntervalMilliseconds",
            self.periodic_bootstrap_interval_milliseconds,
        );
        self.periodic_bootstrap_retry_strategy.write(&mut writer);
        writer.text(
            "ProxyPortResponseFallbackPeriod",
            &self.proxy_port_response_fallback_period,
        );
        writer.text("RelayReceiveTimeout", &self.relay_receive_timeout);
        writer.text("ResponseEndpointFormat", &self.response_endpoint_format);
        writer.value("ResponseRetryDelayFactor", self.response_retry_delay_factor);
        writer.value(
            "ResponseRetryInitialDelayMilliseconds",
            self.response_retry_initial_delay_milliseconds,
        );
        writer.value("ResponseRetryTotalAttempts", self.response_retry_total_attempts);
        writer.value("ResponseSigningEnabled", self.response_signing_enabled);
        writer.text("ServiceMessage", &self.service_message);
        SignalingListenerEndpoint::write_all(&self.signaling_listener_endpoints, &mut writer);
        writer.empty("Triggers", &[]);
        writer.text("TrustRenewEndpoint", &self.trust_renew_endpoint);
        writer.finish()
    }

    /// Reads a document. An absent member keeps its default.
    ///
    /// # Errors
    /// [`HisXmlError`].
    pub fn from_xml(document: &str) -> Result<Self, HisXmlError> {
        let root = &Element::parse(document, RESPONSE, namespace::SIGNALER)?;
        let default = Self::default();
        let text = |name: &str, default: String| root.optional(name).unwrap_or(default);
        Ok(Self {
            backend_session_timeout_milliseconds: root.number(
                "BackendSessionTimeoutMilliseconds",
                default.backend_session_timeout_milliseconds,
            )?,
            bootstrap_endpoint_override: root
                .optional("BootstrapEndpointOverride")
                .filter(|address| !address.is_empty()),
            check_for_trust_renew_period_in_minutes: root.number(
                "CheckForTrustRenewPeriodInMinutes",
                default.check_for_trust_renew_period_in_minutes,
            )?,
            config_request_timeout_milliseconds: root.number(
                "ConfigRequestTimeoutMilliseconds",
                default.config_request_timeout_milliseconds,
            )?,
            configuration_endpoint_format: text(
                "ConfigurationEndpointFormat",
                default.configuration_endpoint_format,
            ),
            connection_limit: root.number("ConnectionLimit", default.connection_limit)?,
            connectivity_settings: read_connectivity(root)?,
            connector_local_trace_config: read_trace_config(root)?,
            connector_state: read_state(root)?,
            dns_lookup_cache_ttl: text("DnsLookupCacheTtl", default.dns_lookup_cache_ttl),
            dns_refresh_timeout_milliseconds: root.number(
                "DnsRefreshTimeoutMilliseconds",
                default.dns_refresh_timeout_milliseconds,
            )?,
            enable_connector_metrics_v2: root
                .boolean("EnableConnectorMetricsV2", default.enable_connector_metrics_v2)?,
            error_endpoint_format: text("ErrorEndpointFormat", default.error_endpoint_format),
            logical_response_timeout_milliseconds: root.number(
                "LogicalResponseTimeoutMilliseconds",
                default.logical_response_timeout_milliseconds,
            )?,
            max_bootstrap_add_on_requests_length: root.number(
                "MaxBootstrapAddOnRequestsLength",
                default.max_bootstrap_add_on_requests_length,
            )?,
            max_failed_bootstrap_requests: root.number(
                "MaxFailedBootstrapRequests",
                default.max_failed_bootstrap_requests,
            )?,
            max_service_point_idle_time_milliseconds: root.number(
                "MaxServicePointIdleTimeMilliseconds",
                default.max_service_point_idle_time_milliseconds,
            )?,
            minutes_in_trust_lifetime_before_renew: root.number(
                "MinutesInTrustLifetimeBeforeRenew",
                default.minutes_in_trust_lifetime_before_renew,
            )?,
            payload_endpoint_format: text("PayloadEndpointFormat", default.payload_endpoint_format),
            payload_request_timeout_milliseconds: root.number(
                "PayloadRequestTimeoutMilliseconds",
                default.payload_request_timeout_milliseconds,
            )?,
            periodic_bootstrap_interval_milliseconds: root.number(
                "PeriodicBootstrapIntervalMilliseconds",
                default.periodic_bootstrap_interval_milliseconds,
            )?,
            periodic_bootstrap_retry_strategy: RetryStrategy::read(root)?,
            proxy_port_response_fallback_period: text(
                "ProxyPortResponseFallbackPeriod",
                default.proxy_port_response_fallback_period,
            ),
            relay_receive_timeout: text("RelayReceiveTimeout", default.relay_receive_timeout),
            response_endpoint_format: text("ResponseEndpointFormat", default.response_endpoint_format),
            response_retry_delay_factor: root
                .number("ResponseRetryDelayFactor", default.response_retry_delay_factor)?,
            response_retry_initial_delay_milliseconds: root.number(
                "ResponseRetryInitialDelayMilliseconds",
                default.response_retry_initial_delay_milliseconds,
            )?,
            response_retry_total_attempts: root.number(
                "ResponseRetryTotalAttempts",
                default.response_retry_total_attempts,
            )?,
            response_signing_enabled: root
                .boolean("ResponseSigningEnabled", default.response_signing_enabled)?,
            service_message: root.string("ServiceMessage"),
            signaling_listener_endpoints: SignalingListenerEndpoint::read_all(root)?,
            trust_renew_endpoint: root.string("TrustRenewEndpoint"),
        })
    }
}

fn write_trace_config(writer: &mut XmlWriter, config: ConnectorLocalTraceConfig) {
    writer.start("ConnectorLocalTraceConfig", &[("xmlns:a", namespace::BOOTSTRAP)]);
    writer.value("a:DaysToKeepLocalTraces", config.days_to_keep_local_traces);
    writer.value("a:LocalTracesDisabled", config.local_traces_disabled);
    writer.value("a:LocalTracesLevel", config.local_traces_level);
    writer.end();
}

fn read_trace_config(root: &Element) -> Result<ConnectorLocalTraceConfig, HisXmlError> {
    let default = ConnectorLocalTraceConfig::default();
    let Some(config) = root.child("ConnectorLocalTraceConfig") else {
        return Ok(default);
    };
    Ok(ConnectorLocalTraceConfig {
        days_to_keep_local_traces: config
            .number("DaysToKeepLocalTraces", default.days_to_keep_local_traces)?,
        local_traces_disabled: config.boolean("LocalTracesDisabled", default.local_traces_disabled)?,
        local_traces_level: config.number("LocalTracesLevel", default.local_traces_level)?,
    })
}

fn read_connectivity(root: &Element) -> Result<ConnectivitySettings, HisXmlError> {
    const ELEMENT: &str = "ConnectivitySettings";
    match root.text(ELEMENT) {
        None | Some("") => Ok(ConnectivitySettings::default()),
        Some(text) => serde_json::from_str(text).map_err(|_| HisXmlError::Invalid {
            element: ELEMENT,
            expected: "connection parameters in JSON",
        }),
    }
}

fn read_state(root: &Element) -> Result<ConnectorState, HisXmlError> {
    const ELEMENT: &str = "ConnectorState";
    let Some(text) = root.text(ELEMENT) else {
        return Ok(ConnectorState::Ok);
    };
    STATES
        .iter()
        .find(|(_, known)| *known == text)
        .map(|(state, _)| *state)
        .ok_or(HisXmlError::Invalid {
            element: ELEMENT,
            expected: "Ok, UpdateRequired, InfoServiceMessage or ErrorServiceMessage",
        })
}
