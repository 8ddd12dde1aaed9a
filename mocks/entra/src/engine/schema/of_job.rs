//! Which schema a job has, by the way its template runs (CS 5.2, 6.4).

use serde_json::Value;
use uuid::Uuid;

use super::super::job::{Direction, Job, template};
use super::super::outbound;
use super::super::plan::{Plan, SchemaError};
use super::default_schema;
use crate::assumptions::Assumptions;
use crate::state::Cloud;

fn is_outbound(job: &Job) -> bool {
    template(&job.template_id).and_then(|t| t.runs) == Some(Direction::Outbound)
}

/// The schema that was put, else the default of the job's template.
#[must_use]
pub fn schema_of(cloud: &Cloud, tenant: Uuid, job: &Job, assumptions: &Assumptions) -> Value {
    if let Some(stored) = cloud.job_schemas.get(tenant, &job.id) {
        return stored.schema.clone();
    }
    // The id in a job's own id: `AD2AADProvisioning.{32 hex}`.
    let id = job.id.split('.').nth(1).and_then(|hex| hex.parse().ok());
    let id = id.unwrap_or_default();
    if is_outbound(job) {
        outbound::default_schema(id, job.configuration.domain.as_deref())
    } else {
        default_schema(id, assumptions)
    }
}

/// Checks a schema for a job before it is stored.
///
/// # Errors
/// The first thing that cannot be followed, with its place.
pub fn check_schema(job: &Job, schema: &Value) -> Result<(), SchemaError> {
    if is_outbound(job) {
        outbound::check_schema(schema)
    } else {
        Plan::compile(schema).map(drop)
    }
}
