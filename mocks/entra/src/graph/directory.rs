//! `/directory`: deleted items, and the synchronization features of the tenant (CS 6.7).

use axum::Json;
use axum::extract::Path;
use http::StatusCode;
use provlab_protocol::environment::find as find_environment;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::objects::{group_json, user_json};
use super::query::{list as page, select};
use super::request::{JsonBody, Request};
use super::{GraphError, groups, users};
use crate::state::{Cloud, Group, Removed, Tenant, Txn, User};

const PREVENTION_TYPES: [&str; 3] = ["disabled", "enabledForCount", "enabledForPercentage"];

pub(super) async fn deleted_users(request: Request) -> Result<Json<Value>, GraphError> {
    let context = request.context("directory/deletedItems/microsoft.graph.user");
    request.shared.db.read(|cloud| {
        let deleted = cloud
            .users
            .of(request.tenant)
            .filter(|user| user.deleted.is_some())
            .map(|user| {
                let mut shown = user_json(user);
                if request.options.select.is_none() {
                    // The default answer tells when a user was deleted, which a live user's does not.
                    let deleted = shown.remove("deletedDateTime").unwrap_or(Value::Null);
                    shown = select(shown, None, &super::objects::USER_DEFAULTS);
                    shown.insert("deletedDateTime".to_owned(), deleted);
                }
                shown
            });
        let shape = super::query::Shape {
            defaults: &[],
            ..users::shape(&context, &request.address)
        };
        page(deleted, &request.options, &shape).map(Json)
    })
}

pub(super) async fn deleted_groups(request: Request) -> Result<Json<Value>, GraphError> {
    let context = request.context("directory/deletedItems/microsoft.graph.group");
    request.shared.db.read(|cloud| {
        let deleted = cloud
            .groups
            .of(request.tenant)
            .filter(|group| group.deleted.is_some())
            .map(group_json);
        page(
            deleted,
            &request.options,
            &groups::shape(&context, &request.address),
        )
        .map(Json)
    })
}

enum Deleted<'a> {
    User(&'a User),
    Group(&'a Group),
}

fn find_deleted<'a>(cloud: &'a Cloud, tenant: Uuid, id: &str) -> Result<Deleted<'a>, GraphError> {
    let key = id.to_lowercase();
    let user = cloud
        .users
        .get(tenant, &key)
        .filter(|user| user.deleted.is_some())
        .map(Deleted::User);
    user.or_else(|| {
        cloud
            .groups
            .get(tenant, &key)
            .filter(|group| group.deleted.is_some())
            .map(Deleted::Group)
    })
    .ok_or_else(|| GraphError::not_found(id))
}

fn deleted_json(request: &Request, found: &Deleted<'_>) -> Value {
    let (type_name, object) = match found {
        Deleted::User(user) => (users::USER_TYPE, user_json(user)),
        Deleted::Group(group) => (groups::GROUP_TYPE, group_json(group)),
    };
    let mut body = Map::new();
    body.insert(
        "@odata.context".to_owned(),
        json!(request.context("directoryObjects/$entity")),
    );
    body.extend(users::typed(
        type_name,
        select(object, request.options.select.as_deref(), &[]),
    ));
    Value::Object(body)
}

pub(super) async fn deleted_item(
    request: Request,
    Path(id): Path<String>,
) -> Result<Json<Value>, GraphError> {
    request.shared.db.read(|cloud| {
        Ok(Json(deleted_json(
            &request,
            &find_deleted(cloud, request.tenant, &id)?,
        )))
    })
}

/// Brings an object back; its sign-in name must still be free.
pub(super) async fn restore(request: Request, Path(id): Path<String>) -> Result<Json<Value>, GraphError> {
    request.shared.db.write(|txn| {
        match find_deleted(txn.cloud(), request.tenant, &id)? {
            Deleted::User(user) => {
                let mut user = user.clone();
                let name = &user.user_principal_name;
                if txn.cloud().user_named(request.tenant, name).is_some() {
                    return Err(GraphError::conflict("userPrincipalName"));
                }
                user.deleted = None;
                txn.put(user);
            }
            Deleted::Group(group) => {
                let mut group = group.clone();
                group.deleted = None;
                txn.put(group);
            }
        }
        let key = id.to_lowercase();
        let cloud = txn.cloud();
        let found = cloud
            .users
            .get(request.tenant, &key)
            .map(Deleted::User)
            .or_else(|| cloud.groups.get(request.tenant, &key).map(Deleted::Group))
            .ok_or_else(|| GraphError::not_found(&id))?;
        Ok(Json(deleted_json(&request, &found)))
    })
}

/// Deletes an object for good.
pub(super) async fn purge(request: Request, Path(id): Path<String>) -> Result<StatusCode, GraphError> {
    request.shared.db.write(|txn| {
        let (id, kind) = match find_deleted(txn.cloud(), request.tenant, &id)? {
            Deleted::User(user) => (user.id, "user"),
            Deleted::Group(group) => (group.id, "group"),
        };
        remove(txn, request.tenant, id, kind);
        Ok(StatusCode::NO_CONTENT)
    })
}

/// Removes a user or group with every reference to it, and remembers that it was there.
pub(crate) fn remove(txn: &mut Txn<'_>, tenant: Uuid, id: Uuid, kind: &str) {
    let key = id.to_string();
    let holders: Vec<Uuid> = txn
        .cloud()
        .groups
        .find(tenant, Group::BY_MEMBER, &key)
        .map(|group| group.id)
        .collect();
    for holder in holders {
        txn.update(tenant, &holder.to_string(), |group: &mut Group| {
            group.members.remove(&id)
        });
    }
    let owned: Vec<Uuid> = txn
        .cloud()
        .groups
        .find(tenant, Group::BY_OWNER, &key)
        .map(|group| group.id)
        .collect();
    for group in owned {
        txn.update(tenant, &group.to_string(), |group: &mut Group| {
            group.owners.remove(&id)
        });
    }
    let reports: Vec<Uuid> = txn
        .cloud()
        .users
        .find(tenant, User::BY_MANAGER, &key)
        .map(|user| user.id)
        .collect();
    for report in reports {
        txn.update(tenant, &report.to_string(), |user: &mut User| user.manager = None);
    }
    if kind == "user" {
        txn.remove::<User>(tenant, &key);
    } else {
        txn.remove::<Group>(tenant, &key);
    }
    txn.put(Removed {
        tenant,
        id,
        change: 0,
        kind: kind.to_owned(),
    });
}

/// The interface exists in the public cloud only (CS 10).
fn check_environment(cloud: &Cloud, tenant: Uuid) -> Result<&Tenant, GraphError> {
    let row = cloud
        .tenants
        .get(tenant, &tenant.to_string())
        .ok_or_else(|| GraphError::not_found(&tenant.to_string()))?;
    if !find_environment(row.environment).has_on_premises_synchronization_api {
        return Err(GraphError::bad_request(
            "Resource not found for the segment 'onPremisesSynchronization': it is not available in this cloud.",
        ));
    }
    Ok(row)
}

fn features_json(tenant: &Tenant) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("id".to_owned(), json!(tenant.id));
    body.insert(
        "configuration".to_owned(),
        json!({
            "accidentalDeletionPrevention": {
                "synchronizationPreventionType": tenant.features.prevention_type,
                "alertThreshold": tenant.features.alert_threshold,
            },
        }),
    );
    body.insert("features".to_owned(), json!(tenant.features.switches));
    body
}

pub(super) async fn synchronization_features(request: Request) -> Result<Json<Value>, GraphError> {
    request.shared.db.read(|cloud| {
        let tenant = check_environment(cloud, request.tenant)?;
        Ok(Json(json!({
            "@odata.context": request.context("directory/onPremisesSynchronization"),
            "value": [features_json(tenant)],
        })))
    })
}

pub(super) async fn synchronization_feature(
    request: Request,
    Path(id): Path<String>,
) -> Result<Json<Value>, GraphError> {
    request.shared.db.read(|cloud| {
        let tenant = check_environment(cloud, request.tenant)?;
        if tenant.id.to_string() != id.to_lowercase() {
            return Err(GraphError::not_found(&id));
        }
        let mut body = Map::new();
        body.insert(
            "@odata.context".to_owned(),
            json!(request.context("directory/onPremisesSynchronization/$entity")),
        );
        body.extend(features_json(tenant));
        Ok(Json(Value::Object(body)))
    })
}

/// Changes what the body names; an unknown name changes nothing.
pub(super) async fn change_synchronization_features(
    request: Request,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<Value>,
) -> Result<StatusCode, GraphError> {
    request.shared.db.write(|txn| {
        let mut tenant = check_environment(txn.cloud(), request.tenant)?.clone();
        if tenant.id.to_string() != id.to_lowercase() {
            return Err(GraphError::not_found(&id));
        }
        if let Some(features) = body.get("features") {
            let features = features
                .as_object()
                .ok_or_else(|| GraphError::bad_request("'features' must be an object."))?;
            for (name, value) in features {
                let switch = tenant.features.switches.get_mut(name).ok_or_else(|| {
                    GraphError::bad_request(format!("The feature '{name}' does not exist."))
                })?;
                *switch = value.as_bool().ok_or_else(|| {
                    GraphError::bad_request(format!("The feature '{name}' must be true or false."))
                })?;
            }
        }
        let prevention = &body["configuration"]["accidentalDeletionPrevention"];
        if let Some(kind) = prevention.get("synchronizationPreventionType") {
            let kind = kind
                .as_str()
                .filter(|kind| PREVENTION_TYPES.contains(kind))
                .ok_or_else(|| {
                    GraphError::bad_request(format!(
                        "'synchronizationPreventionType' must be one of {}.",
                        PREVENTION_TYPES.join(", ")
                    ))
                })?;
            kind.clone_into(&mut tenant.features.prevention_type);
        }
        if let Some(threshold) = prevention.get("alertThreshold") {
            tenant.features.alert_threshold = threshold
                .as_u64()
                .and_then(|number| u32::try_from(number).ok())
                .ok_or_else(|| GraphError::bad_request("'alertThreshold' must be a whole number."))?;
        }
        txn.put(tenant);
        Ok(StatusCode::NO_CONTENT)
    })
}
