//! What provisioning on demand answers: the documented pair of JSON texts (CS 6.5).

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use super::Subject;
use crate::graph::provisioning_log::Systems;
use crate::state::{LogEntry, ProvisioningAction, ProvisioningStatus};

/// The documented pair of two JSON texts (`stringKeyStringValuePair`).
fn pair(result: &str, details: &Value, value: &Value) -> Value {
    json!({
        "@odata.type": "#microsoft.graph.stringKeyStringValuePair",
        "key": json!({"result": result, "details": details}).to_string(),
        "value": value.to_string(),
    })
}

/// Nothing could be done with the subject.
pub(super) fn failure(subject: &Subject, systems: Systems, code: &str, message: &str) -> Value {
    let details = json!({"errorCode": code, "errorMessage": message});
    let step = json!({
        "name": "EntryImport", "type": "Import", "status": "Failure", "description": message, "details": {},
    });
    let value = without_entry(subject, systems, &step, ("Failure", code, message));
    pair("Failure", &details, &value)
}

/// Nothing was to be done with the subject, for this reason.
pub(super) fn skipped(subject: &Subject, systems: Systems, code: &str, reason: &str) -> Value {
    let details = json!({"errorCode": code, "errorMessage": reason});
    let step = json!({
        "name": "EntrySynchronizationSkip", "type": "Export", "status": "Skipped", "description": reason, "details": {},
    });
    let value = without_entry(subject, systems, &step, ("Skipped", code, reason));
    pair("Skipped", &details, &value)
}

/// The second text of the pair where the provisioning log has no entry.
fn without_entry(
    subject: &Subject,
    systems: Systems,
    step: &Value,
    (status, code, reason): (&str, &str, &str),
) -> Value {
    json!({
        "action": "Other",
        "provisioningSteps": [step],
        "modifiedProperties": [],
        "statusInfo": {"status": status, "errorCode": code, "reason": reason},
        "sourceIdentity": {"id": subject.object_id, "type": subject.object_type_name},
        "sourceSystem": {"name": systems.source},
        "targetIdentity": null,
        "targetSystem": {"name": systems.target},
    })
}

/// What the provisioning log says of it: `first` and the entries that came with it.
pub(super) fn success(shown: &Value, first: &LogEntry, entries: &[LogEntry]) -> Value {
    let systems = Systems::of_job(&first.job);
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
        "sourceSystem": {"name": systems.source},
        "targetIdentity": shown["targetIdentity"].get("id").map(|id| json!({"id": id, "type": first.target.kind})),
        "targetSystem": {"name": systems.target},
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
