//! `lab run`: selects, runs in parallel, reports, and chooses the exit status.

use std::{
    fs::File,
    io::BufWriter,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use super::{
    Exit,
    args::{Keep, RunArgs},
    ending::Ending,
    list::wrong,
    progress::Progress,
    select::{SelectError, select},
};
use crate::{
    report::{Outcome, RunReport, failure_text, summary_table, write_json, write_junit},
    run::{KeepFiles, RunOptions, run_scenario},
    scenario::{Scenario, StageName},
    stage::sweep_own,
};

/// Runs what the arguments name.
pub(super) fn run(folder: &Path, arguments: &RunArgs) -> Exit {
    let scenarios = match select(folder, &arguments.names) {
        Ok(scenarios) if scenarios.is_empty() => {
            eprintln!("there are no scenarios in {}", folder.display());
            return Exit::Usage;
        }
        Ok(scenarios) => scenarios,
        Err(SelectError::Files(errors)) => return wrong(&errors),
        Err(error) => {
            eprintln!("{error}");
            return Exit::Usage;
        }
    };
    // The report files are opened first: a run whose result cannot be kept must not start.
    let mut outputs = Vec::new();
    for (path, write) in [
        (
            &arguments.junit,
            write_junit as fn(&[RunReport], BufWriter<File>) -> std::io::Result<()>,
        ),
        (&arguments.json, write_json),
    ] {
        let Some(path) = path else { continue };
        match File::create(path) {
            Ok(file) => outputs.push((path, file, write)),
            Err(error) => {
                eprintln!("{}: cannot be written: {error}", path.display());
                return Exit::Usage;
            }
        }
    }
    let ending = match watch_for(arguments.on) {
        Ok(ending) => ending,
        Err(error) => {
            eprintln!("signals cannot be listened for: {error}");
            return Exit::Defect;
        }
    };
    let options = RunOptions {
        stage: arguments.on,
        seed: arguments.seed,
        weather: None,
        keep: match arguments.keep {
            Keep::Never => KeepFiles::Never,
            Keep::OnFailure => KeepFiles::OnFailure,
            Keep::Always => KeepFiles::Always,
        },
        verbose: arguments.verbose,
        stop: ending.as_ref().map(Ending::stop).unwrap_or_default(),
    };
    let begun = Instant::now();
    let reports = run_all(&scenarios, &options, arguments.jobs);
    let wall = begun.elapsed();
    if options.stop.is_asked() {
        sweep_own();
    }
    for text in reports.iter().filter_map(failure_text) {
        eprintln!("\n{text}");
    }
    print!("{}", summary_table(&reports, wall));
    for (path, file, write) in outputs {
        if let Err(error) = write(&reports, BufWriter::new(file)) {
            eprintln!("{}: cannot be written: {error}", path.display());
            return Exit::Defect;
        }
    }
    let ended = ending.and_then(|ending| ending.exit());
    ended.unwrap_or_else(|| exit_of(&reports))
}

/// A simulated world has nothing that could outlive the process.
fn watch_for(stage: StageName) -> std::io::Result<Option<Ending>> {
    (stage != StageName::Sim).then(Ending::watch).transpose()
}

fn run_all(scenarios: &[Scenario], options: &RunOptions, jobs: Option<usize>) -> Vec<RunReport> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = jobs.unwrap_or(cores).clamp(1, scenarios.len().max(1));
    let progress = Progress::new(scenarios.len());
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, RunReport)>> = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    if options.stop.is_asked() {
                        break;
                    }
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(scenario) = scenarios.get(index) else {
                        break;
                    };
                    progress.begun(&scenario.id.to_string());
                    let report = run_scenario(scenario, options);
                    progress.ended(&report);
                    if let Ok(mut done) = done.lock() {
                        done.push((index, report));
                    }
                }
            });
        }
    });
    progress.finish();
    let mut done = done
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, report)| report).collect()
}

/// The worst cause decides. A stage that honestly leaves a scenario out is no failure.
fn exit_of(reports: &[RunReport]) -> Exit {
    reports
        .iter()
        .map(|report| match report.outcome {
            // How the process ends then, the signal says.
            Outcome::Passed | Outcome::NotRun(_) | Outcome::Interrupted => Exit::Passed,
            Outcome::Failed(_) => Exit::Failed,
            Outcome::Missing(_) => Exit::Missing,
            Outcome::Defect(_) => Exit::Defect,
        })
        .max()
        .unwrap_or(Exit::Passed)
}
