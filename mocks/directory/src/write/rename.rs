//! Renaming and moving an object (modify DN).

use provlab_protocol::dn::Rdn;

use super::add::{already_exists, check_length, naming_violation};
use super::draft::Draft;
use super::rules::{self, object_flags};
use super::win32;
use crate::access::{self, Right, TokenKind};
use crate::directory::Directory;
use crate::model::{Context, Dnt, LdapError, Name, Object, RenameRequest, ResultCode};
use crate::search::constructed::may_be_below;

/// Renames or moves an object. What is below it keeps its rows: names are worked out from parents.
pub(crate) fn rename(
    directory: &mut Directory,
    context: &Context,
    request: &RenameRequest,
) -> Result<(), LdapError> {
    let object = directory.locate(&request.dn)?;
    if object.deleted {
        return Err(LdapError::no_such_object(String::new()));
    }
    let Name::Child {
        parent: old_parent,
        attribute,
        value: old_value,
    } = &object.name
    else {
        return Err(LdapError::unwilling(win32::ILLEGAL_MOD_OPERATION));
    };
    if !request.delete_old_rdn {
        return Err(LdapError::unwilling(win32::INVALID_PARAMETER));
    }
    let rdn: Rdn = request
        .new_rdn
        .parse()
        .map_err(|_| LdapError::bad_name(&request.new_rdn))?;
    if directory.schema().attribute(rdn.attribute()) != Some(*attribute) {
        return Err(LdapError::unwilling(win32::UNWILLING));
    }
    check_length(rdn.value(), rdn.attribute())?;
    let new_parent = match &request.new_superior {
        Some(dn) => directory.locate(dn).map_err(|_| no_parent())?,
        None => directory
            .get(*old_parent)
            .ok_or_else(|| LdapError::no_such_object(String::new()))?,
    };
    let moved = new_parent.dnt != *old_parent;
    let renamed = rdn.value() != old_value.as_ref();
    if context.token.kind != TokenKind::System {
        check_rights(directory, context, object, new_parent, moved, renamed)?;
    }
    if moved {
        check_move(directory, object, new_parent)?;
    }
    let taken = directory
        .database()
        .child_named(new_parent.dnt, *attribute, rdn.value());
    if taken.is_some_and(|dnt| dnt != object.dnt) {
        return Err(already_exists());
    }
    if !moved && !renamed {
        return Ok(());
    }
    let name = Name::Child {
        parent: new_parent.dnt,
        attribute: *attribute,
        value: rdn.value().into(),
    };
    let mut draft = Draft::of(directory, object);
    draft.set_name(name);
    draft.finish(directory, context.now);
    Ok(())
}

/// AD's answer to a new superior that is not there.
fn no_parent() -> LdapError {
    LdapError::service(ResultCode::Other, win32::NO_PARENT_OBJECT, "5012 (DIR_ERROR)")
}

fn check_rights(
    directory: &Directory,
    context: &Context,
    object: &Object,
    new_parent: &Object,
    moved: bool,
    renamed: bool,
) -> Result<(), LdapError> {
    let token = &context.token;
    let known = &directory.schema().known;
    let flags = |bit| rules::has_flag(directory, object, bit);
    if (renamed && flags(object_flags::DISALLOW_RENAME)) || (moved && flags(object_flags::DISALLOW_MOVE)) {
        return Err(LdapError::unwilling(win32::ILLEGAL_MOD_OPERATION));
    }
    let Name::Child { attribute, .. } = &object.name else {
        return Err(LdapError::unwilling(win32::ILLEGAL_MOD_OPERATION));
    };
    if !access::allowed(directory, token, object, Right::WriteProperty(known.name))
        || !access::allowed(directory, token, object, Right::WriteProperty(*attribute))
    {
        return Err(LdapError::access_denied());
    }
    if moved {
        let class = directory.schema().class(directory.class_name(object));
        let Some(class) = class else {
            return Err(LdapError::access_denied());
        };
        if !access::allowed(directory, token, new_parent, Right::CreateChild(class.guid))
            || !super::delete::may_delete(directory, context, object)
        {
            return Err(LdapError::access_denied());
        }
    }
    Ok(())
}

fn check_move(directory: &Directory, object: &Object, new_parent: &Object) -> Result<(), LdapError> {
    let database = directory.database();
    if database.is_within(new_parent.dnt, object.dnt) {
        return Err(LdapError::unwilling(win32::ILLEGAL_MOD_OPERATION));
    }
    let head = |dnt: Dnt| database.head_of(dnt);
    if head(object.dnt) != head(new_parent.dnt) {
        return Err(LdapError::update(
            ResultCode::AffectsMultipleDsas,
            win32::CROSS_NC,
            "6008 (AFFECTS_MULTIPLE_DSAS)",
        ));
    }
    if new_parent.deleted {
        return Err(LdapError::no_such_object(String::new()));
    }
    let schema = directory.schema();
    let class = schema.class(directory.class_name(object));
    let above = schema.class(directory.class_name(new_parent));
    match (class, above) {
        (Some(class), Some(above)) if may_be_below(schema, class, above) => Ok(()),
        _ => Err(naming_violation(&directory.dn(object))),
    }
}
