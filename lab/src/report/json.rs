//! The JSON trace: everything a run did, for other programs.
//!
//! On `sim` the file holds nothing that the seed does not decide, so two runs can be compared byte for byte.

use std::io::{self, Write};

use serde::Serialize;

use super::{Outcome, RunReport, StepReport};
use crate::{run::Verdict, scenario::StageName};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    /// Version of this form.
    version: u32,
    runs: Vec<Run<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    scenario: String,
    stage: StageName,
    seed: u64,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    world_micros: u128,
    /// Absent on `sim`, where wall time is the only thing that differs between two runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    wall_micros: Option<u128>,
    steps: &'a [StepReport],
    final_state: &'a serde_json::Value,
    events: &'a [provlab_platform::Event],
}

/// Writes all reports as one JSON document.
///
/// # Errors
/// What the writer answers.
pub fn write_json(reports: &[RunReport], mut writer: impl Write) -> io::Result<()> {
    let runs = reports
        .iter()
        .map(|report| Run {
            scenario: report.id.to_string(),
            stage: report.stage,
            seed: report.seed,
            verdict: report.outcome.word(),
            reason: match &report.outcome {
                Outcome::Passed | Outcome::Failed(Verdict::Passed) | Outcome::Interrupted => None,
                Outcome::Failed(Verdict::StepFailed(failure)) => Some(failure.message.clone()),
                Outcome::Failed(Verdict::Unmet { unmet, .. }) => Some(
                    unmet
                        .iter()
                        .map(|one| format!("{} / {}", one.expected, one.actual))
                        .collect::<Vec<_>>()
                        .join("; "),
                ),
                Outcome::NotRun(reason) | Outcome::Missing(reason) | Outcome::Defect(reason) => {
                    Some(reason.clone())
                }
            },
            world_micros: report.world_time.as_micros(),
            wall_micros: (report.stage != StageName::Sim).then_some(report.wall_time.as_micros()),
            steps: &report.steps,
            final_state: &report.final_state,
            events: &report.events,
        })
        .collect();
    serde_json::to_writer_pretty(&mut writer, &Document { version: 1, runs }).map_err(io::Error::other)?;
    writer.write_all(b"\n")
}
