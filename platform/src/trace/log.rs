//! The trace in memory, with a way to wait for what comes next.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::{Event, Sink};

/// The events of a run so far, in order. Clones read the same log.
#[derive(Debug, Clone, Default)]
pub struct TraceLog {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    events: Mutex<Vec<Event>>,
    grown: Notify,
}

impl TraceLog {
    /// All events so far.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.lock().clone()
    }

    /// The events after the first `count`.
    #[must_use]
    pub fn since(&self, count: usize) -> Vec<Event> {
        self.lock()
            .get(count..)
            .map(<[Event]>::to_vec)
            .unwrap_or_default()
    }

    /// How many events there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether nothing has happened yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits for the next event after this call.
    pub async fn changed(&self) {
        self.beyond(self.len()).await;
    }

    /// Waits until there are more than `count` events; returns at once if there are, so no event is missed between
    /// reading the log and waiting.
    pub async fn beyond(&self, count: usize) {
        loop {
            let grown = self.shared.grown.notified();
            tokio::pin!(grown);
            // Registered before the look, so that an event in between wakes it.
            grown.as_mut().enable();
            if self.len() > count {
                return;
            }
            grown.await;
        }
    }

    /// Waits for the first event, past or future, that `wanted` accepts; each event is shown once.
    pub async fn find(&self, mut wanted: impl FnMut(&Event) -> bool) -> Event {
        let mut seen = 0;
        loop {
            if let Some(event) = self.lock()[seen..]
                .iter()
                .inspect(|_| seen += 1)
                .find(|event| wanted(event))
            {
                return event.clone();
            }
            self.beyond(seen).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Event>> {
        self.shared.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for TraceLog {
    fn record(&self, event: &Event) {
        self.lock().push(event.clone());
        self.shared.grown.notify_waiters();
    }
}
