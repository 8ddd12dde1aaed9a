//! `/organization`: the tenant, and the switch that allows synchronization (CS 6.1 row 1).

use axum::Json;
use axum::extract::Path;
use http::StatusCode;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::GraphError;
use super::objects::graph_time;
use super::query::{Shape, list as page, select};
use super::request::{JsonBody, Request};
use crate::state::{Cloud, Tenant};

const PROPERTIES: [&str; 9] = [
    "id",
    "createdDateTime",
    "displayName",
    "onPremisesLastSyncDateTime",
    "onPremisesSyncEnabled",
    "tenantType",
    "verifiedDomains",
    "technicalNotificationMails",
    "provisionedPlans",
];

pub(super) async fn list(request: Request) -> Result<Json<Value>, GraphError> {
    let context = request.context("organization");
    let shape = Shape {
        context: &context,
        address: &request.address,
        type_name: "microsoft.graph.organization",
        known: &PROPERTIES,
        defaults: &[],
    };
    request.shared.db.read(|cloud| {
        let tenant = find(cloud, request.tenant, &request.tenant.to_string())?;
        page(std::iter::once(to_json(tenant)), &request.options, &shape).map(Json)
    })
}

pub(super) async fn one(request: Request, Path(id): Path<String>) -> Result<Json<Value>, GraphError> {
    request.shared.db.read(|cloud| {
        let tenant = find(cloud, request.tenant, &id)?;
        let mut body = Map::new();
        body.insert(
            "@odata.context".to_owned(),
            json!(request.context("organization/$entity")),
        );
        body.extend(select(to_json(tenant), request.options.select.as_deref(), &[]));
        Ok(Json(Value::Object(body)))
    })
}

/// `PATCH {"onPremisesSyncEnabled": true}`; other properties are refused, for they would be ignored.
pub(super) async fn change(
    request: Request,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<Map<String, Value>>,
) -> Result<StatusCode, GraphError> {
    if let Some(other) = body.keys().find(|name| *name != "onPremisesSyncEnabled") {
        return Err(GraphError::bad_request(format!(
            "Property '{other}' is read-only here; only 'onPremisesSyncEnabled' can be changed."
        )));
    }
    let enabled = body
        .get("onPremisesSyncEnabled")
        .and_then(Value::as_bool)
        .ok_or_else(|| GraphError::bad_request("'onPremisesSyncEnabled' must be true or false."))?;
    request.shared.db.write(|txn| {
        find(txn.cloud(), request.tenant, &id)?;
        txn.update(
            request.tenant,
            &request.tenant.to_string(),
            |tenant: &mut Tenant| {
                tenant.on_premises_sync_enabled = Some(enabled);
            },
        );
        Ok(StatusCode::NO_CONTENT)
    })
}

fn find<'a>(cloud: &'a Cloud, tenant: Uuid, id: &str) -> Result<&'a Tenant, GraphError> {
    cloud
        .tenants
        .get(tenant, &tenant.to_string())
        .filter(|row| row.id.to_string().eq_ignore_ascii_case(id))
        .ok_or_else(|| GraphError::not_found(id))
}

fn to_json(tenant: &Tenant) -> Map<String, Value> {
    let domain = |name: &str, initial: bool| {
        json!({
            "capabilities": "Email, OfficeCommunicationsOnline",
            "isDefault": name == tenant.default_domain(),
            "isInitial": initial,
            "name": name,
            "type": "Managed",
        })
    };
    let mut domains = vec![domain(&tenant.initial_domain, true)];
    domains.extend(tenant.verified_domains.iter().map(|name| domain(name, false)));
    let mut body = Map::new();
    body.insert("id".to_owned(), json!(tenant.id));
    body.insert("createdDateTime".to_owned(), graph_time(tenant.created));
    body.insert("displayName".to_owned(), json!(tenant.display_name));
    body.insert(
        "onPremisesLastSyncDateTime".to_owned(),
        tenant.on_premises_last_sync.map_or(Value::Null, graph_time),
    );
    body.insert(
        "onPremisesSyncEnabled".to_owned(),
        json!(tenant.on_premises_sync_enabled),
    );
    body.insert("tenantType".to_owned(), json!("AAD"));
    body.insert("verifiedDomains".to_owned(), Value::Array(domains));
    body.insert("technicalNotificationMails".to_owned(), json!([]));
    body.insert("provisionedPlans".to_owned(), json!([]));
    body
}
