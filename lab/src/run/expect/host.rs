//! Expectations about hosts: wizard, services, event log, and whom they called.

use provlab_platform::Event;
use provlab_protocol::environment::Environment;
use serde_json::Value;

use super::{Found, check};
use crate::{
    run::state::RunState,
    scenario::{EnvironmentWord, Expectation, ServiceName, ServiceStateWord, WizardOutcomeWord},
    world::{ServiceState, environment_of},
};

pub(super) fn wizard(state: &RunState, expectation: &Expectation) -> Found {
    let Expectation::Wizard {
        host,
        outcome,
        page,
        says,
        data,
    } = expectation
    else {
        return Ok(());
    };
    let Some(actual) = state
        .installation(host)
        .and_then(|install| install.outcome.as_ref())
    else {
        return Err((
            format!("an installation of {}", host.value),
            "there was none".into(),
        ));
    };
    let completed = *outcome == WizardOutcomeWord::Completed;
    let holds = actual.completed == completed
        && page.is_none_or(|page| actual.page == page.title())
        && says.as_ref().is_none_or(|part| actual.says.contains(part))
        && data
            .as_ref()
            .is_none_or(|data| actual.data.as_ref() == Some(data));
    check(holds, || {
        let word = |completed: bool| if completed { "completed" } else { "stopped" };
        let mut expected = format!("the wizard {}", word(completed));
        if let Some(page) = page {
            expected += &format!(" on \"{}\"", page.title());
        }
        if let Some(says) = says {
            expected += &format!(" and says \"{says}\"");
        }
        if let Some(data) = data {
            expected += &format!(" (data {data})");
        }
        let data = actual
            .data
            .as_ref()
            .map(|data| format!(" (data {data})"))
            .unwrap_or_default();
        let found = format!(
            "it {} on \"{}\" and says \"{}\"{data}",
            word(actual.completed),
            actual.page,
            actual.says
        );
        (expected, found)
    })
}

pub(super) fn service(
    host: &str,
    service: ServiceName,
    wanted: ServiceStateWord,
    account: Option<&str>,
    actual: &ServiceState,
) -> Found {
    let running = wanted == ServiceStateWord::Running;
    let same_account = account.is_none_or(|name| name.eq_ignore_ascii_case(&actual.account));
    check(actual.running == running && same_account, || {
        let word = |running: bool| if running { "running" } else { "stopped" };
        let named = account.map(|name| format!(" as {name}")).unwrap_or_default();
        (
            format!("{service:?} service of {host} {}{named}", word(running)),
            format!("{} as {}", word(actual.running), actual.account),
        )
    })
}

pub(super) fn logged(events: &[Event], host: &str, id: u32) -> Found {
    let ids: Vec<u64> = events
        .iter()
        .filter(|event| event.name == "event-log" && event.host.eq_ignore_ascii_case(host))
        .filter_map(|event| event.fields.get("id").and_then(Value::as_u64))
        .collect();
    check(ids.contains(&u64::from(id)), || {
        (
            format!("event {id} in the log of {host}"),
            format!("events {ids:?}"),
        )
    })
}

/// Every host that was called and lies outside the host's own domain must belong to the environment.
pub(super) fn hosts_called(events: &[Event], host: &str, domain: &str, only: EnvironmentWord) -> Found {
    let environment: &Environment = environment_of(only);
    let mut called: Vec<String> = events
        .iter()
        .filter(|event| event.name == "net.connect" && event.host.eq_ignore_ascii_case(host))
        .filter_map(|event| event.fields.get("to").and_then(Value::as_str))
        .map(|to| to.split(':').next().unwrap_or(to).to_lowercase())
        .filter(|to| *to != domain.to_lowercase() && !to.ends_with(&format!(".{}", domain.to_lowercase())))
        .collect();
    called.sort();
    called.dedup();
    let foreign: Vec<&String> = called.iter().filter(|to| !environment.owns_host(to)).collect();
    check(!called.is_empty() && foreign.is_empty(), || {
        (
            format!("{host} calls hosts of {} only", environment.display_name),
            format!("it called {called:?}"),
        )
    })
}
