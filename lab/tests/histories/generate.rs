//! Random deeds in a world of the model.

use proptest::{prelude::*, sample::select};

use super::{
    deed::{Deed, Part, Set},
    model::Model,
    vocabulary as words,
};

/// One deed; not every one is possible, those that are not are drawn again.
pub fn deed(model: &Model) -> BoxedStrategy<Deed> {
    prop_oneof![
        30 => directory(model),
        22 => advance(),
        12 => trouble(model),
        4 => Just(Deed::Settle),
    ]
    .boxed()
}

fn directory(model: &Model) -> BoxedStrategy<Deed> {
    let users = accounts(model, false);
    let groups = accounts(model, true);
    let everybody = [users.clone(), groups.clone()].concat();
    if users.is_empty() || groups.is_empty() {
        return create();
    }
    let user = || select(users.clone());
    let any = || select(everybody.clone());
    let upn = || (select(words::PREFIXES), select(words::SUFFIXES));
    prop_oneof![
        5 => create(),
        8 => (user(), assignment(words::OF_USERS)).prop_map(|(account, set)| Deed::Modify { account, set }),
        2 => (select(groups.clone()), assignment(words::OF_GROUPS))
            .prop_map(|(account, set)| Deed::Modify { account, set }),
        4 => (user(), upn()).prop_map(|(account, (prefix, suffix))| Deed::NameUser { account, prefix, suffix }),
        1 => (user(), select(words::ACCOUNTS)).prop_map(|(account, to)| Deed::Account { account, to }),
        3 => (user(), prop::option::weighted(0.7, user()))
            .prop_map(|(account, manager)| Deed::Manager { account, manager }),
        2 => (user(), any_bool()).prop_map(|(account, on)| Deed::Enable { account, on }),
        4 => any().prop_map(|account| Deed::Delete { account }),
        3 => (any(), select(words::NAMES)).prop_map(|(account, to)| Deed::Rename { account, to }),
        6 => (select(groups.clone()), any(), any_bool())
            .prop_map(|(group, member, is)| Deed::Member { group, member, is }),
    ]
    .boxed()
}

fn any_bool() -> BoxedStrategy<bool> {
    prop::bool::ANY.boxed()
}

fn accounts(model: &Model, group: bool) -> Vec<String> {
    let fitting = model.objects.iter().filter(|(_, object)| object.group == group);
    fitting.map(|(account, _)| account.clone()).collect()
}

fn create() -> BoxedStrategy<Deed> {
    let name = (select(words::ACCOUNTS), select(words::NAMES), select(words::PREFIXES), select(words::SUFFIXES));
    (name, prop::collection::vec(assignment(words::OF_USERS), 0..3))
        .prop_map(|((account, name, prefix, suffix), mut set)| {
            set.retain(|(_, values)| !values.is_empty());
            set.sort_unstable();
            set.dedup_by_key(|(name, _)| *name);
            set.retain(|(name, _)| *name != "displayName");
            Deed::Create { account, name, prefix, suffix, set }
        })
        .boxed()
}

fn assignment(of: &'static [(&'static str, &'static [&'static [&'static str]])]) -> BoxedStrategy<Set> {
    select(of)
        .prop_flat_map(|(name, values)| (Just(name), select(values)))
        .boxed()
}

fn advance() -> BoxedStrategy<Deed> {
    let spans = words::SPANS.iter().map(|(weight, span)| (*weight, Just(Deed::Advance(span)).boxed()));
    proptest::strategy::Union::new_weighted(spans.collect()).boxed()
}

fn trouble(model: &Model) -> BoxedStrategy<Deed> {
    let host = || select(model.hosts());
    let fault = (host(), select(words::LINES), select(words::FAULTS));
    prop_oneof![
        3 => host().prop_map(|host| Deed::Crash(Part::Agent(host))),
        2 => Just(Deed::Crash(Part::Cloud)),
        2 => Just(Deed::Crash(Part::Directory)),
        4 => (host(), any_bool()).prop_map(|(host, runs)| Deed::Service { host, runs }),
        2 => any_bool().prop_map(Deed::Paused),
        2 => any_bool().prop_map(Deed::Power),
        2 => any_bool().prop_map(Deed::Job),
        5 => fault.prop_map(|(host, line, what)| Deed::Fault { host, line, what }),
        3 => Just(Deed::Heal),
    ]
    .boxed()
}
