//! A kill at any moment loses nothing and does nothing twice: of the agent, the cloud and the directory in the
//! middle of the first cycle, and of the wizard between two pages, two events and two writes.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test")]

use std::{fs, time::Duration};

use async_trait::async_trait;
use provlab::{
    report::failure_text,
    run::{RunOptions, Weather, install_request, play},
    scenario::{Install, JobTemplate, Located, Part, Scenario, StageName, Step, WizardPage, load_file},
    stage::{self, SimWorld},
    world::{BetweenPages, Graph, World, WorldError, environment_of, initial_domain},
};
use provlab_entra::control::{Command, Reply};
use provlab_platform::{Entropy, Event};
use serde_json::Value;

/// Kills of each part on `sim` in a small world, each at a moment of its own.
const MOMENTS: u32 = 20;
/// Users of a small world: one page.
const FEW: u32 = 24;
/// Users of two pages.
const PAGES: u32 = 560;
/// Users on `live`: several pages, so that there is a middle.
const MANY: u32 = 1600;
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
            load_file(&path)
                .unwrap_or_else(|errors| panic!("{}", errors.render(false)))
                .remove(0)
        });
        Self {
            _folder: folder,
            install,
            proof,
        }
    }

    fn step(&self) -> &Install {
        match &self.install.steps[0] {
            Located {
                value: Step::Install(install),
                ..
            } => install,
            other => panic!("{other:?}"),
        }
    }

    /// Builds a world on `sim` and ends it after `tale`.
    fn on_sim(&self, seed: u64, tale: impl AsyncFnOnce(&SimWorld)) {
        let weather = Some(Weather {
            latency_ms: 20,
            loss: 0.0,
        });
        let options = RunOptions {
            weather,
            ..RunOptions::default()
        };
        stage::runtime(StageName::Sim, seed).unwrap().block_on(async {
            let world = SimWorld::build(&self.install, &options, seed).await.unwrap();
            tale(&world).await;
            world.shut_down(false).await;
        });
    }

    async fn install(&self, world: &dyn World) {
        told(&self.install, world)
            .await
            .unwrap_or_else(|text| panic!("{text}"));
    }

    async fn start(&self, world: &dyn World) {
        let book = world.book();
        let tenant = book.tenant(TENANT).unwrap();
        let administrator = book.cloud_credential(TENANT, "hybrid-admin").unwrap();
        let environment = environment_of(tenant.environment());
        let graph = Graph::sign_in(world.door(), environment, tenant, &administrator)
            .await
            .unwrap();
        graph
            .job_verb(DOMAIN, JobTemplate::default(), "start")
            .await
            .unwrap();
    }

    /// Nothing lost, nothing twice, one agent; `when` says what was done to the world.
    async fn prove(&self, world: &dyn World, when: &str) {
        told(&self.proof, world)
            .await
            .unwrap_or_else(|text| panic!("{when}:\n{text}"));
        let tenant = tenant_state(world).await;
        assert_eq!(
            tenant["agents"].as_array().map(Vec::len),
            Some(1),
            "{when}: {}",
            tenant["agents"]
        );
        for object in synced(&tenant) {
            assert_ne!(
                object["deleted"], true,
                "{when}: a second copy was made and deleted: {object}"
            );
        }
    }
}

/// Plays a story in a world that stands; the failure in words.
async fn told(scenario: &Scenario, world: &dyn World) -> Result<(), String> {
    let options = RunOptions {
        stage: world.stage(),
        ..RunOptions::default()
    };
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
    let objects = ["users", "groups"]
        .into_iter()
        .flat_map(|kind| tenant[kind].as_array().into_iter().flatten());
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

/// Kills the part at [`MOMENTS`] moments of the first cycle on `sim`, and between two pages of a larger one.
fn killed_on_sim(part: &Part, seed: u64) {
    let story = Story::with(FEW);
    let mut span = Duration::ZERO;
    story.on_sim(seed, async |world| {
        story.install(world).await;
        story.start(world).await;
        let began = world.door().clock.now();
        world.log().find(ends_cycle).await;
        span = world.door().clock.now() - began;
        story.prove(world, "nobody was killed").await;
    });
    for moment in moments(span, &format!("{part:?}")) {
        // The same seed: until the kill it is the same run.
        story.on_sim(seed, async |world| {
            story.install(world).await;
            story.start(world).await;
            world.door().clock.sleep(moment).await;
            let ended = world.log().events().iter().any(ends_cycle);
            assert!(!ended, "{moment:?} is after the cycle of {span:?}");
            world.crash(part).await.unwrap();
            story
                .prove(
                    world,
                    &format!("{part:?} was killed {moment:?} into the first cycle of {span:?}"),
                )
                .await;
        });
    }
    let story = Story::with(PAGES);
    story.on_sim(seed, async |world| {
        story.install(world).await;
        story.start(world).await;
        world.log().find(exports).await;
        let then = synced(&tenant_state(world).await).count();
        assert!(
            !world.log().events().iter().any(ends_cycle),
            "the kill comes after the cycle"
        );
        world.crash(part).await.unwrap();
        story
            .prove(
                world,
                &format!("{part:?} was killed with {then} objects in the tenant"),
            )
            .await;
        let all = synced(&tenant_state(world).await).count();
        assert!(
            0 < then && then < all,
            "the kill did not come between two pages: {then} of {all} objects"
        );
    });
}

fn agent() -> Part {
    Part::Agent(Located::unplaced(HOST.into()))
}

fn directory() -> Part {
    Part::Directory(Located::unplaced(DOMAIN.into()))
}

#[test]
fn the_proof_sees_what_is_missing() {
    let story = Story::with(FEW);
    story.on_sim(1, async |world| {
        story.install(world).await;
        let text = told(&story.proof, world).await.unwrap_err();
        assert!(text.contains("is not in the tenant"), "{text}");
    });
}

#[test]
fn an_agent_killed_in_the_first_cycle_loses_nothing() {
    killed_on_sim(&agent(), 1);
}

#[test]
fn a_directory_killed_in_the_first_cycle_loses_nothing() {
    killed_on_sim(&directory(), 2);
}

#[test]
fn a_cloud_killed_in_the_first_cycle_loses_nothing() {
    killed_on_sim(&Part::Cloud, 3);
}

/// The same on real processes, once, as soon as the first page is exported.
#[cfg(unix)]
fn killed_on_live(part: &Part) {
    let story = Story::with(MANY);
    let options = RunOptions {
        stage: StageName::Live,
        ..RunOptions::default()
    };
    stage::runtime(StageName::Live, 1).unwrap().block_on(async {
        let world = stage::build(&story.install, &options, 1).await.unwrap();
        let world = world.as_ref();
        story.install(world).await;
        story.start(world).await;
        world
            .door()
            .clock
            .timeout(PATIENCE, world.log().find(exports))
            .await
            .unwrap();
        world.crash(part).await.unwrap();
        let then = synced(&tenant_state(world).await).count();
        story
            .prove(
                world,
                &format!("{part:?} was killed with {then} objects in the tenant"),
            )
            .await;
        let all = synced(&tenant_state(world).await).count();
        assert!(
            0 < then && then < all,
            "the kill did not come in the middle: {then} of {all} objects were there"
        );
        world.shut_down(false).await;
    });
}

#[cfg(unix)]
#[test]
fn an_agent_process_killed_in_the_first_cycle_loses_nothing() {
    killed_on_live(&agent());
}

#[cfg(unix)]
#[test]
fn a_directory_process_killed_in_the_first_cycle_loses_nothing() {
    killed_on_live(&directory());
}

#[cfg(unix)]
#[test]
fn a_cloud_process_killed_in_the_first_cycle_loses_nothing() {
    killed_on_live(&Part::Cloud);
}

/// The wizard's process ends before it enters a page; `None` lets it finish.
struct KilledBefore(Option<WizardPage>);

#[async_trait(?Send)]
impl BetweenPages for KilledBefore {
    async fn before(&mut self, page: WizardPage) -> Result<(), WorldError> {
        if self.0 == Some(page) {
            Err(WorldError::Lab("the wizard is killed".into()))
        } else {
            Ok(())
        }
    }
}

impl Story {
    /// The administrator begins again, and everything goes its way.
    async fn rerun(&self, world: &dyn World, when: &str) {
        told(&self.install, world)
            .await
            .unwrap_or_else(|text| panic!("{when}:\n{text}"));
        self.start(world).await;
        self.prove(world, when).await;
    }
}

#[test]
fn a_wizard_killed_between_two_pages_can_be_run_again() {
    let story = Story::with(FEW);
    for page in WizardPage::ALL {
        story.on_sim(1, async |world| {
            let request = install_request(world.book(), story.step()).unwrap();
            world
                .install(&request, &mut KilledBefore(Some(page)))
                .await
                .unwrap_err();
            story
                .rerun(
                    world,
                    &format!("the wizard was killed before \"{}\"", page.title()),
                )
                .await;
        });
    }
}

#[cfg(unix)]
#[test]
fn a_wizard_process_killed_between_two_pages_can_be_run_again() {
    let story = Story::with(FEW);
    let options = RunOptions {
        stage: StageName::Live,
        ..RunOptions::default()
    };
    stage::runtime(StageName::Live, 1).unwrap().block_on(async {
        let world = stage::build(&story.install, &options, 1).await.unwrap();
        let world = world.as_ref();
        let request = install_request(world.book(), story.step()).unwrap();
        // One after the other, each on what the last one left.
        for page in WizardPage::ALL {
            world
                .install(&request, &mut KilledBefore(Some(page)))
                .await
                .unwrap_err();
        }
        story
            .rerun(world, "the wizard was killed before every page")
            .await;
        world.shut_down(false).await;
    });
}

#[test]
fn a_wizard_killed_at_any_moment_can_be_run_again() {
    let story = Story::with(FEW);
    let mut span = Duration::ZERO;
    story.on_sim(1, async |world| {
        let request = install_request(world.book(), story.step()).unwrap();
        let began = world.door().clock.now();
        assert!(
            world
                .install(&request, &mut KilledBefore(None))
                .await
                .unwrap()
                .completed
        );
        span = world.door().clock.now() - began;
    });
    for moment in moments(span, "wizard") {
        story.on_sim(1, async |world| {
            let request = install_request(world.book(), story.step()).unwrap();
            let clock = world.door().clock.clone();
            let ended = clock
                .timeout(moment, world.install(&request, &mut KilledBefore(None)))
                .await;
            assert!(ended.is_err(), "{moment:?} is after the installation of {span:?}");
            story
                .rerun(
                    world,
                    &format!("the wizard was killed {moment:?} into the installation of {span:?}"),
                )
                .await;
        });
    }
}

/// A host loses its power between two writes of an installation: after each of them in turn.
#[test]
fn a_host_that_stops_between_two_writes_can_be_installed_again() {
    let story = Story::with(FEW);
    let mut writes = 0;
    let mut completed = false;
    while !completed {
        story.on_sim(1, async |world| {
            let request = install_request(world.book(), story.step()).unwrap();
            let files = world.files(HOST).unwrap();
            files.crash_after(writes);
            completed = world
                .install(&request, &mut KilledBefore(None))
                .await
                .unwrap()
                .completed;
            files.restart();
            world.crash(&agent()).await.unwrap();
            story
                .rerun(world, &format!("the host stopped after {writes} writes"))
                .await;
        });
        writes += 1;
    }
}
