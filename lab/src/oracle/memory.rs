//! What a tenant's state depends on beside the present state of the directory, kept small and explicit.
//!
//! The oracle does not know in which moments a job has read an object. So it keeps, for every object, all the trails that
//! those moments may have left: each change adds one more to every trail there was. Once the job has certainly read
//! everything and the tenant was found as it should be, the trails that the tenant does not show are dropped. That covers
//!
//! - names, which follow from the sequence of values that were read (CS 5.11);
//! - values that count at creation only (CS 5.9);
//! - the distinguished name, which is noticed when the object itself changes and not when a parent is renamed, and with it
//!   the scope of organizational units (CS 2.6);
//! - what an administrator deleted in the tenant, which is noticed when the object is read the next time.
//!
//! Beside the trails there are the selected groups as they may have been found ([`super::selection`]), and who claims a
//! value that only one object can have: that is whoever came first.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Case, Job, Kind, Settings, Source, Tenant,
    judge::{self, Judgement},
    reading::{Trail, UPN, Verdict},
    selection::{self, Found},
    writes::{Change, Note},
};

/// Trails of one object that are kept at most; a story that leaves more is too long without a pause.
const MOST_TRAILS: usize = 256;

/// What a step makes a job read again, beside what has changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rereading {
    /// Nothing.
    #[default]
    Nothing,
    /// Perhaps something.
    Perhaps,
    /// Everything.
    Everything,
    /// Everything, and it forgets what it knew.
    Anew,
}

/// What is remembered of one job.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// What the administrator has told the job.
    pub settings: Settings,
    tenant: Tenant,
    objects: BTreeMap<String, Known>,
    /// How often an object of this account name has left the scope or the directory.
    left: BTreeMap<String, usize>,
    /// Account names whose copies a job has forgotten.
    orphans: BTreeSet<String>,
    /// Selected groups, in every way in which they may have been found.
    found: BTreeSet<Found>,
    /// Last members of selected groups that were deleted.
    ghosts: BTreeMap<String, BTreeSet<String>>,
    /// Whether everything is being read again.
    rereading: bool,
    notes: Vec<Note>,
    /// Place of the trace at which something changed last.
    changed: usize,
}

/// What is remembered of one object.
#[derive(Debug, Clone)]
struct Known {
    source: Source,
    trails: BTreeSet<Option<Trail>>,
    /// Whether it has changed since it was certainly read; then it was read to this effect, or will be.
    unread: bool,
    latest: BTreeSet<Trail>,
    /// Whether selected groups take it in.
    selected: BTreeSet<bool>,
    /// Keys of the objects in scope that it refers to.
    references: BTreeSet<String>,
    /// Account names it had, by which a deleted copy may still be called.
    accounts: BTreeSet<String>,
    /// Whether it claims what another object claims too.
    contested: bool,
}

impl Memory {
    /// Of a job with these settings of which nothing is known yet.
    pub fn of(settings: Settings) -> Self {
        Self {
            settings,
            ..Self::default()
        }
    }

    /// Takes in the state of directory and tenant; what is different was changed at `position` of the trace.
    pub fn note(
        &mut self,
        domain: &str,
        sources: &[Source],
        tenant: &Tenant,
        position: usize,
        again: Rereading,
    ) {
        let mut note = Note::at(position, self.settings.delete_threshold);
        let facts = tenant.without_objects();
        if facts.verified_domains != self.tenant.verified_domains {
            note.changes.extend(self.domains_change(&facts));
        }
        let again = match again {
            Rereading::Nothing if facts != self.tenant => Rereading::Perhaps,
            again => again,
        };
        self.tenant = facts;
        if again == Rereading::Anew {
            self.forget();
        }
        note.changes.extend(self.gone(sources));
        self.find_groups(sources, matches!(again, Rereading::Everything | Rereading::Anew));
        let settings = self.settings.clone();
        let case = Case {
            domain,
            settings: &settings,
            tenant,
            sources,
        };
        let selections = self.selections(&case);
        let references = references(&case, &selections);
        let fresh: Vec<bool> = sources
            .iter()
            .map(|source| self.is_fresh(source, &selections, again))
            .collect();
        for (source, fresh) in sources.iter().zip(&fresh) {
            let references = references.get(&source.key).cloned().unwrap_or_default();
            let how = (*fresh, again == Rereading::Perhaps);
            note.changes
                .extend(self.seen(&case, &selections, source, references, how));
        }
        note.changes.extend(self.contests(tenant));
        if !note.changes.is_empty() || fresh.contains(&true) {
            self.changed = position;
        }
        self.notes.push(note);
    }

    /// Every UPN is made again when a domain of the tenant is added or removed (CS 5.11).
    fn domains_change(&mut self, tenant: &Tenant) -> Vec<Change> {
        let mut changes = Vec::new();
        for known in self.objects.values_mut() {
            let before = known.trails.clone();
            known.trails = before
                .iter()
                .map(|trail| trail.as_ref().map(|trail| renamed(trail, tenant)))
                .collect();
            if known.trails != before {
                changes.push(known.change(true, false));
            }
        }
        changes
    }

    /// The job knows no object and no link any more; copies of what is not in scope stay for good.
    fn forget(&mut self) {
        for known in self.objects.values_mut() {
            let nameless = |trail: &Trail| Trail {
                names: None,
                ..trail.clone()
            };
            let trails: Vec<Trail> = known.trails.iter().flatten().map(nameless).collect();
            if trails
                .iter()
                .any(|trail| matches!(trail.verdict, Verdict::Skipped(_)))
            {
                self.orphans.extend(known.accounts.iter().cloned());
            }
            known.trails.extend(trails.into_iter().map(Some));
        }
        self.orphans.extend(self.left.keys().cloned());
    }

    fn gone(&mut self, sources: &[Source]) -> Vec<Change> {
        let present: BTreeSet<&str> = sources.iter().map(|source| source.key.as_str()).collect();
        let gone: Vec<String> = self
            .objects
            .keys()
            .filter(|key| !present.contains(key.as_str()))
            .cloned()
            .collect();
        let by_dn: BTreeMap<String, &String> = self
            .objects
            .iter()
            .map(|(key, known)| (known.source.dn.to_lowercase(), key))
            .collect();
        let selected: BTreeSet<&String> = self.found.iter().flat_map(Found::values).collect();
        for key in gone.iter().filter(|key| selected.contains(key)) {
            let members = selection::members_of(&self.objects[key].source, &by_dn);
            self.ghosts.insert(key.clone(), members);
        }
        let mut changes = Vec::new();
        for key in gone {
            if let Some(known) = self.objects.remove(&key) {
                leave(&mut self.left, &known);
                changes.push(known.change(true, true));
            }
        }
        changes
    }

    fn find_groups(&mut self, sources: &[Source], again: bool) {
        let now = selection::find(&self.settings, sources);
        if again || self.found.is_empty() {
            self.found.clear();
            self.rereading = true;
        }
        if self.rereading {
            self.found.insert(now);
        } else {
            let later = |found: &Found| {
                now.iter()
                    .chain(found)
                    .map(|(dn, key)| (dn.clone(), key.clone()))
                    .collect()
            };
            let later: Vec<Found> = self.found.iter().map(later).collect();
            self.found.extend(later);
        }
    }

    /// What selected groups may take in, with the members of deleted groups and without.
    fn selections(&self, case: &Case<'_>) -> BTreeSet<BTreeSet<String>> {
        let none = BTreeMap::new();
        let of = |found, ghosts| selection::members(case.settings, found, case.sources, ghosts);
        self.found
            .iter()
            .flat_map(|found| [of(found, &self.ghosts), of(found, &none)])
            .collect()
    }

    fn is_fresh(&self, source: &Source, selections: &BTreeSet<BTreeSet<String>>, again: Rereading) -> bool {
        let Some(known) = self.objects.get(&source.key) else {
            return true;
        };
        matches!(again, Rereading::Everything | Rereading::Anew)
            || source.changed_since(&known.source)
            || selected(selections, source) != known.selected
    }

    fn seen(
        &mut self,
        case: &Case<'_>,
        selections: &BTreeSet<BTreeSet<String>>,
        source: &Source,
        references: BTreeSet<String>,
        (fresh, perhaps): (bool, bool),
    ) -> Option<Change> {
        let new = || Known::new(source);
        let known = self.objects.entry(source.key.clone()).or_insert_with(new);
        if fresh {
            known.unread = true;
            known.latest.clear();
        }
        known.source = source.clone();
        known.selected = selected(selections, source);
        known.accounts.insert(source.account());
        let other_references = known.references != references;
        known.references = references;
        if !known.unread && !perhaps {
            return other_references.then(|| known.change(false, true));
        }
        let read: Vec<(Option<Trail>, Trail)> = readings(case, selections, source, &known.trails);
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
        known.latest.extend(read.iter().map(|(_, now)| now.clone()));
        known.trails.extend(read.into_iter().map(|(_, now)| Some(now)));
        while known.trails.len() > MOST_TRAILS {
            known.trails.pop_first();
        }
        (values || other_references).then(|| known.change(values, other_references))
    }

    /// Objects that claim what others claim too, and whoever refers to them, may be written whenever one of the others
    /// lets go.
    fn contests(&mut self, tenant: &Tenant) -> Vec<Change> {
        let mut claims: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (key, known) in &self.objects {
            for claim in known.claims() {
                claims.entry(claim).or_default().insert(key.clone());
            }
        }
        for object in tenant.objects.iter().filter(|object| !object.deleted) {
            let own = self
                .objects
                .iter()
                .find(|(_, known)| object.synchronized && known.accounts.contains(&object.account));
            let claimant = own.map_or_else(|| format!("tenant: {}", object.name), |(key, _)| key.clone());
            for claim in object.claims() {
                claims.entry(claim).or_default().insert(claimant.clone());
            }
        }
        for claimants in claims.values().filter(|claimants| claimants.len() > 1) {
            for key in claimants {
                if let Some(known) = self.objects.get_mut(key) {
                    known.contested = true;
                }
            }
        }
        let contested: BTreeSet<&String> = self
            .objects
            .iter()
            .filter(|(_, known)| known.contested)
            .map(|(key, _)| key)
            .collect();
        let touched =
            |known: &&Known| known.contested || known.references.iter().any(|key| contested.contains(key));
        self.objects
            .values()
            .filter(touched)
            .map(|known| Change {
                contested: true,
                ..known.change(true, true)
            })
            .collect()
    }

    /// An administrator deletes a synchronized user of the tenant (`there` is false) or restores it.
    pub fn cloud_user(&mut self, upn: &str, there: bool) {
        let upn = upn.to_lowercase();
        let called = |known: &&mut Known| {
            known
                .trails
                .iter()
                .flatten()
                .any(|trail| shown_names(trail).contains(&upn))
        };
        for known in self.objects.values_mut().filter(called) {
            let change = |trail: Option<Trail>| {
                let trail = trail?;
                let verdict = match (trail.verdict, there) {
                    (Verdict::Exported(properties), false) => Verdict::Removed(properties),
                    (Verdict::Removed(properties), true) => Verdict::Exported(properties),
                    (other, _) => other,
                };
                Some(Trail { verdict, ..trail })
            };
            known.trails = std::mem::take(&mut known.trails)
                .into_iter()
                .map(change)
                .collect();
            leave(&mut self.left, known);
        }
    }

    /// The job's deletions were allowed at this place of the trace.
    pub fn deletes_allowed(&mut self, position: usize) {
        self.notes.push(Note {
            deletes_allowed: true,
            ..Note::at(position, self.settings.delete_threshold)
        });
    }

    /// What may have become of an object: if it was certainly read since it changed, and otherwise.
    pub(super) fn possible(&self, case: &Case<'_>, source: &Source) -> BTreeSet<Trail> {
        let none = BTreeSet::from([None]);
        let known = self.objects.get(&source.key);
        let trails = known.map_or(&none, |known| &known.trails);
        let read = readings(case, &self.selections(case), source, trails);
        let mut all: BTreeSet<Trail> = read.into_iter().map(|(_, now)| now).collect();
        match known {
            Some(known) if known.unread => all.extend(known.latest.iter().cloned()),
            _ => all.extend(trails.iter().flatten().cloned()),
        }
        all
    }

    /// How many copies of an account name may have been deleted.
    pub(super) fn left(&self, account: &str) -> usize {
        self.left.get(account).copied().unwrap_or_default()
    }

    /// Whether a job may have forgotten the copy of this account name.
    pub(super) fn is_orphan(&self, account: &str) -> bool {
        self.orphans.contains(account)
    }

    /// What has changed, in the order in which it did.
    pub(super) fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Place of the trace at which something changed last.
    pub fn changed_at(&self) -> usize {
        self.changed
    }

    /// Everything has been read, and the tenant was found to be as `judgement` says. `position` is the length of the trace.
    pub fn settle(&mut self, judgement: &Judgement, position: usize) {
        for (key, trails) in &judgement.trails {
            if let Some(known) = self.objects.get_mut(key) {
                known.trails = trails.iter().cloned().map(Some).collect();
                known.unread = false;
                known.contested = false;
            }
        }
        self.rereading = false;
        self.notes.push(Note {
            settled: true,
            ..Note::at(position, self.settings.delete_threshold)
        });
    }
}

impl Known {
    fn new(source: &Source) -> Self {
        Self {
            source: source.clone(),
            trails: BTreeSet::from([None]),
            unread: true,
            latest: BTreeSet::new(),
            selected: BTreeSet::new(),
            references: BTreeSet::new(),
            accounts: BTreeSet::new(),
            contested: false,
        }
    }

    fn change(&self, values: bool, references: bool) -> Change {
        let mut names: BTreeSet<String> = self.trails.iter().flatten().flat_map(shown_names).collect();
        if self.source.kind == Kind::Group {
            let given = ["displayName", "cn"]
                .iter()
                .filter_map(|name| self.source.first(name));
            names.extend(given.map(str::to_lowercase));
        }
        Change {
            key: self.source.key.clone(),
            kind: self.source.kind,
            names,
            values,
            references,
            contested: false,
        }
    }

    /// Names and addresses that only one object can have.
    fn claims(&self) -> BTreeSet<String> {
        let names = self
            .trails
            .iter()
            .flatten()
            .filter_map(|trail| trail.names.as_ref());
        let names = names.map(|names| names.user_principal_name.to_lowercase());
        names
            .chain(
                self.source
                    .all("proxyAddresses")
                    .iter()
                    .map(|address| judge::bare(address)),
            )
            .collect()
    }
}

/// Every way in which an object may be read now, with what it had left behind.
fn readings(
    case: &Case<'_>,
    selections: &BTreeSet<BTreeSet<String>>,
    source: &Source,
    trails: &BTreeSet<Option<Trail>>,
) -> Vec<(Option<Trail>, Trail)> {
    let job = |selected| Job {
        domain: case.domain,
        settings: case.settings,
        tenant: case.tenant,
        selected,
    };
    let read = |selected| {
        trails
            .iter()
            .map(move |had| (had.clone(), job(selected).read(had.as_ref(), source)))
    };
    selections.iter().flat_map(read).collect()
}

fn selected(selections: &BTreeSet<BTreeSet<String>>, source: &Source) -> BTreeSet<bool> {
    selections
        .iter()
        .map(|selection| selection.contains(&source.key))
        .collect()
}

fn leave(left: &mut BTreeMap<String, usize>, known: &Known) {
    for account in &known.accounts {
        *left.entry(account.clone()).or_default() += 1;
    }
}

/// What the trace calls an object that has left a trail.
fn shown_names(trail: &Trail) -> Vec<String> {
    let (Verdict::Exported(properties) | Verdict::Removed(properties)) = &trail.verdict else {
        return Vec::new();
    };
    let name = if trail.names.is_some() { UPN } else { "displayName" };
    let values = [properties.get(UPN), properties.get(name)]
        .into_iter()
        .flatten()
        .flatten();
    values.map(|value| value.to_lowercase()).collect()
}

/// Whether something is to be written.
fn differs(had: Option<&Trail>, now: &Trail) -> bool {
    match (had.map(|had| &had.verdict), &now.verdict) {
        (None | Some(Verdict::Skipped(_)), Verdict::Skipped(_)) => false,
        (had, now) => had != Some(now),
    }
}

fn renamed(trail: &Trail, tenant: &Tenant) -> Trail {
    let names = trail.names.as_ref().map(|names| names.recalculated(tenant));
    let mut trail = trail.clone();
    if let Some(names) = &names {
        let upn = (UPN.to_owned(), vec![names.user_principal_name.clone()]);
        if let Verdict::Exported(properties) | Verdict::Removed(properties) = &mut trail.verdict {
            properties.extend([upn.clone()]);
        }
        if let Some(shown) = &mut trail.shown {
            shown.extend([upn]);
        }
    }
    Trail { names, ..trail }
}

/// Keys of the objects that may be in scope that each object refers to.
fn references(
    case: &Case<'_>,
    selections: &BTreeSet<BTreeSet<String>>,
) -> BTreeMap<String, BTreeSet<String>> {
    let none = BTreeSet::from([None]);
    let in_scope = |source: &&Source| {
        let read = readings(case, selections, source, &none);
        read.iter()
            .any(|(_, now)| !matches!(now.verdict, Verdict::Skipped(_)))
    };
    let wanted: BTreeMap<String, &Source> = case
        .sources
        .iter()
        .filter(in_scope)
        .map(|source| (source.dn.to_lowercase(), source))
        .collect();
    let keys = |source: &Source| -> BTreeSet<String> {
        let references = judge::references_of(source).iter();
        references
            .filter_map(|dn| Some(wanted.get(&dn.to_lowercase())?.key.clone()))
            .collect()
    };
    case.sources
        .iter()
        .map(|source| (source.key.clone(), keys(source)))
        .collect()
}
