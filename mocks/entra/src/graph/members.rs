//! Membership in both directions, direct and transitive.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::Path;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::GraphError;
use super::groups::{self, GROUP_TYPE};
use super::objects::{GROUP_PROPERTIES, USER_DEFAULTS, USER_PROPERTIES, group_json, user_json};
use super::query::{Shape, list as page, select};
use super::request::Request;
use super::users::{self, USER_TYPE, typed};
use crate::state::{Cloud, Group};

pub(super) async fn members(request: Request, Path(id): Path<String>) -> Result<Json<Value>, GraphError> {
    answer(&request, |cloud| {
        Ok(groups::find(cloud, request.tenant, &id)?.members.clone())
    })
}

pub(super) async fn owners(request: Request, Path(id): Path<String>) -> Result<Json<Value>, GraphError> {
    answer(&request, |cloud| {
        Ok(groups::find(cloud, request.tenant, &id)?.owners.clone())
    })
}

pub(super) async fn transitive_members(
    request: Request,
    Path(id): Path<String>,
) -> Result<Json<Value>, GraphError> {
    answer(&request, |cloud| {
        let first = groups::find(cloud, request.tenant, &id)?.members.clone();
        Ok(closure(first, |id| {
            cloud
                .groups
                .get(request.tenant, &id.to_string())
                .map(|group| group.members.clone())
                .unwrap_or_default()
        }))
    })
}

pub(super) async fn user_member_of(
    request: Request,
    Path(id): Path<String>,
) -> Result<Json<Value>, GraphError> {
    answer(&request, |cloud| {
        Ok(parents(
            cloud,
            request.tenant,
            users::find(cloud, request.tenant, &id)?.id,
        ))
    })
}

pub(super) async fn group_member_of(
    request: Request,
    Path(id): Path<String>,
) -> Result<Json<Value>, GraphError> {
    answer(&request, |cloud| {
        Ok(parents(
            cloud,
            request.tenant,
            groups::find(cloud, request.tenant, &id)?.id,
        ))
    })
}

pub(super) async fn user_transitive_member_of(
    request: Request,
    Path(id): Path<String>,
) -> Result<Json<Value>, GraphError> {
    answer(&request, |cloud| {
        let first = parents(cloud, request.tenant, users::find(cloud, request.tenant, &id)?.id);
        Ok(closure(first, |id| parents(cloud, request.tenant, id)))
    })
}

fn parents(cloud: &Cloud, tenant: Uuid, member: Uuid) -> BTreeSet<Uuid> {
    cloud
        .groups
        .find(tenant, Group::BY_MEMBER, &member.to_string())
        .map(|group| group.id)
        .collect()
}

/// Everything reachable; a cycle of groups is walked once.
fn closure(first: BTreeSet<Uuid>, next: impl Fn(Uuid) -> BTreeSet<Uuid>) -> BTreeSet<Uuid> {
    let mut reached = BTreeSet::new();
    let mut waiting = first;
    while let Some(id) = waiting.pop_first() {
        if reached.insert(id) {
            waiting.extend(next(id).difference(&reached).copied());
        }
    }
    reached
}

/// A page of users and groups, each with its type; `$select` and `$filter` may name properties of both.
fn answer(
    request: &Request,
    ids: impl FnOnce(&Cloud) -> Result<BTreeSet<Uuid>, GraphError>,
) -> Result<Json<Value>, GraphError> {
    let context = request.context("directoryObjects");
    let known: Vec<&str> = USER_PROPERTIES.iter().chain(&GROUP_PROPERTIES).copied().collect();
    let shape = Shape {
        context: &context,
        address: &request.address,
        type_name: "microsoft.graph.directoryObject",
        known: &known,
        defaults: &[],
    };
    request.shared.db.read(|cloud| {
        let ids = ids(cloud)?;
        let objects = ids
            .into_iter()
            .filter_map(|id| object(cloud, request.tenant, id, request.options.select.is_none()));
        page(objects, &request.options, &shape).map(Json)
    })
}

fn object(cloud: &Cloud, tenant: Uuid, id: Uuid, defaults_only: bool) -> Option<Map<String, Value>> {
    let id = id.to_string();
    if let Some(user) = cloud.users.get(tenant, &id).filter(|user| user.deleted.is_none()) {
        let all = user_json(user);
        let shown = if defaults_only {
            select(all, None, &USER_DEFAULTS)
        } else {
            all
        };
        return Some(typed(USER_TYPE, shown));
    }
    let group = cloud
        .groups
        .get(tenant, &id)
        .filter(|group| group.deleted.is_none())?;
    Some(typed(GROUP_TYPE, group_json(group)))
}
