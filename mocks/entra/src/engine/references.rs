//! References, the second pass: members of groups and managers, once both ends are in the cloud (CS 5.4).

use uuid::Uuid;

use super::export::Exporter;
use super::log::{Ended, Outcome, shown};
use super::outbound::MAX_MEMBERS;
use super::records::{Link, LinkAttribute, Reference, Rejected, SourceRecord};
use super::target::CloudObject;
use crate::state::{ModifiedProperty, ProvisioningAction};

impl Exporter<'_, '_, '_, '_> {
    /// Brings the cloud in line with some links of one object.
    pub(super) fn follow(&mut self, links: &[Link]) {
        let Some(first) = links.first() else {
            return;
        };
        let holder = self.store.get(first.holder).cloned();
        let object = holder
            .as_ref()
            .and_then(|record| self.holder_object(record, first.attribute));
        if let (Some(record), Some(object)) = (holder, object) {
            match first.attribute {
                LinkAttribute::Member => self.members(&record, object, links),
                LinkAttribute::Manager => self.manager(&record, object),
            }
        }
        for link in links {
            self.store.settle(link);
        }
    }

    /// The cloud object of the holder, if its references flow. What is not there yet is followed when it comes.
    fn holder_object(&self, record: &SourceRecord, attribute: LinkAttribute) -> Option<CloudObject> {
        let plan = self.context.plan.object(record.kind, record.inet_org_person)?;
        plan.reference.filter(|flows| *flows == attribute)?;
        let id = record.resolved()?;
        CloudObject::find(self.store.cloud(), record.kind, self.store.tenant(), id)
            .filter(|o| !o.is_deleted())
    }

    fn members(&mut self, record: &SourceRecord, object: CloudObject, links: &[Link]) {
        let CloudObject::Group(mut group) = object else {
            return;
        };
        let (mut added, mut removed, mut beyond) = (Vec::new(), Vec::new(), 0_usize);
        for link in links.iter().filter(|link| !link.present) {
            let member = self.once_linked(&link.to);
            removed.extend(member.filter(|id| group.members.remove(id)));
        }
        for link in links.iter().filter(|link| link.present) {
            let member = self.store.resolve(&link.to).filter(|id| self.is_live(*id));
            let Some(id) = member.filter(|id| !group.members.contains(id)) else {
                continue;
            };
            if group.members.len() >= MAX_MEMBERS {
                beyond += 1;
            } else {
                group.members.insert(id);
                added.push(id);
            }
        }
        if beyond > 0 {
            self.too_many(record, &CloudObject::Group(group.clone()), beyond);
        }
        if added.is_empty() && removed.is_empty() {
            return;
        }
        let names = |ids: Vec<Uuid>| shown(&ids.iter().map(Uuid::to_string).collect::<Vec<_>>());
        let modified = vec![ModifiedProperty {
            name: LinkAttribute::Member.target_name().to_owned(),
            old: names(removed),
            new: names(added),
        }];
        self.wrote_reference(record, &CloudObject::Group(group), modified);
    }

    /// Members beyond the limit are left out, and the log says so (inferred: only the limit is documented, CS 2.6).
    fn too_many(&mut self, record: &SourceRecord, object: &CloudObject, beyond: usize) {
        let what = format!(
            "{beyond} members were left out: more than {MAX_MEMBERS} are not supported; split the group, then restart the job"
        );
        self.log(Outcome {
            action: ProvisioningAction::Update,
            source: record,
            target: Some(object),
            modified: Vec::new(),
            result: Err(Ended::Failed(Rejected::new("UnprocessableEntity", what))),
        });
    }

    fn manager(&mut self, record: &SourceRecord, mut object: CloudObject) {
        let links = self.store.links_of(record.guid);
        let managers = links
            .iter()
            .filter(|link| link.attribute == LinkAttribute::Manager);
        let wanted = managers
            .filter_map(|link| self.store.resolve(&link.to))
            .find(|id| self.is_live(*id));
        let old = object.manager();
        if old == wanted {
            return;
        }
        object.set_manager(wanted);
        let modified = vec![ModifiedProperty {
            name: LinkAttribute::Manager.target_name().to_owned(),
            old: old.map(|id| id.to_string()),
            new: wanted.map(|id| id.to_string()),
        }];
        self.wrote_reference(record, &object, modified);
    }

    fn wrote_reference(
        &mut self,
        record: &SourceRecord,
        object: &CloudObject,
        modified: Vec<ModifiedProperty>,
    ) {
        object.clone().put(self.store.txn());
        self.wrote(object, ProvisioningAction::Update);
        self.log(Outcome {
            action: ProvisioningAction::Update,
            source: record,
            target: Some(object),
            modified,
            result: Ok(()),
        });
    }

    fn is_live(&self, id: Uuid) -> bool {
        let (cloud, tenant, key) = (self.store.cloud(), self.store.tenant(), id.to_string());
        cloud
            .users
            .get(tenant, &key)
            .is_some_and(|user| user.deleted.is_none())
            || cloud
                .groups
                .get(tenant, &key)
                .is_some_and(|group| group.deleted.is_none())
            || cloud
                .contacts
                .get(tenant, &key)
                .is_some_and(|contact| contact.deleted.is_none())
    }

    /// The cloud object that a reference stood for, also when its source is no longer wanted.
    fn once_linked(&self, to: &Reference) -> Option<Uuid> {
        let Reference::Guid(guid) = to else {
            return None;
        };
        self.store.get(*guid)?.target.as_ref().map(|target| target.id)
    }
}

/// The links at the front that belong to one holder and attribute.
pub(super) fn first_holder(links: &[Link]) -> &[Link] {
    let same = |link: &Link| (link.holder, link.attribute) == (links[0].holder, links[0].attribute);
    let end = links.iter().position(|link| !same(link)).unwrap_or(links.len());
    &links[..end]
}

/// Takes an object that is deleted out of every reference, as the cloud does itself.
pub(super) fn detach(exporter: &mut Exporter<'_, '_, '_, '_>, id: Uuid) {
    use crate::state::{Contact, Group, Row as _, User};
    let (tenant, key) = (exporter.store.tenant(), id.to_string());
    let cloud = exporter.store.cloud();
    let groups: Vec<String> = cloud
        .groups
        .find(tenant, Group::BY_MEMBER, &key)
        .map(Group::id)
        .collect();
    let users: Vec<String> = cloud
        .users
        .find(tenant, User::BY_MANAGER, &key)
        .map(User::id)
        .collect();
    let contacts: Vec<String> = cloud
        .contacts
        .find(tenant, Contact::BY_MANAGER, &key)
        .map(Contact::id)
        .collect();
    let txn = exporter.store.txn();
    for group in groups {
        txn.update(tenant, &group, |group: &mut Group| group.members.remove(&id));
    }
    for user in users {
        txn.update(tenant, &user, |user: &mut User| user.manager = None);
    }
    for contact in contacts {
        txn.update(tenant, &contact, |contact: &mut Contact| contact.manager = None);
    }
}
