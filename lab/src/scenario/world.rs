//! What a world is made of: domains, tenants and hosts.

use indexmap::IndexMap;
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

use super::{Located, Span};

/// The world of a scenario or of a fixture.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct WorldFile {
    /// Active Directory domains, each with its own domain controllers.
    pub domains: Vec<Domain>,
    /// Microsoft Entra tenants.
    pub tenants: Vec<Tenant>,
    /// Windows servers that agents are installed on.
    pub hosts: Vec<Host>,
    /// The cloud of all tenants.
    pub cloud: CloudWorld,
}

/// The cloud of all tenants.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct CloudWorld {
    /// What is assumed of undocumented behaviour, by name, where it differs from the defaults.
    pub assumptions: Option<Located<IndexMap<String, bool>>>,
}

/// An Active Directory domain (one forest each).
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Domain {
    /// DNS name, for example `contoso.com`.
    pub name: Located<String>,
    /// NetBIOS name; by default the first label in capitals.
    #[serde(default)]
    pub netbios: Option<String>,
    /// Host names of the domain controllers; by default `dc1`.
    #[serde(default)]
    pub domain_controllers: Option<Vec<String>>,
    /// State of the KDS root key (CS 3.1); by default a key that has been effective for long.
    #[serde(default)]
    pub kds_root_key: Option<KdsRootKey>,
    /// Generated users and groups.
    #[serde(default)]
    pub population: Option<Population>,
    /// Accounts that steps name as `NETBIOS\name`.
    #[serde(default)]
    pub accounts: Vec<DomainAccount>,
}

impl WorldFile {
    /// Adds another world to this one.
    ///
    /// A domain or tenant of the same name is the same one: its accounts are added, and what else it
    /// says replaces what was said before. That is how a story adds an account to a fixture's domain.
    pub fn merge(&mut self, other: Self) {
        for domain in other.domains {
            match self
                .domains
                .iter_mut()
                .find(|known| known.name.value == domain.name.value)
            {
                Some(known) => known.merge(domain),
                None => self.domains.push(domain),
            }
        }
        for tenant in other.tenants {
            match self
                .tenants
                .iter_mut()
                .find(|known| known.name.value == tenant.name.value)
            {
                Some(known) => {
                    known.accounts.extend(tenant.accounts);
                    known.users.extend(tenant.users);
                    known.groups.extend(tenant.groups);
                    known.verified_domains.extend(tenant.verified_domains);
                    known.environment = tenant.environment.or(known.environment);
                }
                None => self.tenants.push(tenant),
            }
        }
        self.hosts.extend(other.hosts);
        match (&mut self.cloud.assumptions, other.cloud.assumptions) {
            (Some(known), Some(more)) => known.value.extend(more.value),
            (known @ None, more) => *known = more,
            (Some(_), None) => {}
        }
    }
}

impl Domain {
    fn merge(&mut self, other: Self) {
        self.netbios = other.netbios.or(self.netbios.take());
        self.domain_controllers = other.domain_controllers.or(self.domain_controllers.take());
        self.kds_root_key = other.kds_root_key.or(self.kds_root_key);
        self.population = other.population.or(self.population.take());
        self.accounts.extend(other.accounts);
    }

    /// The NetBIOS name, given or made from the first label.
    pub fn netbios_name(&self) -> String {
        self.netbios.clone().unwrap_or_else(|| {
            self.name
                .value
                .split('.')
                .next()
                .unwrap_or_default()
                .to_ascii_uppercase()
        })
    }

    /// Fully qualified names of the domain controllers.
    pub fn domain_controller_names(&self) -> Vec<String> {
        let labels = self
            .domain_controllers
            .clone()
            .unwrap_or_else(|| vec!["dc1".into()]);
        labels
            .iter()
            .map(|label| format!("{label}.{}", self.name.value))
            .collect()
    }
}

impl Tenant {
    /// The cloud the tenant lives in.
    pub fn environment(&self) -> EnvironmentWord {
        self.environment.unwrap_or_default()
    }
}

impl Host {
    /// Fully qualified name.
    pub fn fqdn(&self) -> String {
        format!("{}.{}", self.name.value, self.domain.value)
    }
}

/// Whether a group managed service account can be made (CS 3.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KdsRootKey {
    /// A key in use for longer than the ten hours of replication wait.
    #[default]
    Effective,
    /// A key made now: domain controllers wait ten hours before they use it.
    New,
    /// No key.
    None,
}

/// A generated population; the same seed gives the same people.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Population {
    /// How many users, 1 to 1,000,000.
    pub users: Located<u32>,
    /// How many groups; by default one for every ten users.
    #[serde(default)]
    pub groups: Option<u32>,
    /// Seed of the generator; by default 1.
    #[serde(default)]
    pub seed: Option<u64>,
}

/// An account of a domain.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DomainAccount {
    /// sAMAccountName.
    pub name: Located<String>,
    /// Password; by default one that is made from the name and meets the default policy.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub password: Option<SecretString>,
    /// Groups of the domain that the account is a member of, for example `Domain Admins`.
    #[serde(default)]
    pub member_of: Vec<Located<String>>,
    /// Whether it is the account of a program and not of a person: on OpenLDAP it is no `inetOrgPerson` then.
    #[serde(default)]
    pub service: bool,
}

/// Which of Microsoft's clouds a tenant lives in (CS 10).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EnvironmentWord {
    /// Commercial and GCC.
    #[default]
    Public,
    /// US Government L4 (GCC High).
    UsGovernment,
    /// US Government L5 (DoD).
    UsGovernmentDod,
}

/// A Microsoft Entra tenant.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Tenant {
    /// The name that steps use, and the first label of the initial domain.
    pub name: Located<String>,
    /// The cloud the tenant lives in; by default the public one.
    #[serde(default)]
    pub environment: Option<EnvironmentWord>,
    /// Custom domains that are verified; users with another UPN suffix get the initial domain (CS 5.11).
    #[serde(default)]
    pub verified_domains: Vec<String>,
    /// Cloud accounts that steps name as `name@tenant`.
    #[serde(default)]
    pub accounts: Vec<CloudAccount>,
    /// Users that live in the cloud and that nobody signs in as.
    #[serde(default)]
    pub users: Vec<CloudUser>,
    /// Groups that live in the cloud.
    #[serde(default)]
    pub groups: Vec<CloudGroup>,
}

/// A user that lives in the cloud before the story begins.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CloudUser {
    /// User principal name, or the part of it before the `@` and the initial domain.
    pub name: Located<String>,
    /// Display name; by default the part of the name before the `@`.
    #[serde(default)]
    pub display_name: Option<String>,
    /// Primary mail address; it is among the proxy addresses too.
    #[serde(default)]
    pub mail: Option<String>,
    /// `SMTP:` and `smtp:` addresses.
    #[serde(default)]
    pub proxy_addresses: Vec<String>,
    /// Directory roles by display name.
    #[serde(default)]
    pub roles: Vec<Located<String>>,
    /// Other properties by their Graph names.
    #[serde(default)]
    pub set: IndexMap<String, Value>,
}

/// A group that lives in the cloud before the story begins.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CloudGroup {
    /// Display name.
    pub name: Located<String>,
    /// Description.
    #[serde(default)]
    pub description: Option<String>,
    /// Primary mail address of a mail-enabled group; it is among the proxy addresses too.
    #[serde(default)]
    pub mail: Option<String>,
    /// `SMTP:` and `smtp:` addresses.
    #[serde(default)]
    pub proxy_addresses: Vec<String>,
    /// Whether it grants access; by default it does.
    #[serde(default)]
    pub security_enabled: Option<bool>,
    /// Who is in it, by the names that this file gives: users, accounts and groups.
    #[serde(default)]
    pub members: Vec<Located<String>>,
}

/// A cloud-only account of a tenant.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CloudAccount {
    /// The part of the user principal name before the `@`.
    pub name: Located<String>,
    /// Directory roles by display name, for example `Hybrid Identity Administrator`.
    #[serde(default)]
    pub roles: Vec<Located<String>>,
    /// Password; by default one that is made from the name.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub password: Option<SecretString>,
}

/// A Windows server.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Host {
    /// NetBIOS name of the computer, for example `srv1`.
    pub name: Located<String>,
    /// DNS name of the domain the computer is joined to.
    pub domain: Located<String>,
    /// How far the host's wall clock is ahead of the world's.
    #[serde(default)]
    pub clock_ahead: Option<Span>,
    /// Whether Windows' FIPS policy is on, under which .NET refuses MD5 (CS 7.4).
    #[serde(default)]
    pub fips: bool,
}
