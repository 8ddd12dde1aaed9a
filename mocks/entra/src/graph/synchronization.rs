//! `…/servicePrincipals/{id}/synchronization`: jobs, [`secrets`] and [`schema`] (CS 6.1–6.4). What a job does is the engine's.

use std::sync::Arc;

use axum::extract::Path;
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::GraphError;
use super::applications;
use super::request::{JsonBody, Request};
use crate::engine::{ResetScope, SyncJob, jobs, template, validate_credentials};
use crate::shared::Shared;
use crate::state::Cloud;

mod discover;
mod expressions;
mod on_demand;
mod schema;
mod secrets;

pub(super) use schema::forget_schema;

/// Most jobs of a service principal (our own bound; the product's is not public).
const MAX_JOBS: usize = 32;

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/jobs", get(list_jobs).post(create_job))
        .route("/jobs/{job}", get(get_job).delete(delete_job))
        .route("/jobs/{job}/start", post(start_job))
        .route("/jobs/{job}/pause", post(pause_job))
        .route("/jobs/{job}/restart", post(restart_job))
        .route("/jobs/{job}/validateCredentials", post(validate_job))
        .route(
            "/jobs/{job}/provisionOnDemand",
            post(on_demand::provision_on_demand),
        )
        .route(
            "/jobs/{job}/schema",
            get(schema::get_schema).put(schema::put_schema),
        )
        .route(
            "/jobs/{job}/schema/directories/{directory}/discover",
            post(discover::discover),
        )
        .route(
            "/jobs/{job}/schema/filterOperators",
            get(schema::filter_operators),
        )
        .route("/jobs/{job}/schema/functions", get(expressions::functions))
        .route(
            "/jobs/{job}/schema/parseExpression",
            post(expressions::parse_expression),
        )
        .route("/secrets", get(secrets::list_secrets).put(secrets::put_secrets))
        .route("/templates", get(list_templates))
}

/// `{service principal}` and `{job}` of an address.
type JobPath = Path<(String, String)>;

async fn list_jobs(request: Request, Path(principal): Path<String>) -> Result<Json<Value>, GraphError> {
    request.shared.db.read(|cloud| {
        let principal = applications::find(cloud, request.tenant, &principal)?;
        let all: Vec<Value> =
            jobs::of_service_principal(cloud, request.tenant, principal.id).map(|row| row.job.to_graph()).collect();
        Ok(Json(json!({
            "@odata.context": request.context(&format!("servicePrincipals('{}')/synchronization/jobs", principal.id)),
            "value": all,
        })))
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateJob {
    template_id: String,
}

async fn create_job(
    request: Request,
    Path(principal): Path<String>,
    JsonBody(body): JsonBody<CreateJob>,
) -> Result<(StatusCode, Json<Value>), GraphError> {
    let Some(template) = template(&body.template_id) else {
        let known: Vec<&str> = crate::engine::TEMPLATES
            .iter()
            .map(|template| template.id)
            .collect();
        return Err(GraphError::bad_request(format!(
            "The template '{}' does not exist; use one of {}.",
            body.template_id.chars().take(64).collect::<String>(),
            known.join(", ")
        )));
    };
    let id = request.shared.uuid();
    request.shared.db.write(|txn| {
        let principal = applications::find(txn.cloud(), request.tenant, &principal)?.id;
        if jobs::of_service_principal(txn.cloud(), request.tenant, principal).count() >= MAX_JOBS {
            return Err(GraphError::bad_request(format!(
                "The service principal already has {MAX_JOBS} jobs; delete one first."
            )));
        }
        let row = jobs::create(txn, request.tenant, principal, template, id);
        Ok((StatusCode::CREATED, Json(row.job.to_graph())))
    })
}

async fn get_job(request: Request, Path((principal, job)): JobPath) -> Result<Json<Value>, GraphError> {
    request.shared.db.read(|cloud| {
        Ok(Json(
            find(cloud, request.tenant, &principal, &job)?.job.to_graph(),
        ))
    })
}

async fn delete_job(request: Request, Path((principal, job)): JobPath) -> Result<StatusCode, GraphError> {
    request.shared.db.write(|txn| {
        find(txn.cloud(), request.tenant, &principal, &job)?;
        jobs::delete(txn, request.tenant, &job);
        forget_schema(txn, request.tenant, &job);
        Ok(StatusCode::NO_CONTENT)
    })
}

async fn start_job(request: Request, Path((principal, job)): JobPath) -> Result<StatusCode, GraphError> {
    let now = request.shared.now();
    request.shared.db.write(|txn| {
        find(txn.cloud(), request.tenant, &principal, &job)?;
        jobs::start(txn, request.tenant, &job, now);
        Ok(StatusCode::NO_CONTENT)
    })
}

async fn pause_job(request: Request, Path((principal, job)): JobPath) -> Result<StatusCode, GraphError> {
    request.shared.db.write(|txn| {
        find(txn.cloud(), request.tenant, &principal, &job)?;
        jobs::pause(txn, request.tenant, &job);
        Ok(StatusCode::NO_CONTENT)
    })
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Restart {
    #[serde(default)]
    criteria: Option<Criteria>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Criteria {
    #[serde(default)]
    reset_scope: Option<String>,
}

/// The body may be missing: then the default scope is reset (CS 6.3).
async fn restart_job(
    request: Request,
    Path((principal, job)): JobPath,
    body: axum::body::Bytes,
) -> Result<StatusCode, GraphError> {
    let restart: Restart = if body.is_empty() {
        Restart::default()
    } else {
        serde_json::from_slice(&body)
            .map_err(|error| GraphError::bad_request(format!("Invalid body: {error}.")))?
    };
    let scope = restart
        .criteria
        .and_then(|criteria| criteria.reset_scope)
        .unwrap_or_default();
    let scope = ResetScope::parse(&scope).map_err(|error| GraphError::bad_request(error.to_string()))?;
    let now = request.shared.now();
    request.shared.db.write(|txn| {
        find(txn.cloud(), request.tenant, &principal, &job)?;
        jobs::restart(txn, request.tenant, &job, scope, now);
        Ok(StatusCode::NO_CONTENT)
    })
}

async fn validate_job(request: Request, Path((principal, job)): JobPath) -> Result<StatusCode, GraphError> {
    request
        .shared
        .db
        .read(|cloud| find(cloud, request.tenant, &principal, &job).map(|_| ()))?;
    validate_credentials(&request.shared, request.tenant, &job)
        .await
        .map(|()| StatusCode::NO_CONTENT)
        .map_err(|error| GraphError::new(StatusCode::BAD_REQUEST, &error.code, error.message))
}

async fn list_templates(request: Request, Path(principal): Path<String>) -> Result<Json<Value>, GraphError> {
    request
        .shared
        .db
        .read(|cloud| applications::find(cloud, request.tenant, &principal).map(|_| ()))?;
    let all: Vec<Value> = crate::engine::TEMPLATES
        .iter()
        .map(|template| json!({"id": template.id, "factoryTag": template.id}))
        .collect();
    Ok(Json(json!({"value": all})))
}

/// A job of a service principal.
fn find<'a>(cloud: &'a Cloud, tenant: Uuid, principal: &str, job: &str) -> Result<&'a SyncJob, GraphError> {
    let principal = applications::find(cloud, tenant, principal)?;
    cloud
        .sync_jobs
        .get(tenant, job)
        .filter(|row| row.service_principal == principal.id)
        .ok_or_else(|| GraphError::not_found(job))
}
