//! Exit statuses: a documented table, one number a cause.

use std::process::{ExitCode, Termination};

/// How the process ends. The numbers are part of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// All passed.
    Passed = 0,
    /// A scenario failed.
    Failed = 1,
    /// The command or a file is wrong; nothing was started.
    Usage = 2,
    /// Something needed is missing on this machine (a Docker engine, say).
    Missing = 3,
    /// A defect of the lab itself.
    Defect = 4,
    /// SIGINT (Ctrl-C) ended the runs; as a shell counts.
    Interrupted = 130,
    /// SIGTERM ended the runs.
    Terminated = 143,
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self as u8)
    }
}
