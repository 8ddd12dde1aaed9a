//! Merges what the agent sent into the connector data store (CS 5.4; the messages are described in docs/wire.md).

use std::collections::BTreeSet;

use provlab_protocol::scim::{LinkReference, Resource, ResourceType};
use uuid::Uuid;

use super::connector::Connector;
use super::mapping::requested_attributes;
use super::records::{Link, LinkAttribute, ObjectKind, Reference, SourceRecord};
use super::scope;

/// What a page changed in the store, for the export that follows.
#[derive(Debug, Default)]
pub(super) struct Imported {
    /// Objects to export, each once, in the order in which they came.
    pub(super) objects: Vec<Uuid>,
    /// Links that were added, removed or settled.
    pub(super) links: Vec<Link>,
}

/// Names of the attributes that are kept, lower case; whatever else an agent sends is dropped.
pub(super) struct Kept(BTreeSet<String>);

impl Kept {
    pub(super) fn new() -> Self {
        Self(
            requested_attributes()
                .into_iter()
                .map(|name| name.to_lowercase())
                .collect(),
        )
    }
}

fn kind(resource_type: ResourceType) -> Option<ObjectKind> {
    match resource_type {
        ResourceType::User => Some(ObjectKind::User),
        ResourceType::Group => Some(ObjectKind::Group),
        // Contacts are not asked for.
        ResourceType::Contact => None,
    }
}

/// Merges one resource. In a full enumeration of this `generation` the first sight of an object replaces what was known of it;
/// a further one adds to it, because a directory may spread the values of one object over several pages.
pub(super) fn merge(
    store: &mut Connector<'_, '_>,
    kept: &Kept,
    generation: u64,
    full: bool,
    resource: &Resource,
    into: &mut Imported,
) {
    let Some(kind) = kind(resource.resource_type()) else {
        return;
    };
    let known = store.get(resource.id).cloned();
    if resource.deleted {
        delete(store, resource.id, generation, into);
        return;
    }
    let first_sight = known.as_ref().is_none_or(|k| k.generation < generation);
    let replace = if full { first_sight } else { !resource.partial };
    if replace {
        forget_links(store, resource.id, into);
    }
    let mut record = known.unwrap_or_else(|| empty(store, resource.id, kind));
    if replace {
        record.attributes.clear();
    }
    record.kind = kind;
    record.generation = generation;
    record.deleted = false;
    for (name, values) in &resource.attributes {
        let name = name.to_lowercase();
        if !kept.0.contains(&name) || LinkAttribute::find(&name).is_some() {
            continue;
        }
        match values.as_slice() {
            [] => record.attributes.remove(&name),
            values => record.attributes.insert(name, values.to_vec()),
        };
    }
    record.in_scope = scope::exclusion(&record).is_none();
    store.put(record);
    into.links.extend(store.settle_dn(resource.id));
    links(store, resource, into);
    if into.objects.last() != Some(&resource.id) {
        into.objects.push(resource.id);
    }
}

/// Notes that an object is gone, with every link from and to it, as the directory itself drops them.
pub(super) fn delete(store: &mut Connector<'_, '_>, guid: Uuid, generation: u64, into: &mut Imported) {
    for link in store.links_to(&Reference::Guid(guid)) {
        store.remove_link(&link);
        into.links.push(link);
    }
    // An object that came and went between two cycles was never known.
    let Some(mut record) = store.get(guid).cloned() else {
        return;
    };
    forget_links(store, guid, into);
    record.deleted = true;
    record.generation = generation;
    into.objects.push(guid);
    store.put(record);
}

fn empty(store: &Connector<'_, '_>, guid: Uuid, kind: ObjectKind) -> SourceRecord {
    SourceRecord {
        tenant: store.tenant(),
        job: store.job().to_owned(),
        guid,
        kind,
        generation: 0,
        attributes: std::collections::BTreeMap::new(),
        deleted: false,
        in_scope: false,
        target: None,
        escrow: None,
    }
}

fn forget_links(store: &mut Connector<'_, '_>, holder: Uuid, into: &mut Imported) {
    for link in store.links_of(holder) {
        store.remove_link(&link);
        into.links.push(link);
    }
}

/// Links come as deltas by objectGUID, or as whole lists of DNs among the attributes.
fn links(store: &mut Connector<'_, '_>, resource: &Resource, into: &mut Imported) {
    for (name, values) in &resource.attributes {
        let Some(attribute) = LinkAttribute::find(name) else {
            continue;
        };
        for link in store
            .links_of(resource.id)
            .into_iter()
            .filter(|l| l.attribute == attribute)
        {
            store.remove_link(&link);
            into.links.push(link);
        }
        for dn in values.iter().filter(|dn| !dn.is_empty()) {
            let link = store.link(resource.id, attribute, Reference::Dn(dn.to_lowercase()));
            store.add_link(link.clone());
            into.links.push(link);
        }
    }
    let deltas = |lists: &indexmap::IndexMap<String, Vec<LinkReference>>| -> Vec<(LinkAttribute, Uuid)> {
        let known = lists
            .iter()
            .filter_map(|(name, values)| Some((LinkAttribute::find(name)?, values)));
        known
            .flat_map(|(attribute, values)| values.iter().map(move |v| (attribute, v.object_guid)))
            .collect()
    };
    for (attribute, guid) in deltas(&resource.links_removed) {
        let link = store.link(resource.id, attribute, Reference::Guid(guid));
        if store.remove_link(&link) {
            into.links.push(link);
        }
    }
    for (attribute, guid) in deltas(&resource.links_added) {
        let link = store.link(resource.id, attribute, Reference::Guid(guid));
        if store.add_link(link.clone()) {
            into.links.push(link);
        }
    }
}
