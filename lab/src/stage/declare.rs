//! What the mocks are started with, made from the world that a scenario declares; the same for every stage.

use std::collections::BTreeMap;

use provlab_directory::config as directory;
use provlab_entra::{assumptions::Assumptions, config as cloud};
use secrecy::SecretString;

use crate::{
    scenario::{CloudGroup, Domain, Host, KdsRootKey, Located, Tenant},
    world::{
        Book, cloud_password_of, cloud_user_name, default_password, environment_of, initial_domain,
        password_of,
    },
};

/// How old a declared account's password is at the start: long past the minimum age, far from the maximum.
const PASSWORD_AGE_SECONDS: u64 = 7 * 86_400;

/// The directory of one domain.
pub(super) fn directory_config(book: &Book, domain: &Domain) -> directory::Config {
    let name = domain.name.value.as_str();
    let administrator = book.administrator(domain);
    let mut config = directory::Config::new(name, &domain.netbios_name(), administrator.password);
    config.domain_controllers = domain.domain_controller_names();
    config.kds_root_key = match domain.kds_root_key.unwrap_or_default() {
        KdsRootKey::Effective => directory::KdsRootKey::Effective,
        KdsRootKey::New => directory::KdsRootKey::New,
        KdsRootKey::None => directory::KdsRootKey::None,
    };
    config.accounts = domain
        .accounts
        .iter()
        .map(|account| {
            let mut made = directory::AccountConfig::new(&account.name.value, password_of(account));
            made.member_of = account
                .member_of
                .iter()
                .map(|group| group.value.clone())
                .collect();
            made.password_age_seconds = PASSWORD_AGE_SECONDS;
            made
        })
        .collect();
    config.computers = book
        .world()
        .hosts
        .iter()
        .filter(|host| host.domain.value.eq_ignore_ascii_case(name))
        .map(|host| directory::ComputerConfig {
            name: host.name.value.to_ascii_uppercase(),
            password: computer_password(host),
            container: None,
        })
        .collect();
    config.populations = domain
        .population
        .iter()
        .map(|population| directory::PopulationConfig {
            users: population.users.value,
            groups: population.groups,
            seed: population.seed.unwrap_or(1),
            organizational_unit: "OU=Staff".into(),
            upn_suffix: None,
            prefix: String::new(),
        })
        .collect();
    config
}

/// The cloud of all tenants; `speed` divides the product's cadences.
pub(super) fn cloud_config(book: &Book, speed: f64) -> cloud::Config {
    let tenants = book
        .world()
        .tenants
        .iter()
        .map(|tenant| {
            let initial_domain = initial_domain(tenant);
            cloud::TenantConfig {
                environment: environment_of(tenant.environment()).name,
                id: None,
                display_name: None,
                domains: tenant.verified_domains.clone(),
                accounts: cloud_accounts(tenant),
                groups: tenant
                    .groups
                    .iter()
                    .map(|group| cloud_group(tenant, group))
                    .collect(),
                applications: Vec::new(),
                smart_lockout: provlab_entra::state::SmartLockout::default(),
                initial_domain,
            }
        })
        .collect();
    let assumptions = book.world().cloud.assumptions.iter();
    let assumptions =
        assumptions.flat_map(|set| set.value.iter().map(|(name, holds)| (name.clone(), *holds)));
    cloud::Config {
        tenants,
        assumptions: Assumptions(assumptions.collect()),
        cadence: cloud::Cadence { speed },
    }
}

/// Those who sign in, and the users that only are there.
fn cloud_accounts(tenant: &Tenant) -> Vec<cloud::AccountConfig> {
    let roles = |roles: &[Located<String>]| roles.iter().map(|role| role.value.clone()).collect();
    let accounts = tenant.accounts.iter().map(|account| {
        let mut made = cloud::AccountConfig::new(&cloud_user_name(tenant, &account.name));
        made.password = Some(cloud_password_of(account));
        made.roles = roles(&account.roles);
        made
    });
    let users = tenant.users.iter().map(|user| {
        let mut made = cloud::AccountConfig::new(&cloud_user_name(tenant, &user.name));
        made.display_name.clone_from(&user.display_name);
        made.roles = roles(&user.roles);
        made.mail.clone_from(&user.mail);
        made.proxy_addresses.clone_from(&user.proxy_addresses);
        made.properties = user
            .set
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        made
    });
    accounts.chain(users).collect()
}

fn cloud_group(tenant: &Tenant, group: &CloudGroup) -> cloud::GroupConfig {
    let is_group = |name: &str| {
        tenant
            .groups
            .iter()
            .any(|group| group.name.value.eq_ignore_ascii_case(name))
    };
    let members = group.members.iter().map(|member| {
        if is_group(member) {
            member.value.clone()
        } else {
            cloud_user_name(tenant, member)
        }
    });
    cloud::GroupConfig {
        display_name: group.name.value.clone(),
        description: group.description.clone(),
        mail: group.mail.clone(),
        proxy_addresses: group.proxy_addresses.clone(),
        security_enabled: group.security_enabled.unwrap_or(true),
        members: members.collect(),
    }
}

/// The password of a host's computer account; on a real server the Netlogon service makes and keeps it.
pub(super) fn computer_password(host: &Host) -> SecretString {
    default_password(&format!("{}$ machine account", host.fqdn()))
}

/// The account by which a host is a member of its domain.
pub(super) fn computer_account(book: &Book, host: &Host) -> provlab_agent::ComputerAccount {
    let netbios = book
        .domain(&host.domain.value)
        .map(Domain::netbios_name)
        .unwrap_or_default();
    provlab_agent::ComputerAccount {
        name: format!("{}$", host.name.value.to_ascii_uppercase()),
        domain: host.domain.value.clone(),
        netbios,
        password: computer_password(host),
    }
}

/// What the DC locator would find: domain controllers by domain.
pub(super) fn domain_controllers(book: &Book) -> BTreeMap<String, Vec<String>> {
    let domains = &book.world().domains;
    domains
        .iter()
        .map(|domain| (domain.name.value.clone(), domain.domain_controller_names()))
        .collect()
}
