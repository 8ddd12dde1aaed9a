//! Rules that hold for every object, whoever writes it: uniqueness, derived account types, who owns an attribute.

use super::win32;
use crate::directory::Directory;
use crate::model::{Dnt, LdapError, Object, ResultCode, Value, integer};
use crate::schema::{AttributeDef, AttributeId, Syntax};

/// Attributes that only the account database writes.
const OWNED_BY_SAM: &[&str] = &[
    "isCriticalSystemObject",
    "memberOf",
    "objectSid",
    "sAMAccountType",
    "rid",
];

/// System-only attributes that may be given once, when the object is made.
const SETTABLE_AT_CREATION: &[&str] = &[
    "msDS-ManagedPasswordInterval",
    "objectClass",
    "instanceType",
    "systemFlags",
];

/// Refuses attributes that clients do not write. `adding`: the object is being made.
pub(super) fn check_writable(def: &AttributeDef, adding: bool) -> Result<(), LdapError> {
    if OWNED_BY_SAM.contains(&def.name) {
        return Err(LdapError::unwilling(win32::ATTRIBUTE_OWNED_BY_SAM));
    }
    if adding && def.name == "objectGUID" {
        return Err(LdapError::unwilling(win32::UNWILLING));
    }
    let locked = def.system_only && !(adding && SETTABLE_AT_CREATION.contains(&def.name));
    let structural = matches!(
        def.name,
        "objectGUID" | "uSNChanged" | "uSNCreated" | "whenChanged" | "whenCreated" | "isDeleted"
    );
    if locked || structural || def.is_constructed() || def.is_back_link() {
        return Err(LdapError::attribute(
            ResultCode::ConstraintViolation,
            win32::CANT_MOD_SYSTEM_ONLY,
            "1005 (CONSTRAINT_ATT_TYPE)",
            def.name,
        ));
    }
    if def.secret && def.name != "unicodePwd" {
        return Err(LdapError::unwilling(win32::ILLEGAL_MOD_OPERATION));
    }
    Ok(())
}

/// Refuses an account name that another account of the domain has, and a UPN or SPN that another object of the
/// forest has.
pub(super) fn check_unique(directory: &Directory, object: &Object) -> Result<(), LdapError> {
    let schema = directory.schema();
    let known = &schema.known;
    let taken = |id: AttributeId, value: &Value| -> bool {
        let holders = directory.database().equal(id, value).unwrap_or_default();
        holders
            .iter()
            .filter_map(|dnt: &Dnt| directory.get(*dnt))
            .any(|holder| holder.dnt != object.dnt && !holder.deleted)
    };
    if let Some(name) = object.first(known.sam_account_name)
        && taken(known.sam_account_name, name)
    {
        return Err(LdapError::update(
            ResultCode::EntryAlreadyExists,
            win32::USER_EXISTS,
            "6005 (ENTRY_EXISTS)",
        ));
    }
    for (id, code) in [
        (known.user_principal_name, win32::UPN_NOT_UNIQUE),
        (known.service_principal_name, win32::SPN_NOT_UNIQUE),
    ] {
        if object.stored(id).iter().any(|value| taken(id, value)) {
            return Err(LdapError::attribute(
                ResultCode::ConstraintViolation,
                code,
                "1005 (CONSTRAINT_ATT_TYPE)",
                schema.def(id).name,
            ));
        }
    }
    Ok(())
}

/// Characters that no account name has (MS-SAMR 3.1.1.6).
const NOT_IN_ACCOUNT_NAMES: &str = "\"/\\[]:|<>+=;?,*";

/// Longest account name of a user (MS-SAMR 3.1.1.6); computers and groups are free of it.
const MAX_USER_NAME_UNITS: usize = 20;

/// Refuses an account name with characters that account names do not have, or too long a one of a user.
pub(super) fn check_account_name(directory: &Directory, object: &Object) -> Result<(), LdapError> {
    let Some(name) = object.first(directory.schema().known.sam_account_name) else {
        return Ok(());
    };
    let forbidden = name
        .iter()
        .any(|byte| NOT_IN_ACCOUNT_NAMES.as_bytes().contains(byte));
    let is_person = directory.is_a(object, "user") && !directory.is_a(object, "computer");
    let units = String::from_utf8_lossy(name).encode_utf16().count();
    if forbidden || (is_person && units > MAX_USER_NAME_UNITS) {
        Err(LdapError::system(win32::INVALID_ACCOUNT_NAME))
    } else {
        Ok(())
    }
}

/// The bits of `groupType` that say how far a group reaches: global, domain local, universal.
const SCOPES: [i64; 3] = [0x2, 0x4, 0x8];

/// Refuses a `groupType` without a scope, and a change between global and domain local, which goes by way of
/// universal.
pub(super) fn check_group_type(
    directory: &Directory,
    before: Option<&Object>,
    after: &Object,
) -> Result<(), LdapError> {
    let known = &directory.schema().known;
    let scope = |object: &Object| {
        let number = object.first(known.group_type)?;
        let kind = Syntax::Integer.number(number)?;
        Some(SCOPES.into_iter().filter(|bit| kind & bit != 0).sum::<i64>())
    };
    let Some(wanted) = scope(after) else {
        return Ok(());
    };
    let crosses = before
        .and_then(scope)
        .is_some_and(|had| had != wanted && had != 0x8 && wanted != 0x8);
    if SCOPES.contains(&wanted) && !crosses {
        Ok(())
    } else {
        Err(LdapError::unwilling(win32::INVALID_GROUP_TYPE))
    }
}

/// Refuses a primary group that the account is not a member of.
pub(super) fn check_primary_group(
    directory: &Directory,
    before: &Object,
    after: &Object,
) -> Result<(), LdapError> {
    let known = &directory.schema().known;
    if before.first(known.primary_group_id) == after.first(known.primary_group_id) {
        return Ok(());
    }
    let member = directory.primary_group(after).is_some_and(|group| {
        directory.get(group).is_some_and(|group| {
            let members = directory.database().references(group, known.member);
            members.contains(&after.dnt)
        })
    });
    if member {
        Ok(())
    } else {
        Err(LdapError::unwilling(win32::MEMBER_NOT_IN_GROUP))
    }
}

/// The primary groups that a change leads from and to.
pub(super) fn primary_group_change(
    directory: &Directory,
    before: &Object,
    after: &Object,
) -> Option<(Option<Dnt>, Dnt)> {
    let (old, new) = (directory.primary_group(before), directory.primary_group(after)?);
    (old != Some(new)).then_some((old, new))
}

/// `sAMAccountType` as it follows from `userAccountControl` or `groupType` (MS-ADTS 3.1.1.4.5.23, MS-SAMR 3.1.1.8.1).
pub(crate) fn account_type(directory: &Directory, object: &Object) -> Option<Value> {
    let known = &directory.schema().known;
    let number = |id| {
        object
            .first(id)
            .and_then(|value| Syntax::LargeInteger.number(value))
    };
    let kind: i64 = if directory.is_a(object, "group") {
        let group = number(known.group_type)?;
        let local = group & 0x4 != 0;
        let security = group & 0x8000_0000 != 0;
        match (local, security) {
            (false, true) => 0x1000_0000,
            (false, false) => 0x1000_0001,
            (true, true) => 0x2000_0000,
            (true, false) => 0x2000_0001,
        }
    } else {
        let control = number(known.user_account_control)?;
        if control & 0x3000 != 0 {
            0x3000_0001
        } else if control & 0x800 != 0 {
            0x3000_0002
        } else {
            0x3000_0000
        }
    };
    Some(integer(kind))
}

/// Refuses an object without an attribute that its class demands.
pub(super) fn check_required(directory: &Directory, object: &Object) -> Result<(), LdapError> {
    let schema = directory.schema();
    let class = directory.class_name(object);
    let missing = schema.class(class).and_then(|class| {
        class
            .required()
            .iter()
            .find(|id| !directory.database().has(object, **id))
    });
    match missing {
        Some(id) => Err(LdapError::attribute(
            ResultCode::ObjectClassViolation,
            win32::OBJ_CLASS_VIOLATION,
            "1005 (CONSTRAINT_ATT_TYPE)",
            schema.def(*id).name,
        )),
        None => Ok(()),
    }
}

/// Refuses an attribute that the object's class does not have.
pub(super) fn check_class_allows(
    directory: &Directory,
    object: &Object,
    id: AttributeId,
) -> Result<(), LdapError> {
    let class = directory.schema().class(directory.class_name(object));
    if class.is_some_and(|class| class.allows(id)) {
        return Ok(());
    }
    Err(LdapError::update(
        ResultCode::ObjectClassViolation,
        win32::OBJ_CLASS_VIOLATION,
        "6002 (OBJ_CLASS_VIOLATION)",
    ))
}

/// Refuses to make several values of a single-valued attribute out of what an object has.
pub(super) fn check_single(def: &AttributeDef, count: usize) -> Result<(), LdapError> {
    if def.single_valued && count > 1 {
        return Err(LdapError::attribute(
            ResultCode::AttributeOrValueExists,
            win32::SINGLE_VALUE_CONSTRAINT,
            "1006 (ATT_OR_VALUE_EXISTS)",
            def.name,
        ));
    }
    Ok(())
}

/// Refuses to make several descriptions of an account; one that is made with several keeps them until then. The
/// account database knows one alone, whatever the schema says.
pub(super) fn check_description(
    directory: &Directory,
    object: &Object,
    id: AttributeId,
) -> Result<(), LdapError> {
    let def = directory.schema().def(id);
    let account = || directory.is_a(object, "user") || directory.is_a(object, "group");
    if def.name == "description" && object.stored(id).len() > 1 && account() {
        return Err(LdapError::attribute(
            ResultCode::AttributeOrValueExists,
            win32::SINGLE_VALUE_CONSTRAINT,
            "1006 (ATT_OR_VALUE_EXISTS)",
            def.name,
        ));
    }
    Ok(())
}

/// Bits of an object's own `systemFlags` (MS-ADTS 2.2.9).
pub(super) mod object_flags {
    pub(crate) const DISALLOW_MOVE: i64 = 0x0400_0000;
    pub(crate) const DISALLOW_RENAME: i64 = 0x0800_0000;
    pub(crate) const DISALLOW_DELETE: i64 = 0x8000_0000;
}

/// Whether `systemFlags` of an object has a bit.
pub(super) fn has_flag(directory: &Directory, object: &Object, bit: i64) -> bool {
    directory
        .number(object, "systemFlags")
        .is_some_and(|flags| flags & bit != 0)
}
