//! What a history needs to know of its world so that every deed is possible: no directory, no cloud, just names.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;

use super::{deed::Deed, generate, story};

/// One user or group of the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    pub group: bool,
    pub name: String,
    pub parent: String,
    pub user_principal_name: String,
}

impl Object {
    pub fn dn(&self) -> String {
        format!("CN={},{}", self.name.replace(',', "\\,"), self.parent)
    }
}

/// The world as far as deeds depend on it.
#[derive(Debug, Clone)]
pub struct Model {
    /// How many agents are installed.
    pub agents: usize,
    /// Objects by account name.
    pub objects: BTreeMap<String, Object>,
    /// Group and member.
    pub members: BTreeSet<(String, String)>,
    /// Hosts whose service is stopped.
    pub stopped: BTreeSet<&'static str>,
    pub paused: bool,
    pub powerless: bool,
    /// Whether the job is paused.
    pub idle: bool,
    /// How many lines were ever disturbed, and which still are.
    pub faults: usize,
    pub disturbed: BTreeSet<usize>,
}

/// Where new users are made.
pub const USERS: &str = "CN=Users,DC=contoso,DC=com";
/// Hosts of agents.
pub const HOSTS: [&str; 2] = ["srv1", "srv2"];

impl Model {
    pub fn hosts(&self) -> &'static [&'static str] {
        &HOSTS[..self.agents]
    }

    fn is_free(&self, account: &str) -> bool {
        !self.objects.contains_key(account)
    }

    /// Whether no other object has the name at that place.
    fn name_is_free(&self, name: &str, parent: &str) -> bool {
        let taken = |object: &Object| object.name.eq_ignore_ascii_case(name) && object.parent == parent;
        !self.objects.values().any(taken)
    }

    fn upn_is_free(&self, upn: &str) -> bool {
        !self.objects.values().any(|object| object.user_principal_name == upn)
    }

    fn is(&self, account: &str, group: bool) -> bool {
        self.objects.get(account).is_some_and(|object| object.group == group)
    }
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Deed;

    fn init_state() -> BoxedStrategy<Self> {
        prop_oneof![2 => Just(1), 1 => Just(2)].prop_map(story::beginning).boxed()
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
            Deed::Create { account, name, prefix, suffix, .. } => {
                model.is_free(account) && model.name_is_free(name, USERS) && model.upn_is_free(&upn(prefix, suffix))
            }
            Deed::Modify { account, .. } | Deed::Delete { account } => !model.is_free(account),
            Deed::NameUser { account, prefix, suffix } => {
                model.is(account, false) && model.upn_is_free(&upn(prefix, suffix))
            }
            Deed::Account { account, to } => !model.is_free(account) && model.is_free(to),
            Deed::Manager { account, manager } => {
                model.is(account, false) && manager.as_ref().is_none_or(|manager| model.is(manager, false))
            }
            Deed::Enable { account, .. } => model.is(account, false),
            Deed::Rename { account, to } => {
                let parent = model.objects.get(account).map(|object| &object.parent);
                parent.is_some_and(|parent| model.name_is_free(to, parent))
            }
            Deed::Member { group, member, is } => {
                model.is(group, true)
                    && !model.is_free(member)
                    && group != member
                    && model.members.contains(&(group.clone(), member.clone())) != *is
            }
            Deed::Service { host, runs } => model.hosts().contains(host) && model.stopped.contains(host) == *runs,
            Deed::Paused(paused) => model.paused != *paused && !model.powerless,
            Deed::Power(on) => model.powerless == *on && !model.paused,
            Deed::Job(runs) => model.idle == *runs,
            Deed::Crash(super::deed::Part::Agent(host)) => model.hosts().contains(host) && !model.stopped.contains(host),
            Deed::Crash(super::deed::Part::Directory) => !model.powerless && !model.paused,
            Deed::Fault { host, .. } => model.hosts().contains(host),
            Deed::Heal => !model.disturbed.is_empty(),
            Deed::Crash(super::deed::Part::Cloud) | Deed::Advance(_) | Deed::Settle => true,
        }
    }

    fn apply(mut model: Self, deed: &Deed) -> Self {
        match deed {
            Deed::Create { account, name, prefix, suffix, .. } => {
                let object = Object {
                    group: false,
                    name: (*name).to_owned(),
                    parent: USERS.to_owned(),
                    user_principal_name: format!("{prefix}@{suffix}"),
                };
                model.objects.insert((*account).to_owned(), object);
            }
            Deed::NameUser { account, prefix, suffix } => {
                if let Some(object) = model.objects.get_mut(account) {
                    object.user_principal_name = format!("{prefix}@{suffix}");
                }
            }
            Deed::Account { account, to } => {
                if let Some(object) = model.objects.remove(account) {
                    model.objects.insert((*to).to_owned(), object);
                }
                let called = |name: String| if name == *account { (*to).to_owned() } else { name };
                model.members =
                    model.members.into_iter().map(|(group, member)| (called(group), called(member))).collect();
            }
            Deed::Delete { account } => {
                model.objects.remove(account);
                model.members.retain(|(group, member)| group != account && member != account);
            }
            Deed::Rename { account, to } => {
                if let Some(object) = model.objects.get_mut(account) {
                    object.name = (*to).to_owned();
                }
            }
            Deed::Member { group, member, is } => {
                let both = (group.clone(), member.clone());
                if *is {
                    model.members.insert(both);
                } else {
                    model.members.remove(&both);
                }
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
            Deed::Modify { .. } | Deed::Manager { .. } | Deed::Enable { .. } | Deed::Advance(_) | Deed::Crash(_) => {}
        }
        model
    }
}
