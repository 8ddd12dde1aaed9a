//! A kill at any moment loses nothing and does nothing twice: of the agent, the cloud and the directory in the
//! middle of the first cycle, and of the wizard between two pages, two events and two writes.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test")]

use std::{fs, time::Duration};

use async_trait::async_trait;
use provlab::{
    report::failure_text,
    run::{RunOptions, Weather, install_request, play},
    scenario::{Install, Located, Part, Scenario, StageName, Step, WizardPage, load_file},
    stage::{self, SimWorld},
    world::{BetweenPages, Graph, World, WorldError, environment_of, initial_domain},
};
use provlab_entra::control::{Command, Reply};
use provlab_platform::{Entropy, Event};
use serde_json::Value;

/// Kills of each part on `sim`, each at a moment of its own.
const MOMENTS: u32 = 20;
/// Users on `sim`: few, so that a world is quickly made, and one page long.
const FEW: u32 = 24;
/// Users of two pages.
const PAGES: u32 = 560;
/// Users on `live`: several pages, so that there is a middle.
const MANY: u32 = 2200;
/// How long the first export of a cycle may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

const DOMAIN: &str = "contoso.com";
const TENANT: &str = "contoso";
const HOST: &str = "srv1";

/// A world, the way to its first cycle, and what must be so at the end, whatever happened on the way.
struct Story {
    _folder: tempfile::TempDir,
    /// Installs the agent and makes the configuration, which is not started.
    install: Scenario,
    /// What must be so in the end.
    proof: Scenario,
}

const STEPS: [(&str, &str); 2] = [
    (
        "install",
        r"
  - install: { host: srv1, tenant: contoso, sign-in-as: hybrid-admin, domain-admin: CONTOSO\install-admin }
  - expect: { that: [ { wizard: { host: srv1, outcome: completed } } ] }
  - create-configuration: { tenant: contoso, domain: contoso.com, as: hybrid-admin }
",
    ),
    (
        "proof",
        r"
  - expect:
      within: 12h
      that:
        - in-sync: { tenant: contoso, domain: contoso.com }
        - exported-once: { tenant: contoso }
        - job: { tenant: contoso, domain: contoso.com, status: Active }
        - service: { host: srv1, state: running, account: 'CONTOSO\provAgentgMSA$' }
        - gmsa: { domain: contoso.com, name: provAgentgMSA$, allowed: [srv1] }
        - gmsa-count: { domain: contoso.com, count: 1 }
",
    ),
];

impl Story {
    fn with(users: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [install, proof] = STEPS.map(|(name, steps)| {
            let text = format!(
                "name: {name}
about: A part is killed.
stages: [sim, live]
not-on: {{ samba: Not asked., openldap: Not asked. }}
world:
  domains:
    - name: contoso.com
      population: {{ users: {users}, seed: 7 }}
      accounts: [ {{ name: install-admin, member-of: [Domain Admins] }} ]
  tenants:
    - name: contoso
      verified-domains: [contoso.com]
      accounts: [ {{ name: hybrid-admin, roles: [Hybrid Identity Administrator] }} ]
  hosts: [ {{ name: srv1, domain: contoso.com }} ]
steps:{steps}"
            );
            let path = folder.path().join(format!("{name}.yaml"));
            fs::write(&path, text).unwrap();
            load_file(&path).unwrap_or_else(|errors| panic!("{}", errors.render(false))).remove(0)
        });
        Self { _folder: folder, install, proof }
    }

    fn step(&self) -> &Install {
        match &self.install.steps[0] {
            Located { value: Step::Install(install), .. } => install,
            other => panic!("{other:?}"),
        }
    }

    /// Builds a world on `sim` and ends it after `tale`.
    fn on_sim(&self, seed: u64, tale: impl AsyncFnOnce(&SimWorld)) {
        let weather = Some(Weather { latency_ms: 20, loss: 0.0 });
        let options = RunOptions { weather, ..RunOptions::default() };
        stage::runtime(StageName::Sim, seed).unwrap().block_on(async {
            let world = SimWorld::build(&self.install, &options, seed).await.unwrap();
            tale(&world).await;
            world.shut_down(false).await;
        });
    }

    async fn install(&self, world: &dyn World) {
        told(&self.install, world).await.unwrap_or_else(|text| panic!("{text}"));
    }

    async fn start(&self, world: &dyn World) {
        let book = world.book();
        let tenant = book.tenant(TENANT).unwrap();
        let administrator = book.cloud_credential(TENANT, "hybrid-admin").unwrap();
        let environment = environment_of(tenant.environment());
        let graph = Graph::sign_in(world.door(), environment, tenant, &administrator).await.unwrap();
        graph.job(DOMAIN, "start").await.unwrap();
    }

    /// Nothing lost, nothing twice; `when` says what was done to the world.
    async fn prove(&self, world: &dyn World, when: &str) {
        told(&self.proof, world).await.unwrap_or_else(|text| panic!("{when}:\n{text}"));
        let tenant = tenant_state(world).await;
        for object in synced(&tenant) {
            assert_ne!(object["deleted"], true, "{when}: a second copy was made and deleted: {object}");
        }
    }
}

/// Plays a story in a world that stands; the failure in words.
async fn told(scenario: &Scenario, world: &dyn World) -> Result<(), String> {
    let options = RunOptions { stage: world.stage(), ..RunOptions::default() };
    let report = play(scenario, &options, 1, world).await;
    failure_text(&report).map_or(Ok(()), Err)
}

async fn tenant_state(world: &dyn World) -> Value {
    let tenant = Some(initial_domain(world.book().tenant(TENANT).unwrap()));
    match world.cloud(Command::Dump { tenant }).await.unwrap() {
        Reply::Dump(mut state) => state["tenants"][0].take(),
        other => panic!("{other:?}"),
    }
}

/// Objects of on-premises origin, deleted or not.
fn synced(tenant: &Value) -> impl Iterator<Item = &Value> {
    let objects = ["users", "groups"].into_iter().flat_map(|kind| tenant[kind].as_array().into_iter().flatten());
    objects.filter(|object| object["onPremises"].is_object())
}

fn exports(event: &Event) -> bool {
    event.name == "job.export"
}

fn ends_cycle(event: &Event) -> bool {
    event.name == "job.cycle"
}

/// [`MOMENTS`] moments spread over a span of the world's time.
fn moments(span: Duration, label: &str) -> impl Iterator<Item = Duration> {
    let entropy = Entropy::seeded(1).fork(label);
    let slice = span / MOMENTS;
    (0..MOMENTS).map(move |number| slice * number + entropy.range_duration(Duration::ZERO, slice))
}

/// Kills the part at [`MOMENTS`] moments of the first cycle on `sim`.
fn killed_in_the_first_cycle(part: &Part, seed: u64) {
    let story = Story::with(PAGES);
    let mut span = Duration::ZERO;
    story.on_sim(seed, async |world| {
        story.install(world).await;
        story.start(world).await;
        let began = world.door().clock.now();
        world.log().find(ends_cycle).await;
        span = world.door().clock.now() - began;
        story.prove(world, "nobody was killed").await;
    });
    let mut half_way = 0;
    for moment in moments(span, &format!("{part:?}")) {
        // The same seed: until the kill it is the same run.
        story.on_sim(seed, async |world| {
            story.install(world).await;
            story.start(world).await;
            world.door().clock.sleep(moment).await;
            let events = world.log().events();
            assert!(!events.iter().any(ends_cycle), "{moment:?} is after the cycle of {span:?}");
            half_way += u32::from(events.iter().any(exports));
            world.crash(part).await.unwrap();
            story.prove(world, &format!("{part:?} was killed {moment:?} into the first cycle of {span:?}")).await;
        });
    }
    assert!(half_way > 0, "no kill came between two pages");
}

fn agent() -> Part {
    Part::Agent(Located::unplaced(HOST.into()))
}

fn directory() -> Part {
    Part::Directory(Located::unplaced(DOMAIN.into()))
}

#[test]
fn an_agent_killed_in_the_first_cycle_loses_nothing() {
    killed_in_the_first_cycle(&agent(), 1);
}

#[test]
fn a_directory_killed_in_the_first_cycle_loses_nothing() {
    killed_in_the_first_cycle(&directory(), 1);
}

#[test]
fn a_cloud_killed_in_the_first_cycle_loses_nothing() {
    killed_in_the_first_cycle(&Part::Cloud, 1);
}
