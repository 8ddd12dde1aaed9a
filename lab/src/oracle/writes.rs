//! Whether a job has written what it had to and nothing else, told from the trace.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use provlab_platform::Event;
use serde_json::Value;

use super::{Kind, Memory};

/// Cycles after which a job has read what had changed before: the first may have read it already when it changed.
const CYCLES_TO_READ: usize = 2;

/// Cycles that may delete what they like after the administrator allowed it: the one under way may have decided already.
const FREE_CYCLES: u8 = 2;

/// What has changed at one place of the trace.
#[derive(Debug, Clone)]
pub(super) struct Note {
    /// How many events there were before it.
    pub(super) position: usize,
    /// What may be written now.
    pub(super) changes: Vec<Change>,
    /// Everything was found as it should be, and nothing remains to be written.
    pub(super) settled: bool,
    /// The administrator allowed deletions.
    pub(super) deletes_allowed: bool,
    /// Deletions from which on a cycle deletes nothing.
    pub(super) delete_threshold: Option<u32>,
}

/// A change of one object.
#[derive(Debug, Clone)]
pub(super) struct Change {
    /// Which object.
    pub(super) key: String,
    /// Its kind.
    pub(super) kind: Kind,
    /// Names in lower case by which the trace may call it from here on.
    pub(super) names: BTreeSet<String>,
    /// Whether its own values, or whether it is there at all, may be written.
    pub(super) values: bool,
    /// Whether its references may be written.
    pub(super) references: bool,
    /// Whether it waits for what another object has, and may be written whenever that lets go.
    pub(super) contested: bool,
}

impl Note {
    pub(super) const fn at(position: usize, delete_threshold: Option<u32>) -> Self {
        Self {
            position,
            changes: Vec::new(),
            settled: false,
            deletes_allowed: false,
            delete_threshold,
        }
    }
}

/// Writes that should not have been, in words.
pub fn needless(events: &[Event], tenant: &str, memory: Option<&Memory>) -> Vec<String> {
    let events = of_tenant(events, tenant);
    match memory {
        Some(memory) => Watch::over(&events, memory),
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

/// The only kind of job that the oracle knows.
const JOB: &str = "AD2AADProvisioning";

/// The events of a tenant's jobs of that kind with their places in the trace.
fn of_tenant<'a>(events: &'a [Event], tenant: &str) -> Vec<(usize, &'a Event)> {
    let ours = |event: &Event| {
        let named = field(event, "tenant");
        named.is_empty() || named.eq_ignore_ascii_case(tenant)
    };
    let all = events.iter().enumerate();
    all.filter(|(_, event)| event.name.starts_with("job.") && field(event, "job") == JOB && ours(event))
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
    /// Numbers of cycles that had ended when the values and the references changed, each time.
    values: VecDeque<usize>,
    references: VecDeque<usize>,
    contested: bool,
    /// Whether its deletion is held back; it may come at any time.
    held: bool,
}

/// Follows the trace: what may be written, what is written, how many deletions a cycle makes.
#[derive(Default)]
struct Watch<'a> {
    allowed: BTreeMap<&'a str, Allowed>,
    cycles: usize,
    deletes: u32,
    /// The highest threshold that the present cycle may have met, and the one of the next.
    threshold: Option<u32>,
    next_threshold: Option<u32>,
    /// How many cycles may still delete what they like.
    free_cycles: u8,
    found: Vec<String>,
}

impl<'a> Watch<'a> {
    fn over(events: &[(usize, &Event)], memory: &'a Memory) -> Vec<String> {
        let mut watch = Self::default();
        let mut notes = memory.notes().iter().peekable();
        for (position, event) in events {
            while let Some(note) = notes.next_if(|note| note.position <= *position) {
                watch.note(note);
            }
            match event.name.as_ref() {
                "job.cycle" => watch.cycle(event),
                "job.export" => watch.export(event),
                _ => {}
            }
        }
        watch.found
    }

    fn note(&mut self, note: &'a Note) {
        if note.settled {
            for one in self.allowed.values_mut() {
                one.values.clear();
                one.references.clear();
                one.contested = false;
            }
        }
        for change in &note.changes {
            self.allowed
                .entry(&change.key)
                .or_default()
                .take(change, self.cycles);
        }
        // A change of the threshold in the middle of a cycle may come too late for it.
        self.next_threshold = note.delete_threshold;
        self.threshold = self
            .threshold
            .zip(note.delete_threshold)
            .map(|(one, other)| one.max(other));
        if note.deletes_allowed {
            self.free_cycles = FREE_CYCLES;
        }
    }

    fn cycle(&mut self, event: &Event) {
        if !ends_well(event) {
            return;
        }
        self.cycles += 1;
        // What is in escrow is written later.
        let escrowed = event
            .fields
            .get("escrowed")
            .and_then(Value::as_u64)
            .unwrap_or_default();
        if escrowed == 0 {
            self.allowed.values_mut().for_each(|one| one.expire(self.cycles));
        }
        let threshold = self
            .threshold
            .filter(|threshold| self.deletes >= *threshold && self.free_cycles == 0);
        if let Some(threshold) = threshold {
            self.found.push(format!(
                "a cycle deleted {} objects, and the threshold is {threshold}",
                self.deletes
            ));
        }
        self.deletes = 0;
        self.free_cycles = self.free_cycles.saturating_sub(1);
        self.threshold = self.next_threshold;
    }

    fn export(&mut self, event: &Event) {
        let (target, name, action) = (field(event, "type"), field(event, "name"), field(event, "action"));
        self.deletes += u32::from(action == "delete");
        let name = name.to_lowercase();
        let ours = |one: &&mut Allowed| {
            one.target == target && one.names.iter().any(|known| is_called(known, &name))
        };
        let mut candidates = self.allowed.values_mut().filter(ours);
        if !candidates.any(|one| one.use_up(action)) {
            self.found.push(format!(
                "{target} {name}: {action}, though nothing of it had changed"
            ));
        }
    }
}

/// Whether an object with this name may be called so: a name that another object has is replaced by
/// `{prefix}+{digits}@{initial domain}`.
fn is_called(known: &str, name: &str) -> bool {
    let stand_in = || {
        let (prefix, rest) = name.split_once('+')?;
        let digits = rest.split_once('@')?.0;
        let plain = known.split_once('@')?.0;
        Some(prefix == plain && digits.bytes().all(|sign| sign.is_ascii_digit()))
    };
    known == name || stand_in().unwrap_or(false)
}

impl Allowed {
    fn take(&mut self, change: &Change, cycles: usize) {
        self.target = change.kind.target();
        self.names.extend(change.names.iter().cloned());
        self.contested = change.contested;
        if change.values {
            self.values.push_back(cycles);
        }
        if change.references {
            self.references.push_back(cycles);
        }
    }

    fn expire(&mut self, cycles: usize) {
        for times in [&mut self.values, &mut self.references] {
            times.retain(|since| *since + CYCLES_TO_READ > cycles);
        }
    }

    /// One write answers for one change; references are written after the object itself (CS 5.4).
    fn use_up(&mut self, action: &str) -> bool {
        let held = std::mem::replace(&mut self.held, action == "stagedDelete");
        if self.contested || (held && action == "delete") {
            return true;
        }
        let written = self.values.pop_front();
        match action {
            "update" => written.or_else(|| self.references.pop_front()).is_some(),
            _ => written.is_some(),
        }
    }
}
