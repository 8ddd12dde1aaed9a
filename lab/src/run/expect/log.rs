//! Expectations about what the cloud tells of provisioning: its log, and its answers on demand (CS 6.5, 6.8).

use serde_json::Value;

use super::{Found, Parts, check, list, same, shown};
use crate::{
    scenario::{Expectation, ProvisioningAction},
    world::OnDemandAnswer,
};

/// How many entries a failure shows.
const SHOWN: usize = 5;

pub(super) fn entries(log: &[Value], expectation: &Expectation) -> Found {
    let Expectation::ProvisioningLog {
        domain,
        object,
        action,
        status,
        error,
        at_least,
        ..
    } = expectation
    else {
        return Ok(());
    };
    let about: Vec<&Value> = log
        .iter()
        .filter(|entry| same(&entry["provisioningAction"], action.as_str()))
        .filter(|entry| {
            domain
                .as_ref()
                .is_none_or(|domain| same(&entry["servicePrincipal"]["displayName"], domain))
        })
        .filter(|entry| object.as_ref().is_none_or(|object| is_about(entry, object)))
        .collect();
    let fits = |entry: &&&Value| {
        same(status_of(entry), status.as_str())
            && error.as_ref().is_none_or(|error| same(code_of(entry), error))
    };
    let (wanted, actual) = (at_least.unwrap_or(1), about.iter().filter(fits).count() as u64);
    check(actual >= wanted, || {
        let with = error
            .as_ref()
            .map(|error| format!(" ({error})"))
            .unwrap_or_default();
        let of = object
            .as_ref()
            .map(|object| format!(" about {object}"))
            .unwrap_or_default();
        let (action, status) = (action.as_str(), status.as_str());
        let others: Vec<String> = about
            .iter()
            .filter(|entry| !fits(entry))
            .take(SHOWN)
            .map(|entry| format!("{} ({})", shown(status_of(entry)), shown(code_of(entry))))
            .collect();
        let beside = if others.is_empty() {
            String::new()
        } else {
            format!(", beside {}", others.join(", "))
        };
        (
            format!("{wanted} entries of the provisioning log{of}: {action}, {status}{with}"),
            format!("{actual}{beside}"),
        )
    })
}

fn status_of(entry: &Value) -> &Value {
    &entry["provisioningStatusInfo"]["status"]
}

fn code_of(entry: &Value) -> &Value {
    &entry["provisioningStatusInfo"]["errorInformation"]["errorCode"]
}

/// Whether one of the names of source or target is the object's.
fn is_about(entry: &Value, object: &str) -> bool {
    let name = object.split_once('\\').map_or(object, |(_, name)| name);
    ["sourceIdentity", "targetIdentity"].iter().any(|end| {
        let identity = &entry[end];
        let details = identity["details"].as_object().into_iter().flatten();
        ["id", "displayName"]
            .iter()
            .map(|key| &identity[key])
            .chain(details.map(|(_, value)| value))
            .any(|known| same(known, name))
    })
}

pub(super) fn on_demand(answer: Option<&OnDemandAnswer>, expectation: &Expectation) -> Found {
    let Expectation::OnDemand {
        object,
        result,
        action,
        skipped_at,
        failed_at,
        error,
        ..
    } = expectation
    else {
        return Ok(());
    };
    let of = format!("{object} on demand:");
    let Some(answer) = answer else {
        return Err((
            format!("{of} {}", result.as_str()),
            "it was not provisioned on demand".to_owned(),
        ));
    };
    let mut parts = Parts::default();
    parts.must("", result.as_str(), shown(&answer.result["result"]));
    let done = shown(&answer.details["action"]);
    parts.may(
        "action",
        action.map(ProvisioningAction::as_str),
        action
            .map(ProvisioningAction::as_str)
            .filter(|wanted| wanted.eq_ignore_ascii_case(&done))
            .map_or(done, str::to_owned),
    );
    for (word, wanted, status) in [
        ("skipped at", skipped_at, "skipped"),
        ("failed at", failed_at, "failure"),
    ] {
        if let Some(wanted) = wanted {
            parts.must(word, wanted, step_with(&answer.details, status, wanted));
        }
    }
    parts.may(
        "error",
        error.as_ref(),
        shown(&answer.result["details"]["errorCode"]),
    );
    parts.judged(&of)
}

/// The first step with this status: called as it is wanted, if that is its name or its type.
fn step_with(details: &Value, status: &str, wanted: &str) -> String {
    let Some(step) = list(details, "provisioningSteps").find(|step| same(&step["status"], status)) else {
        return "none".to_owned();
    };
    let called = [&step["name"], &step["type"]];
    if called.iter().any(|name| same(name, wanted)) {
        wanted.to_owned()
    } else {
        format!("{} ({})", shown(&step["name"]), shown(&step["type"]))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scenario::{Located, OnDemandResult, ProvisioningStatus};

    #[test]
    fn entries_are_counted_by_object_action_and_status() {
        let entry = |name: &str, status: &str, code: &str| {
            json!({
                "provisioningAction": "create",
                "provisioningStatusInfo": { "status": status, "errorInformation": { "errorCode": code } },
                "servicePrincipal": { "displayName": "contoso.com" },
                "sourceIdentity": { "id": "x", "displayName": "Ada", "details": { "sAMAccountName": name } },
            })
        };
        let log = [
            entry("ada", "success", ""),
            entry("bob", "failure", "EntryConflict"),
        ];
        let wish = |object: &str, status, error: Option<&str>, at_least| Expectation::ProvisioningLog {
            tenant: Located::unplaced("contoso".to_owned()),
            domain: Some(Located::unplaced("Contoso.com".to_owned())),
            object: Some(object.to_owned()),
            action: ProvisioningAction::Create,
            status,
            error: error.map(str::to_owned),
            at_least,
        };
        let good = wish("CONTOSO\\ada", ProvisioningStatus::Success, None, None);
        assert_eq!(entries(&log, &good), Ok(()));
        let conflict = wish("bob", ProvisioningStatus::Failure, Some("EntryConflict"), None);
        assert_eq!(entries(&log, &conflict), Ok(()));
        let twice = wish("Ada", ProvisioningStatus::Success, None, Some(3));
        let told = entries(&log, &twice).err().map(|(_, actual)| actual);
        assert_eq!(told.as_deref(), Some("1, beside failure (EntryConflict)"));
    }

    #[test]
    fn an_answer_on_demand_is_told_by_its_steps() {
        let answer = OnDemandAnswer {
            result: json!({ "result": "Skipped", "details": { "errorCode": "" } }),
            details: json!({ "action": "Other", "provisioningSteps": [
                { "name": "EntryImport", "type": "Import", "status": "Success" },
                { "name": "EntrySynchronizationScoping", "type": "Scoping", "status": "Skipped" },
            ]}),
        };
        let wish = |skipped_at: Option<&str>, failed_at: Option<&str>| Expectation::OnDemand {
            tenant: Located::unplaced("contoso".to_owned()),
            object: "CONTOSO\\ada".to_owned(),
            result: OnDemandResult::Skipped,
            action: Some(ProvisioningAction::Other),
            skipped_at: skipped_at.map(str::to_owned),
            failed_at: failed_at.map(str::to_owned),
            error: None,
        };
        assert_eq!(on_demand(Some(&answer), &wish(Some("scoping"), None)), Ok(()));
        assert!(on_demand(Some(&answer), &wish(Some("Import"), None)).is_err());
        assert!(on_demand(Some(&answer), &wish(None, Some("Export"))).is_err());
        assert!(on_demand(None, &wish(None, None)).is_err());
    }
}
