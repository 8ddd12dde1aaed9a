//! A named scenario on the simulated stage, and the quiet day after it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use provlab::report::Outcome;
use provlab::run::{RunOptions, play, run_scenario};
use provlab::scenario::{Scenario, StageName, load_file};
use provlab::stage;

/// How long the world is left alone.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The file of a named scenario.
#[must_use]
pub fn file(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    folder.join(format!("{name}.yaml"))
}

/// Reads and checks the file; the first variant where it has any.
///
/// # Panics
/// If it is wrong.
#[must_use]
pub fn load(file: &Path) -> Scenario {
    let scenarios = load_file(file).expect("the named scenarios are well-formed");
    scenarios
        .into_iter()
        .next()
        .expect("a file holds at least one scenario")
}

/// From nothing to a verdict; returns the number of events that the run left.
///
/// # Panics
/// If the scenario does not pass.
#[must_use]
pub fn run(scenario: &Scenario) -> usize {
    let report = run_scenario(scenario, &RunOptions::default());
    assert_eq!(report.outcome, Outcome::Passed, "{}", report.id);
    report.events.len()
}

/// Plays the scenario, then lets a simulated day pass; returns how long the day alone took.
///
/// # Panics
/// If the scenario does not pass.
#[must_use]
pub fn day_after(scenario: &Scenario) -> Duration {
    let options = RunOptions::default();
    let runtime = stage::runtime(StageName::Sim, scenario.seed);
    let runtime = runtime.expect("a runtime without I/O needs no resources");
    runtime.block_on(async {
        let world = stage::build(scenario, &options, scenario.seed).await;
        let world = world.expect("the named scenarios describe worlds that can be built");
        let report = play(scenario, &options, scenario.seed, world.as_ref()).await;
        assert_eq!(report.outcome, Outcome::Passed, "{}", report.id);
        let begun = Instant::now();
        world.door().clock.sleep(DAY).await;
        let took = begun.elapsed();
        world.shut_down(false).await;
        took
    })
}
