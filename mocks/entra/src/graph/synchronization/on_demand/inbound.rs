//! An object of the directory, read now and taken through the steps of its job (CS 5.7).

use axum::Json;
use http::StatusCode;
use provlab_protocol::scim::{GetObject, ObjectId, Operation, OperationResult, Resource, ResourceType};
use serde_json::Value;

use super::{Subject, answer, short};
use crate::engine::{Job, World, on_demand};
use crate::graph::GraphError;
use crate::graph::provisioning_log::{Systems, summary};
use crate::graph::request::Request;
use crate::relay;
use crate::state::LogEntry;

/// Longest distinguished name that is asked for (our own bound).
const MAX_NAME_CHARS: usize = 2_048;

pub(super) async fn provision(
    request: &Request,
    job: Job,
    rule: &str,
    subject: &Subject,
) -> Result<Json<Value>, GraphError> {
    if subject.object_id.trim().is_empty() || subject.object_id.chars().count() > MAX_NAME_CHARS {
        return Err(GraphError::bad_request(
            "parameters[0].subjects[0].objectId: a distinguished name is needed, such as 'CN=Ann,OU=Sales,DC=contoso,DC=com'.",
        ));
    }
    let (tenant, shared) = (request.tenant, &request.shared);
    let (id, configuration) = (job.id, job.configuration);
    let plan = shared.db.read(|cloud| shared.plans.of(cloud, tenant, &id));
    if !plan.rule_id().is_empty()
        && rule != plan.rule_id()
        && shared.db.read(|c| c.job_schemas.get(tenant, &id).is_some())
    {
        return Err(GraphError::bad_request(format!(
            "parameters[0].ruleId: the schema has no rule '{}'; its rule is '{}'.",
            short(rule),
            plan.rule_id()
        )));
    }
    let resource_type = resource_type(&subject.object_type_name)?;
    let domain = configuration
        .domain
        .ok_or_else(|| GraphError::bad_request("The job has no domain: set the secret 'Domain' first."))?;
    let get = GetObject {
        domain,
        resource_type,
        id: ObjectId::Dn(subject.object_id.clone()),
        attributes: plan.requested_attributes().to_vec(),
    };
    let systems = Systems::of_job(&id);
    let answered = relay::request(shared, tenant, Operation::Get(get)).await;
    let found = match answered {
        Ok(OperationResult::Resource(Some(resource))) => resource,
        Ok(_) => {
            let message = "The object doesn't exist";
            return Ok(Json(answer::failure(subject, systems, "EntryNotFound", message)));
        }
        Err(error) => {
            let code = error.code.as_str();
            return Ok(Json(answer::failure(subject, systems, code, &error.message)));
        }
    };
    let entries = step(request, &id, &found)?;
    let shown = shared.db.read(|cloud| {
        entries
            .first()
            .map(|first| answer::success(&summary(cloud, first).into(), first, &entries))
    });
    shown.map(Json).ok_or_else(|| GraphError::not_found(&id))
}

/// The steps, in one transaction.
fn step(request: &Request, id: &str, resource: &Resource) -> Result<Vec<LogEntry>, GraphError> {
    let shared = &request.shared;
    shared.db.write(|txn| {
        let mut world = World {
            now: shared.now(),
            period: &|span| shared.period(span),
            new_id: &mut || shared.uuid(),
            plans: &shared.plans,
            assumptions: &shared.config.assumptions,
            busy: shared.busy.wait(request.tenant, shared.platform.clock.now()),
        };
        Ok(on_demand::provision(txn, &mut world, request.tenant, id, resource).unwrap_or_default())
    })
}

fn resource_type(name: &str) -> Result<ResourceType, GraphError> {
    match name.to_lowercase().as_str() {
        "user" | "inetorgperson" => Ok(ResourceType::User),
        "group" => Ok(ResourceType::Group),
        "contact" => Ok(ResourceType::Contact),
        _ => Err(GraphError::new(
            StatusCode::BAD_REQUEST,
            "Request_BadRequest",
            format!(
                "parameters[0].subjects[0].objectTypeName: '{}' is none of user, group, contact.",
                short(name)
            ),
        )),
    }
}
