//! Merges what the agent sent into the connector data store and marks what has to be looked at (CS 5.4; the messages are described in
//! docs/wire.md).

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use provlab_protocol::scim::{LinkReference, Resource, ResourceType};
use uuid::Uuid;

use super::connector::Connector;
use super::plan::{Plan, dn_key};
use super::records::{Link, LinkAttribute, ObjectKind, Reference, SourceRecord};

/// Groups that decide a scope, by the name they were selected with. A group keeps its place under another name: a rename is not noticed
/// before the next full enumeration (CS 2.6).
pub type ScopeGroups = BTreeMap<String, Uuid>;

/// What a merge works with.
pub(super) struct Import<'i> {
    /// Names of the attributes that are kept, lower case; whatever else an agent sends is dropped.
    kept: BTreeSet<String>,
    plan: &'i Plan,
    /// Number of the full enumeration.
    generation: u64,
    /// Whether a full enumeration is under way.
    full: bool,
}

impl<'i> Import<'i> {
    pub(super) fn new(plan: &'i Plan, generation: u64, full: bool) -> Self {
        let kept = plan.requested_attributes().iter().map(|name| name.to_lowercase());
        Self {
            kept: kept.collect(),
            plan,
            generation,
            full,
        }
    }

    /// Merges one resource. In a full enumeration the first sight of an object replaces what was known of it; a further one adds to it,
    /// because a directory may spread the values of one object over several pages.
    pub(super) fn merge(&self, store: &mut Connector<'_, '_>, scope: &mut ScopeGroups, resource: &Resource) {
        if resource.deleted {
            return delete(store, scope, resource.id, self.generation);
        }
        let kind = kind(resource.resource_type());
        let known = store.get(resource.id).cloned();
        let first_sight = known.as_ref().is_none_or(|k| k.generation < self.generation);
        let replace = if self.full { first_sight } else { !resource.partial };
        let before = known.clone();
        let mut record = known.unwrap_or_else(|| empty(store, resource.id, kind));
        if replace {
            record.attributes.clear();
        }
        record.kind = kind;
        record.generation = self.generation;
        record.deleted = false;
        for (name, values) in &resource.attributes {
            let name = name.to_lowercase();
            if !self.kept.contains(&name) || LinkAttribute::find(&name).is_some() {
                continue;
            }
            match values.as_slice() {
                [] => record.attributes.remove(&name),
                values => record.attributes.insert(name, values.to_vec()),
            };
        }
        record.inet_org_person = record
            .all("objectclass")
            .iter()
            .any(|class| class.eq_ignore_ascii_case("inetOrgPerson"));
        record.dirty = true;
        self.notice_scope_group(scope, &record);
        if replace && !self.full {
            for link in store.links_of(record.guid) {
                self.drop(store, scope, &link);
            }
        }
        let was_deleted = before.as_ref().is_some_and(|before| before.deleted);
        let renamed = before.and_then(|b| b.dn_key()) != record.dn_key();
        store.put(record);
        if was_deleted {
            store.follow_left_links(resource.id);
        }
        if renamed {
            for link in store.settle_dn(resource.id) {
                self.scope_changed(store, scope, &link);
            }
        }
        self.links(store, scope, resource);
    }

    fn notice_scope_group(&self, scope: &mut ScopeGroups, record: &SourceRecord) {
        if record.kind != ObjectKind::Group || !self.plan.depends_on_groups() {
            return;
        }
        let Some(name) = record.first("distinguishedname").map(dn_key) else {
            return;
        };
        let wanted = self.plan.groups.contains(&name) || self.plan.member_groups.contains(&name);
        if wanted && !scope.contains_key(&name) {
            scope.insert(name, record.guid);
        }
    }

    /// Links come as deltas by objectGUID, or as whole lists of DNs among the attributes.
    fn links(&self, store: &mut Connector<'_, '_>, scope: &ScopeGroups, resource: &Resource) {
        for (name, values) in &resource.attributes {
            let Some(attribute) = LinkAttribute::find(name) else {
                continue;
            };
            let to = |dn: &String| Reference::Dn(dn.to_lowercase());
            let names = values.iter().filter(|dn| !dn.is_empty());
            let wanted: Vec<Link> = names
                .map(|dn| store.link(resource.id, attribute, to(dn), self.generation))
                .collect();
            let kept: BTreeSet<Reference> = wanted.iter().map(|link| link.to.clone()).collect();
            let known = store.links_of(resource.id).into_iter();
            for link in known.filter(|l| l.attribute == attribute && !kept.contains(&l.to)) {
                self.drop(store, scope, &link);
            }
            for link in wanted {
                self.add(store, scope, &link);
            }
        }
        for (attribute, to) in deltas(&resource.links_removed) {
            let link = store.link(resource.id, attribute, to, self.generation);
            self.drop(store, scope, &link);
        }
        for (attribute, to) in deltas(&resource.links_added) {
            let link = store.link(resource.id, attribute, to, self.generation);
            self.add(store, scope, &link);
        }
    }

    fn add(&self, store: &mut Connector<'_, '_>, scope: &ScopeGroups, link: &Link) {
        if store.add_link(link.clone()) {
            self.scope_changed(store, scope, link);
        }
    }

    fn drop(&self, store: &mut Connector<'_, '_>, scope: &ScopeGroups, link: &Link) {
        if store.drop_link(link) {
            self.scope_changed(store, scope, link);
        }
    }

    /// A member that joined or left a group that decides the scope is looked at again.
    fn scope_changed(&self, store: &mut Connector<'_, '_>, scope: &ScopeGroups, link: &Link) {
        let Reference::Guid(member) = link.to else {
            return;
        };
        if link.attribute == LinkAttribute::Member && scope.values().any(|group| *group == link.holder) {
            store.mark(member);
        }
    }

    /// Looks at one object after a full enumeration: what was not seen is gone, with the links that were not seen.
    pub(super) fn sweep(&self, store: &mut Connector<'_, '_>, scope: &mut ScopeGroups, guid: Uuid) {
        let Some(record) = store.get(guid) else {
            return;
        };
        if record.generation < self.generation {
            if !record.deleted {
                delete(store, scope, guid, self.generation);
            }
            return;
        }
        for link in store.links_of(guid) {
            if link.generation < self.generation {
                self.drop(store, scope, &link);
            } else {
                store.mark_link(&link);
            }
        }
    }
}

/// The links of a delta that are synchronized.
fn deltas(lists: &IndexMap<String, Vec<LinkReference>>) -> impl Iterator<Item = (LinkAttribute, Reference)> {
    lists.iter().flat_map(|(name, values)| {
        let attribute = LinkAttribute::find(name);
        let to = |value: &LinkReference| Some((attribute?, Reference::Guid(value.object_guid)));
        values.iter().filter_map(to).collect::<Vec<_>>()
    })
}

fn kind(resource_type: ResourceType) -> ObjectKind {
    match resource_type {
        ResourceType::User => ObjectKind::User,
        ResourceType::Group => ObjectKind::Group,
        ResourceType::Contact => ObjectKind::Contact,
    }
}

/// Notes that an object is gone. The links to it and from it go with it, as the directory and the cloud drop them themselves. A group that
/// decides the scope keeps its links: deleting it does not remove its users (CS 2.6).
fn delete(store: &mut Connector<'_, '_>, scope: &ScopeGroups, guid: Uuid, generation: u64) {
    for link in store.links_to(&Reference::Guid(guid)) {
        store.leave_link(&link);
    }
    // An object that came and went between two cycles was never known.
    let Some(record) = store.get(guid).cloned() else {
        return store.forget_left_links(guid);
    };
    if !scope.values().any(|group| *group == guid) {
        for link in store.links_of(guid) {
            store.leave_link(&link);
        }
    }
    store.put(SourceRecord {
        deleted: true,
        dirty: true,
        generation,
        ..record
    });
}

fn empty(store: &Connector<'_, '_>, guid: Uuid, kind: ObjectKind) -> SourceRecord {
    SourceRecord {
        tenant: store.tenant(),
        job: store.job().to_owned(),
        guid,
        kind,
        generation: 0,
        attributes: BTreeMap::new(),
        deleted: false,
        inet_org_person: false,
        in_scope: false,
        dirty: true,
        staged_delete: None,
        target: None,
        escrow: None,
        conflict_retry: None,
    }
}
