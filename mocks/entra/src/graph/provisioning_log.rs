//! `GET /auditLogs/provisioning`: what was done to which object, and why nothing was done (CS 6.8).

use axum::Json;
use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;

use super::GraphError;
use super::query::{Order, Shape, list as page};
use super::request::Request;
use crate::state::{Cloud, LogEntry, LoggedIdentity, ProvisioningStatus};

/// Name of the source system in the documented examples (PR 10.1).
const SOURCE_SYSTEM: &str = "Active Directory";
/// Name of the target system in the documented examples (PR 10.1).
const TARGET_SYSTEM: &str = "Azure Active Directory";

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
        "sourceSystem": {"id": entry.service_principal, "displayName": SOURCE_SYSTEM, "details": {}},
        "targetSystem": {"id": entry.service_principal, "displayName": TARGET_SYSTEM, "details": {}},
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
