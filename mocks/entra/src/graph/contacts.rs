//! `/contacts`: organizational contacts, which come from a directory only.

use axum::Json;
use axum::extract::Path;
use serde_json::{Map, Value, json};

use super::GraphError;
use super::objects::{CONTACT_PROPERTIES, contact_json};
use super::query::{Shape, list as page, select};
use super::request::Request;

const CONTACT_TYPE: &str = "microsoft.graph.orgContact";

pub(super) async fn list(request: Request) -> Result<Json<Value>, GraphError> {
    let context = request.context("contacts");
    let shape = Shape {
        context: &context,
        address: &request.address,
        type_name: CONTACT_TYPE,
        known: &CONTACT_PROPERTIES,
        defaults: &[],
    };
    request.shared.db.read(|cloud| {
        let live = cloud
            .contacts
            .of(request.tenant)
            .filter(|contact| contact.deleted.is_none());
        page(live.map(contact_json), &request.options, &shape).map(Json)
    })
}

pub(super) async fn one(request: Request, Path(id): Path<String>) -> Result<Json<Value>, GraphError> {
    request.shared.db.read(|cloud| {
        let contact = cloud
            .contacts
            .get(request.tenant, &id.to_lowercase())
            .filter(|c| c.deleted.is_none());
        let contact = contact.ok_or_else(|| GraphError::not_found(&id))?;
        let mut body = Map::new();
        body.insert(
            "@odata.context".to_owned(),
            json!(request.context("contacts/$entity")),
        );
        body.extend(select(
            contact_json(contact),
            request.options.select.as_deref(),
            &[],
        ));
        Ok(Json(Value::Object(body)))
    })
}
