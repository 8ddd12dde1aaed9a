//! Writing: add, modify, rename and delete with the constraints that Active Directory puts on them.
//!
//! Each function changes the database through its journal and may stop at any point with an error; the caller
//! then rolls back.

mod add;
mod delete;
mod draft;
mod garbage;
mod modify;
mod rename;
mod rules;
mod values;

pub(crate) use add::add;
pub(crate) use delete::delete;
pub(crate) use draft::Draft;
pub(crate) use garbage::collect_garbage;
pub(crate) use modify::modify;
pub(crate) use rename::rename;
pub(crate) use values::{Stored, read_value};

use provlab_protocol::filetime::FileTime;

use crate::directory::Directory;
use crate::model::{Dnt, LdapError, SecretValues};

/// Win32 error codes that lead the diagnostic texts.
mod win32 {
    pub(super) const NO_SUCH_OBJECT: u32 = 0x525;
    pub(super) const USER_EXISTS: u32 = 0x524;
    pub(super) const MEMBER_NOT_IN_GROUP: u32 = 0x561;
    pub(super) const MEMBER_IN_GROUP: u32 = 0x562;
    pub(super) const INVALID_PARAMETER: u32 = 0x57;
    pub(super) const CHILDREN_EXIST: u32 = 0x2015;
    pub(super) const OBJ_STRING_NAME_EXISTS: u32 = 0x2071;
    pub(super) const NAMING_VIOLATION: u32 = 0x2099;
    pub(super) const OBJ_CLASS_VIOLATION: u32 = 0x207D;
    pub(super) const SINGLE_VALUE_CONSTRAINT: u32 = 0x2081;
    pub(super) const RANGE_CONSTRAINT: u32 = 0x2082;
    pub(super) const ATT_VAL_ALREADY_EXISTS: u32 = 0x2083;
    pub(super) const CANT_REM_MISSING_ATT: u32 = 0x2085;
    pub(super) const ATTRIBUTE_OWNED_BY_SAM: u32 = 0x209A;
    pub(super) const CANT_MOD_SYSTEM_ONLY: u32 = 0x20B1;
    pub(super) const CANT_ADD_SYSTEM_ONLY: u32 = 0x20B2;
    pub(super) const UNWILLING: u32 = 0x2035;
    pub(super) const NO_PARENT_OBJECT: u32 = 0x2089;
    pub(super) const NAME_REFERENCE_INVALID: u32 = 0x20B5;
    pub(super) const INVALID_GROUP_TYPE: u32 = 0x2141;
    pub(super) const INVALID_ACCOUNT_NAME: u32 = 0x523;
    pub(super) const MEMBERS_PRIMARY_GROUP: u32 = 0x55E;
    pub(super) const ILLEGAL_MOD_OPERATION: u32 = 0x2077;
    pub(super) const CANT_DELETE: u32 = 0x20C8;
    pub(super) const CROSS_NC: u32 = 0x20F7;
    pub(super) const SPN_NOT_UNIQUE: u32 = 0x21C7;
    pub(super) const UPN_NOT_UNIQUE: u32 = 0x21C8;
}

/// Sets attributes as the system does.
///
/// # Errors
/// No such object, attribute or reference, or a malformed value.
pub(crate) fn update(
    directory: &mut Directory,
    now: FileTime,
    dnt: Dnt,
    updates: &[(&str, Vec<Vec<u8>>)],
) -> Result<(), LdapError> {
    let object = directory
        .get(dnt)
        .ok_or_else(|| LdapError::no_such_object(String::new()))?;
    let mut draft = Draft::of(directory, object);
    for (name, values) in updates {
        apply(directory, &mut draft, now, name, values.clone())?;
    }
    draft.finish(directory, now);
    Ok(())
}

/// Sets one attribute of a draft without the rules for clients.
pub(crate) fn apply(
    directory: &mut Directory,
    draft: &mut Draft,
    now: FileTime,
    name: &str,
    values: Vec<Vec<u8>>,
) -> Result<(), LdapError> {
    let id = directory.attribute(name)?;
    if directory.schema().def(id).secret {
        draft.set_secret(id, SecretValues::new(values));
        return Ok(());
    }
    let stored = values
        .iter()
        .map(|value| read_value(directory, id, value))
        .collect::<Result<Vec<_>, _>>()?;
    draft.replace(directory, now, id, stored);
    Ok(())
}
