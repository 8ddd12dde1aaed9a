//! The agent's trace files: the lines that support asks for (CS 9.2).

use std::sync::Arc;

use provlab_platform::{Clock, Files};
use time::macros::format_description;

use crate::product::TRACE_FOLDER;

/// Level of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TraceLevel {
    /// Ordinary progress.
    Info,
    /// Something failed.
    Error,
}

impl TraceLevel {
    fn name(self) -> &'static str {
        match self {
            Self::Info => "INFO ",
            Self::Error => "ERROR",
        }
    }
}

/// One `AzureADConnectProvisioningAgent_*.log` file.
#[derive(Clone)]
pub struct TraceFile {
    files: Arc<dyn Files>,
    clock: Clock,
    path: String,
    thread: u32,
}

impl TraceFile {
    /// The file of a process that starts now; `thread` is the number in the line's second field.
    pub fn start(files: Arc<dyn Files>, clock: Clock, thread: u32) -> Self {
        let stamp = clock
            .wall()
            .format(format_description!("[year][month][day]-[hour][minute][second]"))
            .unwrap_or_default();
        let path = format!(r"{TRACE_FOLDER}\AzureADConnectProvisioningAgent_{stamp}.log");
        Self {
            files,
            clock,
            path,
            thread,
        }
    }

    /// A trace in another place, as the package's bundle log (CS 9.2).
    pub fn at(files: Arc<dyn Files>, clock: Clock, path: String, thread: u32) -> Self {
        Self {
            files,
            clock,
            path,
            thread,
        }
    }

    /// Where the lines go.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Adds a line such as `[15:16:14.583] [ 16] [ERROR] message`.
    pub fn line(&self, level: TraceLevel, message: &str) {
        let time = self
            .clock
            .wall()
            .format(format_description!(
                "[hour]:[minute]:[second].[subsecond digits:3]"
            ))
            .unwrap_or_default();
        // A message of several lines stays one record for the reader's eye: the rest is indented.
        let message = message.replace('\n', "\n\t");
        let line = format!("[{time}] [{:>3}] [{}] {message}\n", self.thread, level.name());
        // A full or broken disk must not stop the agent: the line is lost, the work is not.
        let _ = self.files.append(&self.path, line.as_bytes());
    }

    /// Adds an ordinary line.
    pub fn info(&self, message: &str) {
        self.line(TraceLevel::Info, message);
    }

    /// Adds an error line.
    pub fn error(&self, message: &str) {
        self.line(TraceLevel::Error, message);
    }
}
