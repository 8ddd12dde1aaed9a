//! What happened, in order: every report, snapshot and assertion is made from the trace.
//!
//! Event names are dotted lower case (`ldap.bind`, `net.connect`, `job.cycle`); Windows event log entries are named
//! `event-log` with the fields `id`, `source`, `level` and `message`. Secrets, raw random bytes and signatures never
//! go into a field.

mod log;
mod sinks;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::Clock;
pub use log::TraceLog;
pub use sinks::Sink;

/// Fields of an event, in the order in which they were given.
pub type Fields = IndexMap<String, Value>;

/// Which part of the world an event comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// The laboratory itself: steps and expectations.
    Lab,
    /// Connections, and faults in them.
    Network,
    /// The directory.
    Directory,
    /// The cloud.
    Cloud,
    /// The agent's wizard and package.
    Wizard,
    /// The agent's service.
    Agent,
    /// The agent's updater service.
    Updater,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Event {
    /// Microseconds since the start of the world.
    pub at_micros: u64,
    /// The host it happened on.
    pub host: String,
    /// The part it comes from.
    pub part: Part,
    /// Dotted lower-case name.
    pub name: String,
    /// Particulars.
    pub fields: Fields,
}

/// Where a host's events go; cheap to clone.
#[derive(Clone)]
pub struct Trace {
    host: Arc<str>,
    clock: Clock,
    sink: Arc<dyn Sink>,
}

impl std::fmt::Debug for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trace")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

impl Trace {
    /// A trace into `sink`; time counts from now until [`Trace::with_clock`] gives it the world's clock.
    #[must_use]
    pub fn new(sink: Arc<dyn Sink>) -> Self {
        Self {
            host: Arc::from("lab"),
            clock: Clock::system(),
            sink,
        }
    }

    /// A trace that forgets everything.
    #[must_use]
    pub fn discard() -> Self {
        Self::new(Arc::new(sinks::Discard))
    }

    /// A trace kept in memory, and the log to read and await it by.
    #[must_use]
    pub fn memory() -> (Self, TraceLog) {
        let log = TraceLog::default();
        (Self::new(Arc::new(log.clone())), log)
    }

    /// A trace written as one JSON object a line, flushed after each; a reader that has gone away is no error.
    #[must_use]
    pub fn json_lines(writer: impl std::io::Write + Send + 'static) -> Self {
        Self::new(Arc::new(sinks::JsonLines::new(writer)))
    }

    /// The same trace, which also gives every event to `other`.
    #[must_use]
    pub fn tee(&self, other: Arc<dyn Sink>) -> Self {
        Self {
            sink: Arc::new(sinks::Tee(Arc::clone(&self.sink), other)),
            ..self.clone()
        }
    }

    /// The same trace, told in the time of `clock`.
    #[must_use]
    pub fn with_clock(&self, clock: &Clock) -> Self {
        Self {
            clock: clock.clone(),
            ..self.clone()
        }
    }

    /// The same trace for events of another host.
    #[must_use]
    pub fn for_host(&self, host: &str) -> Self {
        Self {
            host: Arc::from(host),
            ..self.clone()
        }
    }

    /// The host whose events these are.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Records an event now; [`event!`](crate::event) is the short form.
    pub fn emit(&self, part: Part, name: &str, fields: Fields) {
        self.forward(&Event {
            at_micros: u64::try_from(self.clock.now().as_micros()).unwrap_or(u64::MAX),
            host: self.host.to_string(),
            part,
            name: name.to_owned(),
            fields,
        });
    }

    /// Records an event that was made elsewhere (another process), as it is.
    pub fn forward(&self, event: &Event) {
        tracing::trace!(target: "provlab", host = %event.host, part = ?event.part, name = %event.name);
        self.sink.record(event);
    }
}

/// A value as the trace keeps it; used by [`event!`](crate::event).
#[doc(hidden)]
pub fn field(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}

/// Records an event: `event!(trace, Part::Agent, "his.bootstrap", status = 200, "service-name" = name)`.
///
/// Values are anything that serializes.
#[macro_export]
macro_rules! event {
    ($trace:expr, $part:expr, $name:expr $(, $key:tt = $value:expr)* $(,)?) => {{
        #[allow(unused_mut, reason = "an event may have no fields")]
        let mut fields = $crate::trace::Fields::new();
        $(fields.insert($crate::event!(@key $key).to_owned(), $crate::trace::field(&$value));)*
        $trace.emit($part, $name, fields);
    }};
    (@key $key:ident) => { stringify!($key) };
    (@key $key:literal) => { $key };
}
