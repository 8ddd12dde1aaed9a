//! The Application event log: what an administrator of the host reads first.

use provlab_platform::{Part, Trace, event};

/// Level of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventLevel {
    /// All is well.
    Information,
    /// Something needs attention.
    Warning,
    /// Something failed.
    Error,
}

impl EventLevel {
    fn name(self) -> &'static str {
        match self {
            Self::Information => "Information",
            Self::Warning => "Warning",
            Self::Error => "Error",
        }
    }
}

/// Writes entries as `event-log` events of the trace.
#[derive(Clone)]
pub struct EventLog {
    trace: Trace,
    part: Part,
}

impl EventLog {
    /// The log as one part of the agent writes it.
    pub fn new(trace: Trace, part: Part) -> Self {
        Self { trace, part }
    }

    /// Adds an entry.
    pub fn write(&self, id: u32, source: &str, level: EventLevel, message: &str) {
        event!(
            self.trace,
            self.part,
            "event-log",
            id = id,
            source = source,
            level = level.name(),
            message = message
        );
    }
}
