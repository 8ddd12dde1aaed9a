//! `jobs/{id}/schema`: what is mapped to what, and the words a schema may use (CS 6.4).

use axum::Json;
use axum::extract::Path;
use http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::GraphError;
use super::super::request::{JsonBody, Request};
use super::{JobPath, find};
use crate::engine::{ResetScope, default_schema, jobs};
use crate::state::{JobSchema, Txn};

/// Lists without which a schema says nothing (CS 6.4).
const SCHEMA_LISTS: [&str; 2] = ["directories", "synchronizationRules"];

/// Operators of scoping filters (CS 5.8); how many operands each takes is inferred.
const FILTER_OPERATORS: [(&str, &str); 17] = [
    ("EQUALS", "Binary"),
    ("NOT EQUALS", "Binary"),
    ("IS NULL", "Unary"),
    ("IS NOT NULL", "Unary"),
    ("IS TRUE", "Unary"),
    ("IS FALSE", "Unary"),
    ("REGEX MATCH", "Binary"),
    ("NOT REGEX MATCH", "Binary"),
    ("GREATER_THAN", "Binary"),
    ("GREATER_THAN_OR_EQUALS", "Binary"),
    ("INCLUDES", "Binary"),
    ("ENDS_WITH", "Binary"),
    ("IS_MEMBER_OF", "Binary"),
    ("PRESENT", "Unary"),
    ("&", "Binary"),
    ("!&L", "Binary"),
    ("VALID CERT MATCH", "Binary"),
];

pub(super) async fn get_schema(
    request: Request,
    Path((principal, job)): JobPath,
) -> Result<Json<Value>, GraphError> {
    request.shared.db.read(|cloud| {
        let row = find(cloud, request.tenant, &principal, &job)?;
        let stored = cloud
            .job_schemas
            .get(request.tenant, &row.job.id)
            .map(|row| row.schema.clone());
        Ok(Json(
            stored.unwrap_or_else(|| default_schema(schema_id(&row.job.id))),
        ))
    })
}

/// The id in a job's own id: `AD2AADProvisioning.{32 hex}`.
fn schema_id(job: &str) -> Uuid {
    job.split('.')
        .nth(1)
        .and_then(|hex| hex.parse().ok())
        .unwrap_or_default()
}

/// Replaces the schema; the job begins a new initial cycle (CS 6.4).
pub(super) async fn put_schema(
    request: Request,
    Path((principal, job)): JobPath,
    JsonBody(schema): JsonBody<Value>,
) -> Result<StatusCode, GraphError> {
    if let Some(missing) = SCHEMA_LISTS.iter().find(|name| !schema[**name].is_array()) {
        return Err(GraphError::bad_request(format!(
            "The schema must have the list '{missing}'; get the schema, change it and put it back."
        )));
    }
    let now = request.shared.now();
    request.shared.db.write(|txn| {
        let id = find(txn.cloud(), request.tenant, &principal, &job)?
            .job
            .id
            .clone();
        txn.put(JobSchema {
            tenant: request.tenant,
            job: id.clone(),
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
    let show = |(name, arity): &(&str, &str)| json!({"id": name, "name": name, "arity": arity});
    metadata(
        &request,
        &principal,
        &job,
        &FILTER_OPERATORS.iter().map(show).collect::<Vec<_>>(),
    )
}

fn metadata(request: &Request, principal: &str, job: &str, all: &[Value]) -> Result<Json<Value>, GraphError> {
    request
        .shared
        .db
        .read(|cloud| find(cloud, request.tenant, principal, job).map(|_| ()))?;
    Ok(Json(json!({"value": all})))
}
