//! The state as a snapshot keeps it: ordered by names, without ids, times and anything random.

use std::collections::{BTreeMap, BTreeSet};

use provlab_protocol::oauth::role_by_template_id;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::engine::{SyncJob, jobs};
use crate::his::{self, registry::Registry};
use crate::state::{Cloud, Contact, Group, OnPremises, ProvisioningError, ServicePrincipal, Tenant, User};

/// Length of a GUID in text, with the dash before it: the random end of an agent group's name.
const GUID_SUFFIX: usize = 37;

/// One tenant or all, by initial domain.
pub(super) fn dump(cloud: &Cloud, wanted: Option<Uuid>, now: OffsetDateTime, grace: Duration) -> Value {
    let mut tenants: Vec<&Tenant> = cloud
        .tenants
        .all()
        .filter(|tenant| wanted.is_none_or(|id| id == tenant.id))
        .collect();
    tenants.sort_by(|left, right| left.initial_domain.cmp(&right.initial_domain));
    let all: Vec<Value> = tenants
        .into_iter()
        .map(|tenant| {
            json!({
                "initialDomain": tenant.initial_domain,
                "environment": tenant.environment.as_str(),
                "verifiedDomains": tenant.verified_domains,
                "onPremisesSyncEnabled": tenant.on_premises_sync_enabled,
                "users": users(cloud, tenant.id),
                "groups": groups(cloud, tenant.id),
                "contacts": contacts(cloud, tenant.id),
                "configurations": configurations(cloud, tenant.id),
                "agents": his::registry_of(cloud, tenant.id).map(|registry| agents(registry, now, grace)).unwrap_or_default(),
                "publishedResources": his::registry_of(cloud, tenant.id).map(resources).unwrap_or_default(),
            })
        })
        .collect();
    json!({"tenants": all})
}

fn users(cloud: &Cloud, tenant: Uuid) -> Vec<Value> {
    let mut rows: Vec<&User> = cloud.users.of(tenant).collect();
    rows.sort_by_key(|user| (user.user_principal_name.to_lowercase(), user.deleted.is_some()));
    rows.into_iter()
        .map(|user| {
            let roles: Vec<&str> = user
                .roles
                .iter()
                .filter_map(role_by_template_id)
                .map(|role| role.name)
                .collect();
            json!({
                "userPrincipalName": user.user_principal_name,
                "displayName": user.display_name,
                "accountEnabled": user.account_enabled,
                "mail": user.mail,
                "mailNickname": user.mail_nickname,
                "proxyAddresses": user.proxy_addresses,
                "manager": user.manager.map(|id| name_of(cloud, tenant, id)),
                "roles": roles,
                "deleted": user.deleted.is_some(),
                "onPremises": user.on_premises.as_ref().map(origin),
                "properties": steady(&user.properties),
            })
        })
        .collect()
}

fn groups(cloud: &Cloud, tenant: Uuid) -> Vec<Value> {
    let mut rows: Vec<&Group> = cloud.groups.of(tenant).collect();
    rows.sort_by_key(|group| (group.display_name.to_lowercase(), group.deleted.is_some()));
    rows.into_iter()
        .map(|group| {
            let mut members: Vec<String> = group
                .members
                .iter()
                .map(|id| name_of(cloud, tenant, *id))
                .collect();
            members.sort();
            json!({
                "displayName": group.display_name,
                "description": group.description,
                "mail": group.mail,
                "mailEnabled": group.mail_enabled,
                "securityEnabled": group.security_enabled,
                "members": members,
                "deleted": group.deleted.is_some(),
                "onPremises": group.on_premises.as_ref().map(origin),
            })
        })
        .collect()
}

fn contacts(cloud: &Cloud, tenant: Uuid) -> Vec<Value> {
    let mut rows: Vec<&Contact> = cloud.contacts.of(tenant).collect();
    rows.sort_by_key(|contact| {
        (
            contact.mail.clone(),
            contact.display_name.clone(),
            contact.deleted.is_some(),
        )
    });
    let show = |contact: &Contact| {
        json!({
            "displayName": contact.display_name,
            "mail": contact.mail,
            "manager": contact.manager.map(|id| name_of(cloud, tenant, id)),
            "deleted": contact.deleted.is_some(),
            "onPremises": contact.on_premises.as_ref().map(origin),
        })
    };
    rows.into_iter().map(show).collect()
}

fn origin(origin: &OnPremises) -> Value {
    let mut shown = json!({
        "syncEnabled": origin.sync_enabled,
        "anchored": origin.immutable_id.is_some(),
        "distinguishedName": origin.distinguished_name,
        "samAccountName": origin.sam_account_name,
        "userPrincipalName": origin.user_principal_name,
        "domainName": origin.domain_name,
        "extensionAttributes": origin.extension_attributes,
    });
    if !origin.provisioning_errors.is_empty() {
        shown["provisioningErrors"] = origin
            .provisioning_errors
            .iter()
            .map(provisioning_error)
            .collect();
    }
    shown
}

fn provisioning_error(error: &ProvisioningError) -> Value {
    json!({
        "category": ProvisioningError::CATEGORY,
        "propertyCausingError": error.property,
        "value": error.value,
    })
}

fn configurations(cloud: &Cloud, tenant: Uuid) -> Vec<Value> {
    let rows = cloud
        .service_principals
        .of(tenant)
        .filter(|principal| principal.application_template_id.is_some());
    let show = |principal: &ServicePrincipal| {
        let mut all: Vec<Value> = jobs::of_service_principal(cloud, tenant, principal.id)
            .map(job)
            .collect();
        all.sort_by_key(|job| job["template"].to_string());
        json!({"displayName": principal.display_name, "domain": principal.domain(), "jobs": all})
    };
    let mut all: Vec<Value> = rows.map(show).collect();
    // Two directions of one domain have one name.
    let name = |shown: &Value| {
        (
            shown["displayName"].to_string().to_lowercase(),
            shown["jobs"][0]["template"].to_string(),
        )
    };
    all.sort_by_key(name);
    all
}

fn job(row: &SyncJob) -> Value {
    let shown = row.job.to_graph();
    json!({
        "template": row.job.template_id,
        "schedule": shown["schedule"]["state"],
        "code": shown["status"]["code"],
        "quarantine": shown["status"]["quarantine"]["reason"],
        "lastError": shown["status"]["lastExecution"]["error"]["code"],
        "escrowed": row.job.sync.counts.escrowed,
        "pendingDeletes": row.job.sync.counts.staged,
        "synchronizedEntryCountByType": shown["status"]["synchronizedEntryCountByType"],
    })
}

fn agents(registry: &Registry, now: OffsetDateTime, grace: Duration) -> Vec<Value> {
    let mut rows: Vec<_> = registry.agents.values().collect();
    rows.sort_by(|left, right| {
        (&left.machine_name, left.registered).cmp(&(&right.machine_name, right.registered))
    });
    rows.into_iter()
        .map(|agent| {
            json!({
                "machineName": agent.machine_name,
                "status": agent.status(now, grace).as_str(),
                "version": agent.version,
                "serviceAccount": agent.service_account_name,
                "isGmsa": agent.is_gmsa,
                "revoked": agent.certificates.iter().all(|certificate| certificate.revoked),
                "agentGroups": group_names(registry, &agent.agent_groups),
            })
        })
        .collect()
}

fn resources(registry: &Registry) -> Vec<Value> {
    let mut rows: Vec<_> = registry.published_resources.values().collect();
    rows.sort_by(|left, right| left.resource_name.cmp(&right.resource_name));
    rows.into_iter()
        .map(|resource| {
            json!({
                "resourceName": resource.resource_name,
                "publishingType": resource.publishing_type,
                "agentGroups": group_names(registry, &resource.agent_groups),
            })
        })
        .collect()
}

fn group_names(registry: &Registry, ids: &BTreeSet<Uuid>) -> Vec<String> {
    let mut names: Vec<String> = ids
        .iter()
        .filter_map(|id| registry.agent_groups.get(id))
        .map(|group| without_guid(&group.display_name).to_owned())
        .collect();
    names.sort();
    names
}

/// `Group-contoso.com-{guid}` without its end.
fn without_guid(name: &str) -> &str {
    let start = name
        .len()
        .checked_sub(GUID_SUFFIX)
        .filter(|start| name.is_char_boundary(*start));
    match start.map(|start| name.split_at(start)) {
        Some((stem, end))
            if end
                .strip_prefix('-')
                .is_some_and(|guid| guid.parse::<Uuid>().is_ok()) =>
        {
            stem
        }
        _ => name,
    }
}

/// A member or manager by the name it is known by.
fn name_of(cloud: &Cloud, tenant: Uuid, id: Uuid) -> String {
    let key = id.to_string();
    let user = cloud
        .users
        .get(tenant, &key)
        .map(|user| user.user_principal_name.clone());
    user.or_else(|| {
        cloud
            .groups
            .get(tenant, &key)
            .map(|group| group.display_name.clone())
    })
    .unwrap_or_else(|| "(unknown)".to_owned())
}

/// Properties without times.
fn steady(properties: &BTreeMap<String, Value>) -> BTreeMap<&String, &Value> {
    properties
        .iter()
        .filter(|(name, _)| !name.ends_with("DateTime"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::without_guid;

    #[test]
    fn only_a_guid_is_cut_off() {
        assert_eq!(
            without_guid("Group-contoso.com-11223344-5566-7788-99aa-bbccddeeff00"),
            "Group-contoso.com"
        );
        assert_eq!(
            without_guid("Sales and marketing of the whole northern region"),
            "Sales and marketing of the whole northern region"
        );
        assert_eq!(without_guid("x"), "x");
    }
}
