//! Who is to be in a group of the directory: members of the cloud's group that have an object there.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use provlab_protocol::guid::Guid;
use uuid::Uuid;

use super::super::job::AD2AAD_PROVISIONING;
use super::super::records::SourceRecord;
use super::store::Store;
use super::view::is_synchronized;
use crate::state::{Cloud, Group, OnPremises, User};

/// Members that a group can have; larger ones are not supported (CS 2.6). A group among them counts as one.
pub const MAX_MEMBERS: usize = 50_000;

/// Why a member of the cloud's group is none in the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Skipped {
    /// A user that was made in the cloud has no account in the directory.
    NotSynchronized,
    /// A user of another domain; this lab's agent does not look beyond its own.
    OtherDomain,
    /// It is soft-deleted.
    Deleted,
    /// References to groups that are synchronized from the directory are not provisioned.
    SynchronizedGroup,
    /// A group of the cloud that this job does not provision, or not yet.
    NotProvisioned,
    /// Nothing that could be a member: a contact, a device.
    NoAccount,
}

impl Skipped {
    /// The reason as the log words it.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::NotSynchronized => "the user is not synchronized from Active Directory",
            Self::OtherDomain => "the user is synchronized from another domain",
            Self::Deleted => "the member is deleted",
            Self::SynchronizedGroup => {
                "references to groups that are synchronized from Active Directory are not provisioned"
            }
            Self::NotProvisioned => "the group is not in the scope of this job",
            Self::NoAccount => "the member is neither a user nor a group",
        }
    }
}

/// The members of a group.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// Object ids in the cloud by objectGUID.
    pub(super) by_guid: BTreeMap<Uuid, Uuid>,
    /// Who is left out.
    pub(super) skipped: Vec<(Uuid, Skipped)>,
}

/// Who is to be in the group.
pub(super) fn wanted(store: &Store<'_, '_>, domain: &str, group: &Group) -> Wanted {
    let mut wanted = Wanted::default();
    for member in &group.members {
        match resolve(store, domain, group.id, *member) {
            Ok(guid) => {
                wanted.by_guid.insert(guid, *member);
            }
            Err(reason) => wanted.skipped.push((*member, reason)),
        }
    }
    wanted
}

/// objectGUID of a member of `group`.
pub(super) fn resolve(
    store: &Store<'_, '_>,
    domain: &str,
    group: Uuid,
    member: Uuid,
) -> Result<Uuid, Skipped> {
    let cloud = store.cloud();
    let key = member.to_string();
    if let Some(user) = cloud.users.get(store.tenant, &key) {
        return user_guid(store, domain, group, user);
    }
    let Some(nested) = cloud.groups.get(store.tenant, &key) else {
        return Err(Skipped::NoAccount);
    };
    match store.get(member).and_then(|row| row.resolved()) {
        Some(guid) => Ok(guid),
        None if nested.deleted.is_some() => Err(Skipped::Deleted),
        None if is_synchronized(nested) => Err(Skipped::SynchronizedGroup),
        None => Err(Skipped::NotProvisioned),
    }
}

/// By the link that the domain's inbound job has; else as it was resolved before; else by the source anchor, which is the objectGUID
/// unless somebody set a ConsistencyGuid (CS 5.11). A wrong guess names no object, and the agent leaves it out.
fn user_guid(store: &Store<'_, '_>, domain: &str, group: Uuid, user: &User) -> Result<Uuid, Skipped> {
    if user.deleted.is_some() {
        return Err(Skipped::Deleted);
    }
    let origin = user.on_premises.as_ref().filter(|origin| origin.sync_enabled);
    let origin = origin.ok_or(Skipped::NotSynchronized)?;
    let home = origin.domain_name.as_deref().unwrap_or_default();
    if !home.eq_ignore_ascii_case(domain) {
        return Err(Skipped::OtherDomain);
    }
    if let Some(record) = source_record(store.cloud(), store.tenant, user.id) {
        return Ok(record.guid);
    }
    if let Some(row) = store.member_object(group, user.id) {
        return Ok(row.guid);
    }
    anchor_guid(origin).ok_or(Skipped::NotSynchronized)
}

fn anchor_guid(origin: &OnPremises) -> Option<Uuid> {
    let bytes = STANDARD.decode(origin.immutable_id.as_deref()?).ok()?;
    Guid::from_le_slice(&bytes).map(Uuid::from)
}

/// The group of the directory that a group was synchronized from before it was converted to the cloud.
pub(super) fn former_guid(group: &Group) -> Option<Uuid> {
    anchor_guid(group.on_premises.as_ref().filter(|origin| !origin.sync_enabled)?)
}

/// What an inbound job knows of a user.
fn source_record(cloud: &Cloud, tenant: Uuid, user: Uuid) -> Option<&SourceRecord> {
    let mut records = cloud
        .source_objects
        .find(tenant, SourceRecord::BY_CLOUD_ID, &user.to_string());
    records.find(|record| record.job.starts_with(AD2AAD_PROVISIONING) && record.wanted())
}
