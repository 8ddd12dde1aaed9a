//! Places a trace can go to.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use super::Event;

/// Takes events in the order in which they happened.
pub trait Sink: Send + Sync {
    /// Takes one event; must neither fail nor block for long.
    fn record(&self, event: &Event);
}

pub(super) struct Discard;

impl Sink for Discard {
    fn record(&self, _event: &Event) {}
}

pub(super) struct Tee(pub(super) Arc<dyn Sink>, pub(super) Arc<dyn Sink>);

impl Sink for Tee {
    fn record(&self, event: &Event) {
        self.0.record(event);
        self.1.record(event);
    }
}

pub(super) struct JsonLines<W>(Mutex<W>);

impl<W: Write + Send> JsonLines<W> {
    pub(super) fn new(writer: W) -> Self {
        Self(Mutex::new(writer))
    }
}

impl<W: Write + Send> Sink for JsonLines<W> {
    fn record(&self, event: &Event) {
        let Ok(mut line) = serde_json::to_vec(event) else {
            return;
        };
        line.push(b'\n');
        let mut writer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A reader that has gone away must not stop the component it was watching.
        let _ = writer.write_all(&line).and_then(|()| writer.flush());
    }
}
