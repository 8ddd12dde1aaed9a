//! Which objects selected groups take in (CS 2.6, 5.8): direct members only. A group is found by its distinguished name
//! when everything is read; a later rename is not noticed, and its deletion does not take its members out.

use std::collections::{BTreeMap, BTreeSet};

use super::{Scope, Settings, Source};

/// Selected groups: distinguished name in lower case, and key of the group that had it.
pub(super) type Found = BTreeMap<String, String>;

/// The selected groups that are there.
pub(super) fn find(settings: &Settings, sources: &[Source]) -> Found {
    let Scope::Groups(selected) = &settings.scope else {
        return Found::new();
    };
    let named = |dn: &String| sources.iter().find(|source| source.dn.eq_ignore_ascii_case(dn));
    selected
        .iter()
        .filter_map(|dn| Some((dn.to_lowercase(), named(dn)?.key.clone())))
        .collect()
}

/// Keys of the groups and of their direct members. `ghosts` are members of groups that were deleted.
pub(super) fn members(
    settings: &Settings,
    found: &Found,
    sources: &[Source],
    ghosts: &BTreeMap<String, BTreeSet<String>>,
) -> BTreeSet<String> {
    let by_dn: BTreeMap<String, &String> = sources
        .iter()
        .map(|source| (source.dn.to_lowercase(), &source.key))
        .collect();
    let mut all = BTreeSet::new();
    for key in found.values() {
        if let Some(group) = sources.iter().find(|source| source.key == *key) {
            all.extend(settings.assumes("scoping-group-in-scope").then(|| key.clone()));
            all.extend(members_of(group, &by_dn));
        }
        all.extend(ghosts.get(key).into_iter().flatten().cloned());
    }
    all
}

/// Keys of the direct members of a group.
pub(super) fn members_of(group: &Source, by_dn: &BTreeMap<String, &String>) -> BTreeSet<String> {
    let members = group.all("member").iter();
    members
        .filter_map(|dn| by_dn.get(&dn.to_lowercase()))
        .map(|key| (*key).clone())
        .collect()
}
