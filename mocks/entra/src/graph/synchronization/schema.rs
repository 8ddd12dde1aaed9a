//! `jobs/{id}/schema`: what is mapped to what, and the words a schema may use (CS 6.4).

use axum::Json;
use axum::extract::Path;
use http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::GraphError;
use super::super::request::{JsonBody, Request};
use super::{JobPath, find};
use crate::engine::{MAX_SCHEMA_BYTES, OPERATORS, Operator, ResetScope, check_schema, jobs, schema_of};
use crate::state::{JobSchema, Txn};

pub(super) async fn get_schema(
    request: Request,
    Path((principal, job)): JobPath,
) -> Result<Json<Value>, GraphError> {
    request.shared.db.read(|cloud| {
        let row = find(cloud, request.tenant, &principal, &job)?;
        let assumptions = &request.shared.config.assumptions;
        Ok(Json(schema_of(cloud, request.tenant, &row.job, assumptions)))
    })
}

/// Replaces the schema; the job begins a new initial cycle (CS 6.4).
pub(super) async fn put_schema(
    request: Request,
    Path((principal, job)): JobPath,
    JsonBody(schema): JsonBody<Value>,
) -> Result<StatusCode, GraphError> {
    let size = schema.to_string().len();
    if size > MAX_SCHEMA_BYTES {
        return Err(GraphError::bad_request(format!(
            "The schema has {size} bytes; the limit is {MAX_SCHEMA_BYTES}."
        )));
    }
    if !schema["directories"].is_array() {
        return Err(GraphError::bad_request(
            "directories: the list is missing; get the schema, change it and put it back.",
        ));
    }
    let now = request.shared.now();
    request.shared.db.write(|txn| {
        let job = &find(txn.cloud(), request.tenant, &principal, &job)?.job;
        check_schema(job, &schema).map_err(|error| GraphError::bad_request(error.to_string()))?;
        let id = job.id.clone();
        let before = txn.cloud().job_schemas.get(request.tenant, &id);
        let version = before.map_or(1, |row| row.version + 1);
        txn.put(JobSchema {
            tenant: request.tenant,
            job: id.clone(),
            version,
            schema,
        });
        jobs::restart(txn, request.tenant, &id, ResetScope::DEFAULT, now);
        Ok(StatusCode::NO_CONTENT)
    })
}

pub(in crate::graph) fn forget_schema(txn: &mut Txn<'_>, tenant: Uuid, job: &str) {
    txn.remove::<JobSchema>(tenant, job);
}

pub(super) async fn filter_operators(
    request: Request,
    Path((principal, job)): JobPath,
) -> Result<Json<Value>, GraphError> {
    let show =
        |known: &Operator| json!({"id": known.name, "name": known.name, "arity": known.arity().as_str()});
    metadata(
        &request,
        &principal,
        &job,
        &OPERATORS.iter().map(show).collect::<Vec<_>>(),
    )
}

fn metadata(request: &Request, principal: &str, job: &str, all: &[Value]) -> Result<Json<Value>, GraphError> {
    request
        .shared
        .db
        .read(|cloud| find(cloud, request.tenant, principal, job).map(|_| ()))?;
    Ok(Json(json!({"value": all})))
}
