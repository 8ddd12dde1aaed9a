//! What the names in a scenario stand for: logon names, user principal names, host names and passwords.

use provlab_protocol::{
    dn::Dn,
    environment::{self, Environment, EnvironmentName},
};
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};

use crate::scenario::{CloudAccount, Domain, DomainAccount, EnvironmentWord, Host, Tenant, WorldFile};

/// A logon name with its password.
#[derive(Clone)]
pub struct Credential {
    /// `NETBIOS\name` or a user principal name.
    pub name: String,
    /// Its password.
    pub password: SecretString,
}

/// The world as declared, and the names that follow from it.
#[derive(Debug, Clone)]
pub struct Book {
    world: WorldFile,
}

/// A name that the world does not declare. The linter finds these before a run; a world built in code may
/// still have them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the world declares no {what} `{name}`")]
pub struct UnknownName {
    /// What was looked for.
    pub what: &'static str,
    /// The name.
    pub name: String,
}

fn found<'a, T>(what: &'static str, name: &str, item: Option<&'a T>) -> Result<&'a T, UnknownName> {
    item.ok_or_else(|| UnknownName {
        what,
        name: name.into(),
    })
}

impl Book {
    /// The names of `world`.
    pub const fn new(world: WorldFile) -> Self {
        Self { world }
    }

    /// The world as declared.
    pub const fn world(&self) -> &WorldFile {
        &self.world
    }

    /// A host by its short name.
    ///
    /// # Errors
    /// If the world declares no such host.
    pub fn host(&self, name: &str) -> Result<&Host, UnknownName> {
        let host = self
            .world
            .hosts
            .iter()
            .find(|host| host.name.value.eq_ignore_ascii_case(name));
        found("host", name, host)
    }

    /// A domain by its DNS name.
    ///
    /// # Errors
    /// If the world declares no such domain.
    pub fn domain(&self, name: &str) -> Result<&Domain, UnknownName> {
        let domain = self
            .world
            .domains
            .iter()
            .find(|domain| domain.name.value.eq_ignore_ascii_case(name));
        found("domain", name, domain)
    }

    /// A tenant by its name.
    ///
    /// # Errors
    /// If the world declares no such tenant.
    pub fn tenant(&self, name: &str) -> Result<&Tenant, UnknownName> {
        let tenant = self
            .world
            .tenants
            .iter()
            .find(|tenant| tenant.name.value.eq_ignore_ascii_case(name));
        found("tenant", name, tenant)
    }

    /// The domain of an object, and the name that its directory knows it by: the account name of `NETBIOS\name`, or the whole
    /// distinguished name.
    ///
    /// # Errors
    /// If there is no such domain.
    pub fn split<'a>(&self, name: &'a str) -> Result<(&Domain, &'a str), UnknownName> {
        let Some((netbios, account)) = name.split_once('\\') else {
            let dn = name.parse::<Dn>().ok();
            let domain = dn.and_then(|dn| dn.domain_dns_name()).unwrap_or_default();
            return Ok((self.domain(&domain)?, name));
        };
        let domain = self
            .world
            .domains
            .iter()
            .find(|domain| domain.netbios_name().eq_ignore_ascii_case(netbios));
        Ok((found("domain", netbios, domain)?, account))
    }

    /// The credential of a domain account, `NETBIOS\name`. Accounts the world does not declare have the
    /// password that steps give new accounts by default.
    ///
    /// # Errors
    /// If there is no such domain.
    pub fn domain_credential(&self, logon_name: &str) -> Result<Credential, UnknownName> {
        let (domain, name) = self.split(logon_name)?;
        let declared = domain
            .accounts
            .iter()
            .find(|account| account.name.value.eq_ignore_ascii_case(name));
        let password = declared.map_or_else(|| default_password(name), password_of);
        Ok(Credential {
            name: logon_name.into(),
            password,
        })
    }

    /// The domain's built-in Administrator, by which the lab itself acts.
    pub fn administrator(&self, domain: &Domain) -> Credential {
        let name = format!("{}\\Administrator", domain.netbios_name());
        Credential {
            name,
            password: default_password("Administrator"),
        }
    }

    /// The user principal name of a cloud account that a scenario calls `name@tenant`.
    ///
    /// # Errors
    /// If there is no such tenant.
    pub fn cloud_account(&self, name_at_tenant: &str) -> Result<String, UnknownName> {
        let (name, tenant) = name_at_tenant.split_once('@').unwrap_or((name_at_tenant, ""));
        Ok(format!("{name}@{}", initial_domain(self.tenant(tenant)?)))
    }

    /// The password that the world gives a cloud account; one that is made from the name where it declares none.
    pub fn cloud_password(&self, name_at_tenant: &str) -> SecretString {
        let (name, tenant) = name_at_tenant.split_once('@').unwrap_or((name_at_tenant, ""));
        let declared = self.tenant(tenant).ok().and_then(|tenant| {
            let mut accounts = tenant.accounts.iter();
            accounts.find(|account| account.name.value.eq_ignore_ascii_case(name))
        });
        declared.map_or_else(|| default_password(name), cloud_password_of)
    }

    /// The first declared account of a tenant that has one of these roles, by its name there.
    ///
    /// # Errors
    /// If there is no such tenant, or none of its accounts has one of the roles.
    pub fn cloud_administrator(&self, tenant: &str, roles: &[&str]) -> Result<&str, UnknownName> {
        let has = |account: &&CloudAccount| {
            let mut held = account.roles.iter();
            held.any(|held| roles.iter().any(|role| role.eq_ignore_ascii_case(held)))
        };
        let account = self.tenant(tenant)?.accounts.iter().find(has);
        found("account with the role", &roles.join("` or `"), account)
            .map(|account| account.name.value.as_str())
    }

    /// The credential of a cloud account by its name in a tenant.
    ///
    /// # Errors
    /// If the world declares no such tenant or account.
    pub fn cloud_credential(&self, tenant: &str, account: &str) -> Result<Credential, UnknownName> {
        let tenant = self.tenant(tenant)?;
        let declared = tenant
            .accounts
            .iter()
            .find(|known| known.name.value.eq_ignore_ascii_case(account));
        let declared = found("cloud account", account, declared)?;
        let name = format!("{}@{}", declared.name.value, initial_domain(tenant));
        Ok(Credential {
            name,
            password: cloud_password_of(declared),
        })
    }
}

/// The environment a word of a scenario stands for.
pub fn environment_of(word: EnvironmentWord) -> &'static Environment {
    environment::find(match word {
        EnvironmentWord::Public => EnvironmentName::AzureCloud,
        EnvironmentWord::UsGovernment => EnvironmentName::AzureUSGovernment,
        EnvironmentWord::UsGovernmentDod => EnvironmentName::AzureUSGovernmentDoD,
    })
}

/// A tenant's initial domain, such as `contoso.onmicrosoft.com`.
pub fn initial_domain(tenant: &Tenant) -> String {
    format!(
        "{}.{}",
        tenant.name.value,
        environment_of(tenant.environment()).initial_domain_suffix
    )
}

/// The password of a declared domain account.
pub fn password_of(account: &DomainAccount) -> SecretString {
    account
        .password
        .clone()
        .unwrap_or_else(|| default_password(&account.name.value))
}

/// The password of a declared cloud account.
pub fn cloud_password_of(account: &CloudAccount) -> SecretString {
    account
        .password
        .clone()
        .unwrap_or_else(|| default_password(&account.name.value))
}

/// The user principal name of a user that a scenario calls by it, or by the part before the `@`.
pub fn cloud_user_name(tenant: &Tenant, name: &str) -> String {
    if name.contains('@') {
        name.to_owned()
    } else {
        format!("{name}@{}", initial_domain(tenant))
    }
}

/// The password of an account that was declared without one: long and complex enough for AD's default
/// policy, without the account's name in it, and the same in every run so that `lab up` can tell it.
pub fn default_password(name: &str) -> SecretString {
    let digest = Sha256::digest(name.to_lowercase().as_bytes());
    SecretString::from(format!("Lab-{}!", hex::encode(&digest[..6])))
}
