//! Whether a job has written what it had to and nothing else, told from the trace.

use std::collections::{BTreeMap, BTreeSet};

use provlab_platform::Event;
use serde_json::Value;

use super::memory::{Change, Memory};

/// Cycles after which a job has read what had changed before: the first may have read it already when it changed.
const CYCLES_TO_READ: usize = 2;

/// Writes that should not have been, in words.
pub fn needless(events: &[Event], tenant: &str, memory: Option<&Memory>) -> Vec<String> {
    let events = of_tenant(events, tenant);
    match memory {
        Some(memory) => unfounded(&events, memory),
        None => created_twice(&events),
    }
}

/// Whether a job has certainly read whatever had changed before these events.
pub fn has_read(events: &[Event], tenant: &str) -> bool {
    let cycles = of_tenant(events, tenant)
        .into_iter()
        .filter(|(_, event)| ends_well(event));
    cycles.count() >= CYCLES_TO_READ
}

fn ends_well(event: &Event) -> bool {
    event.name == "job.cycle" && field(event, "state") != "Failed"
}

/// The events of a tenant with their places in the trace.
fn of_tenant<'a>(events: &'a [Event], tenant: &str) -> Vec<(usize, &'a Event)> {
    let ours = |event: &Event| {
        let named = field(event, "tenant");
        named.is_empty() || named.eq_ignore_ascii_case(tenant)
    };
    let all = events.iter().enumerate();
    all.filter(|(_, event)| event.name.starts_with("job.") && ours(event))
        .collect()
}

fn field<'a>(event: &'a Event, name: &str) -> &'a str {
    event.fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Objects that were created again without having been deleted in between.
fn created_twice(events: &[(usize, &Event)]) -> Vec<String> {
    let mut there: BTreeSet<String> = BTreeSet::new();
    let mut twice = Vec::new();
    for (_, event) in events.iter().filter(|(_, event)| event.name == "job.export") {
        let object = format!("{} {}", field(event, "type"), field(event, "name"));
        match field(event, "action").to_lowercase().as_str() {
            "add" | "create" if !there.insert(object.clone()) => {
                twice.push(format!("{object} was added twice"));
            }
            "delete" | "soft-delete" | "softdelete" => {
                there.remove(&object);
            }
            _ => {}
        }
    }
    twice
}

/// What may be written of one object.
#[derive(Debug, Default)]
struct Allowed {
    target: &'static str,
    names: BTreeSet<String>,
    /// Numbers of cycles that had ended when the values and the references changed.
    values: Option<usize>,
    references: Option<usize>,
}

/// Exports of objects of which nothing had changed since they were written.
fn unfounded(events: &[(usize, &Event)], memory: &Memory) -> Vec<String> {
    let mut notes = memory.notes().iter().peekable();
    let mut allowed: BTreeMap<&str, Allowed> = BTreeMap::new();
    let mut cycles = 0;
    let mut found = Vec::new();
    for (position, event) in events {
        while let Some(note) = notes.next_if(|note| note.position <= *position) {
            for change in &note.changes {
                allowed.entry(&change.key).or_default().take(change, cycles);
            }
        }
        match event.name.as_ref() {
            "job.cycle" if ends_well(event) => {
                cycles += 1;
                // What is in escrow is written later.
                let escrowed = event
                    .fields
                    .get("escrowed")
                    .and_then(Value::as_u64)
                    .unwrap_or_default();
                if escrowed == 0 {
                    allowed.values_mut().for_each(|one| one.expire(cycles));
                }
            }
            "job.export" => {
                let (target, name) = (field(event, "type"), field(event, "name"));
                let action = field(event, "action");
                let mut candidates = allowed
                    .values_mut()
                    .filter(|one| one.target == target && one.names.contains(&name.to_lowercase()));
                if !candidates.any(|one| one.use_up(action)) {
                    found.push(format!(
                        "{target} {name}: {action}, though nothing of it had changed"
                    ));
                }
            }
            _ => {}
        }
    }
    found
}

impl Allowed {
    fn take(&mut self, change: &Change, cycles: usize) {
        self.target = change.kind.target();
        self.names.extend(change.names.iter().cloned());
        if change.values {
            self.values = Some(cycles);
        }
        if change.references {
            self.references = Some(cycles);
        }
    }

    fn expire(&mut self, cycles: usize) {
        for since in [&mut self.values, &mut self.references] {
            since.take_if(|since| *since + CYCLES_TO_READ <= cycles);
        }
    }

    /// One write answers for one change; references are written after the object itself (CS 5.4).
    fn use_up(&mut self, action: &str) -> bool {
        match action {
            "update" => self.values.take().or_else(|| self.references.take()).is_some(),
            _ => self.values.take().is_some(),
        }
    }
}
