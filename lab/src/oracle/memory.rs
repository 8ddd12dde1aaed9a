//! What a tenant's state depends on beside the present state of the directory, kept small and explicit.
//!
//! The oracle does not know in which moments a job has read an object. So it keeps, for every object, all the trails that
//! those moments may have left: each change adds one more to every trail there was. Once the job has certainly read
//! everything and the tenant was found as it should be, the trails that the tenant does not show are dropped. That covers
//!
//! - names, which follow from the sequence of values that were read (CS 5.11);
//! - the distinguished name, which is noticed when the object itself changes and not when a parent is renamed (CS 2.6).

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Job, Kind, Settings, Source, Tenant,
    judge::Judgement,
    reading::{Trail, UPN, Verdict},
};

/// Trails of one object that are kept at most; a story that leaves more is too long without a pause.
const MOST_TRAILS: usize = 256;

/// What is remembered of one job.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// What the administrator has told the job.
    pub settings: Settings,
    tenant: Tenant,
    objects: BTreeMap<String, Known>,
    /// How often an object of this account name has left the scope or the directory.
    left: BTreeMap<String, usize>,
    notes: Vec<Note>,
    /// Place of the trace at which something changed last.
    changed: usize,
}

/// What is remembered of one object.
#[derive(Debug, Clone)]
struct Known {
    source: Source,
    trails: BTreeSet<Option<Trail>>,
    /// Whether it has changed since it was certainly read.
    unread: bool,
    /// Whether it changed at the last note.
    fresh: bool,
    references: BTreeSet<String>,
    /// Account names it had, by which a deleted copy may still be called.
    accounts: BTreeSet<String>,
}

/// What has changed at one place of the trace.
#[derive(Debug, Clone, Default)]
pub struct Note {
    /// How many events there were before it.
    pub position: usize,
    /// What may be written now.
    pub changes: Vec<Change>,
}

/// A change of one object.
#[derive(Debug, Clone)]
pub struct Change {
    /// Which object.
    pub key: String,
    /// Its kind.
    pub kind: Kind,
    /// Names in lower case by which the trace may call it from here on.
    pub names: BTreeSet<String>,
    /// Whether its own values, or whether it is there at all, may be written.
    pub values: bool,
    /// Whether its references may be written.
    pub references: bool,
}

impl Memory {
    /// Takes in the state of directory and tenant; what is different was changed at `position` of the trace.
    ///
    /// `all` says that every object is read again, whether it has changed or not.
    pub fn note(&mut self, domain: &str, sources: &[Source], tenant: &Tenant, position: usize, all: bool) {
        let tenant = tenant.without_objects();
        if tenant.verified_domains != self.tenant.verified_domains {
            self.domains_change(&tenant);
        }
        let all = all || tenant != self.tenant;
        self.tenant = tenant;
        let settings = self.settings.clone();
        let tenant = self.tenant.clone();
        let job = Job {
            domain,
            settings: &settings,
            tenant: &tenant,
        };
        let mut note = Note {
            position,
            changes: self.gone(sources),
        };
        let references = references(&job, sources);
        for source in sources {
            let references = references.get(&source.key).cloned().unwrap_or_default();
            note.changes.extend(self.seen(&job, source, references, all));
        }
        if !note.changes.is_empty() || self.objects.values().any(|known| known.fresh) {
            self.changed = position;
        }
        if !note.changes.is_empty() {
            self.notes.push(note);
        }
    }

    /// Every UPN is made again when a domain of the tenant is added or removed (CS 5.11).
    fn domains_change(&mut self, tenant: &Tenant) {
        for known in self.objects.values_mut() {
            let trails = std::mem::take(&mut known.trails);
            known.trails = trails
                .into_iter()
                .map(|trail| trail.map(|trail| renamed(trail, tenant)))
                .collect();
        }
    }

    fn gone(&mut self, sources: &[Source]) -> Vec<Change> {
        let present: BTreeSet<&str> = sources.iter().map(|source| source.key.as_str()).collect();
        let gone: Vec<String> = self
            .objects
            .keys()
            .filter(|key| !present.contains(key.as_str()))
            .cloned()
            .collect();
        let mut changes = Vec::new();
        for key in gone {
            if let Some(known) = self.objects.remove(&key) {
                leave(&mut self.left, &known);
                changes.push(known.change(true, true));
            }
        }
        changes
    }

    fn seen(
        &mut self,
        job: &Job<'_>,
        source: &Source,
        references: BTreeSet<String>,
        all: bool,
    ) -> Option<Change> {
        let new = || Known {
            source: source.clone(),
            trails: BTreeSet::from([None]),
            unread: true,
            fresh: true,
            references: BTreeSet::new(),
            accounts: BTreeSet::new(),
        };
        let is_new = !self.objects.contains_key(&source.key);
        let known = self.objects.entry(source.key.clone()).or_insert_with(new);
        known.fresh = is_new || all || source.changed_since(&known.source);
        known.unread |= known.fresh;
        known.source = source.clone();
        known.accounts.insert(source.account());
        let other_references = known.references != references;
        known.references = references;
        if !known.unread {
            return other_references.then(|| known.change(false, true));
        }
        let read: Vec<(Option<Trail>, Trail)> = known
            .trails
            .iter()
            .map(|had| (had.clone(), job.read(had.as_ref(), source)))
            .collect();
        let values = read.iter().any(|(had, now)| differs(had.as_ref(), now));
        let leaves = read.iter().any(|(had, now)| {
            let was = had
                .as_ref()
                .is_some_and(|had| matches!(had.verdict, Verdict::Exported(_)));
            was && matches!(now.verdict, Verdict::Skipped(_))
        });
        if leaves {
            leave(&mut self.left, known);
        }
        known.trails.extend(read.into_iter().map(|(_, now)| Some(now)));
        while known.trails.len() > MOST_TRAILS {
            known.trails.pop_first();
        }
        (values || other_references).then(|| known.change(values, other_references))
    }

    /// The trails that `source` may have left so far; where nothing is remembered, none.
    pub(super) fn trails(&self, source: &Source) -> BTreeSet<Option<Trail>> {
        let known = self.objects.get(&source.key);
        known.map_or_else(|| BTreeSet::from([None]), |known| known.trails.clone())
    }

    /// Whether `source` may have been read for the last time before its parents got the names they have.
    pub(super) fn may_be_unnoticed(&self, source: &Source) -> bool {
        self.objects.get(&source.key).is_some_and(|known| !known.unread)
    }

    /// How many copies of an account name may have been deleted.
    pub(super) fn left(&self, account: &str) -> usize {
        self.left.get(account).copied().unwrap_or_default()
    }

    /// What has changed, in the order in which it did.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Place of the trace at which something changed last.
    pub fn changed_at(&self) -> usize {
        self.changed
    }

    /// Everything has been read, and the tenant was found to be as `judgement` says.
    pub fn settle(&mut self, judgement: &Judgement) {
        for (key, trails) in &judgement.trails {
            if let Some(known) = self.objects.get_mut(key) {
                known.trails.clone_from(trails);
                known.unread = false;
            }
        }
    }
}

impl Known {
    fn change(&self, values: bool, references: bool) -> Change {
        let mut names: BTreeSet<String> = self.trails.iter().flatten().flat_map(shown_names).collect();
        if self.source.kind == Kind::Group {
            names.extend(
                ["displayName", "cn"]
                    .iter()
                    .filter_map(|name| Some(self.source.first(name)?.to_lowercase())),
            );
        }
        Change {
            key: self.source.key.clone(),
            kind: self.source.kind,
            names,
            values,
            references,
        }
    }
}

fn leave(left: &mut BTreeMap<String, usize>, known: &Known) {
    for account in &known.accounts {
        *left.entry(account.clone()).or_default() += 1;
    }
}

/// What the trace calls an object that has left a trail.
fn shown_names(trail: &Trail) -> Vec<String> {
    let Verdict::Exported(properties) = &trail.verdict else {
        return Vec::new();
    };
    let name = if trail.names.is_some() { UPN } else { "displayName" };
    let values = properties.get(name).into_iter().flatten();
    values.map(|value| value.to_lowercase()).collect()
}

/// Whether something is to be written.
fn differs(had: Option<&Trail>, now: &Trail) -> bool {
    match (had.map(|had| &had.verdict), &now.verdict) {
        (None | Some(Verdict::Skipped(_)), Verdict::Skipped(_)) => false,
        (had, now) => had != Some(now),
    }
}

fn renamed(trail: Trail, tenant: &Tenant) -> Trail {
    let names = trail.names.map(|names| names.recalculated(tenant));
    let mut verdict = trail.verdict;
    if let (Verdict::Exported(properties), Some(names)) = (&mut verdict, &names) {
        properties.insert(UPN.to_owned(), vec![names.user_principal_name.clone()]);
    }
    Trail { names, verdict }
}

/// Keys of the objects in scope that each object refers to.
fn references(job: &Job<'_>, sources: &[Source]) -> BTreeMap<String, BTreeSet<String>> {
    let wanted: BTreeMap<String, &Source> = sources
        .iter()
        .filter(|source| !matches!(job.read(None, source).verdict, Verdict::Skipped(_)))
        .map(|source| (source.dn.to_lowercase(), source))
        .collect();
    let keys = |source: &Source| -> BTreeSet<String> {
        super::judge::references_of(source)
            .iter()
            .filter_map(|dn| Some(wanted.get(&dn.to_lowercase())?.key.clone()))
            .collect()
    };
    sources
        .iter()
        .map(|source| (source.key.clone(), keys(source)))
        .collect()
}
