//! Host names and addresses are made from a record in one place, and a host can be traced back to the cloud that owns it.

use uuid::Uuid;

use super::records::{ENVIRONMENTS, Environment};

/// What the patterns of a record have in the place of the tenant.
const TENANT: &str = "{tenantId}";

impl Environment {
    /// `{tenantId}.registration.…` (PR 2).
    #[must_use]
    pub fn registration_host(&self, tenant: &Uuid) -> String {
        fill(self.registration_host_pattern, tenant)
    }

    /// `{tenantId}.bootstrap.…` (PR 2).
    #[must_use]
    pub fn bootstrap_host(&self, tenant: &Uuid) -> String {
        fill(self.bootstrap_host_pattern, tenant)
    }

    /// `{tenantId}.admin.…` (PR 2).
    #[must_use]
    pub fn admin_host(&self, tenant: &Uuid) -> String {
        fill(self.admin_host_pattern, tenant)
    }

    /// Address of `RegisterConnector` (PR 4.1).
    #[must_use]
    pub fn registration_url(&self, tenant: &Uuid) -> String {
        format!(
            "https://{}/register/RegisterConnector",
            self.registration_host(tenant)
        )
    }

    /// Address of `ConnectorBootstrap` (PR 5.1).
    #[must_use]
    pub fn bootstrap_url(&self, tenant: &Uuid) -> String {
        format!("https://{}/ConnectorBootstrap", self.bootstrap_host(tenant))
    }

    /// `TrustRenewEndpoint` as a bootstrap response hands it out (PR 5.3).
    #[must_use]
    pub fn trust_renew_endpoint(&self) -> String {
        format!("https://{}/renewTrust", self.renew_trust_host)
    }

    /// Where an agent's heartbeats of password writeback go (our own path).
    #[must_use]
    pub fn writeback_heartbeat_url(&self) -> String {
        format!("https://{}/writeback/heartbeat", self.password_reset_host)
    }

    /// Sign-in authority of a tenant, without a slash at the end (PR 3.1).
    #[must_use]
    pub fn authority(&self, tenant: &str) -> String {
        format!("https://{}/{tenant}", self.login_host)
    }

    /// Issuer of v2 tokens; give `{tenantid}` for the metadata of `common` and `organizations` (PR 3.2).
    #[must_use]
    pub fn v2_issuer(&self, tenant: &str) -> String {
        format!("https://{}/{tenant}/v2.0", self.login_host)
    }

    /// Issuer of v1 tokens, the same in every cloud (PR 3.2).
    #[must_use]
    pub fn v1_issuer(&self, tenant: &Uuid) -> String {
        fill(self.sts_issuer_pattern, tenant)
    }

    /// Host of a Service Bus namespace.
    #[must_use]
    pub fn service_bus_host(&self, namespace: &str) -> String {
        format!("{namespace}.{}", self.service_bus_domain)
    }

    /// A tenant's initial domain, for example `contoso.onmicrosoft.us`.
    #[must_use]
    pub fn initial_domain(&self, label: &str) -> String {
        format!("{label}.{}", self.initial_domain_suffix)
    }

    /// Whether `host` belongs to this cloud.
    ///
    /// A host that some record names in full belongs only to the records that name it; otherwise the wildcards decide.
    /// L4 and L5 share their sign-in and agent hosts: both own them.
    #[must_use]
    pub fn owns_host(&self, host: &str) -> bool {
        if ENVIRONMENTS
            .iter()
            .any(|environment| environment.names_in_full(host))
        {
            return self.names_in_full(host);
        }
        self.owned_hosts
            .iter()
            .filter_map(|pattern| pattern.strip_prefix('*'))
            .any(|suffix| has_suffix(host, suffix))
    }

    /// The first environment that owns `host`; hosts shared by the government clouds count as L4.
    #[must_use]
    pub fn classify_host(host: &str) -> Option<&'static Self> {
        ENVIRONMENTS
            .iter()
            .find(|environment| environment.owns_host(host))
    }

    fn names_in_full(&self, host: &str) -> bool {
        self.owned_hosts
            .iter()
            .any(|owned| owned.eq_ignore_ascii_case(host))
    }
}

fn fill(pattern: &str, tenant: &Uuid) -> String {
    pattern.replace(TENANT, &tenant.hyphenated().to_string())
}

/// Case-insensitive suffix test with something in front of the suffix.
fn has_suffix(host: &str, suffix: &str) -> bool {
    host.len()
        .checked_sub(suffix.len())
        .filter(|start| *start > 0)
        .and_then(|start| host.get(start..))
        .is_some_and(|end| end.eq_ignore_ascii_case(suffix))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::environment::{ENVIRONMENTS, Environment, EnvironmentName, find};

    fn tenant() -> uuid::Uuid {
        uuid::uuid!("AAAAAAAA-0000-0000-0000-000000000001")
    }

    #[test]
    fn addresses_of_the_public_cloud_are_those_of_the_reference() {
        let public = find(EnvironmentName::AzureCloud);
        assert_eq!(
            public.registration_url(&tenant()),
            "https://aaaaaaaa-0000-0000-0000-000000000001.registration.msappproxy.net/register/RegisterConnector"
        );
        assert_eq!(
            public.bootstrap_url(&tenant()),
            "https://aaaaaaaa-0000-0000-0000-000000000001.bootstrap.msappproxy.net/ConnectorBootstrap"
        );
        assert_eq!(
            public.trust_renew_endpoint(),
            "https://his-eur1-weur1.renewtrust.msappproxy.net/renewTrust"
        );
        assert_eq!(
            public.v2_issuer("{tenantid}"),
            "https://login.microsoftonline.com/{tenantid}/v2.0"
        );
        assert_eq!(
            public.v1_issuer(&tenant()),
            "https://sts.windows.net/aaaaaaaa-0000-0000-0000-000000000001/"
        );
        assert_eq!(
            public.service_bus_host("his-eur1-weur1"),
            "his-eur1-weur1.servicebus.windows.net"
        );
    }

    #[test]
    fn every_host_an_agent_calls_is_owned_by_its_own_cloud() {
        for environment in &ENVIRONMENTS {
            let mut hosts = vec![
                environment.login_host.to_owned(),
                environment.graph_host.to_owned(),
                environment.renew_trust_host.to_owned(),
                environment.password_reset_host.to_owned(),
                environment.registration_host(&tenant()),
                environment.bootstrap_host(&tenant()),
                environment.admin_host(&tenant()),
                environment.service_bus_host(environment.service_bus_namespace),
            ];
            hosts.extend(
                environment
                    .login_aliases
                    .iter()
                    .chain(environment.portal_hosts)
                    .map(|host| (*host).to_owned()),
            );
            for host in hosts {
                assert!(
                    environment.owns_host(&host),
                    "{} does not own {host}",
                    environment.name
                );
                let government = environment.name != EnvironmentName::AzureCloud;
                let us_only = host.ends_with(".us") || host.ends_with(".usgovcloudapi.net");
                assert_eq!(government, us_only, "{host}");
                assert_eq!(
                    find(EnvironmentName::AzureCloud).owns_host(&host),
                    !government,
                    "{host}"
                );
            }
        }
    }

    #[test]
    fn graph_hosts_tell_the_government_clouds_apart_and_shared_hosts_count_as_l4() {
        let name = |host: &str| Environment::classify_host(host).map(|environment| environment.name);
        assert_eq!(
            name("graph.microsoft.us"),
            Some(EnvironmentName::AzureUSGovernment)
        );
        assert_eq!(
            name("DOD-Graph.Microsoft.US"),
            Some(EnvironmentName::AzureUSGovernmentDoD)
        );
        assert_eq!(
            name("login.microsoftonline.us"),
            Some(EnvironmentName::AzureUSGovernment)
        );
        assert!(find(EnvironmentName::AzureUSGovernmentDoD).owns_host("login.microsoftonline.us"));
        assert!(!find(EnvironmentName::AzureUSGovernment).owns_host("dod-graph.microsoft.us"));
    }

    #[test]
    fn look_alike_hosts_belong_to_nobody() {
        for host in [
            "",
            ".microsoft.us",
            "evilmicrosoft.us",
            "microsoft.us",
            "login.microsoftonline.us.example.com",
            "dc1.contoso.com",
            "é.us",
        ] {
            assert_eq!(Environment::classify_host(host), None, "{host}");
        }
    }

    #[test]
    fn only_fields_that_exist_are_marked_inferred() {
        for environment in &ENVIRONMENTS {
            let fields = serde_json::to_value(environment).unwrap();
            for field in environment.inferred {
                assert!(fields.get(field).is_some(), "{field}");
            }
        }
    }
}
