//! Keeps snapshots of large stories readable: of a long list the ends are shown, and a digest stands for the rest.

use provlab::report::trace_text;
use provlab_platform::Event;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Lists up to this length are shown whole.
const LONGEST_LIST: usize = 100;
/// So many events of one name in a row are shown whole.
const LONGEST_RUN: usize = 60;
/// How many are shown at each end of what is cut.
const ENDS: usize = 5;

/// The state with long lists cut.
pub(crate) fn abridged(state: Value) -> Value {
    match state {
        Value::Array(all) if all.len() > LONGEST_LIST => {
            let cut = &all[ENDS..all.len() - ENDS];
            let said = more(cut.len(), "", &Value::from(cut).to_string());
            let ends = all.iter().take(ENDS).cloned().chain([Value::from(said)]);
            ends.chain(all.iter().skip(all.len() - ENDS).cloned())
                .map(abridged)
                .collect()
        }
        Value::Array(all) => all.into_iter().map(abridged).collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| (name, abridged(value)))
            .collect(),
        other => other,
    }
}

/// The trace with long runs of events of one name cut.
pub(crate) fn abridged_trace(events: &[Event]) -> String {
    let mut text = String::new();
    for run in events.chunk_by(|a, b| a.name == b.name) {
        if run.len() <= LONGEST_RUN {
            text += &trace_text(run);
            continue;
        }
        let cut = &run[ENDS..run.len() - ENDS];
        text += &trace_text(&run[..ENDS]);
        text += &format!("{}\n", more(cut.len(), &run[0].name, &trace_text(cut)));
        text += &trace_text(&run[run.len() - ENDS..]);
    }
    text
}

fn more(count: usize, what: &str, cut: &str) -> String {
    let digest = hex::encode(&Sha256::digest(cut.as_bytes())[..6]);
    let what = if what.is_empty() {
        String::new()
    } else {
        format!(" {what}")
    };
    format!("… {count} more{what} ({digest})")
}
