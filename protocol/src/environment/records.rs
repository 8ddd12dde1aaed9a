//! The three records themselves, one line a fact, so that a cloud can be compared with its source at a glance.

use serde::{Deserialize, Serialize};

/// The name of an environment, spelled as the Azure tools spell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EnvironmentName {
    /// Worldwide public cloud; GCC tenants use it too (CS 10).
    AzureCloud,
    /// US Government L4 (GCC High).
    AzureUSGovernment,
    /// US Government L5 (DoD).
    AzureUSGovernmentDoD,
}

impl EnvironmentName {
    /// The name as text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        super::find(self).text
    }
}

impl std::fmt::Display for EnvironmentName {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.as_str())
    }
}

/// One cloud: host names, suffixes, issuers and metadata (CS 2.3, CS 10, PR 2, PR 3.2).
///
/// Patterns contain `{tenantId}`; the methods in this module fill it in.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Environment {
    /// The environment this record describes.
    pub name: EnvironmentName,
    /// The name as text, as in [`EnvironmentName`].
    pub text: &'static str,
    /// What a person calls it.
    pub display_name: &'static str,
    /// Value of the installer's `ENVIRONMENTNAME=` that selects it, where one is known.
    pub installer_switch: Option<&'static str>,
    /// Sign-in authority.
    pub login_host: &'static str,
    /// Further names of the sign-in authority.
    pub login_aliases: &'static [&'static str],
    /// Page where a person types a device code.
    pub device_login_url: &'static str,
    /// Microsoft Graph.
    pub graph_host: &'static str,
    /// `cloud_graph_host_name` of the OpenID Connect metadata (the retired Azure AD Graph).
    pub cloud_graph_host_name: &'static str,
    /// Host of the registration service.
    pub registration_host_pattern: &'static str,
    /// Host of the bootstrap service.
    pub bootstrap_host_pattern: &'static str,
    /// Host of the admin service.
    pub admin_host_pattern: &'static str,
    /// Host of the trust renewal service; agents learn it from the bootstrap response.
    pub renew_trust_host: &'static str,
    /// Domain below which Service Bus namespaces live.
    pub service_bus_domain: &'static str,
    /// A Service Bus namespace, for whoever plays the cloud.
    pub service_bus_namespace: &'static str,
    /// Host of self-service password reset: the user portal, and what agents send heartbeats to (the latter inferred).
    pub password_reset_host: &'static str,
    /// The two Service Bus namespaces of password reset (CS 8.5).
    pub password_reset_namespaces: &'static [&'static str],
    /// Token audience of registration and admin service.
    pub registration_audience: &'static str,
    /// Common name of the private CA that issues agent certificates (PR 4.4).
    pub agent_ca_common_name: &'static str,
    /// Suffix of a tenant's initial domain.
    pub initial_domain_suffix: &'static str,
    /// Portal hosts, the classic one first.
    pub portal_hosts: &'static [&'static str],
    /// Issuer of v1 tokens, with `{tenantId}`.
    pub sts_issuer_pattern: &'static str,
    /// `cloud_instance_name` of the OpenID Connect metadata.
    pub cloud_instance_name: &'static str,
    /// `rbac_url` of the OpenID Connect metadata.
    pub rbac_url: &'static str,
    /// `tenant_region_scope` of the OpenID Connect metadata; a typical one where tenants differ.
    pub tenant_region_scope: &'static str,
    /// `tenant_region_sub_scope`, government clouds only.
    pub tenant_region_sub_scope: Option<&'static str>,
    /// Whether `directory/onPremisesSynchronization` answers here (CS 10).
    pub has_on_premises_synchronization_api: bool,
    /// Host names and `*.` patterns that belong to this cloud (CS 2.3).
    pub owned_hosts: &'static [&'static str],
    /// Fields of this record that no source states; they follow the pattern of what is known.
    pub inferred: &'static [&'static str],
}

/// Every known environment, the default one first.
pub static ENVIRONMENTS: [Environment; 3] = [PUBLIC, US_GOVERNMENT, US_GOVERNMENT_DOD];

const PUBLIC: Environment = Environment {
    name: EnvironmentName::AzureCloud,
    text: "AzureCloud",
    display_name: "Public",
    installer_switch: Some("AzureCloud"),
    login_host: "login.microsoftonline.com",
    login_aliases: &["login.windows.net"],
    device_login_url: "https://microsoft.com/devicelogin",
    graph_host: "graph.microsoft.com",
    cloud_graph_host_name: "graph.windows.net",
    registration_host_pattern: "{tenantId}.registration.msappproxy.net",
    bootstrap_host_pattern: "{tenantId}.bootstrap.msappproxy.net",
    admin_host_pattern: "{tenantId}.admin.msappproxy.net",
    renew_trust_host: "his-eur1-weur1.renewtrust.msappproxy.net",
    service_bus_domain: "servicebus.windows.net",
    service_bus_namespace: "his-eur1-weur1",
    password_reset_host: "passwordreset.microsoftonline.com",
    password_reset_namespaces: &["ssprdedicatedsbprodscu", "ssprdedicatedsbprodncu"],
    registration_audience: "https://proxy.cloudwebappproxy.net/registerapp",
    agent_ca_common_name: "HISConnectorRegistrationCA.his.msappproxy.net",
    initial_domain_suffix: "onmicrosoft.com",
    portal_hosts: &["portal.azure.com", "entra.microsoft.com"],
    sts_issuer_pattern: "https://sts.windows.net/{tenantId}/",
    cloud_instance_name: "microsoftonline.com",
    rbac_url: "https://pas.windows.net",
    tenant_region_scope: "NA",
    tenant_region_sub_scope: None,
    has_on_premises_synchronization_api: true,
    owned_hosts: &[
        "login.microsoftonline.com",
        "login.windows.net",
        "graph.microsoft.com",
        "portal.azure.com",
        "*.msappproxy.net",
        "*.msappproxy.com",
        "*.cloudwebappproxy.net",
        "*.servicebus.windows.net",
        "*.microsoftonline.com",
        "*.microsoft.com",
        "*.windowsazure.com",
        "*.msocsp.com",
    ],
    inferred: &["cloud_graph_host_name"],
};

const US_GOVERNMENT: Environment = Environment {
    name: EnvironmentName::AzureUSGovernment,
    text: "AzureUSGovernment",
    display_name: "US Government L4 (GCC High)",
    installer_switch: Some("AzureUSGovernment"),
    login_host: "login.microsoftonline.us",
    login_aliases: &["login.windows.us"],
    device_login_url: "https://microsoft.com/deviceloginus",
    graph_host: "graph.microsoft.us",
    cloud_graph_host_name: "graph.microsoftazure.us",
    registration_host_pattern: "{tenantId}.registration.msappproxy.us",
    bootstrap_host_pattern: "{tenantId}.bootstrap.msappproxy.us",
    admin_host_pattern: "{tenantId}.admin.msappproxy.us",
    renew_trust_host: "his-usgov1-uva1.renewtrust.msappproxy.us",
    service_bus_domain: "servicebus.usgovcloudapi.net",
    service_bus_namespace: "his-usgov1-uva1",
    password_reset_host: "passwordreset.microsoftonline.us",
    password_reset_namespaces: &["ssprdedicatedsbgovuva", "ssprdedicatedsbgovutx"],
    registration_audience: "https://proxy.cloudwebappproxy.us/registerapp",
    agent_ca_common_name: "HISConnectorRegistrationCA.his.msappproxy.us",
    initial_domain_suffix: "onmicrosoft.us",
    portal_hosts: &["portal.azure.us", "entra.microsoft.us"],
    sts_issuer_pattern: "https://sts.windows.net/{tenantId}/",
    cloud_instance_name: "microsoftonline.us",
    rbac_url: "https://pasff.usgovcloudapi.net",
    tenant_region_scope: "USGov",
    tenant_region_sub_scope: Some("DODCON"),
    has_on_premises_synchronization_api: false,
    owned_hosts: &[
        "login.microsoftonline.us",
        "login.windows.us",
        "graph.microsoft.us",
        "portal.azure.us",
        "*.msappproxy.us",
        "*.cloudwebappproxy.us",
        "*.servicebus.usgovcloudapi.net",
        "*.microsoftonline.us",
        "*.microsoft.us",
        "*.msocsp.us",
    ],
    inferred: &[
        "device_login_url",
        "cloud_graph_host_name",
        "registration_host_pattern",
        "bootstrap_host_pattern",
        "admin_host_pattern",
        "renew_trust_host",
        "service_bus_namespace",
        "password_reset_namespaces",
        "registration_audience",
        "agent_ca_common_name",
        "initial_domain_suffix",
        "portal_hosts",
    ],
};

/// L5 shares every agent-facing wildcard with L4 (CS 10); what differs is Graph and the region sub scope.
const US_GOVERNMENT_DOD: Environment = Environment {
    name: EnvironmentName::AzureUSGovernmentDoD,
    text: "AzureUSGovernmentDoD",
    display_name: "US Government L5 (DoD)",
    installer_switch: None,
    graph_host: "dod-graph.microsoft.us",
    renew_trust_host: "his-usdod1-udc1.renewtrust.msappproxy.us",
    service_bus_namespace: "his-usdod1-udc1",
    tenant_region_sub_scope: Some("DOD"),
    owned_hosts: &[
        "login.microsoftonline.us",
        "login.windows.us",
        "dod-graph.microsoft.us",
        "portal.azure.us",
        "*.msappproxy.us",
        "*.cloudwebappproxy.us",
        "*.servicebus.usgovcloudapi.net",
        "*.microsoftonline.us",
        "*.microsoft.us",
        "*.msocsp.us",
    ],
    ..US_GOVERNMENT
};
