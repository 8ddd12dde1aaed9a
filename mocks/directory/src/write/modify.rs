//! Modifying an object.

use provlab_protocol::security::SecurityDescriptor;

use super::draft::Draft;
use super::rules;
use super::values::{Stored, read_value};
use super::{apply, win32};
use crate::access::{self, Checker, Right, TokenKind};
use crate::account::password::{self, PasswordWrite};
use crate::account::rules::settle;
use crate::directory::Directory;
use crate::model::{
    Context, Dnt, LdapError, Modification, ModifyOperation, ModifyRequest, Name, ResultCode, Value,
};
use crate::schema::{AttributeDef, AttributeId};

/// All parts of a descriptor but the SACL, which takes a privilege.
const ALL_BUT_SACL: u32 = 7;

/// Modifies an object.
pub(crate) fn modify(
    directory: &mut Directory,
    context: &Context,
    request: &ModifyRequest,
) -> Result<(), LdapError> {
    let before = directory.locate(&request.dn)?.clone();
    if before.deleted {
        return Err(LdapError::no_such_object(String::new()));
    }
    check_rights(directory, context, request, &before)?;
    let mut draft = Draft::of(directory, &before);
    let mut password = PasswordSteps::default();
    for step in &request.modifications {
        if step.attribute.name.eq_ignore_ascii_case("unicodePwd") {
            rules::check_class_allows(directory, &before, directory.schema().known.unicode_pwd)?;
            password.take(step)?;
        } else {
            modify_attribute(directory, context, request, &mut draft, step)?;
        }
    }
    check_class(directory, request, &draft)?;
    if let Some(write) = password.write()? {
        let updates = password::write(directory, context, &before, write, request.policy_hints)?;
        // A request that writes the time of the password as well, as "must change" does, decides it.
        let timed = writes(request, "pwdLastSet");
        for (name, values) in updates {
            if !(timed && name == "pwdLastSet") {
                apply(directory, &mut draft, context.now, name, values)?;
            }
        }
    }
    for (name, values) in settle(directory, context, Some(&before), &draft.object)? {
        apply(directory, &mut draft, context.now, name, values)?;
    }
    if let Some(kind) = rules::account_type(directory, &draft.object) {
        let id = directory.schema().known.sam_account_type;
        draft.set(directory, id, vec![kind]);
    }
    rules::check_account_name(directory, &draft.object)?;
    rules::check_group_type(directory, Some(&before), &draft.object)?;
    rules::check_primary_group(directory, &before, &draft.object)?;
    rules::check_unique(directory, &draft.object)?;
    rules::check_required(directory, &draft.object)?;
    let swap = rules::primary_group_change(directory, &before, &draft.object);
    draft.finish(directory, context.now);
    if let Some((old, new)) = swap {
        swap_primary_group(directory, context, before.dnt, old, new);
    }
    Ok(())
}

/// Who leaves a primary group stays in it as an ordinary member, and is no ordinary member of the new one any more.
fn swap_primary_group(
    directory: &mut Directory,
    context: &Context,
    account: Dnt,
    old: Option<Dnt>,
    new: Dnt,
) {
    let member = directory.schema().known.member;
    for (group, joins) in old.map(|old| (old, true)).into_iter().chain([(new, false)]) {
        let Some(object) = directory.get(group) else {
            continue;
        };
        let mut draft = Draft::of(directory, object);
        if joins {
            draft.link(directory, context.now, member, account);
        } else {
            draft.unlink(directory, member, account);
        }
        draft.finish(directory, context.now);
    }
}

/// Refuses what the class does not have. What counts is the object as it is in the end (RFC 4511 4.6).
fn check_class(directory: &Directory, request: &ModifyRequest, draft: &Draft) -> Result<(), LdapError> {
    for step in &request.modifications {
        let id = directory.attribute(&step.attribute.name)?;
        if directory.database().has(&draft.object, id) {
            rules::check_class_allows(directory, &draft.object, id)?;
        }
        rules::check_description(directory, &draft.object, id)?;
    }
    Ok(())
}

fn writes(request: &ModifyRequest, attribute: &str) -> bool {
    let mut steps = request.modifications.iter();
    steps.any(|step| step.attribute.name.eq_ignore_ascii_case(attribute))
}

/// The steps of a request that write the password (PR 16.1).
#[derive(Default)]
struct PasswordSteps<'a> {
    old: Option<&'a [u8]>,
    new: Option<&'a [u8]>,
    reset: Option<&'a [u8]>,
}

impl<'a> PasswordSteps<'a> {
    fn take(&mut self, step: &'a Modification) -> Result<(), LdapError> {
        let [value] = step.attribute.values.as_slice() else {
            return Err(LdapError::unwilling(win32::ILLEGAL_MOD_OPERATION));
        };
        let place = match step.operation {
            ModifyOperation::Delete => &mut self.old,
            ModifyOperation::Add => &mut self.new,
            ModifyOperation::Replace => &mut self.reset,
        };
        if place.replace(value).is_some() {
            return Err(LdapError::unwilling(win32::ILLEGAL_MOD_OPERATION));
        }
        Ok(())
    }

    fn write(&self) -> Result<Option<PasswordWrite<'a>>, LdapError> {
        match (self.old, self.new, self.reset) {
            (None, None, None) => Ok(None),
            (None, None, Some(new)) => Ok(Some(PasswordWrite::Reset { new })),
            (Some(old), Some(new), None) => Ok(Some(PasswordWrite::Change { old, new })),
            _ => Err(LdapError::unwilling(win32::ILLEGAL_MOD_OPERATION)),
        }
    }
}

fn check_rights(
    directory: &Directory,
    context: &Context,
    request: &ModifyRequest,
    object: &crate::model::Object,
) -> Result<(), LdapError> {
    if context.token.kind == TokenKind::System {
        return Ok(());
    }
    let checker = Checker::new(directory, &context.token);
    let known = &directory.schema().known;
    for step in &request.modifications {
        let id = directory.attribute(&step.attribute.name)?;
        if id == known.unicode_pwd {
            // Which right this takes depends on the kind of password write.
            continue;
        }
        // Name and class are refused below, for reasons of their own.
        if ![known.object_class, known.name, known.distinguished_name].contains(&id) {
            rules::check_writable(directory.schema().def(id), false)?;
        }
        let allowed = if id == known.security_descriptor {
            let flags = request.sd_flags.unwrap_or(ALL_BUT_SACL);
            (flags & 4 == 0 || checker.allowed(object, Right::WriteDac))
                && (flags & 3 == 0
                    || request.sd_flags.is_none()
                    || checker.allowed(object, Right::WriteOwner))
        } else {
            checker.allowed(object, Right::WriteProperty(id))
        };
        if !allowed {
            return Err(LdapError::access_denied());
        }
    }
    Ok(())
}

fn modify_attribute(
    directory: &mut Directory,
    context: &Context,
    request: &ModifyRequest,
    draft: &mut Draft,
    step: &Modification,
) -> Result<(), LdapError> {
    let id = directory.attribute(&step.attribute.name)?;
    let known = &directory.schema().known;
    let def = directory.schema().def(id);
    let naming = match &draft.object.name {
        Name::Child { attribute, .. } => Some(*attribute),
        Name::Head(_) => None,
    };
    if Some(id) == naming || id == known.name || id == known.distinguished_name {
        return Err(LdapError::update(
            ResultCode::NotAllowedOnRdn,
            0x2016,
            "6004 (CANT_ON_RDN)",
        ));
    }
    if id == known.object_class {
        return Err(LdapError::update(
            ResultCode::ObjectClassModsProhibited,
            win32::ILLEGAL_MOD_OPERATION,
            "6006 (CANT_MOD_OBJ_CLASS)",
        ));
    }
    if id == known.security_descriptor {
        return modify_descriptor(directory, request, draft, step);
    }
    let mut values = Vec::new();
    for value in &step.attribute.values {
        match read_value(directory, id, value) {
            Ok(value) => values.push(value),
            // What does not exist cannot be a value, so there is nothing to delete.
            Err(error)
                if step.operation == ModifyOperation::Delete
                    && def.syntax.is_reference()
                    && error.code != ResultCode::InvalidDnSyntax
                    && request.permissive => {}
            Err(error) => return Err(error),
        }
    }
    match step.operation {
        ModifyOperation::Add => add_values(directory, context, request, draft, id, values),
        ModifyOperation::Delete => delete_values(directory, request, draft, id, values, step),
        ModifyOperation::Replace => {
            rules::check_single(def, values.len())?;
            draft.replace(directory, context.now, id, values);
            Ok(())
        }
    }
}

fn add_values(
    directory: &mut Directory,
    context: &Context,
    request: &ModifyRequest,
    draft: &mut Draft,
    id: AttributeId,
    values: Vec<Stored>,
) -> Result<(), LdapError> {
    let def = directory.schema().def(id);
    if values.is_empty() {
        return Err(LdapError::attribute(
            ResultCode::InvalidAttributeSyntax,
            win32::INVALID_PARAMETER,
            "1004 (INVALID_ATT_SYNTAX)",
            def.name,
        ));
    }
    let mut row = draft.object.stored(id).to_vec();
    for value in values {
        match value {
            Stored::Link(target) => {
                if def.single_valued {
                    let others = directory.database().references(&draft.object, id);
                    rules::check_single(def, 1 + others.iter().filter(|t| **t != target).count())?;
                }
                let primary = is_primary_member(directory, draft, id, target);
                if (primary || !draft.link(directory, context.now, id, target)) && !request.permissive {
                    return Err(exists(def));
                }
            }
            Stored::Value(value) => {
                if !has_value(def, &row, &value) {
                    row.push(value);
                } else if !request.permissive {
                    return Err(exists(def));
                }
            }
        }
    }
    rules::check_single(def, row.len())?;
    draft.set(directory, id, row);
    Ok(())
}

fn delete_values(
    directory: &mut Directory,
    request: &ModifyRequest,
    draft: &mut Draft,
    id: AttributeId,
    values: Vec<Stored>,
    step: &Modification,
) -> Result<(), LdapError> {
    let def = directory.schema().def(id);
    if step.attribute.values.is_empty() {
        if id == directory.schema().known.sam_account_name {
            return Err(LdapError::unwilling(win32::ILLEGAL_MOD_OPERATION));
        }
        if !directory.database().has(&draft.object, id) && !request.permissive {
            return Err(no_values(def));
        }
        for target in directory.database().references(&draft.object, id) {
            draft.unlink(directory, id, target);
        }
        draft.set(directory, id, Vec::new());
        return Ok(());
    }
    let mut row = draft.object.stored(id).to_vec();
    for value in values {
        let removed = match value {
            Stored::Link(target) => draft.unlink(directory, id, target),
            Stored::Value(value) => {
                let before = row.len();
                row.retain(|known| !same_value(def, known, &value));
                row.len() < before
            }
        };
        if !removed && !request.permissive {
            return Err(missing(def));
        }
    }
    if row != draft.object.stored(id) {
        draft.set(directory, id, row);
    }
    Ok(())
}

fn same_value(def: &AttributeDef, one: &Value, other: &Value) -> bool {
    if def.syntax.is_reference() {
        return one == other;
    }
    def.syntax.key(one) == def.syntax.key(other)
}

fn has_value(def: &AttributeDef, row: &[Value], value: &Value) -> bool {
    row.iter().any(|known| same_value(def, known, value))
}

/// Whether `target` is in the group by its primary group already, and so cannot be made a member.
fn is_primary_member(
    directory: &Directory,
    draft: &Draft,
    id: AttributeId,
    target: crate::model::Dnt,
) -> bool {
    id == directory.schema().known.member
        && directory
            .get(target)
            .and_then(|member| directory.primary_group(member))
            == Some(draft.object.dnt)
}

fn exists(def: &AttributeDef) -> LdapError {
    if def.name == "member" {
        return LdapError::update(
            ResultCode::EntryAlreadyExists,
            win32::MEMBER_IN_GROUP,
            "6005 (ENTRY_EXISTS)",
        );
    }
    LdapError::attribute(
        ResultCode::AttributeOrValueExists,
        win32::ATT_VAL_ALREADY_EXISTS,
        "1006 (ATT_OR_VALUE_EXISTS)",
        def.name,
    )
}

fn missing(def: &AttributeDef) -> LdapError {
    if def.name == "member" {
        return LdapError::unwilling(win32::MEMBER_NOT_IN_GROUP);
    }
    no_values(def)
}

fn no_values(def: &AttributeDef) -> LdapError {
    LdapError::attribute(
        ResultCode::NoSuchAttribute,
        win32::CANT_REM_MISSING_ATT,
        "1001 (NO_ATTRIBUTE_OR_VAL)",
        def.name,
    )
}

fn modify_descriptor(
    directory: &Directory,
    request: &ModifyRequest,
    draft: &mut Draft,
    step: &Modification,
) -> Result<(), LdapError> {
    let id = directory.schema().known.security_descriptor;
    let bad = || {
        LdapError::attribute(
            ResultCode::InvalidAttributeSyntax,
            win32::INVALID_PARAMETER,
            "1004 (INVALID_ATT_SYNTAX)",
            "nTSecurityDescriptor",
        )
    };
    let [value] = step.attribute.values.as_slice() else {
        return Err(bad());
    };
    let written = SecurityDescriptor::from_bytes(value).map_err(|_| bad())?;
    let stored = draft
        .object
        .first(id)
        .and_then(|bytes| SecurityDescriptor::from_bytes(bytes).ok())
        .unwrap_or_default();
    let flags = request.sd_flags.unwrap_or(ALL_BUT_SACL);
    let merged = access::merged(stored, access::explicit_part(written), flags);
    let bytes = merged.to_bytes().map_err(|_| bad())?;
    draft.set(directory, id, vec![Value::from(bytes)]);
    Ok(())
}
