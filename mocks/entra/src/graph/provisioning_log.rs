//! `GET /auditLogs/provisioning`: what was done to which object, and why nothing was done (CS 6.8).

use axum::Json;
use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;

use super::GraphError;
use super::query::{Order, Shape, list as page};
use super::request::Request;
use crate::engine::Direction;
use crate::state::{Cloud, LogEntry, LoggedIdentity, ProvisioningStatus};

/// Names of the two systems in the documented examples (PR 10.1).
const DIRECTORY: &str = "Active Directory";
const CLOUD: &str = "Azure Active Directory";

/// Properties of a `provisioningObjectSummary`.
const PROPERTIES: [&str; 21] = [
    "action",
    "activityDateTime",
    "changeId",
    "cycleId",
    "durationInMilliseconds",
    "id",
    "initiatedBy",
    "jobId",
    "modifiedProperties",
    "provisioningAction",
    "provisioningStatusInfo",
    "provisioningSteps",
    "reportableIdentifier",
    "servicePrincipal",
    "sourceIdentity",
    "sourceSystem",
    "statusInfo",
    "targetIdentity",
    "targetSystem",
    "tenantId",
    "targetUpdateTime",
];

/// Where a job takes objects from, and where it takes them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Systems {
    pub(super) source: &'static str,
    pub(super) target: &'static str,
}

impl Systems {
    /// Of the job with this id.
    pub(super) fn of_job(id: &str) -> Self {
        let (source, target) = match Direction::of_job(id) {
            Direction::Inbound | Direction::Passwords => (DIRECTORY, CLOUD),
            Direction::Outbound => (CLOUD, DIRECTORY),
        };
        Self { source, target }
    }
}

pub(super) async fn list(mut request: Request) -> Result<Json<Value>, GraphError> {
    let context = request.context("auditLogs/provisioning");
    // Newest first, as the portal shows it.
    request.options.order.get_or_insert_with(|| Order {
        property: "activityDateTime".to_owned(),
        descending: true,
    });
    request.shared.db.read(|cloud| {
        let entries = cloud
            .provisioning_log
            .of(request.tenant)
            .map(|entry| summary(cloud, entry));
        let shape = Shape {
            context: &context,
            address: &request.address,
            type_name: "microsoft.graph.provisioningObjectSummary",
            known: &PROPERTIES,
            defaults: &[],
        };
        page(entries, &request.options, &shape).map(Json)
    })
}

/// One entry as `provisioningObjectSummary`. `action` and `statusInfo` are the names that `beta` used before.
pub(super) fn summary(cloud: &Cloud, entry: &LogEntry) -> Map<String, Value> {
    let principal = cloud
        .service_principals
        .get(entry.tenant, &entry.service_principal.to_string());
    let systems = Systems::of_job(&entry.job);
    let at = entry.at.format(&Rfc3339).unwrap_or_default();
    let modified: Vec<Value> = entry
        .modified
        .iter()
        .map(|p| json!({"displayName": p.name, "oldValue": p.old, "newValue": p.new}))
        .collect();
    let steps: Vec<Value> = entry
        .steps
        .iter()
        .map(|step| {
            json!({
                "name": step.name,
                "provisioningStepType": step.kind.to_lowercase(),
                "status": step.status.as_str(),
                "description": step.description,
                "details": details(&step.details),
            })
        })
        .collect();
    let error = (entry.status != ProvisioningStatus::Success).then(|| {
        json!({
            "errorCode": entry.code,
            "reason": entry.reason,
            "additionalDetails": null,
            "errorCategory": if entry.status == ProvisioningStatus::Failure { "failure" } else { "nonServiceFailure" },
            "recommendedAction": null,
        })
    });
    let shown = json!({
        "id": entry.id,
        "activityDateTime": at,
        "tenantId": entry.tenant,
        "jobId": entry.job,
        "cycleId": entry.cycle,
        "changeId": entry.change,
        "action": entry.action.as_str(),
        "provisioningAction": entry.action.as_str(),
        "durationInMilliseconds": 0,
        "initiatedBy": {"id": "", "displayName": "Azure AD Provisioning Service", "initiatorType": "system"},
        "sourceSystem": {"id": entry.service_principal, "displayName": systems.source, "details": {}},
        "targetSystem": {"id": entry.service_principal, "displayName": systems.target, "details": {}},
        "sourceIdentity": identity(&entry.source),
        "targetIdentity": identity(&entry.target),
        "provisioningStatusInfo": {"status": entry.status.as_str(), "errorInformation": error},
        "statusInfo": {"status": entry.status.as_str(), "errorCode": entry.code, "reason": entry.reason},
        "provisioningSteps": steps,
        "modifiedProperties": modified,
        "servicePrincipal": {
            "id": entry.service_principal,
            "displayName": principal.map(|row| row.display_name.clone()),
        },
        "reportableIdentifier": entry.source.id,
        "targetUpdateTime": at,
    });
    match shown {
        Value::Object(shown) => shown,
        _ => Map::new(),
    }
}

fn identity(identity: &LoggedIdentity) -> Value {
    json!({
        "id": identity.id,
        "displayName": identity.display_name,
        "identityType": identity.kind,
        "details": details(&identity.details),
    })
}

fn details(pairs: &[(String, String)]) -> Value {
    pairs
        .iter()
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect::<Map<_, _>>()
        .into()
}
