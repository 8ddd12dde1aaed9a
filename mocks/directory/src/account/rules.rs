//! What an account's attributes may become by an ordinary add or modify, and what the system adds to it.

use provlab_protocol::filetime::FileTime;
use provlab_protocol::uac::UserAccountControl;

use super::attributes::{self, ATTRIBUTES, decimal};
use super::password::{self, AttributeUpdates};
use super::policy::Policy;
use crate::access::TokenKind;
use crate::directory::Directory;
use crate::gmsa;
use crate::model::{Context, LdapError, Object, ResultCode};
use crate::schema::AttributeId;

/// Win32 `ERROR_INVALID_PARAMETER`.
const INVALID_PARAMETER: u32 = 0x57;
/// Win32 `ERROR_PASSWORD_RESTRICTION`.
const PASSWORD_RESTRICTION: u32 = 0x52d;

/// Bits that AD computes and never stores.
const NOT_STORED: UserAccountControl =
    UserAccountControl(UserAccountControl::LOCKOUT.0 | UserAccountControl::PASSWORD_EXPIRED.0);

/// One of these every account is; it is an ordinary one where nobody says so.
const ACCOUNT_KINDS: UserAccountControl = UserAccountControl(0x200 | 0x800 | 0x1000 | 0x2000);

/// What a new user or computer has where its creator says nothing.
const DEFAULTS: [(&str, &str); 8] = [
    ("accountExpires", "9223372036854775807"),
    ("badPasswordTime", "0"),
    ("badPwdCount", "0"),
    ("codePage", "0"),
    ("countryCode", "0"),
    ("lastLogoff", "0"),
    ("lastLogon", "0"),
    ("logonCount", "0"),
];

/// Judges the object that an add or a modify would leave, and returns what the system sets in the same step.
///
/// `before` is `None` for an add. To be called after the client's changes and any password write were applied to
/// `after`, and before the commit.
///
/// # Errors
/// Values that AD refuses for `pwdLastSet`, `lockoutTime`, `userAccountControl`; a gMSA without an effective
/// KDS root key, or with its interval changed after creation.
pub fn settle(
    directory: &Directory,
    context: &Context,
    before: Option<&Object>,
    after: &Object,
) -> Result<AttributeUpdates, LdapError> {
    if !attributes::has_class(after, "user") || after.deleted {
        return Ok(Vec::new());
    }
    let mut updates = Vec::new();
    if before.is_none() {
        complete(after, &mut updates);
    }
    control_flags(directory, context, before, after, &mut updates)?;
    password_time(directory, context, before, after, &mut updates)?;
    lockout(context, before, after, &mut updates)?;
    if gmsa::is_gmsa(after) {
        updates.extend(gmsa::settle(directory, context, before, after)?);
    }
    Ok(updates)
}

fn complete(after: &Object, updates: &mut AttributeUpdates) {
    let schema = crate::schema::Schema::get();
    for (name, value) in DEFAULTS {
        let missing = schema
            .attribute(name)
            .is_some_and(|attribute| after.first(attribute).is_none());
        if missing {
            updates.push((name, vec![value.into()]));
        }
    }
    if after.first(ATTRIBUTES.pwd_last_set).is_none() {
        updates.push(("pwdLastSet", decimal(0)));
    }
}

fn control_flags(
    directory: &Directory,
    context: &Context,
    before: Option<&Object>,
    after: &Object,
    updates: &mut AttributeUpdates,
) -> Result<(), LdapError> {
    let attribute = ATTRIBUTES.user_account_control;
    if !changed(before, after, attribute) && before.is_some() {
        return Ok(());
    }
    let wanted = match after.first(attribute) {
        Some(_) => attributes::control_flags(after),
        None => default_flags(after),
    };
    let stored = wanted.without(NOT_STORED);
    let flags = if stored.intersects(ACCOUNT_KINDS) {
        stored
    } else {
        stored | UserAccountControl::NORMAL_ACCOUNT
    };
    let needs_password = !flags.is_disabled()
        && flags.contains(UserAccountControl::NORMAL_ACCOUNT)
        && !flags.contains(UserAccountControl::PASSWORD_NOT_REQUIRED)
        && password::stored_hash(after).is_none();
    if needs_password
        && context.token.kind != TokenKind::System
        && Policy::of(directory, after).min_length > 0
    {
        return Err(LdapError::unwilling(PASSWORD_RESTRICTION));
    }
    if after.first(attribute).is_none() || flags != wanted {
        updates.push(("userAccountControl", vec![flags.to_ldap().into_bytes()]));
    }
    Ok(())
}

/// The flags of an account whose creator names none: disabled, and without a password.
fn default_flags(account: &Object) -> UserAccountControl {
    if gmsa::is_gmsa(account) {
        return UserAccountControl::WORKSTATION_TRUST_ACCOUNT;
    }
    let kind = if attributes::has_class(account, "computer") {
        UserAccountControl::WORKSTATION_TRUST_ACCOUNT
    } else {
        UserAccountControl::NORMAL_ACCOUNT
    };
    kind | UserAccountControl::ACCOUNT_DISABLED | UserAccountControl::PASSWORD_NOT_REQUIRED
}

/// `pwdLastSet` takes 0 (must change) and -1 (changed just now), the latter of who may end the need for another password;
/// only the system writes a time.
fn password_time(
    directory: &Directory,
    context: &Context,
    before: Option<&Object>,
    after: &Object,
    updates: &mut AttributeUpdates,
) -> Result<(), LdapError> {
    let attribute = ATTRIBUTES.pwd_last_set;
    let system = context.token.kind == TokenKind::System;
    if system || !changed(before, after, attribute) {
        return Ok(());
    }
    match attributes::number(after, attribute) {
        None | Some(0) => Ok(()),
        Some(-1) if !password::may_unexpire(directory, context) => Err(LdapError::access_denied()),
        Some(-1) => {
            updates.push(("pwdLastSet", decimal(context.now.0)));
            Ok(())
        }
        Some(ticks) if u64::try_from(ticks) == Ok(context.now.0) => Ok(()),
        Some(_) => Err(LdapError::system(INVALID_PARAMETER)),
    }
}

/// `lockoutTime` takes 0 alone, which ends the lockout and forgets the wrong passwords.
fn lockout(
    context: &Context,
    before: Option<&Object>,
    after: &Object,
    updates: &mut AttributeUpdates,
) -> Result<(), LdapError> {
    let attribute = ATTRIBUTES.lockout_time;
    let system = context.token.kind == TokenKind::System;
    if !changed(before, after, attribute) {
        return Ok(());
    }
    match attributes::time(after, attribute) {
        None => Ok(()),
        Some(FileTime::ZERO) => {
            updates.push(("badPwdCount", decimal(0)));
            Ok(())
        }
        Some(_) if system => Ok(()),
        Some(_) => Err(refused("lockoutTime")),
    }
}

fn changed(before: Option<&Object>, after: &Object, attribute: AttributeId) -> bool {
    before.map_or(&[][..], |object| object.stored(attribute)) != after.stored(attribute)
}

fn refused(attribute: &str) -> LdapError {
    LdapError::attribute(
        ResultCode::UnwillingToPerform,
        INVALID_PARAMETER,
        "1005 (CONSTRAINT_ATT_TYPE)",
        attribute,
    )
}
