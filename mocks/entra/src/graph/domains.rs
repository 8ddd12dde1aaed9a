//! `/domains`: the domain names of a tenant, added, verified and removed (Graph reference of domain).
//!
//! There is no DNS in a lab: whoever asks for the verification is believed to have published the record.

use axum::Json;
use axum::extract::Path;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::GraphError;
use super::request::{JsonBody, Request};
use crate::state::{Cloud, Tenant, Txn, User};

/// Longest domain name, in bytes.
const MAX_NAME: usize = 253;
/// Most domains of a tenant (the product allows 5,000 managed ones).
const MAX_DOMAINS: usize = 5_000;

/// `domain`, as it is shown.
fn to_json(tenant: &Tenant, name: &str, availability: Option<&str>) -> Value {
    let verified = tenant.owns_domain(name);
    json!({
        "id": name,
        "authenticationType": "Managed",
        "availabilityStatus": availability,
        "isAdminManaged": true,
        "isDefault": verified && name == tenant.default_domain(),
        "isInitial": name == tenant.initial_domain,
        "isRoot": verified && root_of(tenant, name).is_none(),
        "isVerified": verified,
        "passwordNotificationWindowInDays": 14,
        "passwordValidityPeriodInDays": 90,
        "supportedServices": if verified { json!(["Email", "OfficeCommunicationsOnline"]) } else { json!([]) },
        "state": null,
    })
}

/// The verified domain that `name` is a part of: a subdomain needs no verification of its own.
fn root_of<'a>(tenant: &'a Tenant, name: &str) -> Option<&'a str> {
    let above = |root: &&String| {
        name.strip_suffix(root.as_str())
            .is_some_and(|label| label.ends_with('.'))
    };
    tenant.verified_domains.iter().find(above).map(String::as_str)
}

pub(super) async fn list(request: Request) -> Result<Json<Value>, GraphError> {
    request.shared.db.read(|cloud| {
        let tenant = own(cloud, &request)?;
        let names = std::iter::once(&tenant.initial_domain)
            .chain(&tenant.verified_domains)
            .chain(&tenant.unverified_domains);
        let all: Vec<Value> = names.map(|name| to_json(tenant, name, None)).collect();
        Ok(Json(
            json!({ "@odata.context": request.context("domains"), "value": all }),
        ))
    })
}

pub(super) async fn one(request: Request, Path(name): Path<String>) -> Result<Json<Value>, GraphError> {
    request.shared.db.read(|cloud| {
        let (tenant, name) = find(cloud, &request, &name)?;
        Ok(entity(&request, to_json(tenant, &name, None)))
    })
}

/// The record that proves ownership.
pub(super) async fn verification_records(
    request: Request,
    Path(name): Path<String>,
) -> Result<Json<Value>, GraphError> {
    request.shared.db.read(|cloud| {
        let (tenant, name) = find(cloud, &request, &name)?;
        let number = tenant.id.as_u128() % 100_000_000;
        Ok(Json(json!({
            "@odata.context": request.context("domains/verificationDnsRecords"),
            "value": [{
                "@odata.type": "#microsoft.graph.domainDnsTxtRecord",
                "isOptional": false,
                "label": name,
                "recordType": "Txt",
                "supportedService": "Email",
                "text": format!("MS=ms{number:08}"),
                "ttl": 3600,
            }],
        })))
    })
}

/// Adds a name; `id` is all that can be given.
pub(super) async fn create(
    request: Request,
    JsonBody(body): JsonBody<Map<String, Value>>,
) -> Result<(StatusCode, Json<Value>), GraphError> {
    if let Some(other) = body.keys().find(|name| *name != "id") {
        return Err(GraphError::bad_request(format!(
            "Property '{other}' cannot be set on a new domain; only 'id' can."
        )));
    }
    let name = body
        .get("id")
        .and_then(Value::as_str)
        .filter(|name| is_name(name))
        .map(str::to_lowercase)
        .ok_or_else(|| GraphError::bad_request("'id' must be a domain name such as 'contoso.com'."))?;
    request.shared.db.write(|txn| {
        let taken = |tenant: &Tenant| tenant.owns_domain(&name);
        if txn.cloud().tenants.all().any(taken)
            || own(txn.cloud(), &request)?.unverified_domains.contains(&name)
        {
            return Err(GraphError::conflict("id"));
        }
        let tenant = change(txn, &request, |tenant| {
            if tenant.verified_domains.len() + tenant.unverified_domains.len() >= MAX_DOMAINS {
                return Err(GraphError::bad_request(format!(
                    "A tenant has at most {MAX_DOMAINS} domains."
                )));
            }
            if root_of(tenant, &name).is_some() {
                tenant.verified_domains.push(name.clone());
            } else {
                tenant.unverified_domains.push(name.clone());
            }
            Ok(())
        })?;
        Ok((
            StatusCode::CREATED,
            entity(&request, to_json(&tenant, &name, None)),
        ))
    })
}

pub(super) async fn verify(request: Request, Path(name): Path<String>) -> Result<Json<Value>, GraphError> {
    request.shared.db.write(|txn| {
        let (_, name) = find(txn.cloud(), &request, &name)?;
        // Two tenants may have added the name; the first to verify it has it.
        if txn.cloud().tenants.all().any(|tenant| tenant.owns_domain(&name)) {
            return Err(GraphError::bad_request(format!(
                "The domain '{name}' is verified already."
            )));
        }
        let tenant = change(txn, &request, |tenant| {
            tenant.unverified_domains.retain(|known| *known != name);
            tenant.verified_domains.push(name.clone());
            Ok(())
        })?;
        Ok(entity(
            &request,
            to_json(&tenant, &name, Some("AvailableImmediately")),
        ))
    })
}

pub(super) async fn delete(request: Request, Path(name): Path<String>) -> Result<StatusCode, GraphError> {
    request.shared.db.write(|txn| {
        let (tenant, name) = find(txn.cloud(), &request, &name)?;
        if name == tenant.initial_domain {
            return Err(GraphError::bad_request(
                "The initial domain of a tenant cannot be deleted.",
            ));
        }
        if tenant.owns_domain(&name) && is_in_use(txn.cloud(), tenant, &name) {
            return Err(GraphError::bad_request(format!(
                "The domain '{name}' cannot be deleted: users or groups have names or addresses below it."
            )));
        }
        change(txn, &request, |tenant| {
            tenant.verified_domains.retain(|known| *known != name);
            tenant.unverified_domains.retain(|known| *known != name);
            Ok(())
        })?;
        Ok(StatusCode::NO_CONTENT)
    })
}

fn is_in_use(cloud: &Cloud, tenant: &Tenant, name: &str) -> bool {
    let below = |text: &str| {
        text.rsplit_once('@')
            .is_some_and(|(_, domain)| domain.eq_ignore_ascii_case(name))
    };
    let user = |user: &User| {
        below(&user.user_principal_name) || user.proxy_addresses.iter().any(|address| below(address))
    };
    cloud.users.of(tenant.id).any(user)
        || cloud
            .groups
            .of(tenant.id)
            .any(|group| group.proxy_addresses.iter().any(|address| below(address)))
}

fn is_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= MAX_NAME && name.contains('.') && name.split('.').all(label)
}

fn own<'a>(cloud: &'a Cloud, request: &Request) -> Result<&'a Tenant, GraphError> {
    let id = request.tenant.to_string();
    cloud
        .tenants
        .get(request.tenant, &id)
        .ok_or_else(|| GraphError::not_found(&id))
}

/// The tenant and a name that it has, in lower case.
fn find<'a>(cloud: &'a Cloud, request: &Request, name: &str) -> Result<(&'a Tenant, String), GraphError> {
    let tenant = own(cloud, request)?;
    let lower = name.to_lowercase();
    if tenant.owns_domain(&lower) || tenant.unverified_domains.contains(&lower) {
        Ok((tenant, lower))
    } else {
        Err(GraphError::not_found(name))
    }
}

fn change(
    txn: &mut Txn<'_>,
    request: &Request,
    change: impl FnOnce(&mut Tenant) -> Result<(), GraphError>,
) -> Result<Tenant, GraphError> {
    let mut tenant = own(txn.cloud(), request)?.clone();
    change(&mut tenant)?;
    txn.put(tenant.clone());
    Ok(tenant)
}

fn entity(request: &Request, domain: Value) -> Json<Value> {
    let mut body = Map::new();
    body.insert(
        "@odata.context".to_owned(),
        json!(request.context("domains/$entity")),
    );
    if let Value::Object(domain) = domain {
        body.extend(domain);
    }
    Json(Value::Object(body))
}
