//! Deleting an object: it becomes a tombstone (PR 15.2, MS-ADTS 3.1.1.5.5).

use super::draft::Draft;
use super::rules::{self, object_flags};
use super::win32;
use crate::access::{self, Right, TokenKind};
use crate::database::reference;
use crate::directory::Directory;
use crate::model::{Context, DeleteRequest, Dnt, LdapError, Name, Object, ResultCode, text};

/// Most objects that one tree delete removes , as on a real server.
pub(crate) const MAX_TREE_DELETE: usize = 16_384;

/// Attributes that a tombstone keeps whatever their `searchFlags` say.
const KEPT: &[&str] = &[
    "attributeID",
    "attributeSyntax",
    "dNReferenceUpdate",
    "dNSHostName",
    "flatName",
    "governsID",
    "groupType",
    "instanceType",
    "isDeleted",
    "lastKnownParent",
    "lDAPDisplayName",
    "legacyExchangeDN",
    "mS-DS-CreatorSID",
    "nCName",
    "nTSecurityDescriptor",
    "objectClass",
    "objectGUID",
    "objectSid",
    "oMSyntax",
    "sAMAccountName",
    "securityIdentifier",
    "sIDHistory",
    "subClassOf",
    "systemFlags",
    "trustAttributes",
    "trustDirection",
    "trustPartner",
    "trustType",
    "userAccountControl",
];

/// Deletes an object, and with the tree-delete control everything below it.
pub(crate) fn delete(
    directory: &mut Directory,
    context: &Context,
    request: &DeleteRequest,
) -> Result<(), LdapError> {
    let object = directory.locate(&request.dn)?;
    if object.deleted {
        return Err(LdapError::no_such_object(String::new()));
    }
    if matches!(object.name, Name::Head(_))
        || rules::has_flag(directory, object, object_flags::DISALLOW_DELETE)
    {
        return Err(LdapError::unwilling(win32::CANT_DELETE));
    }
    let system = context.token.kind == TokenKind::System;
    let by_tree = || request.tree && access::allowed(directory, &context.token, object, Right::DeleteTree);
    if !(system || may_delete(directory, context, object) || by_tree()) {
        return Err(LdapError::access_denied());
    }
    let top = object.dnt;
    let below = living_below(directory, top);
    if !below.is_empty() && !request.tree {
        return Err(LdapError::update(
            ResultCode::NotAllowedOnNonLeaf,
            win32::CHILDREN_EXIST,
            "6003 (CANT_ON_NON_LEAF)",
        ));
    }
    if below.len() > MAX_TREE_DELETE {
        return Err(LdapError::new(
            ResultCode::AdminLimitExceeded,
            format!("00002024: SvcErr: a tree delete removes at most {MAX_TREE_DELETE} objects"),
        ));
    }
    let critical = below.iter().chain([&top]).any(|dnt| {
        directory.get(*dnt).is_some_and(|object| {
            is_critical(directory, object)
                || rules::has_flag(directory, object, object_flags::DISALLOW_DELETE)
        })
    });
    if critical && !system {
        return Err(LdapError::unwilling(win32::CANT_DELETE));
    }
    if directory
        .get(top)
        .is_some_and(|object| is_primary_group(directory, object))
    {
        return Err(LdapError::update(
            ResultCode::EntryAlreadyExists,
            win32::MEMBERS_PRIMARY_GROUP,
            "6005 (ENTRY_EXISTS)",
        ));
    }
    // Children first, so that no tombstone has a living object below it.
    for dnt in below.into_iter().rev().chain([top]) {
        bury(directory, context, dnt)?;
    }
    Ok(())
}

/// Whether the caller may delete the object by itself: by a right on it or on its parent.
pub(super) fn may_delete(directory: &Directory, context: &Context, object: &Object) -> bool {
    let token = &context.token;
    let by_parent = || {
        let class = directory.schema().class(directory.class_name(object));
        class
            .zip(directory.parent(object))
            .is_some_and(|(class, parent)| {
                access::allowed(directory, token, parent, Right::DeleteChild(class.guid))
            })
    };
    access::allowed(directory, token, object, Right::Delete) || by_parent()
}

/// Whether it is the primary group of a living account.
fn is_primary_group(directory: &Directory, object: &Object) -> bool {
    if !directory.is_a(object, "group") {
        return false;
    }
    let Some(sid) = directory.sid(object) else {
        return false;
    };
    let rid = sid.rid().to_string();
    let primary = directory.schema().known.primary_group_id;
    directory.database().iter().any(|account| {
        !account.deleted
            && account
                .first(primary)
                .is_some_and(|value| value.as_ref() == rid.as_bytes())
            && directory.primary_group(account) == Some(object.dnt)
    })
}

fn is_critical(directory: &Directory, object: &Object) -> bool {
    object
        .first(directory.schema().known.is_critical_system_object)
        .is_some_and(|value| value.as_ref() == b"TRUE")
}

/// The living objects below `top`, parents before children.
fn living_below(directory: &Directory, top: Dnt) -> Vec<Dnt> {
    let mut found = Vec::new();
    let mut open = vec![top];
    while let Some(at) = open.pop() {
        for child in directory.database().children(at) {
            if !child.deleted {
                found.push(child.dnt);
                open.push(child.dnt);
            }
        }
        if found.len() > MAX_TREE_DELETE {
            break;
        }
    }
    found
}

/// Makes one object a tombstone.
fn bury(directory: &mut Directory, context: &Context, dnt: Dnt) -> Result<(), LdapError> {
    let schema = directory.schema();
    let known = &schema.known;
    let object = directory
        .get(dnt)
        .ok_or_else(|| LdapError::no_such_object(String::new()))?;
    let Name::Child {
        parent,
        attribute,
        value,
    } = object.name.clone()
    else {
        return Err(LdapError::unwilling(win32::CANT_DELETE));
    };
    let container = directory
        .database()
        .head_of(dnt)
        .and_then(|head| {
            directory
                .database()
                .child_named(head, known.cn, "Deleted Objects")
        })
        .ok_or_else(|| LdapError::unwilling(win32::CANT_DELETE))?;
    let mut draft = Draft::of(directory, object);
    let stripped: Vec<_> = draft
        .object
        .slots()
        .iter()
        .map(|slot| slot.attribute)
        .filter(|id| {
            let def = schema.def(*id);
            !def.survives_deletion() && !KEPT.contains(&def.name)
        })
        .collect();
    draft.object.remove(&[]);
    for id in stripped {
        // DirSync tells which attributes were lost; what it never told needs no trace.
        if schema.def(id).is_local() || schema.def(id).secret {
            draft.object.remove(&[id]);
        } else {
            draft.set(directory, id, Vec::new());
        }
    }
    draft.set_name(Name::Child {
        parent: container,
        attribute,
        value: format!("{value}\nDEL:{}", draft.object.guid).into(),
    });
    draft.object.deleted = true;
    // Without the Recycle Bin there is no way back, and Samba says so as well.
    draft.set(directory, known.is_recycled, vec![text("TRUE")]);
    draft.set(directory, known.last_known_parent, vec![reference(parent, &[])]);
    let from = directory.database().links_from(dnt).map(|(key, _)| key);
    let links: Vec<_> = from.chain(directory.database().links_to(dnt)).collect();
    for key in links {
        directory.database.set_link(key, None);
    }
    draft.finish(directory, context.now);
    Ok(())
}
