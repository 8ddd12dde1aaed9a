//! Which object of the cloud a source object becomes that is not linked yet: hard match, then soft match, else none (CS 5.11).

use uuid::Uuid;

use super::connector::Connector;
use super::records::{ObjectKind, Rejected};
use super::target::CloudObject;
use crate::state::{Cloud, Contact, Group, Tenant, User};

/// Feature that forbids soft matching (CS 6.7).
const BLOCK_SOFT: &str = "blockSoftMatchEnabled";
/// Feature that forbids a hard match to take over a cloud account (CS 6.7).
const BLOCK_HARD: &str = "blockCloudObjectTakeoverThroughHardMatchEnabled";
/// Feature that lets a UPN soft-match (CS 6.7).
const MATCH_UPN: &str = "softMatchOnUpnEnabled";

/// What a match is looked for with.
pub(super) struct Wanted<'w> {
    pub(super) kind: ObjectKind,
    /// objectGUID of the source object.
    pub(super) guid: Uuid,
    /// Source anchor.
    pub(super) anchor: &'w str,
    /// Name that the user will have; none for groups and contacts.
    pub(super) upn: Option<&'w str>,
    /// All proxy addresses.
    pub(super) proxy_addresses: &'w [String],
}

/// Finds the match.
///
/// # Errors
/// A match that is forbidden, or that another source object has already.
pub(super) fn find(
    store: &Connector<'_, '_>,
    tenant: &Tenant,
    wanted: &Wanted<'_>,
) -> Result<Option<CloudObject>, Rejected> {
    let cloud = store.cloud();
    let anchored = by_anchor(cloud, tenant.id, wanted.kind, wanted.anchor);
    if let Some(object) = anchored {
        if store.belongs_to_another(object.id(), wanted.guid) {
            return Err(Rejected::new(
                "DuplicateSourceEntries",
                format!(
                    "another object of the directory has the same source anchor '{}'",
                    wanted.anchor
                ),
            ));
        }
        let synchronized = object.on_premises().is_some_and(|origin| origin.sync_enabled);
        if !synchronized && (tenant.features.is_on(BLOCK_HARD) || object.is_privileged()) {
            return Err(blocked("hard match", &object));
        }
        return Ok(Some(object));
    }
    let by_upn = wanted.upn.filter(|_| tenant.features.is_on(MATCH_UPN));
    let by_upn = by_upn
        .and_then(|upn| cloud.user_named(tenant.id, upn))
        .map(|user| user.id);
    let addresses = wanted
        .proxy_addresses
        .iter()
        .filter_map(|a| a.strip_prefix("SMTP:"))
        .map(str::to_lowercase);
    let by_address = addresses.flat_map(|address| with_address(cloud, tenant.id, wanted.kind, &address));
    let candidates = by_upn.into_iter().chain(by_address);
    let free = candidates
        .filter_map(|id| CloudObject::find(cloud, wanted.kind, tenant.id, id))
        .find(|object| !object.is_deleted() && object.on_premises().is_none_or(|p| p.immutable_id.is_none()));
    match free {
        Some(object) if tenant.features.is_on(BLOCK_SOFT) || object.is_privileged() => {
            Err(blocked("soft match", &object))
        }
        found => Ok(found),
    }
}

/// The object with a source anchor; a live one goes before a deleted one.
fn by_anchor(cloud: &Cloud, tenant: Uuid, kind: ObjectKind, anchor: &str) -> Option<CloudObject> {
    let ids: Vec<(bool, Uuid)> = match kind {
        ObjectKind::User => cloud
            .users
            .find(tenant, User::BY_ANCHOR, anchor)
            .map(|o| (o.deleted.is_some(), o.id))
            .collect(),
        ObjectKind::Group => cloud
            .groups
            .find(tenant, Group::BY_ANCHOR, anchor)
            .map(|o| (o.deleted.is_some(), o.id))
            .collect(),
        ObjectKind::Contact => cloud
            .contacts
            .find(tenant, Contact::BY_ANCHOR, anchor)
            .map(|o| (o.deleted.is_some(), o.id))
            .collect(),
    };
    let (_, id) = ids.into_iter().min()?;
    CloudObject::find(cloud, kind, tenant, id)
}

/// Live objects of a kind with a proxy address (lower case, without prefix).
fn with_address(cloud: &Cloud, tenant: Uuid, kind: ObjectKind, address: &str) -> Vec<Uuid> {
    match kind {
        ObjectKind::User => live(cloud.users.find(tenant, User::BY_ADDRESS, address), |o| {
            (o.deleted.is_none(), o.id)
        }),
        ObjectKind::Group => live(cloud.groups.find(tenant, Group::BY_ADDRESS, address), |o| {
            (o.deleted.is_none(), o.id)
        }),
        ObjectKind::Contact => live(cloud.contacts.find(tenant, Contact::BY_ADDRESS, address), |o| {
            (o.deleted.is_none(), o.id)
        }),
    }
}

fn live<'r, R: 'r>(rows: impl Iterator<Item = &'r R>, look: impl Fn(&R) -> (bool, Uuid)) -> Vec<Uuid> {
    rows.map(look)
        .filter(|(live, _)| *live)
        .map(|(_, id)| id)
        .collect()
}

/// Whether a live object of the tenant other than `own` has a proxy address (lower case, without prefix).
pub(super) fn has_address(cloud: &Cloud, tenant: Uuid, address: &str, own: Uuid) -> bool {
    ObjectKind::ALL.into_iter().any(|kind| {
        with_address(cloud, tenant, kind, address)
            .iter()
            .any(|id| *id != own)
    })
}

fn blocked(what: &str, object: &CloudObject) -> Rejected {
    Rejected::new(
        "EntryConflict",
        format!(
            "a {what} with the cloud object '{}' is blocked by a tenant feature or because it holds an admin role",
            object.name()
        ),
    )
}
