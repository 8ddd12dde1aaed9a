//! Whether a tenant is what a full comparison with the directory would have made of it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    CloudObject, Job, Kind, Memory, Source,
    reading::{DN, NICKNAME, Properties, Trail, UPN, Verdict},
};

/// The code of an object that claims what another one has (CS 6.8).
const CONFLICT: &str = "EntryConflict";

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Judgement {
    /// Everything that is different, in words.
    pub differences: Vec<String>,
    /// What becomes of every source object, by its distinguished name.
    pub verdicts: BTreeMap<String, Verdict>,
    /// The trails that go with what the tenant shows, by the objects' keys.
    pub(super) trails: BTreeMap<String, BTreeSet<Option<Trail>>>,
}

/// Compares every object. Without a memory it is as if the directory had always been as it is, and what can only be told
/// from memory is not compared.
pub fn judge(job: &Job<'_>, sources: &[Source], memory: Option<&Memory>) -> Judgement {
    let pairs = Pairs::of(job, sources);
    let mut found = Judgement::default();
    pairs.leftovers(job, memory, &mut found.differences);
    for source in sources {
        let copy = pairs.copy(source);
        let mut closest: Option<Vec<String>> = None;
        for trail in possible(job, source, memory) {
            let verdict = pairs.verdict(source, copy, &trail);
            let differences = differences(source, copy, &verdict, memory.is_some());
            if differences.is_empty() {
                found.verdicts.entry(source.dn.clone()).or_insert(verdict);
                found
                    .trails
                    .entry(source.key.clone())
                    .or_default()
                    .insert(Some(trail));
            }
            if closest
                .as_ref()
                .is_none_or(|closest| differences.len() < closest.len())
            {
                closest = Some(differences);
            }
        }
        found.differences.extend(closest.into_iter().flatten());
        if let Some(copy) = copy {
            pairs.compare_references(source, copy, &mut found.differences);
        }
    }
    found
}

/// What may have become of an object, if it has been read since it changed.
fn possible(job: &Job<'_>, source: &Source, memory: Option<&Memory>) -> BTreeSet<Trail> {
    let Some(memory) = memory else {
        return BTreeSet::from([job.read(None, source)]);
    };
    let trails = memory.trails(source);
    let mut now: BTreeSet<Trail> = trails.iter().map(|had| job.read(had.as_ref(), source)).collect();
    if memory.may_be_unnoticed(source) {
        now.extend(trails.into_iter().flatten());
    }
    now
}

/// Sources and what they have become, found to each other by account name.
struct Pairs<'a> {
    copies: BTreeMap<String, Vec<&'a CloudObject>>,
    by_dn: BTreeMap<String, &'a Source>,
    /// Live users by sign-in name in lower case.
    users: BTreeMap<String, Vec<&'a CloudObject>>,
}

impl<'a> Pairs<'a> {
    fn of(job: &Job<'a>, sources: &'a [Source]) -> Self {
        let ours =
            |copy: &&CloudObject| copy.domain.is_empty() || copy.domain.eq_ignore_ascii_case(job.domain);
        let mut copies: BTreeMap<String, Vec<&CloudObject>> = BTreeMap::new();
        for copy in job.tenant.copies().filter(ours) {
            copies.entry(copy.account.clone()).or_default().push(copy);
        }
        let mut users: BTreeMap<String, Vec<&CloudObject>> = BTreeMap::new();
        for user in job
            .tenant
            .objects
            .iter()
            .filter(|user| !user.group && !user.deleted)
        {
            users.entry(user.name.to_lowercase()).or_default().push(user);
        }
        Self {
            copies,
            by_dn: sources
                .iter()
                .map(|source| (source.dn.to_lowercase(), source))
                .collect(),
            users,
        }
    }

    fn copy(&self, source: &Source) -> Option<&'a CloudObject> {
        let copies = self.copies.get(&source.account())?;
        copies.iter().find(|copy| copy.kind() == source.kind).copied()
    }

    /// What a trail comes to beside the other objects of the tenant.
    fn verdict(&self, source: &Source, copy: Option<&CloudObject>, trail: &Trail) -> Verdict {
        let upn = trail
            .names
            .as_ref()
            .map(|names| names.user_principal_name.to_lowercase());
        let holders = upn.and_then(|upn| self.users.get(&upn));
        let taken = holders
            .into_iter()
            .flatten()
            .any(|holder| copy.is_none_or(|copy| !std::ptr::eq(*holder, copy)));
        match &trail.verdict {
            Verdict::Exported(_) if taken && source.kind == Kind::User => Verdict::Escrowed(CONFLICT),
            verdict => verdict.clone(),
        }
    }

    /// What is in the tenant and has no source, or too often.
    fn leftovers(&self, job: &Job<'_>, memory: Option<&Memory>, found: &mut Vec<String>) {
        let accounts: BTreeSet<String> = self.by_dn.values().map(|source| source.account()).collect();
        for (account, copies) in &self.copies {
            if !accounts.contains(account) {
                found.push(format!(
                    "\"{account}\" is in the tenant and not in scope of the directory"
                ));
            }
            if copies.len() > 1 {
                found.push(format!("\"{account}\" is in the tenant {} times", copies.len()));
            }
        }
        let Some(memory) = memory else { return };
        let mut deleted: BTreeMap<&str, usize> = BTreeMap::new();
        for object in job
            .tenant
            .objects
            .iter()
            .filter(|object| object.synchronized && object.deleted)
        {
            *deleted.entry(&object.account).or_default() += 1;
        }
        for (account, times) in deleted {
            if times > memory.left(account) {
                found.push(format!(
                    "\"{account}\" is {times} times among the deleted items and left the scope {} times",
                    memory.left(account)
                ));
            }
        }
    }

    /// Manager and members: whoever of those that the directory names is in the tenant.
    fn compare_references(&self, source: &Source, copy: &CloudObject, found: &mut Vec<String>) {
        let mut wanted: Vec<&str> = references_of(source)
            .iter()
            .filter_map(|dn| self.copy(self.by_dn.get(&dn.to_lowercase())?))
            .map(|copy| copy.name.as_str())
            .collect();
        wanted.sort_unstable();
        let dn = &source.dn;
        if source.kind == Kind::User {
            let wanted = wanted.first().copied().unwrap_or_default();
            let actual = copy.manager.as_deref().unwrap_or_default();
            if wanted != actual {
                found.push(format!(
                    "{dn}: manager is \"{actual}\" and should be \"{wanted}\""
                ));
            }
            return;
        }
        let actual: Vec<&str> = copy.members.iter().map(String::as_str).collect();
        for missing in beyond(&wanted, &actual) {
            found.push(format!("{dn}: the member {missing} is missing"));
        }
        for extra in beyond(&actual, &wanted) {
            found.push(format!("{dn}: the member {extra} is there and should not be"));
        }
    }
}

/// What the one list has more often than the other.
fn beyond<'a>(these: &[&'a str], those: &[&str]) -> Vec<&'a str> {
    let mut rest = those.to_vec();
    let new = |name: &&&'a str| match rest.iter().position(|known| known == *name) {
        Some(at) => {
            rest.remove(at);
            false
        }
        None => true,
    };
    these.iter().filter(new).copied().collect()
}

/// Distinguished names that an object refers to.
pub(super) fn references_of(source: &Source) -> &[String] {
    source.all(match source.kind {
        Kind::User => "manager",
        Kind::Group => "member",
    })
}

/// How the tenant differs from what a verdict demands for one object.
fn differences(
    source: &Source,
    copy: Option<&CloudObject>,
    verdict: &Verdict,
    remembered: bool,
) -> Vec<String> {
    match (verdict, copy) {
        // Whatever it was before it could not be written stays.
        (Verdict::Escrowed(_), _) | (Verdict::Skipped(_), None) => Vec::new(),
        (Verdict::Skipped(reason), Some(copy)) => {
            vec![format!(
                "\"{}\" is in the tenant and not in scope of the directory: {reason}",
                copy.account
            )]
        }
        (Verdict::Exported(_), None) => vec![format!("{} is not in the tenant", source.dn)],
        (Verdict::Exported(wanted), Some(copy)) => properties(source, wanted, copy, remembered),
    }
}

fn properties(source: &Source, wanted: &Properties, copy: &CloudObject, remembered: bool) -> Vec<String> {
    let own_upn = source.first("userPrincipalName");
    let from_memory = |name: &str| match name {
        // Without a memory only a name that is taken as it is can be told.
        UPN => {
            wanted
                .get(UPN)
                .and_then(|values| values.first())
                .map(String::as_str)
                != own_upn
        }
        NICKNAME | DN => true,
        _ => false,
    };
    let empty = Vec::new();
    wanted
        .iter()
        .filter(|(name, _)| remembered || !from_memory(name))
        .filter_map(|(name, wanted)| {
            let actual = copy.properties.get(name).unwrap_or(&empty);
            (wanted != actual).then(|| {
                format!(
                    "{}: {name} is \"{}\" and should be \"{}\"",
                    source.dn,
                    actual.join(", "),
                    wanted.join(", ")
                )
            })
        })
        .collect()
}
