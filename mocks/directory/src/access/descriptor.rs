//! Descriptors of objects: what is stored, what a class begins with, and what is inherited (MS-ADTS 6.1.3).

use std::borrow::Cow;

use provlab_protocol::security::{Ace, AceFlags, Acl, DescriptorControl, SecurityDescriptor, sddl};
use provlab_protocol::sid::{Sid, rid, well_known};

use crate::account::attributes::{self, ATTRIBUTES};
use crate::directory::Directory;
use crate::model::{Dnt, Object};
use crate::schema::ClassDef;

/// What the heads of the other naming contexts begin with instead of their class's default, which passes nothing
/// on: everybody who has logged on reads the configuration and the schema, and replication is for domain controllers.
const HEADS: [(&str, &str); 2] = [
    (
        "configuration",
        "D:(A;;RPLCLORC;;;AU)(A;CI;RPWPCRLCLOCCDCRCWDWOSDDTSW;;;EA)(A;CI;RPWPCRLCLOCCRCWDWOSDSW;;;DA)\
         (A;CI;RPWPCRLCLOCCDCRCWDWOSDDTSW;;;SY)(OA;;CR;1131f6aa-9c07-11d1-f79f-00c04fc2dcd2;;ED)\
         (OA;;CR;1131f6aa-9c07-11d1-f79f-00c04fc2dcd2;;BA)",
    ),
    (
        "dMD",
        "D:(A;CI;RPLCLORC;;;AU)(A;CI;RPWPCRLCLOCCRCWDWOSW;;;SA)(A;CI;RPWPCRLCLOCCDCRCWDWOSDDTSW;;;SY)\
         (OA;;CR;1131f6aa-9c07-11d1-f79f-00c04fc2dcd2;;ED)(OA;;CR;1131f6aa-9c07-11d1-f79f-00c04fc2dcd2;;BA)",
    ),
];

/// The explicit descriptor of an object created without one: its class's default and the creator as owner.
///
/// Inherited entries are not stored; [`effective`] adds them from the ancestors.
#[must_use]
pub fn default_for(domain: &Sid, class: &ClassDef, owner: &Sid) -> SecurityDescriptor {
    let head = HEADS.iter().find(|(name, _)| *name == class.name);
    let text = head.map_or(class.default_descriptor, |(_, text)| text);
    let mut descriptor = sddl::parse(text, Some(domain)).unwrap_or_default();
    descriptor.owner = Some(*owner);
    descriptor.group = Some(domain.with_rid(rid::DOMAIN_USERS));
    descriptor.sacl = None;
    descriptor.dacl.get_or_insert_default();
    descriptor
}

/// What is stored of a descriptor that a client wrote: everything but the inherited entries.
#[must_use]
pub fn explicit_part(mut descriptor: SecurityDescriptor) -> SecurityDescriptor {
    if let Some(dacl) = &mut descriptor.dacl {
        dacl.aces.retain(|ace| !ace.is_inherited());
    }
    descriptor
}

/// The descriptor as clients read it: the object's own entries followed by those inherited from its ancestors.
#[must_use]
pub fn effective(directory: &Directory, object: &Object) -> SecurityDescriptor {
    let mut descriptor = stored(directory, object);
    if is_protected(object, &descriptor) {
        descriptor.control = descriptor.control.with(DescriptorControl::DACL_PROTECTED);
        return descriptor;
    }
    let inherited = inheritable(directory, object.parent());
    let owner = descriptor.owner;
    let aces = &mut descriptor.dacl.get_or_insert_default().aces;
    for ace in inherited.iter() {
        aces.push(if applies(directory, object, ace) {
            effective_ace(ace, owner)
        } else {
            Ace {
                flags: ace.flags | AceFlags::INHERITED | AceFlags::INHERIT_ONLY,
                ..ace.clone()
            }
        });
    }
    descriptor.control = descriptor.control.with(DescriptorControl::DACL_AUTO_INHERITED);
    descriptor
}

/// The object's own descriptor: what was written, or what its class begins with.
pub(super) fn stored(directory: &Directory, object: &Object) -> SecurityDescriptor {
    let schema = directory.schema();
    let written = object
        .first(schema.known.security_descriptor)
        .and_then(|bytes| SecurityDescriptor::from_bytes(bytes).ok());
    if let Some(descriptor) = written {
        return descriptor;
    }
    let domain = &directory.identity().domain_sid;
    let owner = domain.with_rid(rid::DOMAIN_ADMINS);
    match schema.class(directory.class_name(object)) {
        Some(class) => default_for(domain, class, &owner),
        None => SecurityDescriptor::with_dacl(owner, Vec::new()),
    }
}

/// Whether nothing is inherited: by the descriptor's own word, or because the account is an administrator's.
///
/// AD copies AdminSDHolder's descriptor onto such accounts once an hour, which cuts them off from the
/// entries of the tree above. What matters to a provisioning agent is that cut (CS 2.4).
pub(super) fn is_protected(object: &Object, descriptor: &SecurityDescriptor) -> bool {
    descriptor.control.contains(DescriptorControl::DACL_PROTECTED) || is_administrator(object)
}

/// Whether AD guards the account as one of its administrators (`adminCount` 1).
pub(super) fn is_administrator(object: &Object) -> bool {
    attributes::number(object, ATTRIBUTES.admin_count) == Some(1)
}

/// The entries that a child of `parent` inherits, nearest ancestor first, whatever the child's class.
pub(super) fn inheritable(directory: &Directory, parent: Option<Dnt>) -> Vec<Ace> {
    let mut inherited = Vec::new();
    let Some(parent) = parent else {
        return inherited;
    };
    for (distance, ancestor) in directory.database().path(parent).enumerate() {
        let descriptor = stored(directory, ancestor);
        let passed_on = descriptor.dacl_aces().iter().filter(|ace| {
            ace.flags.contains(AceFlags::CONTAINER_INHERIT)
                && (distance == 0 || !ace.flags.contains(AceFlags::NO_PROPAGATE_INHERIT))
        });
        inherited.extend(passed_on.cloned());
        if is_protected(ancestor, &descriptor) {
            break;
        }
    }
    inherited
}

/// Whether an inheritable entry counts on an object of this class.
pub(super) fn applies(directory: &Directory, object: &Object, ace: &Ace) -> bool {
    ace.inherited_object_type.is_none_or(|wanted| {
        directory
            .schema()
            .class(directory.class_name(object))
            .is_some_and(|class| class.guid == wanted)
    })
}

/// An inherited entry as it counts on the object itself.
pub(super) fn effective_ace(ace: &Ace, owner: Option<Sid>) -> Ace {
    let trustee = match (ace.trustee, owner) {
        (well_known::CREATOR_OWNER, Some(owner)) => owner,
        (trustee, _) => trustee,
    };
    Ace {
        flags: ace.flags.without(AceFlags::INHERIT_ONLY) | AceFlags::INHERITED,
        trustee,
        ..ace.clone()
    }
}

/// Every entry that counts on the object, in the order in which they are evaluated.
pub(super) fn counting<'a>(
    directory: &Directory,
    object: &Object,
    own: &'a SecurityDescriptor,
    inherited: &'a [Ace],
) -> Vec<Cow<'a, Ace>> {
    let explicit = own
        .dacl_aces()
        .iter()
        .filter(|ace| ace.is_effective())
        .map(Cow::Borrowed);
    let inherited = inherited
        .iter()
        .filter(|ace| applies(directory, object, ace))
        .map(|ace| Cow::Owned(effective_ace(ace, own.owner)));
    explicit.chain(inherited).collect()
}

/// Puts the parts that `flags` names of a written descriptor in the place of the stored ones.
///
/// `flags` are those of the SD-flags control: 1 owner, 2 group, 4 DACL, 8 SACL.
#[must_use]
pub fn merged(stored: SecurityDescriptor, written: SecurityDescriptor, flags: u32) -> SecurityDescriptor {
    let pick = |bit: u32| flags & bit != 0;
    let (control, dacl): (_, Option<Acl>) = if pick(4) {
        (written.control, written.dacl)
    } else {
        (stored.control, stored.dacl)
    };
    SecurityDescriptor {
        control,
        owner: written.owner.filter(|_| pick(1)).or(stored.owner),
        group: written.group.filter(|_| pick(2)).or(stored.group),
        sacl: None,
        dacl,
    }
}
