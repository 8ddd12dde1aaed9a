//! Random deeds in a world of the model.

use proptest::{prelude::*, sample::select};

use super::{
    deed::{CloudDeed, Deed, Part, Scope, Set},
    model::Model,
    vocabulary as words,
};

/// One deed; not every one is possible, those that are not are drawn again.
pub fn deed(model: &Model) -> BoxedStrategy<Deed> {
    prop_oneof![
        30 => directory(model),
        22 => advance(),
        10 => trouble(model),
        10 => administration(model),
        4 => Just(Deed::Settle),
    ]
    .boxed()
}

fn directory(model: &Model) -> BoxedStrategy<Deed> {
    let users = accounts(model, false);
    let groups = accounts(model, true);
    let everybody = [users.clone(), groups.clone()].concat();
    if users.is_empty() || groups.is_empty() {
        return create(model);
    }
    let user = || select(users.clone());
    let any = || select(everybody.clone());
    let upn = || (select(words::PREFIXES), select(words::SUFFIXES));
    prop_oneof![
        5 => create(model),
        2 => create_group(model),
        8 => (user(), assignment(words::OF_USERS)).prop_map(|(account, set)| Deed::Modify { account, set }),
        2 => (select(groups.clone()), assignment(words::OF_GROUPS))
            .prop_map(|(account, set)| Deed::Modify { account, set }),
        4 => (user(), upn()).prop_map(|(account, (prefix, suffix))| Deed::NameUser { account, prefix, suffix }),
        1 => (user(), select(words::ACCOUNTS)).prop_map(|(account, to)| Deed::Account { account, to }),
        3 => (user(), prop::option::weighted(0.7, user()))
            .prop_map(|(account, manager)| Deed::Manager { account, manager }),
        2 => (user(), any_bool()).prop_map(|(account, on)| Deed::Enable { account, on }),
        4 => any().prop_map(|account| Deed::Delete { account }),
        3 => (any(), unit(model)).prop_map(|(account, unit)| Deed::Move { account, unit }),
        2 => (0..model.units.len(), select(words::UNITS)).prop_map(|(unit, to)| Deed::RenameUnit { unit, to }),
        3 => (any(), select(words::NAMES)).prop_map(|(account, to)| Deed::Rename { account, to }),
        6 => (select(groups), any(), any_bool())
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

fn unit(model: &Model) -> BoxedStrategy<Option<usize>> {
    prop::option::weighted(0.8, 0..model.units.len()).boxed()
}

fn create_group(model: &Model) -> BoxedStrategy<Deed> {
    (select(words::GROUPS), select(words::NAMES), unit(model))
        .prop_map(|(account, name, unit)| Deed::CreateGroup { account, name, unit })
        .boxed()
}

fn create(model: &Model) -> BoxedStrategy<Deed> {
    let name = (
        select(words::ACCOUNTS),
        select(words::NAMES),
        select(words::PREFIXES),
        select(words::SUFFIXES),
    );
    (
        name,
        unit(model),
        prop::collection::vec(assignment(words::OF_USERS), 0..3),
    )
        .prop_map(|((account, name, prefix, suffix), unit, mut set)| {
            set.retain(|(_, values)| !values.is_empty());
            set.sort_unstable();
            set.dedup_by_key(|(name, _)| *name);
            set.retain(|(name, _)| *name != "displayName");
            Deed::Create {
                account,
                name,
                prefix,
                suffix,
                unit,
                set,
            }
        })
        .boxed()
}

fn assignment(of: &'static [(&'static str, &'static [&'static [&'static str]])]) -> BoxedStrategy<Set> {
    select(of)
        .prop_flat_map(|(name, values)| (Just(name), select(values)))
        .boxed()
}

fn advance() -> BoxedStrategy<Deed> {
    let spans = words::SPANS
        .iter()
        .map(|(weight, span)| (*weight, Just(Deed::Advance(span)).boxed()));
    proptest::strategy::Union::new_weighted(spans.collect()).boxed()
}

/// What an administrator does to the job and the tenant.
fn administration(model: &Model) -> BoxedStrategy<Deed> {
    let groups = accounts(model, true);
    let everybody = [accounts(model, false), groups.clone()].concat();
    let by_groups = if groups.is_empty() {
        Just(Scope::All).boxed()
    } else {
        prop::sample::subsequence(groups.clone(), 1..=groups.len().min(2))
            .prop_map(Scope::Groups)
            .boxed()
    };
    let units: Vec<usize> = (0..model.units.len()).collect();
    let scope = prop_oneof![
        2 => Just(Scope::All),
        3 => prop::sample::subsequence(units, 1..=2).prop_map(Scope::Units),
        3 => by_groups,
    ];
    let clauses = || prop::collection::vec(select(words::CLAUSES), 0..3);
    let cloud = select(
        &[
            CloudDeed::Create,
            CloudDeed::Create,
            CloudDeed::Delete,
            CloudDeed::Restore,
        ][..],
    );
    let on_demand = if everybody.is_empty() {
        Just(Deed::ReplaceController).boxed()
    } else {
        select(everybody)
            .prop_map(|account| Deed::OnDemand { account })
            .boxed()
    };
    prop_oneof![
        6 => scope.prop_map(Deed::Scope),
        4 => clauses().prop_map(|clauses| Deed::Filter { groups: false, clauses }),
        1 => clauses().prop_map(|clauses| Deed::Filter { groups: true, clauses }),
        6 => (0..words::MAPPINGS.len(), prop::bool::weighted(0.8)).prop_map(|(at, on)| Deed::Map { at, on }),
        3 => prop::option::weighted(0.8, 1..4_u32).prop_map(Deed::Threshold),
        2 => Just(Deed::AllowDeletes),
        1 => any_bool().prop_map(Deed::KeepOutOfScope),
        3 => select(words::RESETS).prop_map(Deed::Restart),
        3 => (select(words::FEATURES), any_bool()).prop_map(|(name, on)| Deed::Feature { name, on }),
        1 => Just(Deed::VerifyDomain),
        4 => (select(words::CLOUD_PREFIXES), cloud).prop_map(|(prefix, deed)| Deed::CloudUser { prefix, deed }),
        3 => on_demand,
        2 => Just(Deed::ReplaceController),
    ]
    .boxed()
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
