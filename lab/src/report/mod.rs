//! What a run leaves behind: verdict, times, trace and final state, and the forms they are told in.

mod console;
mod json;
mod junit;
mod trace_text;

use std::time::Duration;

use provlab_platform::Event;

use crate::{
    run::Verdict,
    scenario::{ScenarioId, StageName},
};

pub use console::{failure_text, summary_table};
pub use json::write_json;
pub use junit::write_junit;
pub use trace_text::{event_line, trace_text};

/// How one run of one scenario ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Everything happened and held.
    Passed,
    /// The story went otherwise than told.
    Failed(Verdict),
    /// The stage cannot do this honestly.
    NotRun(String),
    /// Something that the run needs is missing on this machine.
    Missing(String),
    /// The lab itself failed.
    Defect(String),
    /// It was ended before its time.
    Interrupted,
}

impl Outcome {
    /// One word for tables.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed(_) => "FAILED",
            Self::NotRun(_) => "not run",
            Self::Missing(_) => "missing",
            Self::Defect(_) => "DEFECT",
            Self::Interrupted => "interrupted",
        }
    }
}

/// A step that was performed.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepReport {
    /// Line in the file.
    pub line: u64,
    /// The step's word.
    pub step: String,
    /// When it began, in microseconds of the world's clock.
    pub at_micros: u64,
    /// How long it took on the world's clock, in microseconds.
    pub took_micros: u64,
}

/// One run of one scenario.
#[derive(Debug, Clone)]
pub struct RunReport {
    /// Which scenario.
    pub id: ScenarioId,
    /// Its file, as it was named.
    pub file: String,
    /// Where it ran.
    pub stage: StageName,
    /// The seed; decides everything on `sim`.
    pub seed: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// Time that passed in the world (virtual on `sim`).
    pub world_time: Duration,
    /// Time that passed on the wall, set-up and clean-up included.
    pub wall_time: Duration,
    /// What was performed.
    pub steps: Vec<StepReport>,
    /// Everything that happened.
    pub events: Vec<Event>,
    /// Directory and cloud at the end, in a normal form without ids and times.
    pub final_state: serde_json::Value,
}

impl RunReport {
    /// A report for a scenario that was not started.
    pub fn not_started(id: ScenarioId, file: String, stage: StageName, seed: u64, outcome: Outcome) -> Self {
        Self {
            id,
            file,
            stage,
            seed,
            outcome,
            world_time: Duration::ZERO,
            wall_time: Duration::ZERO,
            steps: Vec::new(),
            events: Vec::new(),
            final_state: serde_json::Value::Null,
        }
    }
}
