//! Password writeback under faults on `sim`: whatever is killed or cut off at whatever moment, a password is applied at most once, a success
//! is never told for a password that does not work, and no output holds a password.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test"
)]

mod support {
    pub mod secrets;
}

use std::{fs, time::Duration};

use provlab::{
    report::{failure_text, trace_text},
    run::{RunOptions, Weather, play},
    scenario::{Fault, FaultKind, Located, Part, Scenario, StageName, load_file},
    stage::{self, SimWorld},
    world::{PasswordAnswer, World, as_user, environment_of},
};
use provlab_agent::directory::ldap::{DEFAULT_TIMEOUT, LdapConnection, Protection};
use provlab_platform::Event;
use secrecy::SecretString;
use serde_json::json;
use support::secrets::Needles;

/// Moments of each disturbance, this far apart: a request takes about half a second in this weather.
const MOMENTS: u32 = 24;
const STEP: Duration = Duration::from_millis(25);
/// How long a disturbance lasts.
const LASTS: Duration = Duration::from_secs(2);
/// Long behind the expiry of every message.
const LATER: Duration = Duration::from_secs(30 * 60);

const USER: &str = "ada@contoso.com";
const FIRST: &str = "Tweety+5&Lr2Wd9Fy";
const SECOND: &str = "Tweety+6&Hs7Bx4Mc";
const THIRD: &str = "Tweety+7&Zk1Nq8Vj";

const STORY: &str = r"
name: prelude
about: Everything up to the moment in which a user could set a password.
stages: [sim]
not-on: { live: Not asked., samba: Not asked., openldap: Not asked. }
world:
  domains:
    - name: contoso.com
      accounts: [ { name: install-admin, member-of: [Domain Admins] } ]
  tenants:
    - name: contoso
      verified-domains: [contoso.com]
      accounts: [ { name: hybrid-admin, roles: [Hybrid Identity Administrator] } ]
  hosts: [ { name: srv1, domain: contoso.com } ]
steps:
  - install: { host: srv1, tenant: contoso, sign-in-as: hybrid-admin, domain-admin: CONTOSO\install-admin }
  - set-password-policy: { domain: contoso.com, minimum-age: 0s, lockout-threshold: 0 }
  - create-user:
      object: CONTOSO\ada
      password: 'Tweety+5&Lr2Wd9Fy'
      set: { userPrincipalName: [ada@contoso.com] }
  - create-configuration: { tenant: contoso, domain: contoso.com, as: hybrid-admin }
  - start-configuration: { tenant: contoso, domain: contoso.com, as: hybrid-admin }
  - expect: { within: 10m, that: [ { in-sync: { tenant: contoso, domain: contoso.com } } ] }
  - set-password-writeback: { tenant: contoso, as: hybrid-admin }
  - expect: { within: 5m, that: [ { writeback-client: { tenant: contoso, says: up and running } } ] }
";

/// What goes wrong while a user waits.
#[derive(Debug, Clone, Copy)]
enum Disturbance {
    /// The agent is ended without warning and starts again.
    KillAgent,
    /// Its files take so many more writes, then it is ended and starts again.
    KillBetweenWrites(usize),
    /// Its connections to the domain controller are reset.
    LoseDirectory,
    /// Its connections to the relays are reset: the request is delivered again.
    LoseRelays,
    /// The domain controller is ended without warning and starts again.
    KillDirectory,
    /// The cloud is: nobody is told anything any more.
    KillCloud,
}

fn prelude() -> (tempfile::TempDir, Scenario) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prelude.yaml");
    fs::write(&path, STORY.trim_start()).unwrap();
    let scenario = load_file(&path)
        .unwrap_or_else(|errors| panic!("{}", errors.render(false)))
        .remove(0);
    (folder, scenario)
}

/// Builds a world in which a user could set a password, and ends it after `tale`.
fn told(scenario: &Scenario, tale: impl AsyncFnOnce(&SimWorld)) {
    let options = RunOptions {
        weather: Some(Weather {
            latency_ms: 20,
            loss: 0.0,
        }),
        ..RunOptions::default()
    };
    stage::runtime(StageName::Sim, 1).unwrap().block_on(async {
        let world = SimWorld::build(scenario, &options, 1).await.unwrap();
        let report = play(scenario, &options, 1, &world).await;
        if let Some(text) = failure_text(&report) {
            panic!("{text}");
        }
        tale(&world).await;
        world.shut_down(false).await;
    });
}

async fn reset(world: &SimWorld, password: &str) -> Option<PasswordAnswer> {
    let environment = environment_of(world.book().tenant("contoso").unwrap().environment());
    let body = json!({ "user": USER, "newPassword": password });
    as_user(world.door(), environment, "reset", &body).await.ok()
}

async fn works(world: &SimWorld, password: &str) -> bool {
    let mut connection = LdapConnection::open(
        world.door(),
        "dc1.contoso.com",
        Protection::Ldaps,
        DEFAULT_TIMEOUT,
    )
    .await
    .unwrap();
    let password = SecretString::from(password);
    connection.bind(r"CONTOSO\ada", &password).await.is_ok()
}

/// How often the directory has taken a password from the agent since an event.
fn applied(events: &[Event]) -> usize {
    events
        .iter()
        .filter(|event| {
            event.name == "ldap.modify"
                && event.fields["code"] == 0
                && event.fields["attributes"].to_string().contains("unicodePwd")
        })
        .count()
}

fn tries_the_password(event: &Event) -> bool {
    event.name == "ldap.bind"
        && event.fields["client"] == "srv1.contoso.com"
        && event.fields["name"]
            .as_str()
            .is_some_and(|name| name.starts_with("CN=ada,"))
}

async fn disturb(world: &SimWorld, what: Disturbance) {
    let clock = &world.door().clock;
    let cut = |to: &str| Fault {
        name: Located::unplaced("cut".to_owned()),
        from: Some("srv1.contoso.com".to_owned()),
        to: Some(to.to_owned()),
        what: FaultKind::Reset,
    };
    let agent = || Part::Agent(Located::unplaced("srv1".to_owned()));
    match what {
        Disturbance::KillAgent => world.crash(&agent()).await.unwrap(),
        Disturbance::KillBetweenWrites(count) => {
            let files = world.files("srv1").unwrap();
            files.crash_after(count);
            clock.sleep(LASTS).await;
            files.restart();
            world.crash(&agent()).await.unwrap();
        }
        Disturbance::KillDirectory => {
            let domain = Located::unplaced("contoso.com".to_owned());
            world.crash(&Part::Directory(domain)).await.unwrap();
        }
        Disturbance::KillCloud => world.crash(&Part::Cloud).await.unwrap(),
        Disturbance::LoseDirectory | Disturbance::LoseRelays => {
            let to = if matches!(what, Disturbance::LoseDirectory) {
                "dc1.contoso.com"
            } else {
                "*.servicebus.windows.net"
            };
            world.disturb(&cut(to)).unwrap();
            clock.sleep(LASTS).await;
            world.heal("cut").unwrap();
        }
    }
}

/// What came of a request.
#[derive(Default)]
struct Seen {
    /// The user was told of a success.
    success: bool,
    /// The directory took the password.
    applied: bool,
    /// The agent did not know, and tried the password by a bind.
    tried: bool,
}

/// One request with one disturbance; what is checked holds for every one of them.
fn survives(scenario: &Scenario, what: Disturbance, moment: Duration) -> Seen {
    let mut seen = Seen::default();
    told(scenario, async |world| {
        let case = format!("{what:?} after {moment:?}");
        let clock = &world.door().clock;
        let before = world.log().len();
        let disturbance = async {
            clock.sleep(moment).await;
            disturb(world, what).await;
        };
        let (answer, ()) = tokio::join!(reset(world, SECOND), disturbance);
        let success = answer == Some(PasswordAnswer::Success);
        if success {
            assert!(works(world, SECOND).await, "{case}: a success that is none");
        }
        // Whatever is still under way comes to its end: nothing is applied behind it.
        clock.sleep(LATER).await;
        let events = world.log().since(before);
        let writes = applied(&events);
        assert!(writes <= 1, "{case}: applied {writes} times");
        let (old, new) = (works(world, FIRST).await, works(world, SECOND).await);
        assert!(
            old != new && new == (writes == 1),
            "{case}: old {old}, new {new}, {writes} writes"
        );
        // The user tries again, and it is the last word.
        assert_eq!(
            reset(world, THIRD).await,
            Some(PasswordAnswer::Success),
            "{case}: no second try"
        );
        clock.sleep(LATER).await;
        assert!(works(world, THIRD).await, "{case}: the last word is not kept");
        silent(world, &case);
        seen = Seen {
            success,
            applied: writes == 1,
            tried: events.iter().any(tries_the_password),
        };
    });
    seen
}

/// Nothing that the run gave out, and no file of the host, holds a password.
fn silent(world: &SimWorld, case: &str) {
    let mut needles = Needles::default();
    for (name, password) in [("the first", FIRST), ("the second", SECOND), ("the third", THIRD)] {
        needles.password(name, password);
    }
    let trace = trace_text(&world.log().events());
    assert_eq!(
        needles.found_in(trace.as_bytes()),
        Vec::<String>::new(),
        "{case}: the trace"
    );
    // The key files are what a private key is for; every other file is searched.
    let files = world.files("srv1").unwrap().snapshot();
    for (path, content) in files.iter().filter(|(path, _)| !path.ends_with(".pem")) {
        assert_eq!(needles.found_in(content), Vec::<String>::new(), "{case}: {path}");
    }
}

#[test]
fn whatever_happens_a_password_is_applied_at_most_once_and_no_success_is_told_for_one_that_does_not_work() {
    let (_folder, scenario) = prelude();
    let kills = [
        Disturbance::KillAgent,
        Disturbance::LoseDirectory,
        Disturbance::LoseRelays,
        Disturbance::KillDirectory,
        Disturbance::KillCloud,
    ];
    let mut cases: Vec<(Disturbance, Duration)> = kills
        .iter()
        .flat_map(|what| (0..MOMENTS).map(|number| (*what, STEP * number)))
        .collect();
    cases.extend((0..4).map(|count| (Disturbance::KillBetweenWrites(count), Duration::ZERO)));
    let seen: Vec<Seen> = cases
        .into_iter()
        .map(|(what, moment)| survives(&scenario, what, moment))
        .collect();
    // The moments met every end there may be, the awkward ones among them: applied, and the user told of a failure or of nothing; and
    // an agent that does not know, and finds out.
    let some = |fits: fn(&Seen) -> bool| seen.iter().any(fits);
    assert!(some(|seen| seen.success && seen.applied));
    assert!(some(|seen| !seen.success && seen.applied));
    assert!(some(|seen| !seen.success && !seen.applied));
    assert!(some(|seen| seen.success && seen.tried));
    assert!(!some(|seen| seen.success && !seen.applied));
}
