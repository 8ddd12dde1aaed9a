#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use time::macros::datetime;

use super::*;

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn events_carry_host_time_and_fields_in_order() {
    let clock = Clock::simulated(datetime!(2026-01-01 00:00 UTC));
    let (trace, log) = Trace::memory();
    let trace = trace.with_clock(&clock).for_host("agent1");
    clock.sleep(Duration::from_millis(5)).await;
    crate::event!(
        trace,
        Part::Wizard,
        "wizard.page",
        page = "Welcome",
        "service-name" = "AADConnect",
        attempt = 2
    );
    crate::event!(trace, Part::Agent, "agent.stopped");
    let lines: Vec<String> = log
        .events()
        .iter()
        .map(|event| serde_json::to_string(event).unwrap())
        .collect();
    assert_eq!(
        lines,
        [
            r#"{"atMicros":5000,"host":"agent1","part":"wizard","name":"wizard.page","fields":{"page":"Welcome","service-name":"AADConnect","attempt":2}}"#,
            r#"{"atMicros":5000,"host":"agent1","part":"agent","name":"agent.stopped","fields":{}}"#,
        ]
    );
}

#[test]
fn json_lines_come_back_as_the_same_events_and_tee_feeds_both() {
    let out = Shared::default();
    let (trace, log) = Trace::memory();
    let other = TraceLog::default();
    let lines = Trace::json_lines(out.clone()).tee(Arc::new(other.clone()));
    crate::event!(trace, Part::Cloud, "http.request", status = 200, note = "a\nb");
    for event in log.events() {
        lines.forward(&event);
    }
    let text = String::from_utf8(out.0.lock().unwrap().clone()).unwrap();
    let back: Vec<Event> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(back, log.events());
    assert_eq!(other.events(), log.events());
    Trace::discard().emit(Part::Lab, "nothing", Fields::new());
}

#[tokio::test]
async fn waiting_misses_nothing() {
    let (trace, log) = Trace::memory();
    assert!(log.is_empty());
    let writer = tokio::spawn(async move {
        for number in 0..100 {
            crate::event!(trace, Part::Lab, "step", number = number);
            tokio::task::yield_now().await;
        }
    });
    let found = log.find(|event| event.fields["number"] == 60).await;
    assert_eq!(found.name, "step");
    log.beyond(99).await;
    writer.await.unwrap();
    assert_eq!(log.since(98).len(), 2);
    assert!(log.since(1000).is_empty());
    // Already there: no waiting.
    log.find(|event| event.fields["number"] == 0).await;
}

#[tokio::test(start_paused = true)]
async fn changed_wakes_on_the_next_event() {
    let (trace, log) = Trace::memory();
    crate::event!(trace, Part::Lab, "before");
    let waiter = tokio::spawn({
        let log = log.clone();
        async move { log.changed().await }
    });
    tokio::task::yield_now().await;
    assert!(!waiter.is_finished());
    crate::event!(trace, Part::Lab, "after");
    waiter.await.unwrap();
    assert_eq!(log.len(), 2);
}
