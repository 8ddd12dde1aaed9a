//! provlab: a laboratory for the Microsoft Entra provisioning agent.
//!
//! Scenario files ([`scenario`]) are run ([`run`]) in a [`world`] that a [`stage`] builds — simulated, or on real
//! sockets and processes — and are told in a [`report`]. An [`oracle`] knows what the cloud must hold. [`cli`] is the command line over all of it.
//!
//! Any Rust test can run a scenario file, or tell a story in code:
//!
//! ```no_run
//! provlab::assert_passes("scenarios/fresh-install.yaml", &provlab::run::RunOptions::default());
//! ```
//!
//! ```
//! use provlab::{report::Outcome, run::{RunOptions, run_scenario}, scenario::{Scenario, Span, Step, Located, WorldFile}};
//!
//! let quiet_hour = Step::Advance(Located::unplaced(Span(std::time::Duration::from_secs(3600))));
//! let story = Scenario::in_code("a-quiet-hour", WorldFile::default(), vec![quiet_hour]);
//! let report = run_scenario(&story, &RunOptions::default());
//! assert_eq!(report.outcome, Outcome::Passed);
//! assert_eq!(report.world_time.as_secs(), 3600);
//! ```

pub mod cli;
pub mod oracle;
pub mod report;
pub mod run;
pub mod scenario;
pub mod stage;
pub mod world;

use std::path::Path;

/// Runs every variant of a scenario file and panics with the whole story where one does not pass.
///
/// For tests of other projects: the file can lie anywhere, fixtures are found relative to it.
///
/// # Panics
/// If the file is wrong or a run does not pass.
#[expect(clippy::panic, reason = "this is an assertion for tests")]
pub fn assert_passes(file: impl AsRef<Path>, options: &run::RunOptions) {
    let scenarios = match scenario::load_file(file.as_ref()) {
        Ok(scenarios) => scenarios,
        Err(errors) => panic!("{errors}"),
    };
    for scenario in &scenarios {
        let report = run::run_scenario(scenario, options);
        if let Some(text) = report::failure_text(&report) {
            panic!("{text}");
        }
    }
}
