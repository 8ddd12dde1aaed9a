//! Reads expectations off the world: each gives what was expected and what is so.

mod cloud;
mod directory;
mod host;
mod log;
mod password;

use std::time::Duration;

use provlab_directory::control::DumpedEntry;
use serde_json::Value;

use super::{Unmet, look::Look, state::RunState};
use crate::{
    scenario::{Expectation, Located},
    world::{World, WorldError, initial_domain},
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
        Expectation::Wizard { .. } => host::wizard(state, expectation),
        Expectation::Service {
            host,
            service,
            state,
            account,
        } => {
            let actual = world.service_state(host, *service).await?;
            host::service(host, *service, *state, account.as_deref(), &actual)
        }
        Expectation::Event { host, id } => host::logged(&world.log().events(), &book.host(host)?.fqdn(), *id),
        Expectation::HostsCalled { host, only } => {
            let declared = book.host(host)?;
            let from = state
                .installation(host)
                .map_or(0, |install| install.began_at_event);
            let events = world.log().since(from);
            host::hosts_called(&events, &declared.fqdn(), &declared.domain, *only)
        }
        Expectation::Gmsa {
            domain,
            name,
            allowed,
        } => directory::gmsa(&look.tree(domain).await?, domain, name, allowed),
        Expectation::GmsaCount { domain, count } => directory::gmsa_count(&look.tree(domain).await?, *count),
        Expectation::DirectoryObject { domain, .. } => {
            directory::object(&look.tree(domain).await?, expectation)
        }
        Expectation::Agent { host, tenant, status } => {
            let machine = book.host(host)?.fqdn();
            cloud::agent(&*look.tenant(tenant).await?, &machine, *status)
        }
        Expectation::Agents { tenant, count } => cloud::agents(&*look.tenant(tenant).await?, *count),
        Expectation::CloudObjects(wanted) => cloud::objects(&*look.tenant(&wanted.tenant).await?, wanted),
        Expectation::CloudUser { tenant, .. } => cloud::user(&*look.tenant(tenant).await?, expectation),
        Expectation::CloudGroup { tenant, .. } => cloud::group(&*look.tenant(tenant).await?, expectation),
        Expectation::ProvisioningError { tenant, .. } => {
            cloud::provisioning_error(&*look.tenant(tenant).await?, expectation)
        }
        Expectation::Job { tenant, .. } => cloud::job(&*look.tenant(tenant).await?, expectation),
        Expectation::ProvisioningLog { tenant, action, .. } => {
            let entries = look.provisioning_log(tenant, action.as_str()).await?;
            log::entries(&entries, expectation)
        }
        Expectation::OnDemand { tenant, object, .. } => {
            log::on_demand(state.on_demand(tenant, object), expectation)
        }
        Expectation::PasswordAnswer { tenant, user, .. } => {
            password::answer(state.password_answer(tenant, user), expectation)
        }
        Expectation::WritebackClient { tenant, says } => {
            password::client(&look.writeback_client(tenant).await?, says)
        }
        Expectation::Logon {
            account,
            password,
            data,
        } => {
            let actual = super::password::log_on(world, account, password).await?;
            password::logon(account, data.as_deref(), &actual)
        }
        Expectation::SignIn {
            tenant,
            user,
            password,
            refused,
        } => {
            let answer = super::password::sign_in(world, tenant, user, password).await?;
            password::sign_in(user, refused.as_deref(), &answer)
        }
        Expectation::InSync { tenant, domain } => {
            let (sources, cloud) = (look.sources(domain).await?, look.read_tenant(tenant).await?);
            let differences = state
                .memories
                .differences(world, tenant, domain, &sources, &cloud);
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

/// Several parts of one expectation: each as it was expected and as it is.
#[derive(Default)]
struct Parts(Vec<(String, String)>);

impl Parts {
    /// A part that must be so.
    fn must(&mut self, what: &str, wanted: impl Into<String>, actual: impl Into<String>) {
        let said = |value: String| {
            if what.is_empty() {
                value
            } else {
                format!("{what} {value}")
            }
        };
        self.0.push((said(wanted.into()), said(actual.into())));
    }

    /// A part that must be so if anything is demanded of it.
    fn may<T: ToString>(&mut self, what: &str, wanted: Option<T>, actual: impl Into<String>) {
        if let Some(wanted) = wanted {
            self.must(what, wanted.to_string(), actual);
        }
    }

    /// Whether all are so; `of` is said before what was expected.
    fn judged(self, of: &str) -> Found {
        if self.0.iter().all(|(wanted, actual)| wanted == actual) {
            return Ok(());
        }
        let (wanted, actual): (Vec<String>, Vec<String>) = self.0.into_iter().unzip();
        Err((format!("{of} {}", wanted.join(", ")), actual.join(", ")))
    }
}

fn list<'a>(state: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    state[key].as_array().into_iter().flatten()
}

/// A JSON value as a person reads it.
fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn same(text: &Value, wanted: &str) -> bool {
    text.as_str()
        .is_some_and(|text| text.eq_ignore_ascii_case(wanted))
}

/// The values of an attribute; none if the object does not have it.
fn values<'a>(entry: &'a DumpedEntry, attribute: &str) -> &'a [String] {
    let values = entry
        .attributes
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(attribute));
    values.map_or(&[], |(_, values)| values.as_slice())
}

fn first<'a>(entry: &'a DumpedEntry, attribute: &str) -> &'a str {
    values(entry, attribute).first().map_or("", String::as_str)
}

fn is_class(entry: &DumpedEntry, class: &str) -> bool {
    let mut classes = values(entry, "objectClass").iter();
    classes.any(|known| known.eq_ignore_ascii_case(class))
}

fn check(holds: bool, words: impl FnOnce() -> (String, String)) -> Found {
    if holds { Ok(()) } else { Err(words()) }
}

fn equal(what: &str, wanted: &str, actual: &str) -> Found {
    check(wanted == actual, || {
        (format!("{what} {wanted}"), actual.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_side_by_side() {
        let mut parts = Parts::default();
        parts.must("", "Quarantine", "Active");
        parts.may("reason", Some("TooManyDeletes"), "null");
        parts.may("error", None::<&str>, "whatever");
        let told = parts.judged("job of contoso.com:");
        assert_eq!(
            told,
            Err((
                "job of contoso.com: Quarantine, reason TooManyDeletes".to_owned(),
                "Active, reason null".to_owned()
            ))
        );
        let mut parts = Parts::default();
        parts.must("", "Active", "Active");
        assert_eq!(parts.judged("job:"), Ok(()));
    }
}
