//! Which host name plays which role in which environment.

use provlab_platform::Endpoint;
use provlab_protocol::environment::{ENVIRONMENTS, Environment};
use rustls_pki_types::CertificateDer;
use uuid::Uuid;

use crate::shared::Shared;
use crate::state::Tenant;

/// What a host is for (PR 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Sign-in.
    Login,
    /// Microsoft Graph.
    Graph,
    /// Agent registration.
    Registration,
    /// Agent bootstrap, by client certificate.
    Bootstrap,
    /// Agent groups and published resources.
    Admin,
    /// Renewal of agent certificates, by client certificate.
    TrustRenewal,
    /// The relay's listeners, by client certificate.
    Relay,
    /// Self-service password reset; agents show a client certificate, people do not.
    PasswordReset,
}

impl Role {
    /// Whether the server asks for a client certificate.
    pub(crate) fn asks_for_certificate(self) -> bool {
        matches!(
            self,
            Self::Bootstrap | Self::TrustRenewal | Self::Relay | Self::PasswordReset
        )
    }
}

/// One host name, or wildcard, that the cloud answers on.
#[derive(Debug, Clone)]
pub(crate) struct ListeningHost {
    /// `login.microsoftonline.com`, `*.bootstrap.msappproxy.net`, …
    pub(crate) pattern: String,
    /// What it is for.
    pub(crate) role: Role,
    /// The environments that name it; the government clouds share most.
    pub(crate) environments: Vec<&'static Environment>,
}

/// Every host of every environment, each once, in a fixed order.
pub(crate) fn listening_hosts() -> Vec<ListeningHost> {
    let mut hosts: Vec<ListeningHost> = Vec::new();
    for environment in &ENVIRONMENTS {
        for (pattern, role) in patterns(environment) {
            match hosts.iter_mut().find(|host| host.pattern == pattern) {
                Some(host) => host.environments.push(environment),
                None => hosts.push(ListeningHost {
                    pattern,
                    role,
                    environments: vec![environment],
                }),
            }
        }
    }
    hosts
}

fn patterns(environment: &Environment) -> Vec<(String, Role)> {
    let any_tenant = |pattern: &str| pattern.replace("{tenantId}", "*");
    let mut all = vec![(environment.login_host.to_owned(), Role::Login)];
    all.extend(
        environment
            .login_aliases
            .iter()
            .map(|alias| ((*alias).to_owned(), Role::Login)),
    );
    all.extend([
        (environment.graph_host.to_owned(), Role::Graph),
        (
            any_tenant(environment.registration_host_pattern),
            Role::Registration,
        ),
        (any_tenant(environment.bootstrap_host_pattern), Role::Bootstrap),
        (any_tenant(environment.admin_host_pattern), Role::Admin),
        (environment.renew_trust_host.to_owned(), Role::TrustRenewal),
        (format!("*.{}", environment.service_bus_domain), Role::Relay),
        (environment.password_reset_host.to_owned(), Role::PasswordReset),
    ]);
    all
}

/// Who is calling and on which host: an extension of every request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The environment addressed: that of the tenant in the host name if there is one, else the first that
    /// names the host.
    pub environment: &'static Environment,
    /// Every environment that names the host.
    pub environments: Vec<&'static Environment>,
    /// What the host is for.
    pub role: Role,
    /// Requested host name, lower case.
    pub host: String,
    /// What stands in the place of the wildcard: a tenant id or a relay namespace.
    pub label: Option<String>,
    /// The other end of the connection.
    pub remote: Endpoint,
    /// Certificates that the client proved to hold, its own first. Not judged yet.
    pub certificates: Vec<CertificateDer<'static>>,
}

impl Caller {
    pub(crate) fn new(
        shared: &Shared,
        listening: &ListeningHost,
        requested: &str,
        remote: Endpoint,
        certificates: Vec<CertificateDer<'static>>,
    ) -> Option<Self> {
        let host = requested.to_lowercase();
        let label = match listening.pattern.strip_prefix('*') {
            Some(suffix) => {
                let label = host.strip_suffix(suffix)?;
                if label.is_empty() || label.contains('.') {
                    return None;
                }
                Some(label.to_owned())
            }
            None => None,
        };
        let of_tenant = label
            .as_deref()
            .and_then(|label| label.parse::<Uuid>().ok())
            .and_then(|tenant| shared.environment(tenant))
            .filter(|environment| {
                listening
                    .environments
                    .iter()
                    .any(|known| known.name == environment.name)
            });
        Some(Self {
            environment: of_tenant.or_else(|| listening.environments.first().copied())?,
            environments: listening.environments.clone(),
            role: listening.role,
            host,
            label,
            remote,
            certificates,
        })
    }

    /// Whether a tenant lives in an environment that names the requested host.
    #[must_use]
    pub fn serves(&self, tenant: &Tenant) -> bool {
        self.environments
            .iter()
            .any(|environment| environment.name == tenant.environment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_host_is_listed_once_and_government_clouds_share_theirs() {
        let hosts = listening_hosts();
        let mut names: Vec<_> = hosts.iter().map(|host| host.pattern.clone()).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), hosts.len());
        let shared = hosts
            .iter()
            .find(|host| host.pattern == "login.microsoftonline.us");
        assert_eq!(shared.map(|host| host.environments.len()), Some(2));
        let graph = hosts.iter().find(|host| host.pattern == "dod-graph.microsoft.us");
        assert_eq!(
            graph.map(|host| (host.role, host.environments.len())),
            Some((Role::Graph, 1))
        );
    }
}
