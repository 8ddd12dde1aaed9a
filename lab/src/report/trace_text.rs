//! The trace as lines that a person can read, compare and keep as a snapshot.

use std::fmt::Write as _;

use provlab_platform::Event;
use serde_json::Value;

/// One event as a line: `+0:02:10.000250 srv1.contoso.com agent his.bootstrap status=200`.
pub fn event_line(event: &Event) -> String {
    let mut line = format!(
        "+{} {} {} {}",
        world_time(event.at_micros),
        event.host,
        part(event),
        event.name
    );
    for (key, value) in &event.fields {
        let _ = match value {
            Value::String(text) if !text.is_empty() && !text.contains([' ', '"', '=', '\n']) => {
                write!(line, " {key}={text}")
            }
            other => write!(line, " {key}={other}"),
        };
    }
    line
}

/// The whole trace, a line an event.
pub fn trace_text(events: &[Event]) -> String {
    events.iter().map(|event| event_line(event) + "\n").collect()
}

fn part(event: &Event) -> String {
    serde_json::to_value(event.part)
        .ok()
        .and_then(|part| part.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn world_time(micros: u64) -> String {
    let seconds = micros / 1_000_000;
    format!(
        "{}:{:02}:{:02}.{:06}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        micros % 1_000_000
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use provlab_platform::Part;

    #[test]
    fn a_line_quotes_only_what_needs_it() {
        let event = Event {
            at_micros: 3_723_000_042,
            host: "srv1.contoso.com".into(),
            part: Part::Agent,
            name: "net.connect".into(),
            fields: [
                ("to".to_owned(), Value::from("dc1.contoso.com")),
                ("port".to_owned(), Value::from(636)),
                ("says".to_owned(), Value::from("two words")),
                ("empty".to_owned(), Value::from("")),
            ]
            .into_iter()
            .collect(),
        };
        assert_eq!(
            event_line(&event),
            "+1:02:03.000042 srv1.contoso.com agent net.connect to=dc1.contoso.com port=636 says=\"two words\" empty=\"\""
        );
    }
}
