//! Groups that live in the cloud: made, changed and deleted by an administrator (Graph reference of group).

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::Path;
use http::StatusCode;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::groups::{entity, find};
use super::properties::{GROUP, Settings};
use super::references::{self, Relation};
use super::request::{JsonBody, Request};
use super::user_writes::check_address;
use super::{GraphError, directory};
use crate::state::{Cloud, Group};

/// Most references that one request may add (Graph reference of group).
const MAX_BOUND: usize = 20;
/// Characters that a mail nickname cannot have.
const NOT_IN_NICKNAME: &str = "@()\\[]\";:.<>, ";

pub(super) async fn create(
    request: Request,
    JsonBody(mut body): JsonBody<Map<String, Value>>,
) -> Result<(StatusCode, Json<Value>), GraphError> {
    let bound = Bound::take(&mut body)?;
    let settings = GROUP.new_object(&body)?;
    let id = request.shared.uuid();
    let mut group = Group::new(request.tenant, id, "", request.shared.now());
    request.shared.db.write(|txn| {
        let cloud = txn.cloud();
        apply(&mut group, settings)?;
        check_kind(&group)?;
        if group.mail_enabled {
            give_address(cloud, &mut group)?;
        }
        bound.add_to(cloud, &mut group)?;
        group
            .owners
            .extend(request.access.user.filter(|_| bound.owners.is_empty()));
        let answer = entity(&request, &group)?;
        txn.put(group);
        Ok((StatusCode::CREATED, answer))
    })
}

pub(super) async fn change(
    request: Request,
    Path(id): Path<String>,
    JsonBody(mut body): JsonBody<Map<String, Value>>,
) -> Result<StatusCode, GraphError> {
    let bound = Bound::take(&mut body)?;
    request.shared.db.write(|txn| {
        let mut group = find(txn.cloud(), request.tenant, &id)?.clone();
        let synchronized = is_synchronized(&group);
        let settings = GROUP.change(&body, synchronized)?;
        if synchronized && !bound.members.is_empty() {
            return Err(GraphError::on_premises_mastered());
        }
        let before = (group.group_types.clone(), group.mail_enabled);
        apply(&mut group, settings)?;
        if before != (group.group_types.clone(), group.mail_enabled) {
            return Err(GraphError::bad_request(
                "The kind of a group is decided when it is made: 'groupTypes' and 'mailEnabled' cannot be changed.",
            ));
        }
        check_kind(&group)?;
        bound.add_to(txn.cloud(), &mut group)?;
        txn.put(group);
        Ok(StatusCode::NO_CONTENT)
    })
}

/// A Microsoft 365 group can be restored for 30 days; others are gone at once.
pub(super) async fn delete(request: Request, Path(id): Path<String>) -> Result<StatusCode, GraphError> {
    let now = request.shared.now();
    request.shared.db.write(|txn| {
        let mut group = find(txn.cloud(), request.tenant, &id)?.clone();
        if is_unified(&group) {
            group.deleted = Some(now);
            txn.put(group);
        } else {
            directory::remove(txn, request.tenant, group.id, "group");
        }
        Ok(StatusCode::NO_CONTENT)
    })
}

/// Whether the directory is the source of authority for the group.
pub(super) fn is_synchronized(group: &Group) -> bool {
    group
        .on_premises
        .as_ref()
        .is_some_and(|origin| origin.sync_enabled)
}

/// Whether it is a Microsoft 365 group.
pub(super) fn is_unified(group: &Group) -> bool {
    group.group_types.iter().any(|kind| kind == "Unified")
}

fn apply(group: &mut Group, settings: Settings) -> Result<(), GraphError> {
    for (name, value) in settings {
        let text = value.as_str().map(str::to_owned);
        match name {
            "displayName" => group.display_name = text.unwrap_or_default(),
            "description" => group.description = text,
            "mailEnabled" => group.mail_enabled = value == json!(true),
            "securityEnabled" => group.security_enabled = value == json!(true),
            "mailNickname" => {
                let refused = |sign: char| !sign.is_ascii() || NOT_IN_NICKNAME.contains(sign);
                if text.as_deref().is_some_and(|name| name.contains(refused)) {
                    return Err(GROUP.invalid(name));
                }
                group.mail_nickname = text;
            }
            "groupTypes" => {
                group.group_types = serde_json::from_value(value).map_err(|_| GROUP.invalid(name))?;
            }
            _ if value.is_null() => {
                group.properties.remove(name);
            }
            _ => {
                group.properties.insert(name.to_owned(), value);
            }
        }
    }
    Ok(())
}

/// Graph makes security groups and Microsoft 365 groups; the other kinds are Exchange's.
fn check_kind(group: &Group) -> Result<(), GraphError> {
    if group.group_types.iter().any(|kind| kind != "Unified") {
        return Err(GROUP.invalid("groupTypes"));
    }
    match (is_unified(group), group.mail_enabled, group.security_enabled) {
        (false, true, _) => Err(GraphError::bad_request(
            "Cannot Create a mail-enabled security groups and or distribution list.",
        )),
        (true, false, _) => Err(GROUP.invalid("mailEnabled")),
        (false, false, false) => Err(GROUP.invalid("securityEnabled")),
        _ => Ok(()),
    }
}

/// A new Microsoft 365 group has an address below the tenant's default domain.
fn give_address(cloud: &Cloud, group: &mut Group) -> Result<(), GraphError> {
    let tenant = cloud
        .tenants
        .get(group.tenant, &group.tenant.to_string())
        .ok_or_else(|| GraphError::not_found(&group.tenant.to_string()))?;
    let nickname = group.mail_nickname.clone().unwrap_or_default();
    let mail = format!("{nickname}@{}", tenant.default_domain());
    check_address(cloud, group.tenant, &mail, group.id)?;
    group.proxy_addresses = vec![format!("SMTP:{mail}")];
    group.mail = Some(mail);
    Ok(())
}

/// References that come with a request: `members@odata.bind` and `owners@odata.bind`.
struct Bound {
    members: BTreeSet<Uuid>,
    owners: BTreeSet<Uuid>,
}

impl Bound {
    fn take(body: &mut Map<String, Value>) -> Result<Self, GraphError> {
        let mut bound = |name: &str| match body.remove(name) {
            None => Ok(BTreeSet::new()),
            Some(Value::Array(addresses)) => addresses.iter().map(references::id_in).collect(),
            Some(_) => Err(GraphError::bad_request(format!(
                "'{name}' must be a list of addresses."
            ))),
        };
        let bound = Self {
            members: bound("members@odata.bind")?,
            owners: bound("owners@odata.bind")?,
        };
        if bound.members.len() + bound.owners.len() > MAX_BOUND {
            return Err(GraphError::bad_request(format!(
                "At most {MAX_BOUND} references can be added in one request."
            )));
        }
        Ok(bound)
    }

    fn add_to(&self, cloud: &Cloud, group: &mut Group) -> Result<(), GraphError> {
        for member in &self.members {
            references::add(cloud, group, Relation::Members, *member)?;
        }
        for owner in &self.owners {
            references::add(cloud, group, Relation::Owners, *owner)?;
        }
        Ok(())
    }
}
