//! Plants the configured tenants, accounts and applications into the state.

use std::collections::BTreeSet;

use provlab_protocol::oauth::{DIRECTORY_ROLES, role_by_name};
use uuid::Uuid;

use crate::config::{AccountConfig, ApplicationConfig, Cadence, Config, GroupConfig, TenantConfig};
use crate::running::StartError;
use crate::shared::Shared;
use crate::state::{
    Application, ClientSecret, Cloud, CredentialState, Group, PasswordVerifier, ServicePrincipal, Tenant,
    TenantFeatures, Txn, User,
};

/// Refuses a configuration that contradicts itself, before anything is changed.
pub(crate) fn check(config: &Config) -> Result<(), StartError> {
    let wrong = |text: String| Err(StartError::Config(text));
    if !Cadence::SPEEDS.contains(&config.cadence.speed) {
        return wrong(format!(
            "cadence.speed is {}; use a number from {} to {}",
            config.cadence.speed,
            Cadence::SPEEDS.start(),
            Cadence::SPEEDS.end()
        ));
    }
    if let Err(unknown) = config.assumptions.check() {
        return wrong(format!("assumptions: {unknown}"));
    }
    let mut domains = BTreeSet::new();
    for tenant in &config.tenants {
        for domain in std::iter::once(&tenant.initial_domain).chain(&tenant.domains) {
            if domain.is_empty()
                || !domain.contains('.')
                || domain.contains(|sign: char| sign.is_whitespace() || sign == '/')
            {
                return wrong(format!(
                    "'{domain}' is not a domain name; write it as 'contoso.onmicrosoft.com'"
                ));
            }
            if !domains.insert(domain.to_lowercase()) {
                return wrong(format!(
                    "the domain '{domain}' appears twice; a domain belongs to one tenant"
                ));
            }
        }
        let mut names = BTreeSet::new();
        for account in &tenant.accounts {
            check_account(tenant, account)?;
            if !names.insert(account.user_principal_name.to_lowercase()) {
                return wrong(format!(
                    "the account '{}' appears twice",
                    account.user_principal_name
                ));
            }
        }
        names.extend(
            tenant
                .groups
                .iter()
                .map(|group| group.display_name.to_lowercase()),
        );
        let members = tenant.groups.iter().flat_map(|group| &group.members);
        if let Some(unknown) = members
            .into_iter()
            .find(|member| !names.contains(&member.to_lowercase()))
        {
            return wrong(format!(
                "'{unknown}' is a member of a group and no account or group of the tenant '{}'",
                tenant.initial_domain
            ));
        }
    }
    Ok(())
}

fn check_account(tenant: &TenantConfig, account: &AccountConfig) -> Result<(), StartError> {
    let name = &account.user_principal_name;
    let domain = name.rsplit_once('@').map_or("", |(_, domain)| domain);
    let owned = std::iter::once(&tenant.initial_domain).chain(&tenant.domains);
    if !owned.into_iter().any(|own| own.eq_ignore_ascii_case(domain)) {
        return Err(StartError::Config(format!(
            "the account '{name}' is in no domain of the tenant '{}'; add the domain or rename the account",
            tenant.initial_domain
        )));
    }
    if let Some(unknown) = account.roles.iter().find(|role| role_by_name(role).is_none()) {
        let known: Vec<&str> = DIRECTORY_ROLES.iter().map(|role| role.name).collect();
        return Err(StartError::Config(format!(
            "the account '{name}' has the unknown role '{unknown}'; use one of {}",
            known.join(", ")
        )));
    }
    Ok(())
}

/// Adds what the state lacks; what it has stands.
pub(crate) fn plant(shared: &Shared) -> Result<(), StartError> {
    shared.db.write(|txn| {
        for tenant in &shared.config.tenants {
            let id = plant_tenant(shared, txn, tenant);
            for account in &tenant.accounts {
                plant_account(shared, txn, id, account);
            }
            for group in &tenant.groups {
                plant_group(shared, txn, id, group);
            }
            for group in &tenant.groups {
                plant_members(txn, id, group);
            }
            for application in &tenant.applications {
                plant_application(shared, txn, id, application);
            }
        }
        Ok(())
    })
}

fn plant_tenant(shared: &Shared, txn: &mut Txn<'_>, config: &TenantConfig) -> Uuid {
    if let Some(known) = txn
        .cloud()
        .tenants
        .all()
        .find(|tenant| tenant.owns_domain(&config.initial_domain))
    {
        return known.id;
    }
    let drawn = || {
        shared
            .platform
            .entropy
            .fork(&format!("tenant {}", config.initial_domain))
            .uuid()
    };
    let id = config.id.unwrap_or_else(drawn);
    let label = config.initial_domain.split('.').next().unwrap_or_default();
    txn.put(Tenant {
        id,
        environment: config.environment,
        display_name: config.display_name.clone().unwrap_or_else(|| label.to_owned()),
        initial_domain: config.initial_domain.to_lowercase(),
        verified_domains: config
            .domains
            .iter()
            .map(|domain| domain.to_lowercase())
            .collect(),
        unverified_domains: Vec::new(),
        created: shared.now(),
        on_premises_sync_enabled: None,
        on_premises_last_sync: None,
        features: TenantFeatures::default(),
        smart_lockout: config.smart_lockout,
        updater_configuration: None,
    });
    id
}

fn plant_account(shared: &Shared, txn: &mut Txn<'_>, tenant: Uuid, config: &AccountConfig) {
    let name = &config.user_principal_name;
    if txn.cloud().user_named(tenant, name).is_some() {
        return;
    }
    let entropy = shared.platform.entropy.fork(&format!("account {name}"));
    let local = name.split('@').next().unwrap_or_default();
    let mut user = User::new(tenant, entropy.uuid(), name, shared.now());
    user.display_name = Some(config.display_name.clone().unwrap_or_else(|| local.to_owned()));
    user.mail_nickname = Some(local.to_owned());
    user.account_enabled = !config.disabled;
    user.roles = config
        .roles
        .iter()
        .filter_map(|role| role_by_name(role))
        .map(|role| role.template_id)
        .collect();
    user.mail.clone_from(&config.mail);
    user.proxy_addresses = addresses(config.mail.as_deref(), &config.proxy_addresses);
    user.properties.clone_from(&config.properties);
    user.credential = config.password.as_ref().map(|password| CredentialState {
        verifier: PasswordVerifier::new(password, &entropy),
        expired: config.password_expired,
        multi_factor: config.multi_factor,
        blocked: config.blocked_by_conditional_access,
    });
    txn.put(user);
}

/// The primary address and those beside it.
fn addresses(mail: Option<&str>, others: &[String]) -> Vec<String> {
    let primary = mail.map(|mail| format!("SMTP:{mail}"));
    let others = others
        .iter()
        .filter(|other| Some(*other) != primary.as_ref())
        .cloned();
    primary.clone().into_iter().chain(others).collect()
}

fn group_named<'a>(cloud: &'a Cloud, tenant: Uuid, name: &str) -> Option<&'a Group> {
    cloud
        .groups
        .of(tenant)
        .find(|group| group.display_name.eq_ignore_ascii_case(name))
}

fn plant_group(shared: &Shared, txn: &mut Txn<'_>, tenant: Uuid, config: &GroupConfig) {
    let name = &config.display_name;
    if group_named(txn.cloud(), tenant, name).is_some() {
        return;
    }
    let id = shared
        .platform
        .entropy
        .fork(&format!("group {tenant} {name}"))
        .uuid();
    let mut group = Group::new(tenant, id, name, shared.now());
    group.description.clone_from(&config.description);
    group.mail.clone_from(&config.mail);
    group.mail_enabled = config.mail.is_some();
    group.mail_nickname = Some(name.chars().filter(char::is_ascii_alphanumeric).collect());
    group.security_enabled = config.security_enabled;
    group.proxy_addresses = addresses(config.mail.as_deref(), &config.proxy_addresses);
    txn.put(group);
}

/// Members of a group that has none yet: on a store that holds state, its members stand.
fn plant_members(txn: &mut Txn<'_>, tenant: Uuid, config: &GroupConfig) {
    let cloud = txn.cloud();
    let found = group_named(cloud, tenant, &config.display_name).filter(|group| group.members.is_empty());
    let Some(mut group) = found.cloned() else { return };
    let member = |name: &String| {
        let user = cloud.user_named(tenant, name).map(|user| user.id);
        user.or_else(|| group_named(cloud, tenant, name).map(|group| group.id))
    };
    group.members = config.members.iter().filter_map(member).collect();
    if !group.members.is_empty() {
        txn.put(group);
    }
}

fn plant_application(shared: &Shared, txn: &mut Txn<'_>, tenant: Uuid, config: &ApplicationConfig) {
    let entropy = shared
        .platform
        .entropy
        .fork(&format!("application {tenant} {}", config.display_name));
    let app_id = config.client_id.unwrap_or_else(|| entropy.uuid());
    if txn
        .cloud()
        .applications
        .find(tenant, Application::BY_APP_ID, &app_id.to_string())
        .next()
        .is_some()
    {
        return;
    }
    let secret = config.secret.as_ref().map(|secret| ClientSecret {
        verifier: PasswordVerifier::new(secret, &entropy),
        expires: config.secret_expires,
    });
    txn.put(Application {
        tenant,
        id: entropy.uuid(),
        app_id,
        display_name: config.display_name.clone(),
        application_template_id: None,
        secrets: secret.into_iter().collect(),
        application_permissions: config.application_permissions.clone(),
        delegated_permissions: config.delegated_permissions.clone(),
        redirect_uris: config.redirect_uris.clone(),
        created: shared.now(),
    });
    txn.put(ServicePrincipal {
        tenant,
        id: entropy.uuid(),
        app_id,
        display_name: config.display_name.clone(),
        application_template_id: None,
        service_principal_names: vec![app_id.to_string()],
        account_enabled: true,
        secrets: Vec::new(),
        created: shared.now(),
    });
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn config(json: serde_json::Value) -> Config {
        serde_json::from_value(json).unwrap()
    }

    fn refusal(json: serde_json::Value) -> String {
        check(&config(json)).unwrap_err().to_string()
    }

    #[test]
    fn contradictions_are_told_with_their_mending() {
        let twice = serde_json::json!({"tenants": [
            {"initial-domain": "a.onmicrosoft.com"}, {"initial-domain": "b.onmicrosoft.com", "domains": ["A.onmicrosoft.com"]},
        ]});
        assert!(refusal(twice).contains("appears twice"));
        let foreign = serde_json::json!({"tenants": [
            {"initial-domain": "a.onmicrosoft.com", "accounts": [{"user-principal-name": "x@b.com"}]},
        ]});
        assert!(refusal(foreign).contains("in no domain"));
        let role = serde_json::json!({"tenants": [{"initial-domain": "a.onmicrosoft.com", "accounts": [
            {"user-principal-name": "x@a.onmicrosoft.com", "roles": ["Hybrid Admin"]},
        ]}]});
        assert!(refusal(role).contains("Hybrid Identity Administrator"));
        assert!(refusal(serde_json::json!({"cadence": {"speed": 0.0}})).contains("cadence.speed"));
    }

    #[test]
    fn passwords_do_not_show() {
        let config = config(
            serde_json::json!({"tenants": [{"initial-domain": "a.onmicrosoft.com", "accounts": [
                {"user-principal-name": "x@a.onmicrosoft.com", "password": "Tr0ub4dor"},
            ]}]}),
        );
        assert!(!format!("{config:?}").contains("Tr0ub4dor"));
        assert!(
            serde_json::to_string(&config).unwrap().contains("Tr0ub4dor"),
            "it is handed to the process that runs the cloud"
        );
    }
}
