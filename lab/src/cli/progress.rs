//! Live progress on a terminal, plain lines elsewhere.

use std::{io::IsTerminal as _, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};

use crate::report::RunReport;

/// What is shown while scenarios run.
pub(super) enum Progress {
    /// A spinner with counts.
    Terminal(ProgressBar),
    /// A line for each run that ends.
    Plain,
}

impl Progress {
    /// The kind that suits standard error.
    pub(super) fn new(total: usize) -> Self {
        if !std::io::stderr().is_terminal() || std::env::var_os("CI").is_some() {
            return Self::Plain;
        }
        let bar = ProgressBar::new(total as u64);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {pos}/{len} {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Self::Terminal(bar)
    }

    /// A run begins.
    pub(super) fn begun(&self, name: &str) {
        if let Self::Terminal(bar) = self {
            bar.set_message(name.to_owned());
        }
    }

    /// A run has ended.
    pub(super) fn ended(&self, report: &RunReport) {
        match self {
            Self::Terminal(bar) => bar.inc(1),
            Self::Plain => eprintln!("{} on {}: {}", report.id, report.stage, report.outcome.word()),
        }
    }

    /// Everything has ended.
    pub(super) fn finish(&self) {
        if let Self::Terminal(bar) = self {
            bar.finish_and_clear();
        }
    }
}
