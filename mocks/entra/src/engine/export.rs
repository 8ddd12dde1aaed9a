//! Writes source objects to the cloud: create, update, disable, soft-delete, restore; nothing where nothing changed (CS 5.4).

use std::time::Duration;

use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

use super::connector::Connector;
use super::machine::{Report, World};
use super::names;
use super::records::{AssignedNames, Escrow, Link, ObjectKind, Reference, SourceRecord, TargetLink};
use super::target::{self, Found, Origin, Rejected};
use crate::state::{Group, Row as _, Tenant, User};

/// Retries of a failed object after its first failure; then one a day (CS 5.5).
const RETRY_HOURS: [u64; 3] = [6, 12, 24];
/// Days after which a failed object is given up.
const RETRY_DAYS: u64 = 28;

/// Words of a provisioning log entry's action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Create,
    Update,
    Disable,
    Delete,
}

impl Action {
    fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Disable => "disable",
            Self::Delete => "delete",
        }
    }
}

/// What an export did.
#[derive(Debug, Default)]
pub(super) struct Exported {
    /// Write operations on the target.
    pub(super) exports: u64,
    /// Objects written.
    pub(super) objects: std::collections::BTreeSet<Uuid>,
    /// References whose resolution may have changed.
    pub(super) links: Vec<Link>,
    /// An object in escrow was given up.
    pub(super) pruned: bool,
    /// What to tell.
    pub(super) reports: Vec<Report>,
}

impl Exported {
    pub(super) fn wrote(&mut self, id: Uuid, action: Action, kind: ObjectKind, name: &str) {
        self.exports += 1;
        self.objects.insert(id);
        self.reports.push(Report::Export {
            action: action.as_str(),
            kind,
            name: name.to_owned(),
        });
    }
}

/// Exports one object, given its record.
pub(super) fn export(
    store: &mut Connector<'_, '_>,
    world: &mut World<'_>,
    tenant: &Tenant,
    origin: &Origin,
    guid: Uuid,
    done: &mut Exported,
) {
    let Some(mut record) = store.get(guid).cloned() else {
        return;
    };
    if !record.wanted() {
        return withdraw(store, world, record, done);
    }
    let had = record.target.as_ref().map(|t| t.id);
    let result = match record.kind {
        ObjectKind::User => provision_user(store, world, tenant, origin, &record, done),
        ObjectKind::Group => provision_group(store, world, tenant, origin, &record, done),
    };
    match result {
        Ok((link, revived)) => {
            let linked = revived || had != Some(link.id);
            record.target = Some(link);
            record.escrow = None;
            store.put(record);
            if linked {
                done.links.extend(store.links_to(&Reference::Guid(guid)));
                done.links.extend(store.links_of(guid));
            }
        }
        Err(rejected) => {
            let first_failed = record.escrow.as_ref().map_or(world.now, |e| e.first_failed);
            record.escrow = next_retry(world, first_failed).map(|retry_at| Escrow {
                code: rejected.code.to_owned(),
                message: rejected.message,
                first_failed,
                retry_at,
            });
            done.pruned |= record.escrow.is_none();
            store.put(record);
        }
    }
}

/// When a failed object is tried again; never after 28 days (CS 5.5).
fn next_retry(world: &World<'_>, first_failed: OffsetDateTime) -> Option<OffsetDateTime> {
    let hours = RETRY_HOURS
        .into_iter()
        .chain((2..=RETRY_DAYS).map(|day| day * 24));
    hours
        .map(|h| first_failed + (world.period)(Duration::from_secs(h * 3600)))
        .find(|at| *at > world.now)
}

fn provision_user(
    store: &mut Connector<'_, '_>,
    world: &mut World<'_>,
    tenant: &Tenant,
    origin: &Origin,
    record: &SourceRecord,
    done: &mut Exported,
) -> Result<(TargetLink, bool), Rejected> {
    let linked = record.target.as_ref().filter(|t| user(store, t.id).is_some());
    let anchor = linked.map_or_else(|| names::source_anchor(record), |t| t.anchor.clone());
    let had_names = linked.and_then(|t| t.names.as_ref());
    let names = names::assign(record, had_names, tenant, &origin.domain).ok_or_else(missing_names)?;
    let found = match linked {
        Some(link) => Found::Object(link.id),
        None => target::find_user(store.cloud(), tenant, record, &anchor, &names.user_principal_name)?,
    };
    let before = match found {
        Found::Object(id) => user(store, id).cloned(),
        Found::Nothing => None,
    };
    target::check_upn(
        store.cloud(),
        tenant.id,
        &names.user_principal_name,
        before.as_ref().map(|u| u.id),
    )?;
    let mut after = before
        .clone()
        .unwrap_or_else(|| User::new(tenant.id, new_id(store, world), "", world.now));
    target::fill_user(&mut after, record, &names, &anchor, origin);
    let revived = before.as_ref().is_some_and(|b| b.deleted.is_some());
    if !same(before.as_ref(), &after) {
        let disabled = before.as_ref().is_some_and(|b| b.account_enabled) && !after.account_enabled;
        let action = match before {
            None => Action::Create,
            Some(_) if disabled => Action::Disable,
            Some(_) => Action::Update,
        };
        done.wrote(after.id, action, ObjectKind::User, &after.user_principal_name);
        stamp(after.on_premises.as_mut(), world.now);
        store.txn().put(after.clone());
    }
    Ok((
        TargetLink {
            id: after.id,
            anchor,
            names: Some(names),
        },
        revived,
    ))
}

fn provision_group(
    store: &mut Connector<'_, '_>,
    world: &mut World<'_>,
    tenant: &Tenant,
    origin: &Origin,
    record: &SourceRecord,
    done: &mut Exported,
) -> Result<(TargetLink, bool), Rejected> {
    let linked = record.target.as_ref().filter(|t| group(store, t.id).is_some());
    let anchor = linked.map_or_else(|| names::source_anchor(record), |t| t.anchor.clone());
    let name = target::group_name(record).ok_or_else(missing_names)?;
    let found = match linked {
        Some(link) => Found::Object(link.id),
        None => target::find_group(store.cloud(), tenant, record, &anchor)?,
    };
    let before = match found {
        Found::Object(id) => group(store, id).cloned(),
        Found::Nothing => None,
    };
    let mut after = before
        .clone()
        .unwrap_or_else(|| Group::new(tenant.id, new_id(store, world), "", world.now));
    target::fill_group(&mut after, record, name, &anchor, origin);
    let revived = before.as_ref().is_some_and(|b| b.deleted.is_some());
    if !same(before.as_ref(), &after) {
        let action = if before.is_none() {
            Action::Create
        } else {
            Action::Update
        };
        done.wrote(after.id, action, ObjectKind::Group, &after.display_name);
        stamp(after.on_premises.as_mut(), world.now);
        store.txn().put(after.clone());
    }
    Ok((
        TargetLink {
            id: after.id,
            anchor,
            names: None::<AssignedNames>,
        },
        revived,
    ))
}

/// Soft-deletes the cloud object of a source object that is gone or out of scope.
fn withdraw(store: &mut Connector<'_, '_>, world: &World<'_>, mut record: SourceRecord, done: &mut Exported) {
    if let Some(link) = &record.target {
        let gone = match record.kind {
            ObjectKind::User => user(store, link.id)
                .filter(|u| u.deleted.is_none())
                .map(|u| u.user_principal_name.clone()),
            ObjectKind::Group => group(store, link.id)
                .filter(|g| g.deleted.is_none())
                .map(|g| g.display_name.clone()),
        };
        if let Some(name) = gone {
            soft_delete(store, record.kind, link.id, world.now);
            done.wrote(link.id, Action::Delete, record.kind, &name);
        }
    }
    if record.deleted && record.target.is_none() {
        return store.remove(record.guid);
    }
    record.escrow = None;
    store.put(record);
}

fn soft_delete(store: &mut Connector<'_, '_>, kind: ObjectKind, id: Uuid, now: OffsetDateTime) {
    let (tenant, key) = (store.tenant(), id.to_string());
    let groups: Vec<String> = store
        .cloud()
        .groups
        .find(tenant, Group::BY_MEMBER, &key)
        .map(Group::id)
        .collect();
    for group in groups {
        store
            .txn()
            .update(tenant, &group, |g: &mut Group| g.members.remove(&id));
    }
    let reports: Vec<String> = store
        .cloud()
        .users
        .find(tenant, User::BY_MANAGER, &key)
        .map(User::id)
        .collect();
    for report in reports {
        store
            .txn()
            .update(tenant, &report, |u: &mut User| u.manager = None);
    }
    match kind {
        ObjectKind::User => store.txn().update(tenant, &key, |u: &mut User| {
            u.deleted = Some(now);
            u.manager = None;
        }),
        ObjectKind::Group => store.txn().update(tenant, &key, |g: &mut Group| {
            g.deleted = Some(now);
            g.members.clear();
        }),
    };
}

fn user<'s>(store: &'s Connector<'_, '_>, id: Uuid) -> Option<&'s User> {
    store.cloud().users.get(store.tenant(), &id.to_string())
}

fn group<'s>(store: &'s Connector<'_, '_>, id: Uuid) -> Option<&'s Group> {
    store.cloud().groups.get(store.tenant(), &id.to_string())
}

/// An id that no object of the tenant has, even if the generator was started over after a crash.
fn new_id(store: &Connector<'_, '_>, world: &mut World<'_>) -> Uuid {
    loop {
        let id = (world.new_id)();
        if user(store, id).is_none() && group(store, id).is_none() {
            return id;
        }
    }
}

fn same<R: Serialize>(before: Option<&R>, after: &R) -> bool {
    before.is_some_and(|before| serde_json::to_vec(before).ok() == serde_json::to_vec(after).ok())
}

fn stamp(premises: Option<&mut crate::state::OnPremises>, now: OffsetDateTime) {
    if let Some(premises) = premises {
        premises.last_sync = Some(now);
    }
}

fn missing_names() -> Rejected {
    Rejected {
        code: "MandatoryFieldsMissing",
        message:
            "the object has no name to make a cloud name from; give it a userPrincipalName or a displayName"
                .to_owned(),
    }
}
