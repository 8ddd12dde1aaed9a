//! Whether a tenant is what a full comparison with the directory would have made of it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Case, CloudObject, Job, Kind, Memory, Source, Tenant,
    claims::Claims,
    reading::{DN, ERRORS, NICKNAME, Properties, Trail, UPN, Verdict},
    selection,
};

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Judgement {
    /// Everything that is different, in words.
    pub differences: Vec<String>,
    /// What becomes of every source object, by its distinguished name.
    pub verdicts: BTreeMap<String, Verdict>,
    /// The trails that go with what the tenant shows, by the objects' keys.
    pub(super) trails: BTreeMap<String, BTreeSet<Trail>>,
}

/// Compares every object. Without a memory it is as if the directory had always been as it is, and what can only be told
/// from memory is not compared.
pub fn judge(case: &Case<'_>, memory: Option<&Memory>) -> Judgement {
    let pairs = Pairs::of(case);
    let mut found = Judgement::default();
    pairs.leftovers(memory, &mut found.differences);
    for source in case.sources {
        let copy = pairs.copy(source);
        let mut closest: Option<Vec<String>> = None;
        for trail in possible(case, source, memory) {
            let verdict = pairs.claims.verdict(source, copy, &trail);
            let differences = pairs.differences(source, copy, &verdict, memory);
            if differences.is_empty() {
                let trails = found.trails.entry(source.key.clone()).or_default();
                if copy.is_none() && matches!(verdict, Verdict::Escrowed(_)) {
                    trails.insert(Trail::unwritten(verdict.clone()));
                }
                trails.insert(trail);
                found.verdicts.entry(source.dn.clone()).or_insert(verdict);
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
    pairs.accounts(&found.verdicts, &mut found.differences);
    found
}

fn possible(case: &Case<'_>, source: &Source, memory: Option<&Memory>) -> BTreeSet<Trail> {
    if let Some(memory) = memory {
        return memory.possible(case, source);
    }
    let found = selection::find(case.settings, case.sources);
    let job = Job {
        domain: case.domain,
        settings: case.settings,
        tenant: case.tenant,
        selected: &selection::members(case.settings, &found, case.sources, &BTreeMap::new()),
    };
    BTreeSet::from([job.read(None, source)])
}

/// Sources and what they have become, found to each other by account name.
struct Pairs<'a> {
    tenant: &'a Tenant,
    domain: &'a str,
    threshold: Option<u32>,
    copies: BTreeMap<String, Vec<&'a CloudObject>>,
    by_dn: BTreeMap<String, &'a Source>,
    claims: Claims<'a>,
}

impl<'a> Pairs<'a> {
    fn of(case: &Case<'a>) -> Self {
        let ours =
            |copy: &&CloudObject| copy.domain.is_empty() || copy.domain.eq_ignore_ascii_case(case.domain);
        let mut copies: BTreeMap<String, Vec<&CloudObject>> = BTreeMap::new();
        for copy in case.tenant.copies().filter(ours) {
            copies.entry(copy.account.clone()).or_default().push(copy);
        }
        Self {
            tenant: case.tenant,
            domain: case.domain,
            threshold: case.settings.delete_threshold,
            copies,
            by_dn: case
                .sources
                .iter()
                .map(|source| (source.dn.to_lowercase(), source))
                .collect(),
            claims: Claims::of(
                case.tenant,
                case.settings.assumes("duplicate-attribute-resiliency"),
            ),
        }
    }

    fn copy(&self, source: &Source) -> Option<&'a CloudObject> {
        let copies = self.copies.get(&source.account())?;
        copies.iter().find(|copy| copy.kind() == source.kind).copied()
    }

    /// Whether the accidental delete prevention holds back what should be deleted (CS 5.6): all of it or nothing.
    fn holds_back(&self) -> bool {
        let job = self.tenant.job(self.domain);
        let pending = job.map_or(0, |job| job.pending_deletes);
        let threshold = self.threshold.map_or(u64::MAX, u64::from);
        job.is_some_and(|job| job.quarantine == "TooManyDeletes") && pending >= threshold
    }

    /// What is in the tenant and has no source, or too often.
    fn leftovers(&self, memory: Option<&Memory>, found: &mut Vec<String>) {
        let accounts: BTreeSet<String> = self.by_dn.values().map(|source| source.account()).collect();
        let orphan = |account: &str| memory.is_some_and(|memory| memory.is_orphan(account));
        for (account, copies) in &self.copies {
            if !accounts.contains(account) && !self.holds_back() && !orphan(account) {
                found.push(format!(
                    "\"{account}\" is in the tenant and not in scope of the directory"
                ));
            }
            if copies.len() > 1 && !orphan(account) {
                found.push(format!("\"{account}\" is in the tenant {} times", copies.len()));
            }
            if copies.iter().any(|copy| copy.privileged) {
                found.push(format!(
                    "\"{account}\" has taken over an account with a directory role"
                ));
            }
        }
        let Some(memory) = memory else { return };
        let mut deleted: BTreeMap<&str, usize> = BTreeMap::new();
        for object in self
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

    /// How the tenant differs from what a verdict demands for one object.
    fn differences(
        &self,
        source: &Source,
        copy: Option<&CloudObject>,
        verdict: &Verdict,
        memory: Option<&Memory>,
    ) -> Vec<String> {
        match (verdict, copy) {
            // Whatever it was before it could not be written stays.
            (Verdict::Unknown(what), _) => vec![format!("{}: {what}", source.dn)],
            (Verdict::Escrowed(_), _) | (Verdict::Skipped(_) | Verdict::Removed(_), None) => Vec::new(),
            (Verdict::Skipped(_), Some(copy))
                if self.holds_back() || memory.is_some_and(|memory| memory.is_orphan(&copy.account)) =>
            {
                Vec::new()
            }
            (Verdict::Skipped(reason), Some(copy)) => {
                vec![format!(
                    "\"{}\" is in the tenant and not in scope of the directory: {reason}",
                    copy.account
                )]
            }
            (Verdict::Removed(_), Some(copy)) => vec![format!(
                "\"{}\" was deleted in the tenant and is there",
                copy.account
            )],
            (Verdict::Exported(_), None) => vec![format!("{} is not in the tenant", source.dn)],
            (Verdict::Exported(wanted), Some(copy)) => properties(source, wanted, copy, memory.is_some()),
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

    /// Every object is accounted for: what is neither exported nor skipped is in escrow.
    fn accounts(&self, verdicts: &BTreeMap<String, Verdict>, found: &mut Vec<String>) {
        let Some(escrowed) = self.tenant.job(self.domain).and_then(|job| job.escrowed) else {
            return;
        };
        let expected: Vec<&String> = verdicts
            .iter()
            .filter(|(_, verdict)| matches!(verdict, Verdict::Escrowed(_)))
            .map(|(dn, _)| dn)
            .collect();
        if expected.len() as u64 != escrowed {
            found.push(format!(
                "{escrowed} objects are in escrow, and it should be these: {expected:?}"
            ));
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
        NICKNAME | DN | ERRORS => true,
        _ => false,
    };
    let empty = Vec::new();
    wanted
        .iter()
        .filter(|(name, _)| !name.starts_with('~') && (remembered || !from_memory(name)))
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

/// An address in the form in which addresses are compared: `SMTP:A@b.c` as `a@b.c`.
pub(super) fn bare(address: &str) -> String {
    let lower = address.to_lowercase();
    lower.strip_prefix("smtp:").map(str::to_owned).unwrap_or(lower)
}
