//! Who is in a group: pages of what is there, and changes that are the same whoever makes them and how often.

use std::collections::{BTreeMap, BTreeSet};

use provlab_protocol::dn::Dn;
use provlab_protocol::guid::Guid;
use provlab_protocol::ldap_controls::Control;
use provlab_protocol::oid;
use provlab_protocol::scim::{ListMembers, MAX_MEMBERS_PER_PAGE, MemberPage, PutGroup};
use uuid::Uuid;

use super::ActiveDirectory;
use super::groups::Done;
use super::resource::{ExtendedName, guid_of_entry, split_option};
use super::session::open_range;
use crate::directory::DirectoryError;
use crate::directory::ldap::{Change, ChangeKind, Filter, Scope, Search};

/// Objects that one search asks for: servers bound the terms of a filter.
const OBJECTS_PER_SEARCH: usize = 100;

/// Adds and removes members. Gives those that shall be members and are no objects of the domain.
pub(super) async fn change(
    directory: &mut ActiveDirectory,
    group: &Dn,
    put: &PutGroup,
    done: &mut Done,
) -> Result<Vec<Uuid>, DirectoryError> {
    let add: BTreeSet<Uuid> = put.members_added.iter().copied().collect();
    let remove: BTreeSet<Uuid> = put
        .members_removed
        .iter()
        .copied()
        .filter(|id| !add.contains(id))
        .collect();
    if add.is_empty() && remove.is_empty() {
        return Ok(Vec::new());
    }
    let named: Vec<Uuid> = add.iter().chain(&remove).copied().collect();
    let there = find(directory, &named, None).await?;
    let members = find(directory, &named, Some(group)).await?;
    let values = |ids: &BTreeSet<Uuid>, are_members: bool| -> Vec<Vec<u8>> {
        let concerned = ids.iter().filter(|id| members.contains_key(*id) == are_members);
        let names = concerned.filter_map(|id| there.get(id));
        names.map(|dn| dn.clone().into_bytes()).collect()
    };
    let mut changes = Vec::new();
    for (kind, values) in [
        (ChangeKind::Add, values(&add, false)),
        (ChangeKind::Delete, values(&remove, true)),
    ] {
        if !values.is_empty() {
            changes.push(Change {
                kind,
                attribute: "member".to_owned(),
                values,
            });
        }
    }
    if !changes.is_empty() {
        // Another agent may have done the same a moment ago.
        let permissive = Control::new(oid::control::PERMISSIVE_MODIFY, false);
        directory
            .connection
            .modify(&group.to_string(), &changes, &[permissive])
            .await?;
    }
    for change in &changes {
        let count = u32::try_from(change.values.len()).unwrap_or(u32::MAX);
        match change.kind {
            ChangeKind::Add => done.added = done.added.saturating_add(count),
            _ => done.removed = done.removed.saturating_add(count),
        }
    }
    Ok(add.into_iter().filter(|id| !there.contains_key(id)).collect())
}

/// Names of those of the objects that the domain has; with a group, of those that are its members.
async fn find(
    directory: &mut ActiveDirectory,
    ids: &[Uuid],
    members_of: Option<&Dn>,
) -> Result<BTreeMap<Uuid, String>, DirectoryError> {
    let searches: Vec<Search> = ids
        .chunks(OBJECTS_PER_SEARCH)
        .map(|ids| {
            let one = |id: &Uuid| Filter::equal("objectGUID", Guid::from(*id).to_le_bytes());
            let any = Filter::Or(ids.iter().map(one).collect());
            let filter = match members_of {
                Some(group) => Filter::And(vec![Filter::equal("memberOf", group.to_string()), any]),
                None => any,
            };
            Search {
                base: directory.root.to_string(),
                scope: Scope::Subtree,
                filter,
                attributes: vec!["objectGUID".to_owned()],
            }
        })
        .collect();
    let found = directory.connection.search_together(&searches).await?;
    let named = found.into_iter().flatten().filter_map(|entry| {
        let guid = guid_of_entry(&entry)?;
        Some((guid.as_uuid(), entry.dn))
    });
    Ok(named.collect())
}

/// One page of a group's members, by range retrieval (PR 15.3).
pub(super) async fn list(
    directory: &mut ActiveDirectory,
    list: &ListMembers,
) -> Result<Option<MemberPage>, DirectoryError> {
    let base = format!("<GUID={}>", list.id);
    let room = usize::try_from(list.count.clamp(1, MAX_MEMBERS_PER_PAGE)).unwrap_or(usize::MAX);
    let first = list.start_index.saturating_sub(1);
    let mut members = Vec::new();
    let mut next = first;
    loop {
        let wanted = format!("member;range={next}-*");
        let Some(entry) = directory.base_object(base.clone(), vec![wanted]).await? else {
            return Ok(None);
        };
        let part = entry
            .attributes
            .into_iter()
            .find(|attribute| split_option(&attribute.name).0.eq_ignore_ascii_case("member"));
        let (name, values) = part.map(|part| (part.name, part.values)).unwrap_or_default();
        let more = open_range(&name).is_some() && !values.is_empty();
        for value in values {
            if members.len() == room {
                return Ok(Some(MemberPage {
                    members,
                    next_index: Some(next.saturating_add(1)),
                }));
            }
            next = next.saturating_add(1);
            let target = ExtendedName::parse(&String::from_utf8_lossy(&value));
            let guid = match target.guid {
                Some(guid) => Some(guid),
                None => directory.guid_at(&target.dn).await?,
            };
            members.extend(guid.map(|guid| guid.as_uuid()));
        }
        if !more {
            return Ok(Some(MemberPage {
                members,
                next_index: None,
            }));
        }
    }
}
