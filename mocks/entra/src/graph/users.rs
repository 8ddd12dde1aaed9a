//! `/users` and `/me`.

use axum::Json;
use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::GraphError;
use super::objects::{USER_DEFAULTS, USER_PROPERTIES, user_json};
use super::query::{QueryOptions, Shape, check_properties, list as page, select};
use super::request::Request;
use crate::state::{Cloud, User};

pub(super) const USER_TYPE: &str = "microsoft.graph.user";

/// The shape of a collection of users.
pub(super) fn shape<'a>(context: &'a str, address: &'a str) -> Shape<'a> {
    Shape {
        context,
        address,
        type_name: USER_TYPE,
        known: &USER_PROPERTIES,
        defaults: &USER_DEFAULTS,
    }
}

pub(super) async fn list(request: Request) -> Result<Json<Value>, GraphError> {
    let context = request.context("users");
    let body = request.shared.db.read(|cloud| {
        page(
            candidates(cloud, request.tenant, &request.options),
            &request.options,
            &shape(&context, &request.address),
        )
    })?;
    Ok(Json(body))
}

/// The live users that can match: one by index when the filter names a sign-in name or anchor.
fn candidates<'a>(
    cloud: &'a Cloud,
    tenant: Uuid,
    options: &QueryOptions,
) -> Box<dyn Iterator<Item = Map<String, Value>> + 'a> {
    let live = |user: &&User| user.deleted.is_none();
    let demanded = |property| {
        options
            .filter
            .as_ref()
            .and_then(|filter| filter.demanded(property))
    };
    if let Some(name) = demanded("userPrincipalName") {
        return Box::new(
            cloud
                .users
                .find(tenant, User::BY_UPN, &name.to_lowercase())
                .filter(live)
                .map(user_json),
        );
    }
    if let Some(anchor) = demanded("onPremisesImmutableId") {
        return Box::new(
            cloud
                .users
                .find(tenant, User::BY_ANCHOR, anchor)
                .filter(live)
                .map(user_json),
        );
    }
    Box::new(
        cloud
            .users
            .after(tenant, options.resume_after())
            .filter(live)
            .map(user_json),
    )
}

pub(super) async fn count(request: Request) -> Result<Response, GraphError> {
    let number = request.shared.db.read(|cloud| {
        candidates(cloud, request.tenant, &request.options)
            .filter(|user| {
                request
                    .options
                    .filter
                    .as_ref()
                    .is_none_or(|filter| filter.accepts(user))
            })
            .count()
    });
    Ok(([(CONTENT_TYPE, "text/plain")], number.to_string()).into_response())
}

pub(super) async fn one(request: Request, Path(id): Path<String>) -> Result<Json<Value>, GraphError> {
    request
        .shared
        .db
        .read(|cloud| entity(&request, find(cloud, request.tenant, &id)?))
}

pub(super) async fn me(request: Request) -> Result<Json<Value>, GraphError> {
    let id = request.access.user.ok_or_else(|| {
        GraphError::bad_request("/me request is only valid with delegated authentication flow.")
    })?;
    request
        .shared
        .db
        .read(|cloud| entity(&request, find(cloud, request.tenant, &id.to_string())?))
}

pub(super) async fn manager(request: Request, Path(id): Path<String>) -> Result<Json<Value>, GraphError> {
    request.shared.db.read(|cloud| {
        let manager = find(cloud, request.tenant, &id)?
            .manager
            .and_then(|manager| cloud.users.get(request.tenant, &manager.to_string()))
            .filter(|manager| manager.deleted.is_none())
            .ok_or_else(|| GraphError::not_found("manager"))?;
        entity(&request, manager)
    })
}

pub(super) async fn direct_reports(
    request: Request,
    Path(id): Path<String>,
) -> Result<Json<Value>, GraphError> {
    let context = request.context("directoryObjects");
    request.shared.db.read(|cloud| {
        let id = find(cloud, request.tenant, &id)?.id.to_string();
        let reports = cloud
            .users
            .find(request.tenant, User::BY_MANAGER, &id)
            .filter(|user| user.deleted.is_none())
            .map(|user| typed(USER_TYPE, user_json(user)));
        page(reports, &request.options, &shape(&context, &request.address)).map(Json)
    })
}

/// A live user by object id or sign-in name.
pub(super) fn find<'a>(cloud: &'a Cloud, tenant: Uuid, id: &str) -> Result<&'a User, GraphError> {
    let found = match id.parse::<Uuid>() {
        Ok(id) => cloud.users.get(tenant, &id.to_string()),
        Err(_) => cloud.user_named(tenant, id),
    };
    found
        .filter(|user| user.deleted.is_none())
        .ok_or_else(|| GraphError::not_found(id))
}

pub(super) fn entity(request: &Request, user: &User) -> Result<Json<Value>, GraphError> {
    let context = request.context("users/$entity");
    let shape = shape(&context, &request.address);
    check_properties(&request.options, &shape)?;
    let mut body = Map::new();
    body.insert("@odata.context".to_owned(), json!(context));
    body.extend(select(
        user_json(user),
        request.options.select.as_deref(),
        shape.defaults,
    ));
    Ok(Json(Value::Object(body)))
}

/// Adds `@odata.type`, which collections of mixed objects carry.
pub(super) fn typed(type_name: &str, object: Map<String, Value>) -> Map<String, Value> {
    let mut typed = Map::new();
    typed.insert("@odata.type".to_owned(), json!(format!("#{type_name}")));
    typed.extend(object);
    typed
}
