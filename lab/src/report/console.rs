//! The table at the end of `lab run`, and the text of a failure.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    time::Duration,
};

use serde_json::Value;

use super::{Outcome, RunReport, event_line};
use crate::run::Verdict;

/// How many events of the trace are shown with a failure.
const EVENTS_SHOWN: usize = 25;

/// Verdicts and durations, one row a run, and a line that counts them.
pub fn summary_table(reports: &[RunReport], wall: Duration) -> String {
    let rows: Vec<[String; 6]> = reports
        .iter()
        .map(|report| {
            let note = match &report.outcome {
                // The rest of what is missing, with what helps, comes once below the table.
                Outcome::NotRun(reason) | Outcome::Missing(reason) | Outcome::Defect(reason) => {
                    reason.lines().next().unwrap_or_default().to_owned()
                }
                Outcome::Passed | Outcome::Failed(_) | Outcome::Interrupted => String::new(),
            };
            [
                report.id.to_string(),
                report.stage.to_string(),
                report.outcome.word().to_owned(),
                duration(report.world_time),
                duration(report.wall_time),
                note,
            ]
        })
        .collect();
    let head = ["scenario", "stage", "verdict", "world time", "wall time", ""].map(str::to_owned);
    let mut widths = [0; 6];
    for row in rows.iter().chain([&head]) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in [&head].into_iter().chain(&rows) {
        let mut line = String::new();
        for (index, (cell, width)) in row.iter().zip(widths).enumerate() {
            let right = matches!(index, 3 | 4);
            let _ = if right {
                write!(line, "{cell:>width$}  ")
            } else {
                write!(line, "{cell:<width$}  ")
            };
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    let count = |wanted: &str| {
        reports
            .iter()
            .filter(|report| report.outcome.word() == wanted)
            .count()
    };
    let mut counts = vec![
        format!("{} passed", count("passed")),
        format!("{} failed", count("FAILED")),
    ];
    for (word, label) in [
        ("not run", "not run"),
        ("missing", "missing something"),
        ("DEFECT", "defects of the lab"),
        ("interrupted", "interrupted"),
    ] {
        if count(word) > 0 {
            counts.push(format!("{} {label}", count(word)));
        }
    }
    let _ = writeln!(text, "\n{} in {}", counts.join(", "), duration(wall));
    for line in containers(reports) {
        let _ = writeln!(text, "{line}");
    }
    let missing: BTreeSet<&str> = reports
        .iter()
        .filter_map(|report| match &report.outcome {
            Outcome::Missing(reason) => Some(reason.as_str()),
            _ => None,
        })
        .collect();
    for reason in missing {
        let _ = writeln!(text, "\nmissing: {reason}");
    }
    text
}

/// How long the containers of each kind took from their start to the first bind.
fn containers(reports: &[RunReport]) -> Vec<String> {
    let mut taken: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    let events = reports.iter().flat_map(|report| &report.events);
    for event in events.filter(|event| event.name == "container.ready") {
        let kind = event.fields.get("kind").and_then(Value::as_str);
        let millis = event.fields.get("ms").and_then(Value::as_u64);
        if let (Some(kind), Some(millis)) = (kind, millis) {
            taken.entry(kind).or_default().push(millis);
        }
    }
    let line = |(kind, mut millis): (&str, Vec<u64>)| {
        millis.sort_unstable();
        let span = |at: usize| duration(Duration::from_millis(millis.get(at).copied().unwrap_or_default()));
        let (first, last) = (span(0), span(millis.len() - 1));
        let median = span(millis.len() / 2);
        format!(
            "{kind}: {} containers, ready in {first} to {last}, median {median}, from their start to the first bind",
            millis.len()
        )
    };
    taken.into_iter().map(line).collect()
}

/// What a person needs to understand a failed run: the line, expected and actual, the trace around it, and
/// the command that repeats it.
pub fn failure_text(report: &RunReport) -> Option<String> {
    let mut text = String::new();
    let (line, message) = match &report.outcome {
        Outcome::Failed(Verdict::StepFailed(failure)) => (failure.line, failure.message.clone()),
        Outcome::Failed(Verdict::Unmet {
            after,
            throughout,
            unmet,
        }) => {
            let mut message = if *throughout {
                format!("ceased to hold after {}", duration(*after))
            } else {
                format!("did not hold within {}", duration(*after))
            };
            for one in unmet {
                let _ = write!(
                    message,
                    "\n    line {}\n      expected  {}\n      actual    {}",
                    one.line, one.expected, one.actual
                );
            }
            (unmet.first().map_or(0, |one| one.line), message)
        }
        Outcome::Defect(message) => (0, format!("defect of the lab: {message}")),
        Outcome::Passed
        | Outcome::Failed(Verdict::Passed)
        | Outcome::NotRun(_)
        | Outcome::Missing(_)
        | Outcome::Interrupted => return None,
    };
    let _ = writeln!(
        text,
        "{} on {}\n  {}:{line}: {message}",
        report.id, report.stage, report.file
    );
    let skipped = report.events.len().saturating_sub(EVENTS_SHOWN);
    if !report.events.is_empty() {
        let _ = writeln!(
            text,
            "  trace, the last {} of {} events:",
            report.events.len() - skipped,
            report.events.len()
        );
        for event in &report.events[skipped..] {
            let _ = writeln!(text, "    {}", event_line(event));
        }
    }
    let _ = writeln!(
        text,
        "  again: lab run {} --on {} --seed {}",
        report.id, report.stage, report.seed
    );
    Some(text)
}

/// A duration with three significant places at most and a unit that fits.
fn duration(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0 if span < Duration::from_millis(1) => format!("{} µs", span.as_micros()),
        0 => format!("{} ms", span.as_millis()),
        1..60 => format!("{:.1} s", span.as_secs_f64()),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        run::Unmet,
        scenario::{ScenarioId, StageName},
    };

    fn report(outcome: Outcome) -> RunReport {
        let id = ScenarioId {
            name: "fresh-install".into(),
            variant: None,
        };
        RunReport::not_started(
            id,
            "scenarios/fresh-install.yaml".into(),
            StageName::Sim,
            7,
            outcome,
        )
    }

    #[test]
    fn the_table_counts_what_happened() {
        let text = summary_table(
            &[
                report(Outcome::Passed),
                report(Outcome::NotRun("no Docker engine answers".into())),
            ],
            Duration::from_millis(42),
        );
        assert!(text.contains("no Docker engine answers"));
        assert!(
            text.ends_with("\n1 passed, 0 failed, 1 not run in 42 ms\n"),
            "{text}"
        );
    }

    #[test]
    fn a_failure_shows_line_expected_actual_and_how_to_repeat() {
        let verdict = Verdict::Unmet {
            after: Duration::from_secs(300),
            throughout: false,
            unmet: vec![Unmet {
                index: 0,
                line: 31,
                expected: "30 users".into(),
                actual: "29 users".into(),
            }],
        };
        let text = failure_text(&report(Outcome::Failed(verdict))).unwrap_or_default();
        for part in [
            "fresh-install.yaml:31",
            "within 5m 00s",
            "30 users",
            "29 users",
            "lab run fresh-install --on sim --seed 7",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
        assert_eq!(failure_text(&report(Outcome::Passed)), None);
    }
}
