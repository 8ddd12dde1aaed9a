//! `/groups`.

use axum::Json;
use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::GraphError;
use super::objects::{GROUP_PROPERTIES, group_json};
use super::query::{Shape, check_properties, list as page, select};
use super::request::Request;
use crate::state::{Cloud, Group};

pub(super) const GROUP_TYPE: &str = "microsoft.graph.group";

/// The shape of a collection of groups.
pub(super) fn shape<'a>(context: &'a str, address: &'a str) -> Shape<'a> {
    Shape {
        context,
        address,
        type_name: GROUP_TYPE,
        known: &GROUP_PROPERTIES,
        defaults: &[],
    }
}

pub(super) async fn list(request: Request) -> Result<Json<Value>, GraphError> {
    let context = request.context("groups");
    request.shared.db.read(|cloud| {
        let live = live(cloud, request.tenant, request.options.resume_after()).map(group_json);
        page(live, &request.options, &shape(&context, &request.address)).map(Json)
    })
}

pub(super) async fn count(request: Request) -> Result<Response, GraphError> {
    let number = request.shared.db.read(|cloud| {
        live(cloud, request.tenant, "")
            .filter(|group| {
                request
                    .options
                    .filter
                    .as_ref()
                    .is_none_or(|filter| filter.accepts(&group_json(group)))
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

pub(super) fn entity(request: &Request, group: &Group) -> Result<Json<Value>, GraphError> {
    let context = request.context("groups/$entity");
    check_properties(&request.options, &shape(&context, &request.address))?;
    let mut body = Map::new();
    body.insert("@odata.context".to_owned(), json!(context));
    body.extend(select(group_json(group), request.options.select.as_deref(), &[]));
    Ok(Json(Value::Object(body)))
}

fn live<'a>(cloud: &'a Cloud, tenant: Uuid, after: &str) -> impl Iterator<Item = &'a Group> + use<'a> {
    cloud
        .groups
        .after(tenant, after)
        .filter(|group| group.deleted.is_none())
}

/// A live group by object id.
pub(super) fn find<'a>(cloud: &'a Cloud, tenant: Uuid, id: &str) -> Result<&'a Group, GraphError> {
    cloud
        .groups
        .get(tenant, &id.to_lowercase())
        .filter(|group| group.deleted.is_none())
        .ok_or_else(|| GraphError::not_found(id))
}
