//! Writing `unicodePwd`: reset and change under the domain's or a fine-grained policy (PR 16.1, 16.2).

use provlab_protocol::filetime::FileTime;
use provlab_protocol::nt_hash::{NtHash, nt_hash};
use provlab_protocol::rights;
use provlab_protocol::unicode_pwd;
use secrecy::{ExposeSecret, SecretString};

use super::attributes::{self, ATTRIBUTES, decimal};
use super::complexity;
use super::policy::Policy;
use super::state;
use crate::access::{self, Right, TokenKind};
use crate::directory::Directory;
use crate::gmsa;
use crate::model::{Context, LdapError, Object, ResultCode};

/// Attribute values that the system sets in the same step as a client's write; an empty list clears the attribute.
pub type AttributeUpdates = Vec<(&'static str, Vec<Vec<u8>>)>;

/// Win32 `ERROR_GEN_FAILURE`: also what AD says of a password that does not come over a sealed connection.
const GEN_FAILURE: u32 = 0x1f;
/// Win32 `ERROR_INVALID_PASSWORD`.
const INVALID_PASSWORD: u32 = 0x56;
/// Win32 `ERROR_PASSWORD_RESTRICTION`.
const PASSWORD_RESTRICTION: u32 = 0x52d;

/// The shapes of a password write, as raw `unicodePwd` values.
#[derive(Clone, Copy)]
pub enum PasswordWrite<'a> {
    /// The password of an account that is being added: needs no right beyond creating it.
    Initial {
        /// The password.
        new: &'a [u8],
    },
    /// One replace: needs the right Reset Password.
    Reset {
        /// The new password.
        new: &'a [u8],
    },
    /// A delete of the old and an add of the new value: needs the right Change Password.
    Change {
        /// The old password.
        old: &'a [u8],
        /// The new password.
        new: &'a [u8],
    },
}

impl<'a> PasswordWrite<'a> {
    const fn new_value(&self) -> &'a [u8] {
        match self {
            Self::Initial { new } | Self::Reset { new } | Self::Change { new, .. } => new,
        }
    }

    /// The error for a password that the policy refuses.
    fn refused(&self) -> LdapError {
        match self {
            Self::Change { .. } => LdapError::attribute(
                ResultCode::ConstraintViolation,
                PASSWORD_RESTRICTION,
                "1005 (CONSTRAINT_ATT_TYPE)",
                "unicodePwd",
            ),
            Self::Initial { .. } | Self::Reset { .. } => LdapError::unwilling(PASSWORD_RESTRICTION),
        }
    }
}

/// Decides a password write on `target` and returns what to store for it.
///
/// `policy_hints` is the value of the policy-hints control: it makes a reset obey history and minimum age.
/// The domain controller itself ([`TokenKind::System`]) is held to nothing.
///
/// # Errors
/// The codes and texts of PR 16.2: not sealed (53), no right (50), policy (53 on reset, 19 on change), wrong old password (19).
pub fn write(
    directory: &Directory,
    context: &Context,
    target: &Object,
    write: PasswordWrite<'_>,
    policy_hints: bool,
) -> Result<AttributeUpdates, LdapError> {
    let system = context.token.kind == TokenKind::System;
    if !system {
        if !context.sealed {
            return Err(LdapError::unwilling(GEN_FAILURE));
        }
        authorize(directory, context, target, &write)?;
    }
    if gmsa::is_gmsa(target) {
        return Err(LdapError::unwilling(GEN_FAILURE));
    }
    let new = decode(write.new_value())?;
    if let PasswordWrite::Change { old, .. } = write {
        let old = decode(old)?;
        if stored_hash(target) != Some(nt_hash(old.expose_secret())) {
            return Err(LdapError::attribute(
                ResultCode::ConstraintViolation,
                INVALID_PASSWORD,
                "1005 (CONSTRAINT_ATT_TYPE)",
                "unicodePwd",
            ));
        }
    }
    let policy = Policy::of(directory, target);
    let hash = nt_hash(new.expose_secret());
    if !system {
        let remembers = policy_hints || matches!(write, PasswordWrite::Change { .. });
        let fits = satisfies(&policy, target, &new)
            && !(remembers && too_young(&policy, target, context.now))
            && !(remembers && in_history(&policy, target, &hash));
        if !fits {
            return Err(write.refused());
        }
    }
    let mut updates = updates(&policy, target, &hash, context.now);
    let expired = state::password_expiry(target, &policy) <= context.now;
    let reset = matches!(write, PasswordWrite::Reset { .. });
    if reset && expired && !system && !may_unexpire(directory, context) {
        updates.retain(|(name, _)| *name != "pwdLastSet");
        updates.push(("pwdLastSet", decimal(0)));
    }
    Ok(updates)
}

/// Whether the caller may end the need for another password: the right Unexpire Password on the domain's head.
///
/// What becomes of a reset without it is inferred from what it leads to: the user is stuck at "must change password" (CS 8.3).
pub(super) fn may_unexpire(directory: &Directory, context: &Context) -> bool {
    let right = Right::ControlAccess(rights::UNEXPIRE_PASSWORD);
    directory
        .locate(&directory.identity().domain_dn())
        .is_ok_and(|head| access::allowed(directory, &context.token, head, right))
}

/// Whether length and complexity are what the policy asks for.
#[must_use]
pub fn satisfies(policy: &Policy, account: &Object, password: &SecretString) -> bool {
    let password = password.expose_secret();
    let long_enough = password.encode_utf16().count() >= policy.min_length;
    let names = [ATTRIBUTES.sam_account_name, ATTRIBUTES.display_name]
        .map(|name| attributes::text(account, name).unwrap_or_default());
    long_enough && (!policy.complexity || complexity::is_complex(password, names[0], names[1]))
}

/// The NT hash that the account's password is verified against.
#[must_use]
pub fn stored_hash(account: &Object) -> Option<NtHash> {
    let stored = account.secret(ATTRIBUTES.unicode_pwd)?;
    let bytes = stored.expose().next()?.try_into().ok()?;
    Some(NtHash::from_bytes(bytes))
}

/// Whether it is one of the two passwords before this one: such a mistake is not counted as a wrong password.
#[must_use]
pub fn was_before(account: &Object, password: &[u8]) -> bool {
    let Ok(password) = std::str::from_utf8(password) else {
        return false;
    };
    let hash = nt_hash(password);
    hashes_before(account).any(|old| old == hash)
}

/// The hashes of the two passwords before this one.
pub fn hashes_before(account: &Object) -> impl Iterator<Item = NtHash> {
    let history = account.secret(ATTRIBUTES.nt_pwd_history);
    // The first one is the password itself.
    history
        .into_iter()
        .flat_map(|history| history.expose().skip(1).take(2))
        .filter_map(|old| old.try_into().ok().map(NtHash::from_bytes))
}

/// What storing a new password writes, without any rule: hash, history, time.
#[must_use]
pub fn updates(policy: &Policy, account: &Object, hash: &NtHash, now: FileTime) -> AttributeUpdates {
    let mut history = vec![hash.as_bytes().to_vec()];
    if let Some(old) = account.secret(ATTRIBUTES.nt_pwd_history) {
        history.extend(old.expose().map(<[u8]>::to_vec));
    }
    history.truncate(policy.history.max(1));
    vec![
        ("unicodePwd", vec![hash.as_bytes().to_vec()]),
        ("ntPwdHistory", history),
        ("pwdLastSet", decimal(now.0)),
    ]
}

fn authorize(
    directory: &Directory,
    context: &Context,
    target: &Object,
    write: &PasswordWrite<'_>,
) -> Result<(), LdapError> {
    let right = match write {
        PasswordWrite::Initial { .. } => return Ok(()),
        PasswordWrite::Reset { .. } => rights::USER_FORCE_CHANGE_PASSWORD,
        PasswordWrite::Change { .. } => rights::USER_CHANGE_PASSWORD,
    };
    if access::allowed(directory, &context.token, target, Right::ControlAccess(right)) {
        Ok(())
    } else {
        Err(LdapError::access_denied())
    }
}

fn decode(value: &[u8]) -> Result<SecretString, LdapError> {
    unicode_pwd::decode(value).map_err(|_| LdapError::unwilling(GEN_FAILURE))
}

fn too_young(policy: &Policy, account: &Object, now: FileTime) -> bool {
    let set = attributes::time(account, ATTRIBUTES.pwd_last_set).unwrap_or(FileTime::ZERO);
    // Zero asks for a new password at once, whatever its age.
    set != FileTime::ZERO && now < set.plus_ticks(policy.min_age)
}

fn in_history(policy: &Policy, account: &Object, hash: &NtHash) -> bool {
    account.secret(ATTRIBUTES.nt_pwd_history).is_some_and(|history| {
        history
            .expose()
            .take(policy.history)
            .filter_map(|bytes| bytes.try_into().ok().map(NtHash::from_bytes))
            .any(|old| old == *hash)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use provlab_protocol::filetime::TICKS_PER_DAY;
    use provlab_protocol::security::Ace;

    use super::*;
    use crate::access::Token;
    use crate::testing::{NOW, account, context, forest};

    /// A forest in which HOST1$ may reset passwords, and may end the need for another one or not.
    fn hardened(may_unexpire: bool) -> Directory {
        let mut directory = forest();
        let host = directory.sid(account(&directory, "HOST1$")).unwrap();
        let head = directory.locate(&directory.identity().domain_dn()).unwrap();
        let mut descriptor = access::explicit_part(access::effective_descriptor(&directory, head));
        assert!(
            descriptor.remove_entries_about(rights::UNEXPIRE_PASSWORD) > 0,
            "everybody has it by default"
        );
        descriptor.add_ace(
            Ace::allow_right(host, rights::USER_FORCE_CHANGE_PASSWORD).for_descendants(rights::CLASS_USER),
        );
        if may_unexpire {
            descriptor.add_ace(Ace::allow_right(host, rights::UNEXPIRE_PASSWORD));
        }
        let dnt = head.dnt;
        let value = vec![descriptor.to_bytes().unwrap()];
        let _ = directory
            .update(NOW, dnt, &[("nTSecurityDescriptor", value)])
            .unwrap();
        directory
    }

    fn set(directory: &mut Directory, time: u64) {
        let alice = account(directory, "alice").dnt;
        let _ = directory
            .update(NOW, alice, &[("pwdLastSet", decimal(time))])
            .unwrap();
    }

    /// `pwdLastSet` behind a reset by HOST1$.
    fn after_reset(directory: &Directory) -> Vec<Vec<u8>> {
        let host = Token::of_account(directory, account(directory, "HOST1$"));
        let new = unicode_pwd::encode("Sunny-Day-2026");
        let write = PasswordWrite::Reset { new: &new };
        let alice = account(directory, "alice");
        let updates = super::write(directory, &context(host, NOW), alice, write, false).unwrap();
        let time = updates.into_iter().find(|(name, _)| *name == "pwdLastSet");
        time.unwrap().1
    }

    #[test]
    fn only_who_may_unexpire_ends_the_need_for_another_password() {
        for (may, expected) in [(true, NOW.0), (false, 0)] {
            let mut directory = hardened(may);
            set(&mut directory, 0);
            assert_eq!(after_reset(&directory), decimal(expected), "must change, {may}");
            set(&mut directory, NOW.minus_ticks(43 * TICKS_PER_DAY).0);
            assert_eq!(after_reset(&directory), decimal(expected), "expired, {may}");
            set(&mut directory, NOW.minus_ticks(TICKS_PER_DAY).0);
            assert_eq!(after_reset(&directory), decimal(NOW.0), "a good one, {may}");
        }
    }
}
