//! References, the second pass: members of groups and managers of users, once both ends are in the cloud (CS 5.4).

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::connector::Connector;
use super::export::{Action, Exported};
use super::records::{Link, LinkAttribute, ObjectKind, Reference};
use crate::state::{Group, User};

/// Brings the references that `links` touch in line with the store.
pub(super) fn apply(store: &mut Connector<'_, '_>, links: Vec<Link>, done: &mut Exported) {
    let mut touched: BTreeMap<(Uuid, LinkAttribute), BTreeSet<Reference>> = BTreeMap::new();
    for link in links {
        touched
            .entry((link.holder, link.attribute))
            .or_default()
            .insert(link.to);
    }
    for ((holder, attribute), references) in touched {
        let Some(id) = store.get(holder).and_then(|r| r.resolved()) else {
            continue;
        };
        match attribute {
            LinkAttribute::Member => members(store, holder, id, &references, done),
            LinkAttribute::Manager => manager(store, holder, id, done),
        }
    }
}

/// Brings every reference of the job in line with the store, members that nothing stands for included.
pub(super) fn apply_all(store: &mut Connector<'_, '_>, done: &mut Exported) {
    for holder in store.guids() {
        let Some((kind, Some(id))) = store.get(holder).map(|r| (r.kind, r.resolved())) else {
            continue;
        };
        match kind {
            ObjectKind::User => manager(store, holder, id, done),
            ObjectKind::Group => {
                let wanted = store
                    .links_of(holder)
                    .into_iter()
                    .filter(|l| l.attribute == LinkAttribute::Member);
                let wanted = wanted.filter_map(|l| store.resolve(&l.to)).collect();
                write_members(store, id, |members| *members = wanted, done);
            }
        }
    }
}

fn members(
    store: &mut Connector<'_, '_>,
    holder: Uuid,
    id: Uuid,
    references: &BTreeSet<Reference>,
    done: &mut Exported,
) {
    let mut add = Vec::new();
    let mut remove = Vec::new();
    for to in references {
        let linked = store.has_link(&store.link(holder, LinkAttribute::Member, to.clone()));
        match store.resolve(to) {
            Some(member) if linked => add.push(member),
            Some(member) => remove.push(member),
            // Not in the cloud yet; its arrival touches this link again. If it left, its membership left with it.
            None => {}
        }
    }
    let change = |members: &mut BTreeSet<Uuid>| {
        for member in &remove {
            members.remove(member);
        }
        members.extend(&add);
    };
    write_members(store, id, change, done);
}

fn write_members(
    store: &mut Connector<'_, '_>,
    id: Uuid,
    change: impl FnOnce(&mut BTreeSet<Uuid>),
    done: &mut Exported,
) {
    let (tenant, key) = (store.tenant(), id.to_string());
    let Some(group) = store.cloud().groups.get(tenant, &key) else {
        return;
    };
    let mut members = group.members.clone();
    change(&mut members);
    if members != group.members {
        let name = group.display_name.clone();
        store
            .txn()
            .update(tenant, &key, |g: &mut Group| g.members = members);
        done.wrote(id, Action::Update, ObjectKind::Group, &name);
    }
}

fn manager(store: &mut Connector<'_, '_>, holder: Uuid, id: Uuid, done: &mut Exported) {
    let wanted = store
        .links_of(holder)
        .into_iter()
        .filter(|l| l.attribute == LinkAttribute::Manager);
    let wanted = wanted.filter_map(|l| store.resolve(&l.to)).next();
    let (tenant, key) = (store.tenant(), id.to_string());
    let Some(user) = store.cloud().users.get(tenant, &key) else {
        return;
    };
    if user.manager != wanted {
        let name = user.user_principal_name.clone();
        store
            .txn()
            .update(tenant, &key, |u: &mut User| u.manager = wanted);
        done.wrote(id, Action::Update, ObjectKind::User, &name);
    }
}
