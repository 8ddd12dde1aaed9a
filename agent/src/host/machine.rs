//! One Windows server as its agent sees it.

use std::collections::BTreeMap;
use std::time::Duration;

use provlab_platform::{Part, Platform};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::product::{AGENT_VERSION, SERVICE_NAME};

use super::{EventLog, LsaSecrets, Registry, ServiceControl, TraceFile};

/// The computer account by which the host is a member of its domain.
#[derive(Clone)]
pub struct ComputerAccount {
    /// sAMAccountName, ending in `$`.
    pub name: String,
    /// DNS name of the domain that the host is joined to.
    pub domain: String,
    /// NetBIOS name of that domain.
    pub netbios: String,
    /// The account's password.
    pub password: SecretString,
}

impl ComputerAccount {
    /// `DOMAIN\NAME$`, the name it binds by.
    pub fn logon_name(&self) -> String {
        format!(r"{}\{}", self.netbios, self.name)
    }
}

/// PowerShell execution policy of the host (CS 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExecutionPolicy {
    /// Nothing set: fine.
    Undefined,
    /// Fine.
    #[default]
    RemoteSigned,
    /// Registration ends with a security error.
    Unrestricted,
    /// Forced by group policy: registration ends with a security error.
    AllSigned,
    /// Registration ends with a security error.
    Restricted,
    /// Registration ends with a security error.
    Bypass,
}

impl ExecutionPolicy {
    /// Whether the registration module may run: only `Undefined` and `RemoteSigned` are allowed (CS 2.1).
    pub fn allows_registration(self) -> bool {
        matches!(self, Self::Undefined | Self::RemoteSigned)
    }

    /// The name that PowerShell shows.
    pub fn name(self) -> &'static str {
        match self {
            Self::Undefined => "Undefined",
            Self::RemoteSigned => "RemoteSigned",
            Self::Unrestricted => "Unrestricted",
            Self::AllSigned => "AllSigned",
            Self::Restricted => "Restricted",
            Self::Bypass => "Bypass",
        }
    }
}

/// What the host's administrators decided.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct HostPolicies {
    /// Internet Explorer Enhanced Security Configuration blocks the cloud sign-in page (CS 1.3).
    pub ie_enhanced_security: bool,
    /// PowerShell execution policy.
    pub execution_policy: ExecutionPolicy,
    /// The Credential Manager service (`VaultSvc`) is disabled (CS 2.1).
    pub vault_service_disabled: bool,
    /// The service accounts lack "Log on as a service" (CS 9.4).
    pub deny_service_logon: bool,
}

/// What the host is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct HostFacts {
    /// Version, e.g. `10.0.20348` for Windows Server 2022.
    pub os_version: String,
    /// Product SKU; 8 is Datacenter.
    pub os_sku: String,
    /// LCID of the language.
    pub os_language: String,
    /// Hexadecimal locale.
    pub os_locale: String,
    /// A client edition, on which the installer refuses to run (CS 2.1).
    pub client_edition: bool,
    /// `Release` value of .NET Framework; 461308 (4.7.1) is the least (CS 2.1).
    pub dotnet_release: u32,
    /// Whether TLS 1.2 is enabled (CS 2.1).
    pub tls12: bool,
}

impl Default for HostFacts {
    fn default() -> Self {
        Self {
            os_version: "10.0.20348".to_owned(),
            os_sku: "8".to_owned(),
            os_language: "1033".to_owned(),
            os_locale: "0409".to_owned(),
            client_edition: false,
            dotnet_release: 528_449,
            tls12: true,
        }
    }
}

/// The host with its doors to the outside. Cheap to clone; clones are the same host.
#[derive(Clone)]
pub struct HostMachine {
    /// The doors.
    pub platform: Platform,
    /// The host's membership in its domain.
    pub computer: ComputerAccount,
    /// Domain controllers by domain (lower case), in the order of the DC locator's preference.
    pub domain_controllers: BTreeMap<String, Vec<String>>,
    /// Decisions of the administrators.
    pub policies: HostPolicies,
    /// Facts of the system.
    pub facts: HostFacts,
    /// The service control manager.
    pub services: ServiceControl,
    /// The registry.
    pub registry: Registry,
    /// The LSA secrets.
    pub secrets: LsaSecrets,
    /// How many times shorter than the product's the agent's own pauses are; 1 is the product's pace.
    pub speed: u32,
}

impl HostMachine {
    /// Version of the installed agent; [`AGENT_VERSION`] where none is installed.
    pub fn agent_version(&self) -> String {
        let installed = self.services.get(SERVICE_NAME);
        installed.map_or_else(|_| AGENT_VERSION.to_owned(), |entry| entry.version)
    }

    /// A host; `poll` as in [`ServiceControl::new`].
    pub fn new(
        platform: Platform,
        computer: ComputerAccount,
        domain_controllers: BTreeMap<String, Vec<String>>,
        poll: Option<Duration>,
    ) -> Self {
        let services = ServiceControl::new(platform.files.clone(), platform.clock.clone(), poll);
        let registry = Registry::new(platform.files.clone());
        let secrets = LsaSecrets::new(platform.files.clone());
        let domain_controllers = domain_controllers
            .into_iter()
            .map(|(domain, servers)| (domain.to_ascii_lowercase(), servers))
            .collect();
        Self {
            platform,
            computer,
            domain_controllers,
            policies: HostPolicies::default(),
            facts: HostFacts::default(),
            services,
            registry,
            secrets,
            speed: 1,
        }
    }

    /// A pause of the product at this host's speed. Limits of real work are not pauses: they stay as they are.
    pub fn shortened(&self, pause: Duration) -> Duration {
        pause / self.speed.max(1)
    }

    /// Waits for a pause of the product at this host's speed.
    pub async fn pause(&self, pause: Duration) {
        self.platform.clock.sleep(self.shortened(pause)).await;
    }

    /// Domain controllers of a domain, the preferred ones first.
    pub fn controllers_of(&self, domain: &str, preferred: &[String]) -> Vec<String> {
        let known = self
            .domain_controllers
            .get(&domain.to_ascii_lowercase())
            .map_or(&[][..], Vec::as_slice);
        let mut order = preferred.to_vec();
        for server in known {
            if !order.iter().any(|chosen| chosen.eq_ignore_ascii_case(server)) {
                order.push(server.clone());
            }
        }
        order
    }

    /// The Application log as `part` writes it.
    pub fn event_log(&self, part: Part) -> EventLog {
        EventLog::new(self.platform.trace.clone(), part)
    }

    /// A new trace file of a process of the agent.
    pub fn trace_file(&self, thread: u32) -> TraceFile {
        TraceFile::start(self.platform.files.clone(), self.platform.clock.clone(), thread)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{World, simulate};

    #[test]
    fn pauses_follow_the_speed_of_the_host() {
        simulate(async {
            let mut world = World::new();
            let clock = world.host.platform.clock.clone();
            world.host.pause(Duration::from_secs(60)).await;
            assert_eq!(clock.now(), Duration::from_secs(60));
            world.host.speed = 300;
            world.host.pause(Duration::from_secs(60)).await;
            assert_eq!(clock.now(), Duration::from_millis(60_200));
        });
    }
}
