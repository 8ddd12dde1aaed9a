//! Plays a history.

use std::fs;

use provlab::{
    report::{RunReport, failure_text},
    run::{RunOptions, run_scenario},
    scenario::{Scenario, load_file},
};

use super::{deed::Deed, model::Model, story};

/// The scenario that a text is.
pub fn load(name: &str, text: &str) -> Scenario {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("{name}.yaml"));
    fs::write(&path, text).unwrap();
    load_file(&path)
        .unwrap_or_else(|errors| panic!("{}\n{text}", errors.render(false)))
        .remove(0)
}

/// Plays it, and once more if it is to be seen that its seed decides it.
///
/// # Errors
/// What is not as it must be.
pub fn play(name: &str, number: usize, model: &Model, story: &[Deed], twice: bool) -> Result<(), String> {
    let scenario = load(name, &story::text(name, number, model, story));
    let report = told(&scenario)?;
    if twice {
        let again = told(&scenario)?;
        let parts = report.events.iter().zip(&again.events);
        if let Some((one, other)) = parts.into_iter().find(|(one, other)| one != other) {
            return Err(format!("two runs with one seed differ:\n{one:?}\n{other:?}"));
        }
        if report.events.len() != again.events.len() || report.final_state != again.final_state {
            return Err("two runs with one seed end in different states".to_owned());
        }
    }
    Ok(())
}

fn told(scenario: &Scenario) -> Result<RunReport, String> {
    let report = run_scenario(scenario, &RunOptions::default());
    failure_text(&report).map_or(Ok(report), Err)
}
