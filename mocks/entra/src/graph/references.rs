//! `…/$ref`: members and owners of groups, managers of users.

use axum::extract::Path;
use http::StatusCode;
use serde_json::Value;
use uuid::Uuid;

use super::request::{JsonBody, Request};
use super::{GraphError, group_writes, groups, user_writes, users};
use crate::state::{Cloud, Group, User};

/// What a group refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    /// Users and groups.
    Members,
    /// Users.
    Owners,
}

impl Relation {
    const fn name(self) -> &'static str {
        match self {
            Self::Members => "members",
            Self::Owners => "owners",
        }
    }
}

pub(super) async fn add_member(
    request: Request,
    Path(group): Path<String>,
    body: JsonBody<Value>,
) -> Result<StatusCode, GraphError> {
    let id = id_in(&body.0["@odata.id"])?;
    change(&request, &group, Relation::Members, |cloud, group| {
        add(cloud, group, Relation::Members, id)
    })
}

pub(super) async fn remove_member(
    request: Request,
    Path((group, member)): Path<(String, String)>,
) -> Result<StatusCode, GraphError> {
    change(&request, &group, Relation::Members, |_, group| {
        remove(group, Relation::Members, &member)
    })
}

pub(super) async fn add_owner(
    request: Request,
    Path(group): Path<String>,
    body: JsonBody<Value>,
) -> Result<StatusCode, GraphError> {
    let id = id_in(&body.0["@odata.id"])?;
    change(&request, &group, Relation::Owners, |cloud, group| {
        add(cloud, group, Relation::Owners, id)
    })
}

pub(super) async fn remove_owner(
    request: Request,
    Path((group, owner)): Path<(String, String)>,
) -> Result<StatusCode, GraphError> {
    change(&request, &group, Relation::Owners, |_, group| {
        remove(group, Relation::Owners, &owner)
    })
}

fn change(
    request: &Request,
    group: &str,
    relation: Relation,
    change: impl FnOnce(&Cloud, &mut Group) -> Result<(), GraphError>,
) -> Result<StatusCode, GraphError> {
    request.shared.db.write(|txn| {
        let mut group = groups::find(txn.cloud(), request.tenant, group)?.clone();
        // Owners are the cloud's own, whoever masters the group.
        if relation == Relation::Members && group_writes::is_synchronized(&group) {
            return Err(GraphError::on_premises_mastered());
        }
        change(txn.cloud(), &mut group)?;
        txn.put(group);
        Ok(StatusCode::NO_CONTENT)
    })
}

/// Adds a live object to a group.
///
/// # Errors
/// 404 if there is none, 400 if it is there already or cannot be.
pub(super) fn add(cloud: &Cloud, group: &mut Group, relation: Relation, id: Uuid) -> Result<(), GraphError> {
    let key = id.to_string();
    let is_user = cloud
        .users
        .get(group.tenant, &key)
        .is_some_and(|user| user.deleted.is_none());
    let is_group = cloud
        .groups
        .get(group.tenant, &key)
        .is_some_and(|group| group.deleted.is_none());
    let only_users = relation == Relation::Owners || group_writes::is_unified(group);
    if !is_user && !is_group {
        return Err(GraphError::not_found(&key));
    }
    if id == group.id || (is_group && only_users) {
        return Err(GraphError::bad_request(format!(
            "The object '{id}' cannot be among the {} of this group.",
            relation.name()
        )));
    }
    let held = match relation {
        Relation::Members => &mut group.members,
        Relation::Owners => &mut group.owners,
    };
    if held.insert(id) {
        Ok(())
    } else {
        Err(GraphError::bad_request(format!(
            "One or more added object references already exist for the following modified properties: '{}'.",
            relation.name()
        )))
    }
}

fn remove(group: &mut Group, relation: Relation, id: &str) -> Result<(), GraphError> {
    let missing = || GraphError::not_found(id);
    let id: Uuid = id.parse().map_err(|_| missing())?;
    let held = match relation {
        Relation::Members => &mut group.members,
        Relation::Owners => &mut group.owners,
    };
    if held.remove(&id) { Ok(()) } else { Err(missing()) }
}

pub(super) async fn set_manager(
    request: Request,
    Path(user): Path<String>,
    body: JsonBody<Value>,
) -> Result<StatusCode, GraphError> {
    let manager = id_in(&body.0["@odata.id"])?;
    change_manager(&request, &user, |cloud| {
        users::find(cloud, request.tenant, &manager.to_string()).map(|manager| Some(manager.id))
    })
}

pub(super) async fn remove_manager(
    request: Request,
    Path(user): Path<String>,
) -> Result<StatusCode, GraphError> {
    change_manager(&request, &user, |cloud| {
        let had = users::find(cloud, request.tenant, &user)?.manager;
        had.map(|_| None).ok_or_else(|| GraphError::not_found("manager"))
    })
}

fn change_manager(
    request: &Request,
    user: &str,
    manager: impl FnOnce(&Cloud) -> Result<Option<Uuid>, GraphError>,
) -> Result<StatusCode, GraphError> {
    request.shared.db.write(|txn| {
        let mut user: User = users::find(txn.cloud(), request.tenant, user)?.clone();
        if user_writes::is_synchronized(&user) {
            return Err(GraphError::on_premises_mastered());
        }
        user.manager = manager(txn.cloud())?;
        txn.put(user);
        Ok(StatusCode::NO_CONTENT)
    })
}

/// The object id in an address such as `https://graph.microsoft.com/v1.0/directoryObjects/{id}`.
///
/// # Errors
/// 400 if it is no such address.
pub(super) fn id_in(address: &Value) -> Result<Uuid, GraphError> {
    let id = address.as_str().and_then(|address| {
        let path = address.strip_prefix("https://")?;
        let (collection, id) = path.rsplit_once('/')?;
        let known = ["/directoryObjects", "/users", "/groups"];
        known
            .iter()
            .any(|name| collection.ends_with(name))
            .then(|| id.parse().ok())?
    });
    id.ok_or_else(|| GraphError::bad_request("Invalid URL format specified in payload."))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_is_named_by_its_address() {
        let id = Uuid::from_u128(7);
        for collection in ["directoryObjects", "users", "groups"] {
            let address = json!(format!("https://graph.microsoft.com/v1.0/{collection}/{id}"));
            assert_eq!(id_in(&address), Ok(id));
        }
        for wrong in [
            json!(null),
            json!(id),
            json!("https://graph.microsoft.com/v1.0/users/x"),
            json!("/users/1"),
        ] {
            assert!(id_in(&wrong).is_err(), "{wrong}");
        }
    }
}
