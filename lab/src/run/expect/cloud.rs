//! Expectations about a tenant: its objects, jobs and agents, as its state shows them.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde_json::Value;

use super::{Found, Parts, equal, list, same, shown};
use crate::scenario::{AgentStatusWord, CloudObjectState, Expectation, ObjectCount};

pub(super) fn agent(tenant: &Value, machine: &str, status: AgentStatusWord) -> Found {
    let agents: Vec<&Value> = list(tenant, "agents")
        .filter(|agent| same(&agent["machineName"], machine))
        .collect();
    let actual = match agents.as_slice() {
        [] => "absent".to_owned(),
        [agent] => agent["status"].as_str().unwrap_or_default().to_lowercase(),
        several => format!("listed {} times", several.len()),
    };
    let wanted = match status {
        AgentStatusWord::Active => "active",
        AgentStatusWord::Inactive => "inactive",
        AgentStatusWord::Absent => "absent",
    };
    equal(&format!("agent of {machine}"), wanted, &actual)
}

pub(super) fn agents(tenant: &Value, count: u64) -> Found {
    equal(
        "agents in the tenant:",
        &count.to_string(),
        &list(tenant, "agents").count().to_string(),
    )
}

pub(super) fn objects(tenant: &Value, wanted: &ObjectCount) -> Found {
    let count = |kind: &str| list(tenant, kind).filter(|object| is_synced(object)).count() as u64;
    let actual = (count("users"), count("groups"));
    let holds = wanted.users.is_none_or(|users| users == actual.0)
        && wanted.groups.is_none_or(|groups| groups == actual.1);
    super::check(holds, || {
        let any = |number: Option<u64>| number.map_or("any".to_owned(), |number| number.to_string());
        (
            format!(
                "{} synced users and {} groups",
                any(wanted.users),
                any(wanted.groups)
            ),
            format!("{} users and {} groups", actual.0, actual.1),
        )
    })
}

/// Of on-premises origin and not deleted.
fn is_synced(object: &Value) -> bool {
    object["onPremises"]["syncEnabled"] == true && object["deleted"] != true
}

/// The user of that name, in the cloud or on premises; a live one before a deleted one.
fn user_named<'a>(tenant: &'a Value, name: &str) -> Option<&'a Value> {
    let called = |user: &&Value| {
        same(&user["userPrincipalName"], name) || same(&user["onPremises"]["userPrincipalName"], name)
    };
    let live = |user: &&Value| user["deleted"] != true;
    list(tenant, "users")
        .find(|user| called(user) && live(user))
        .or_else(|| list(tenant, "users").find(called))
}

pub(super) fn user(tenant: &Value, expectation: &Expectation) -> Found {
    let Expectation::CloudUser {
        user: name,
        state,
        has,
        ..
    } = expectation
    else {
        return Ok(());
    };
    let found = user_named(tenant, name);
    let mut parts = Parts::default();
    parts.must("", word(*state), word(state_of(found)));
    properties(&mut parts, found, has);
    parts.judged(&format!("user {name}"))
}

pub(super) fn group(tenant: &Value, expectation: &Expectation) -> Found {
    let Expectation::CloudGroup {
        group: name,
        state,
        members,
        member_count,
        has,
        ..
    } = expectation
    else {
        return Ok(());
    };
    let called = |group: &&Value| same(&group["displayName"], name);
    let live = |group: &&Value| group["deleted"] != true;
    let found = list(tenant, "groups")
        .find(|group| called(group) && live(group))
        .or_else(|| list(tenant, "groups").find(called));
    let mut parts = Parts::default();
    parts.must("", word(*state), word(state_of(found)));
    let actual: Vec<&Value> = found
        .into_iter()
        .flat_map(|group| list(group, "members"))
        .collect();
    if let Some(members) = members {
        let lower = |names: Vec<String>| {
            let names: BTreeSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
            names.into_iter().collect::<Vec<_>>().join(" ")
        };
        let actual = actual.iter().map(|member| shown(member)).collect();
        parts.must("members", lower(members.clone()), lower(actual));
    }
    parts.may("members:", *member_count, actual.len().to_string());
    properties(&mut parts, found, has);
    parts.judged(&format!("group {name}"))
}

fn word(state: CloudObjectState) -> &'static str {
    match state {
        CloudObjectState::Live => "live",
        CloudObjectState::SoftDeleted => "soft-deleted",
        CloudObjectState::Absent => "absent",
    }
}

fn state_of(object: Option<&Value>) -> CloudObjectState {
    match object {
        None => CloudObjectState::Absent,
        Some(object) if object["deleted"] == true => CloudObjectState::SoftDeleted,
        Some(_) => CloudObjectState::Live,
    }
}

/// Properties as the file writes them: a text is compared with what is shown, anything else with the value itself.
fn properties(parts: &mut Parts, object: Option<&Value>, has: &IndexMap<String, Value>) {
    let object = object.unwrap_or(&Value::Null);
    for (name, wanted) in has {
        let actual = object
            .get(name)
            .or_else(|| object["properties"].get(name))
            .or_else(|| object["onPremises"].get(name))
            .unwrap_or(&Value::Null);
        let quoted = |value: &Value| {
            if value.is_null() {
                "nothing".to_owned()
            } else {
                format!("\"{}\"", shown(value))
            }
        };
        parts.must(name, quoted(wanted), quoted(actual));
    }
}

pub(super) fn provisioning_error(tenant: &Value, expectation: &Expectation) -> Found {
    let Expectation::ProvisioningError {
        user,
        property,
        value,
        ..
    } = expectation
    else {
        return Ok(());
    };
    let said = |property: &str, value: &str| format!("{property} \"{value}\"");
    let found = user_named(tenant, user);
    let errors: Vec<String> = found
        .into_iter()
        .flat_map(|user| list(&user["onPremises"], "provisioningErrors"))
        .map(|error| said(&shown(&error["propertyCausingError"]), &shown(&error["value"])))
        .collect();
    let wanted = said(property, value);
    let there = errors.iter().any(|error| error.eq_ignore_ascii_case(&wanted));
    super::check(there, || {
        let actual = match found {
            None => "there is no such user".to_owned(),
            Some(_) if errors.is_empty() => "none".to_owned(),
            Some(_) => errors.join(", "),
        };
        (format!("a provisioning error of {user}: {wanted}"), actual)
    })
}

pub(super) fn job(tenant: &Value, expectation: &Expectation) -> Found {
    let Expectation::Job {
        domain,
        template,
        status,
        quarantine,
        error,
        escrowed,
        pending_deletes,
        ..
    } = expectation
    else {
        return Ok(());
    };
    let jobs: Vec<&Value> = list(tenant, "configurations")
        .filter(|configuration| same(&configuration["domain"], domain))
        .flat_map(|configuration| list(configuration, "jobs"))
        .filter(|job| job["template"] == template.as_str())
        .collect();
    let of = format!("job {} of {}:", template.as_str(), domain.value);
    let [job] = jobs.as_slice() else {
        return equal(&of, "one", &jobs.len().to_string());
    };
    let last_error = match &job["lastError"] {
        Value::Object(error) => error.get("code").map(shown).unwrap_or_default(),
        other => shown(other),
    };
    let mut parts = Parts::default();
    parts.must("", format!("{status:?}"), shown(&job["code"]));
    parts.may(
        "reason",
        quarantine.map(|reason| format!("{reason:?}")),
        shown(&job["quarantine"]),
    );
    parts.may("error", error.as_ref(), last_error);
    parts.may("escrowed", *escrowed, shown(&job["escrowed"]));
    parts.may("pending deletes", *pending_deletes, shown(&job["pendingDeletes"]));
    parts.judged(&of)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scenario::{JobStatus, JobTemplate, Located, QuarantineReason};

    fn named(text: &str) -> Located<String> {
        Located::unplaced(text.to_owned())
    }

    fn told(found: Found) -> String {
        found
            .err()
            .map(|(expected, actual)| format!("{expected} | {actual}"))
            .unwrap_or_default()
    }

    #[test]
    fn a_job_is_told_with_all_that_is_demanded_of_it() {
        let tenant = json!({ "configurations": [{ "domain": "contoso.com", "jobs": [{
            "template": "AD2AADProvisioning", "code": "Active", "quarantine": null, "lastError": { "code": "Oops" },
        }]}]});
        let wish = |status, quarantine, error: Option<&str>| Expectation::Job {
            tenant: named("contoso"),
            domain: named("CONTOSO.com"),
            template: JobTemplate::default(),
            status,
            quarantine,
            error: error.map(str::to_owned),
            escrowed: None,
            pending_deletes: None,
        };
        assert_eq!(job(&tenant, &wish(JobStatus::Active, None, Some("Oops"))), Ok(()));
        let reason = Some(QuarantineReason::TooManyDeletes);
        assert_eq!(
            told(job(&tenant, &wish(JobStatus::Quarantine, reason, None))),
            "job AD2AADProvisioning of CONTOSO.com: Quarantine, reason TooManyDeletes | Active, reason null"
        );
    }

    #[test]
    fn users_and_groups_are_told_by_state_members_and_properties() {
        let tenant = json!({
            "users": [{ "userPrincipalName": "ada@contoso.com", "deleted": true, "accountEnabled": false,
                "properties": { "city": "Ockham" },
                "onPremises": {
                    "provisioningErrors": [{ "propertyCausingError": "ProxyAddress", "value": "SMTP:a@b.c" }],
                }}],
            "groups": [{ "displayName": "Sales", "deleted": false, "members": ["ada@contoso.com"] }],
        });
        let has = IndexMap::from([
            ("city".to_owned(), json!("Ockham")),
            ("accountEnabled".to_owned(), json!("false")),
            ("surname".to_owned(), Value::Null),
        ]);
        let wish = Expectation::CloudUser {
            tenant: named("contoso"),
            user: "Ada@contoso.com".to_owned(),
            state: CloudObjectState::SoftDeleted,
            has,
        };
        assert_eq!(user(&tenant, &wish), Ok(()));
        let wish = Expectation::CloudGroup {
            tenant: named("contoso"),
            group: "sales".to_owned(),
            state: CloudObjectState::Live,
            members: Some(vec!["bob@contoso.com".to_owned()]),
            member_count: Some(1),
            has: IndexMap::new(),
        };
        assert_eq!(
            told(group(&tenant, &wish)),
            "group sales live, members bob@contoso.com, members: 1 | live, members ada@contoso.com, members: 1"
        );
        let error = |value: &str| Expectation::ProvisioningError {
            tenant: named("contoso"),
            user: "ada@contoso.com".to_owned(),
            property: "ProxyAddress".to_owned(),
            value: value.to_owned(),
        };
        assert_eq!(provisioning_error(&tenant, &error("smtp:A@b.c")), Ok(()));
        assert!(told(provisioning_error(&tenant, &error("x"))).contains("ProxyAddress \"SMTP:a@b.c\""));
    }
}
