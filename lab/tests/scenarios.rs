//! Every scenario is a test of its own, on `sim` and on `live`; on `sim` its trace and on both its end are snapshots.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test")]

#[path = "support/abridge.rs"]
mod abridge;

use abridge::{abridged, abridged_trace};
use libtest_mimic::{Arguments, Failed, Trial};
use provlab::{
    report::{Outcome, RunReport, failure_text},
    run::{RunOptions, run_scenario},
    scenario::{Catalog, Scenario, StageName},
};

const SCENARIOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios");
const SNAPSHOTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../snapshots");

fn main() {
    let arguments = Arguments::from_args();
    let catalog = match Catalog::read(SCENARIOS.as_ref()) {
        Ok(catalog) => catalog,
        Err(errors) => panic!("{}", errors.render(false)),
    };
    let trials = catalog
        .scenarios
        .into_iter()
        .flat_map(|scenario| {
            StageName::ALL.into_iter().filter_map(move |stage| {
                let scenario = scenario.clone();
                scenario.stages.contains(&stage).then(|| {
                    Trial::test(format!("{stage}::{}", scenario.id), move || run(&scenario, stage))
                        .with_kind(stage.as_str())
                })
            })
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit();
}

fn run(scenario: &Scenario, stage: StageName) -> Result<(), Failed> {
    let report = run_scenario(
        scenario,
        &RunOptions {
            stage,
            ..RunOptions::default()
        },
    );
    match &report.outcome {
        Outcome::Passed => compare(&report),
        Outcome::Missing(reason) | Outcome::NotRun(reason) if !required(stage) => {
            eprintln!("{} on {stage}: not run: {reason}", report.id);
            Ok(())
        }
        _ => Err(failure_text(&report)
            .unwrap_or_else(|| report.outcome.word().to_owned())
            .into()),
    }
}

/// `PROVLAB_REQUIRE=samba,openldap` turns what a machine lacks into a failure.
fn required(stage: StageName) -> bool {
    matches!(stage, StageName::Sim | StageName::Live)
        || std::env::var("PROVLAB_REQUIRE")
            .is_ok_and(|list| list.split(',').any(|word| word.trim() == stage.as_str()))
}

fn compare(report: &RunReport) -> Result<(), Failed> {
    let name = report.id.to_string().replace('/', "__");
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(SNAPSHOTS);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        std::panic::catch_unwind(|| {
            // One snapshot for all stages: the same story ends in the same place, whatever it stands on.
            insta::assert_yaml_snapshot!(format!("{name}__end"), abridged(report.final_state.clone()));
            if report.stage == StageName::Sim {
                insta::assert_snapshot!(format!("{name}__trace"), abridged_trace(&report.events));
            }
        })
        .map_err(|_| Failed::from("the snapshot differs; `cargo insta review` shows how"))
    })
}
