//! `jobs/{id}/provisionOnDemand`: one object through the four steps, at once (CS 5.7, 6.5).

use axum::Json;
use axum::extract::Path;
use http::StatusCode;
use provlab_protocol::scim::{
    ErrorCode, GetObject, ObjectId, Operation, OperationResult, Resource, ResourceType,
};
use serde::Deserialize;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use super::super::GraphError;
use super::super::provisioning_log::summary;
use super::super::request::{JsonBody, Request};
use super::{JobPath, find};
use crate::engine::{World, on_demand};
use crate::relay;
use crate::state::{LogEntry, ProvisioningAction, ProvisioningStatus};

/// Most members that a group can be provisioned with on demand (CS 5.7).
const MAX_MEMBERS: usize = 5;
/// Longest distinguished name that is asked for (our own bound).
const MAX_NAME_CHARS: usize = 2_048;

#[derive(Deserialize)]
pub(super) struct OnDemand {
    parameters: Vec<Parameters>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    rule_id: String,
    subjects: Vec<Subject>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subject {
    object_id: String,
    object_type_name: String,
    #[serde(default)]
    links: Option<Links>,
}

#[derive(Deserialize)]
struct Links {
    #[serde(default)]
    members: Vec<Value>,
}

pub(super) async fn provision_on_demand(
    request: Request,
    Path((principal, job)): JobPath,
    JsonBody(body): JsonBody<OnDemand>,
) -> Result<Json<Value>, GraphError> {
    let (tenant, shared) = (request.tenant, &request.shared);
    let (configuration, id) = shared.db.read(|cloud| {
        let row = find(cloud, tenant, &principal, &job)?;
        Ok::<_, GraphError>((row.job.configuration.clone(), row.job.id.clone()))
    })?;
    let (rule, subject) = one_subject(&body)?;
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
    let answer = relay::request(shared, tenant, Operation::Get(get)).await;
    let found = match answer {
        Ok(OperationResult::Resource(Some(resource))) => resource,
        Ok(_) => {
            return Ok(Json(failure(
                subject,
                "EntryNotFound",
                "The object doesn't exist",
            )));
        }
        Err(error) => return Ok(Json(failure(subject, code(&error.code), &error.message))),
    };
    let entries = provision(&request, &id, &found)?;
    let answer = shared.db.read(|cloud| {
        entries
            .first()
            .map(|first| success(&summary(cloud, first).into(), first, &entries))
    });
    answer.map(Json).ok_or_else(|| GraphError::not_found(&id))
}

fn provision(request: &Request, id: &str, resource: &Resource) -> Result<Vec<LogEntry>, GraphError> {
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

/// The only rule and the only subject: one object at a time.
fn one_subject(body: &OnDemand) -> Result<(&str, &Subject), GraphError> {
    let [parameters] = body.parameters.as_slice() else {
        return Err(GraphError::bad_request(
            "parameters: exactly one entry is needed.",
        ));
    };
    let [subject] = parameters.subjects.as_slice() else {
        return Err(GraphError::bad_request(
            "parameters[0].subjects: exactly one subject is needed.",
        ));
    };
    let members = subject.links.as_ref().map_or(0, |links| links.members.len());
    if members > MAX_MEMBERS {
        return Err(GraphError::bad_request(format!(
            "parameters[0].subjects[0].links.members: a group is provisioned on demand with at most {MAX_MEMBERS} members."
        )));
    }
    if subject.object_id.trim().is_empty() || subject.object_id.chars().count() > MAX_NAME_CHARS {
        return Err(GraphError::bad_request(
            "parameters[0].subjects[0].objectId: a distinguished name is needed, such as 'CN=Ann,OU=Sales,DC=contoso,DC=com'.",
        ));
    }
    Ok((&parameters.rule_id, subject))
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

fn short(text: &str) -> String {
    text.chars().take(64).collect()
}

fn code(code: &ErrorCode) -> &str {
    code.as_str()
}

/// The documented pair of two JSON texts (`stringKeyStringValuePair`).
fn pair(result: &str, details: &Value, value: &Value) -> Value {
    json!({
        "@odata.type": "#microsoft.graph.stringKeyStringValuePair",
        "key": json!({"result": result, "details": details}).to_string(),
        "value": value.to_string(),
    })
}

fn failure(subject: &Subject, code: &str, message: &str) -> Value {
    let details = json!({"errorCode": code, "errorMessage": message});
    let step = json!({
        "name": "EntryImport", "type": "Import", "status": "Failure", "description": message, "details": {},
    });
    let value = json!({
        "action": "Other",
        "provisioningSteps": [step],
        "modifiedProperties": [],
        "statusInfo": {"status": "Failure", "errorCode": code, "reason": message},
        "sourceIdentity": {"id": subject.object_id, "type": subject.object_type_name},
        "sourceSystem": {"name": "Active Directory"},
        "targetIdentity": null,
        "targetSystem": {"name": "Azure Active Directory"},
    });
    pair("Failure", &details, &value)
}

fn success(shown: &Value, first: &LogEntry, entries: &[LogEntry]) -> Value {
    let at = first.at.format(&Rfc3339).unwrap_or_default();
    let steps: Vec<Value> = first
        .steps
        .iter()
        .map(|step| {
            json!({
                "name": step.name,
                "type": step.kind,
                "status": capital(step.status.as_str()),
                "description": step.description,
                "timestamp": at,
                "details": {},
            })
        })
        .collect();
    let modified: Vec<Value> = entries
        .iter()
        .flat_map(|entry| &entry.modified)
        .map(|p| json!({"displayName": p.name, "oldValue": p.old, "newValue": p.new}))
        .collect();
    let result = match first.status {
        ProvisioningStatus::Success => "Success",
        ProvisioningStatus::Skipped => "Skipped",
        ProvisioningStatus::Failure => "Failure",
    };
    // References may have changed where no attribute did.
    let action = match first.action {
        ProvisioningAction::Other if entries.len() > 1 => ProvisioningAction::Update,
        action => action,
    };
    let value = json!({
        "action": capital(action.as_str()),
        "changeId": first.change,
        "cycleId": first.cycle,
        "jobId": first.job,
        "tenantId": first.tenant,
        "startTime": at,
        "endTime": at,
        "reportableIdentifier": first.source.id,
        "provisioningSteps": steps,
        "modifiedProperties": modified,
        "statusInfo": {"status": result, "errorCode": first.code, "reason": first.reason},
        "sourceIdentity": {"id": first.source.id, "type": first.source.kind},
        "sourceSystem": {"name": "Active Directory"},
        "targetIdentity": shown["targetIdentity"].get("id").map(|id| json!({"id": id, "type": first.target.kind})),
        "targetSystem": {"name": "Azure Active Directory"},
    });
    pair(
        result,
        &json!({"errorCode": first.code, "errorMessage": first.reason}),
        &value,
    )
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}
