//! JUnit XML for CI systems.

use std::io::{self, Write};

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{Outcome, RunReport, failure_text};

/// Writes one suite a stage, one case a run.
///
/// # Errors
/// What the writer answers.
pub fn write_junit(reports: &[RunReport], writer: impl Write) -> io::Result<()> {
    let mut junit = Report::new("provlab");
    for stage in crate::scenario::StageName::ALL {
        let mut suite = TestSuite::new(stage.as_str());
        for report in reports.iter().filter(|report| report.stage == stage) {
            let mut status = match &report.outcome {
                Outcome::Passed => TestCaseStatus::success(),
                Outcome::Failed(_) => TestCaseStatus::non_success(NonSuccessKind::Failure),
                Outcome::Defect(_) => TestCaseStatus::non_success(NonSuccessKind::Error),
                Outcome::NotRun(_) | Outcome::Missing(_) | Outcome::Interrupted => TestCaseStatus::skipped(),
            };
            match &report.outcome {
                Outcome::NotRun(reason) | Outcome::Missing(reason) => {
                    status.set_message(reason.clone());
                }
                _ => {
                    if let Some(text) = failure_text(report) {
                        status.set_message(text.lines().nth(1).unwrap_or_default().trim().to_owned());
                        status.set_description(text);
                    }
                }
            }
            let mut case = TestCase::new(report.id.to_string(), status);
            case.set_classname(format!("{stage}.{}", report.id.name))
                .set_time(report.wall_time);
            suite.add_test_case(case);
        }
        if !suite.test_cases.is_empty() {
            junit.add_test_suite(suite);
        }
    }
    junit.serialize(writer).map_err(io::Error::other)
}
