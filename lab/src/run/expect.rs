//! Reads expectations off the world: each gives what was expected and what is so.

use std::time::Duration;

use provlab_platform::Event;
use provlab_protocol::environment::Environment;
use serde_json::Value;

use super::{Unmet, look::Look, state::RunState};
use crate::{
    scenario::{
        AgentStatusWord, CloudObjectState, EnvironmentWord, Expectation, Located, ServiceStateWord,
        WizardOutcomeWord,
    },
    world::{World, WorldError, environment_of, initial_domain},
};

/// An expectation and what was found: `Ok` where it holds.
type Found = Result<(), (String, String)>;

/// Evaluates a block; gives those that do not hold.
pub(super) async fn unmet(world: &dyn World, state: &RunState, block: &[Located<Expectation>]) -> Vec<Unmet> {
    let look = Look::at(world);
    let mut unmet = Vec::new();
    for (index, expectation) in block.iter().enumerate() {
        let found = match evaluate(world, &look, state, &expectation.value).await {
            Ok(found) => found,
            Err(error) => Err(("an answer".to_owned(), error.to_string())),
        };
        if let Err((expected, actual)) = found {
            unmet.push(Unmet {
                index,
                line: expectation.line,
                expected,
                actual,
            });
        }
    }
    unmet
}

/// Names of events that say nothing about the state an expectation can be about. Reading the world for an
/// expectation makes some of them, so waking on them would never end.
const QUIET: [&str; 4] = ["ldap.", "net.", "http.", "step"];

/// How often a real world is looked at where no event tells of a change.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// What happens together is looked at together: a cycle tells of every object it writes.
const SETTLE: Duration = Duration::from_millis(100);

/// Returns when something has happened in the world and settled, or at `moment` of its clock.
pub(super) async fn something_happens(world: &dyn World, moment: Duration) {
    let clock = &world.door().clock;
    let log = world.log();
    let mut seen = log.len();
    let real = world.stage() != crate::scenario::StageName::Sim;
    let until = if real {
        moment.min(clock.now() + LOOK_AGAIN)
    } else {
        moment
    };
    loop {
        let left = until.saturating_sub(clock.now());
        if clock.timeout(left, log.beyond(seen)).await.is_err() {
            return;
        }
        let news = log.since(seen);
        seen += news.len();
        if news
            .iter()
            .any(|event| !QUIET.iter().any(|quiet| event.name.starts_with(quiet)))
        {
            clock.sleep(SETTLE.min(until.saturating_sub(clock.now()))).await;
            return;
        }
    }
}

async fn evaluate(
    world: &dyn World,
    look: &Look<'_>,
    state: &RunState,
    expectation: &Expectation,
) -> Result<Found, WorldError> {
    let book = world.book();
    Ok(match expectation {
        Expectation::Wizard {
            host,
            outcome,
            page,
            says,
            data,
        } => {
            let Some(actual) = state
                .installation(host)
                .and_then(|install| install.outcome.as_ref())
            else {
                return Ok(Err((
                    format!("an installation of {}", host.value),
                    "there was none".into(),
                )));
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
        Expectation::Service {
            host,
            service,
            state: wanted,
            account,
        } => {
            let actual = world.service_state(host, *service).await?;
            let running = *wanted == ServiceStateWord::Running;
            let same_account = account
                .as_ref()
                .is_none_or(|name| name.eq_ignore_ascii_case(&actual.account));
            check(actual.running == running && same_account, || {
                let word = |running: bool| if running { "running" } else { "stopped" };
                let named = account
                    .as_ref()
                    .map(|name| format!(" as {name}"))
                    .unwrap_or_default();
                (
                    format!("{service:?} service of {} {}{named}", host.value, word(running)),
                    format!("{} as {}", word(actual.running), actual.account),
                )
            })
        }
        Expectation::Agent { host, tenant, status } => {
            let machine = book.host(host)?.fqdn();
            let tenant = look.tenant(tenant).await?;
            let agents: Vec<&Value> = list(&tenant, "agents")
                .filter(|agent| {
                    agent["machineName"]
                        .as_str()
                        .is_some_and(|name| name.eq_ignore_ascii_case(&machine))
                })
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
        Expectation::Event { host, id } => {
            let fqdn = book.host(host)?.fqdn();
            let ids: Vec<u64> = world
                .log()
                .events()
                .iter()
                .filter(|event| event.name == "event-log" && event.host.eq_ignore_ascii_case(&fqdn))
                .filter_map(|event| event.fields.get("id").and_then(Value::as_u64))
                .collect();
            check(ids.contains(&u64::from(*id)), || {
                (
                    format!("event {id} in the log of {fqdn}"),
                    format!("events {ids:?}"),
                )
            })
        }
        Expectation::Gmsa {
            domain,
            name,
            allowed,
        } => {
            let tree = look.tree(domain).await?;
            let account = tree
                .iter()
                .find(|entry| first(entry, "sAMAccountName").eq_ignore_ascii_case(name));
            let Some(account) = account else {
                return Ok(Err((
                    format!("a gMSA {name}"),
                    format!("{} has none of that name", domain.value),
                )));
            };
            let mut actual: Vec<String> = first(account, "msDS-GroupMSAMembership")
                .split_whitespace()
                .map(|name| name.trim_end_matches('$').to_lowercase())
                .collect();
            actual.sort();
            let mut wanted: Vec<String> = allowed.iter().map(|host| host.value.to_lowercase()).collect();
            wanted.sort();
            equal(
                &format!("hosts that may retrieve the password of {name}:"),
                &wanted.join(", "),
                &actual.join(", "),
            )
        }
        Expectation::GmsaCount { domain, count } => {
            let tree = look.tree(domain).await?;
            let accounts = tree
                .iter()
                .filter(|entry| is_class(entry, "msDS-GroupManagedServiceAccount"))
                .count();
            equal(
                "group managed service accounts:",
                &count.to_string(),
                &accounts.to_string(),
            )
        }
        Expectation::CloudObjects(wanted) => {
            let tenant = look.tenant(&wanted.tenant).await?;
            let count = |kind: &str| list(&tenant, kind).filter(|object| is_synced(object)).count() as u64;
            let actual = (count("users"), count("groups"));
            let holds = wanted.users.is_none_or(|users| users == actual.0)
                && wanted.groups.is_none_or(|groups| groups == actual.1);
            check(holds, || {
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
        Expectation::Agents { tenant, count } => {
            let tenant = look.tenant(tenant).await?;
            equal(
                "agents in the tenant:",
                &count.to_string(),
                &list(&tenant, "agents").count().to_string(),
            )
        }
        Expectation::InSync { tenant, domain } => {
            let (sources, cloud) = (look.sources(domain).await?, look.read_tenant(tenant).await?);
            let differences = state.memories.differences(world, tenant, domain, &sources, &cloud);
            check(differences.is_empty(), || {
                ("directory and tenant agree".to_owned(), told(&differences))
            })
        }
        Expectation::ExportedOnce { tenant } => {
            let initial = initial_domain(book.tenant(tenant)?);
            let needless = state.memories.needless(&world.log().events(), tenant, &initial);
            check(needless.is_empty(), || {
                (
                    "every object is added once, and written when it has changed".to_owned(),
                    told(&needless),
                )
            })
        }
        Expectation::CloudUser {
            tenant,
            user,
            state: wanted,
            has,
        } => {
            let tenant = look.tenant(tenant).await?;
            cloud_user(&tenant, user, *wanted, has)
        }
        Expectation::Job {
            tenant,
            domain,
            status,
        } => {
            let tenant = look.tenant(tenant).await?;
            let codes: Vec<&str> = list(&tenant, "configurations")
                .filter(|configuration| {
                    configuration["domain"]
                        .as_str()
                        .is_some_and(|name| name.eq_ignore_ascii_case(domain))
                })
                .flat_map(|configuration| configuration["jobs"].as_array().into_iter().flatten())
                .filter_map(|job| job["code"].as_str())
                .collect();
            equal(&format!("job of {}:", domain.value), status, &codes.join(", "))
        }
        Expectation::HostsCalled { host, only } => {
            let declared = book.host(host)?;
            let from = state
                .installation(host)
                .map_or(0, |install| install.began_at_event);
            let events = world.log().since(from);
            hosts_called(&events, &declared.fqdn(), &declared.domain, *only)
        }
    })
}

/// How many differences a failure shows.
const SHOWN: usize = 8;

/// The first few of many.
fn told(differences: &[String]) -> String {
    let first: Vec<&str> = differences.iter().take(SHOWN).map(String::as_str).collect();
    match differences.len().checked_sub(SHOWN) {
        None | Some(0) => first.join("; "),
        Some(more) => format!("{}; and {more} more", first.join("; ")),
    }
}

fn cloud_user(
    tenant: &Value,
    name: &str,
    wanted: CloudObjectState,
    has: &indexmap::IndexMap<String, String>,
) -> Found {
    let called = |user: &&Value| {
        user["userPrincipalName"]
            .as_str()
            .is_some_and(|upn| upn.eq_ignore_ascii_case(name))
            || user["onPremises"]["userPrincipalName"]
                .as_str()
                .is_some_and(|upn| upn.eq_ignore_ascii_case(name))
    };
    let found = list(tenant, "users").find(called);
    let word = |state| match state {
        CloudObjectState::Live => "live",
        CloudObjectState::SoftDeleted => "soft-deleted",
        CloudObjectState::Absent => "absent",
    };
    let state = match found {
        None => CloudObjectState::Absent,
        Some(user) if user["deleted"] == true => CloudObjectState::SoftDeleted,
        Some(_) => CloudObjectState::Live,
    };
    let values = |name: &str| {
        let user = found.unwrap_or(&Value::Null);
        let value = user
            .get(name)
            .or_else(|| user["properties"].get(name))
            .unwrap_or(&Value::Null);
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    };
    let other: Vec<(&String, &String)> = has
        .iter()
        .filter(|(name, value)| values(name) != **value)
        .collect();
    check(state == wanted && other.is_empty(), || {
        let wish: String = has
            .iter()
            .map(|(name, value)| format!(", {name} \"{value}\""))
            .collect();
        let so: String = has
            .keys()
            .map(|name| format!(", {name} \"{}\"", values(name)))
            .collect();
        (
            format!("user {name} {}{wish}", word(wanted)),
            format!("{}{so}", word(state)),
        )
    })
}

/// Every host that was called and lies outside the host's own domain must belong to the environment.
fn hosts_called(events: &[Event], host: &str, domain: &str, only: EnvironmentWord) -> Found {
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

fn list<'a>(state: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    state[key].as_array().into_iter().flatten()
}

/// Of on-premises origin and not deleted.
fn is_synced(object: &Value) -> bool {
    !object["onPremises"].is_null() && object["deleted"] != true
}

pub(super) fn first<'a>(entry: &'a provlab_directory::control::DumpedEntry, attribute: &str) -> &'a str {
    let values = entry
        .attributes
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(attribute));
    values
        .and_then(|(_, values)| values.first())
        .map_or("", String::as_str)
}

pub(super) fn is_class(entry: &provlab_directory::control::DumpedEntry, class: &str) -> bool {
    let classes = entry
        .attributes
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("objectClass"));
    classes.is_some_and(|(_, classes)| classes.iter().any(|known| known.eq_ignore_ascii_case(class)))
}

fn check(holds: bool, words: impl FnOnce() -> (String, String)) -> Found {
    if holds { Ok(()) } else { Err(words()) }
}

fn equal(what: &str, wanted: &str, actual: &str) -> Found {
    check(wanted == actual, || {
        (format!("{what} {wanted}"), actual.to_owned())
    })
}
