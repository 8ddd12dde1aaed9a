//! What a history needs to know of its world so that every deed is possible: no directory, no cloud, just names.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;

use super::{
    deed::{CloudDeed, Deed, Part, Scope},
    generate, story,
    vocabulary::MAPPINGS,
};

/// One user or group of the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    pub group: bool,
    pub name: String,
    /// The organizational unit it is in; otherwise it is among the users.
    pub unit: Option<usize>,
    pub user_principal_name: String,
}

/// One organizational unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    pub name: String,
    pub parent: Option<usize>,
}

/// The world as far as deeds depend on it.
#[derive(Debug, Clone, Default)]
pub struct Model {
    /// How many agents are installed.
    pub agents: usize,
    /// Objects by account name.
    pub objects: BTreeMap<String, Object>,
    pub units: Vec<Unit>,
    /// Group and member.
    pub members: BTreeSet<(String, String)>,
    /// Hosts whose service is stopped.
    pub stopped: BTreeSet<&'static str>,
    pub paused: bool,
    pub powerless: bool,
    /// Whether the job is paused.
    pub idle: bool,
    /// Whether the accidental delete prevention was touched.
    pub guarded: bool,
    /// Whether what leaves the scope was ever made to stay: the lab can set one such secret only.
    pub kept: bool,
    /// Mappings that were taken away: kind and target.
    pub unmapped: BTreeSet<(&'static str, &'static str)>,
    pub verified: bool,
    /// Prefixes of names that sources had.
    pub claimed: BTreeSet<&'static str>,
    /// Users made in the tenant, and whether they are there.
    pub cloud_users: BTreeMap<&'static str, bool>,
    /// How many lines were ever disturbed, and which still are.
    pub faults: usize,
    pub disturbed: BTreeSet<usize>,
}

/// Hosts of agents.
pub const HOSTS: [&str; 2] = ["srv1", "srv2"];
const DOMAIN: &str = "DC=contoso,DC=com";

impl Model {
    pub fn hosts(&self) -> &'static [&'static str] {
        &HOSTS[..self.agents]
    }

    /// Distinguished name of a unit, or of the place of users.
    pub fn place(&self, unit: Option<usize>) -> String {
        unit.map_or_else(|| format!("CN=Users,{DOMAIN}"), |unit| self.unit_dn(unit))
    }

    pub fn unit_dn(&self, unit: usize) -> String {
        let Unit { name, parent } = &self.units[unit];
        let above = parent.map_or_else(|| DOMAIN.to_owned(), |parent| self.unit_dn(parent));
        format!("OU={name},{above}")
    }

    pub fn dn(&self, account: &str) -> String {
        let object = &self.objects[account];
        format!(
            "CN={},{}",
            object.name.replace(',', "\\,"),
            self.place(object.unit)
        )
    }

    fn is_free(&self, account: &str) -> bool {
        !self.objects.contains_key(account)
    }

    /// Whether no other object has the name at that place.
    fn name_is_free(&self, name: &str, unit: Option<usize>) -> bool {
        let taken = |object: &Object| object.name.eq_ignore_ascii_case(name) && object.unit == unit;
        !self.objects.values().any(taken)
    }

    fn upn_is_free(&self, upn: &str) -> bool {
        !self
            .objects
            .values()
            .any(|object| object.user_principal_name == upn)
    }

    /// Whether nothing is in the way of the job.
    fn is_calm(&self) -> bool {
        self.stopped.is_empty() && self.disturbed.is_empty() && !self.paused && !self.powerless && !self.idle
    }

    fn is(&self, account: &str, group: bool) -> bool {
        self.objects
            .get(account)
            .is_some_and(|object| object.group == group)
    }
}

/// Kind and target of a mapping of the vocabulary.
fn mapping(at: usize) -> (&'static str, &'static str) {
    let (kind, target, _) = MAPPINGS[at];
    (kind, target)
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Deed;

    fn init_state() -> BoxedStrategy<Self> {
        prop_oneof![2 => Just(1), 1 => Just(2)]
            .prop_map(story::beginning)
            .boxed()
    }

    fn transitions(model: &Self) -> BoxedStrategy<Deed> {
        generate::deed(model)
    }

    fn preconditions(model: &Self, deed: &Deed) -> bool {
        let upn = |prefix: &str, suffix: &str| format!("{prefix}@{suffix}");
        if deed.changes_directory() && model.powerless {
            return false;
        }
        match deed {
            Deed::Create {
                account,
                name,
                prefix,
                suffix,
                unit,
                ..
            } => {
                model.is_free(account)
                    && model.name_is_free(name, *unit)
                    && model.upn_is_free(&upn(prefix, suffix))
            }
            Deed::CreateGroup { account, name, unit } => {
                model.is_free(account) && model.name_is_free(name, *unit)
            }
            Deed::Modify { account, .. } | Deed::Delete { account } => !model.is_free(account),
            Deed::OnDemand { account } => !model.is_free(account) && model.is_calm(),
            Deed::NameUser {
                account,
                prefix,
                suffix,
            } => model.is(account, false) && model.upn_is_free(&upn(prefix, suffix)),
            Deed::Account { account, to } => !model.is_free(account) && model.is_free(to),
            Deed::Manager { account, manager } => {
                model.is(account, false) && manager.as_ref().is_none_or(|manager| model.is(manager, false))
            }
            Deed::Enable { account, .. } => model.is(account, false),
            Deed::Rename { account, to } => {
                let object = model.objects.get(account);
                object.is_some_and(|object| model.name_is_free(to, object.unit))
            }
            Deed::Move { account, unit } => {
                let object = model.objects.get(account);
                object.is_some_and(|object| object.unit != *unit && model.name_is_free(&object.name, *unit))
            }
            Deed::RenameUnit { unit, to } => {
                let parent = model.units[*unit].parent;
                !model
                    .units
                    .iter()
                    .any(|other| other.parent == parent && other.name.eq_ignore_ascii_case(to))
            }
            Deed::Member { group, member, is } => {
                model.is(group, true)
                    && !model.is_free(member)
                    && group != member
                    && model.members.contains(&(group.clone(), member.clone())) != *is
            }
            Deed::Scope(Scope::Groups(groups)) => groups.iter().all(|group| model.is(group, true)),
            Deed::Map { at, on } => *on || !model.unmapped.contains(&mapping(*at)),
            Deed::VerifyDomain => !model.verified,
            Deed::CloudUser { prefix, deed } => {
                let there = model.cloud_users.get(prefix);
                !model.claimed.contains(prefix)
                    && match deed {
                        CloudDeed::Create => there.is_none(),
                        CloudDeed::Delete => there == Some(&true),
                        CloudDeed::Restore => there == Some(&false),
                    }
            }
            Deed::Service { host, runs } => {
                model.hosts().contains(host) && model.stopped.contains(host) == *runs
            }
            Deed::Paused(paused) => model.paused != *paused && !model.powerless,
            Deed::Power(on) => model.powerless == *on && !model.paused,
            Deed::Job(runs) => model.idle == *runs,
            Deed::Crash(Part::Agent(host)) => model.hosts().contains(host) && !model.stopped.contains(host),
            Deed::Crash(Part::Directory) => !model.powerless && !model.paused,
            Deed::Fault { host, .. } => model.hosts().contains(host),
            Deed::Heal => !model.disturbed.is_empty(),
            Deed::Crash(Part::Cloud)
            | Deed::Advance(_)
            | Deed::Settle
            | Deed::Scope(_)
            | Deed::Filter { .. }
            | Deed::AllowDeletes
            | Deed::Restart(_)
            | Deed::Feature { .. }
            | Deed::ReplaceController => true,
            Deed::Threshold(_) => !model.kept,
            Deed::KeepOutOfScope(_) => !model.guarded,
        }
    }

    fn apply(mut model: Self, deed: &Deed) -> Self {
        match deed {
            Deed::Create {
                account,
                name,
                prefix,
                suffix,
                unit,
                ..
            } => {
                let object = Object {
                    group: false,
                    name: (*name).to_owned(),
                    unit: *unit,
                    user_principal_name: format!("{prefix}@{suffix}"),
                };
                model.claimed.insert(prefix);
                model.objects.insert((*account).to_owned(), object);
            }
            Deed::CreateGroup { account, name, unit } => {
                let object = Object {
                    group: true,
                    name: (*name).to_owned(),
                    unit: *unit,
                    user_principal_name: String::new(),
                };
                model.objects.insert((*account).to_owned(), object);
            }
            Deed::NameUser {
                account,
                prefix,
                suffix,
            } => {
                model.claimed.insert(prefix);
                if let Some(object) = model.objects.get_mut(account) {
                    object.user_principal_name = format!("{prefix}@{suffix}");
                }
            }
            Deed::Account { account, to } => {
                if let Some(object) = model.objects.remove(account) {
                    model.objects.insert((*to).to_owned(), object);
                }
                let called = |name: String| if name == *account { (*to).to_owned() } else { name };
                model.members = model
                    .members
                    .into_iter()
                    .map(|(group, member)| (called(group), called(member)))
                    .collect();
            }
            Deed::Delete { account } => {
                model.objects.remove(account);
                model
                    .members
                    .retain(|(group, member)| group != account && member != account);
            }
            Deed::Rename { account, to } => {
                if let Some(object) = model.objects.get_mut(account) {
                    object.name = (*to).to_owned();
                }
            }
            Deed::Move { account, unit } => {
                if let Some(object) = model.objects.get_mut(account) {
                    object.unit = *unit;
                }
            }
            Deed::RenameUnit { unit, to } => (*to).clone_into(&mut model.units[*unit].name),
            Deed::Member { group, member, is } => {
                let both = (group.clone(), member.clone());
                if *is {
                    model.members.insert(both);
                } else {
                    model.members.remove(&both);
                }
            }
            Deed::Map { at, on: true } => drop(model.unmapped.remove(&mapping(*at))),
            Deed::Map { at, on: false } => drop(model.unmapped.insert(mapping(*at))),
            Deed::Threshold(_) => model.guarded = true,
            Deed::KeepOutOfScope(_) => model.kept = true,
            Deed::VerifyDomain => model.verified = true,
            Deed::CloudUser { prefix, deed } => {
                model.cloud_users.insert(prefix, *deed != CloudDeed::Delete);
            }
            Deed::Service { host, runs: true } => drop(model.stopped.remove(host)),
            Deed::Service { host, runs: false } => drop(model.stopped.insert(host)),
            Deed::Paused(paused) => model.paused = *paused,
            Deed::Power(on) => model.powerless = !on,
            Deed::Job(runs) => model.idle = !runs,
            Deed::Fault { .. } => {
                model.disturbed.insert(model.faults);
                model.faults += 1;
            }
            Deed::Heal => model.disturbed.clear(),
            Deed::Settle => {
                model.disturbed.clear();
                model.stopped.clear();
                (model.paused, model.powerless, model.idle) = (false, false, false);
            }
            Deed::Modify { .. }
            | Deed::Manager { .. }
            | Deed::Enable { .. }
            | Deed::Advance(_)
            | Deed::Crash(_)
            | Deed::Scope(_)
            | Deed::Filter { .. }
            | Deed::AllowDeletes
            | Deed::Restart(_)
            | Deed::Feature { .. }
            | Deed::OnDemand { .. }
            | Deed::ReplaceController => {}
        }
        model
    }
}
