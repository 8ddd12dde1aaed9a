//! Group managed service accounts: passwords that nobody chooses, derived from a root key and the clock (PR 14).

use std::ops::RangeInclusive;

use provlab_protocol::ad_error::{Diagnostic, Win32Error};
use provlab_protocol::filetime::{FileTime, TICKS_PER_MINUTE};
use provlab_protocol::gkdi::{
    EnvelopeFlags, GroupKeyId, KeyEnvelope, RootKey, derive_gmsa_password, rollover_cycles,
};
use provlab_protocol::managed_password::{ManagedPassword, ManagedPasswordBlob};
use provlab_protocol::nt_hash::NtHash;
use provlab_protocol::security::{AccessMask, AceKind, SecurityDescriptor};
use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;

use crate::access::{Token, TokenKind};
use crate::account::attributes::{self, ATTRIBUTES};
use crate::account::password::AttributeUpdates;
use crate::directory::Directory;
use crate::kds;
use crate::model::{Context, LdapError, Object, ResultCode};

/// The class of these accounts.
pub const CLASS: &str = "msDS-GroupManagedServiceAccount";
/// Days between two passwords where the creator says nothing.
pub const DEFAULT_INTERVAL_DAYS: u32 = 30;
/// Days that may be asked for.
const INTERVAL_DAYS: RangeInclusive<i64> = 1..=3_650;
/// How far the clocks of a domain may be apart: around a change both passwords are good (PR 14.2).
const CLOCK_SKEW: u64 = 5 * TICKS_PER_MINUTE;
/// `NTE_NO_KEY`, "Key does not exist": what AD says where no root key is in effect.
pub const NO_KEY: u32 = 0x8009_000d;

/// Whether the object is a group managed service account.
#[must_use]
pub fn is_gmsa(object: &Object) -> bool {
    attributes::has_class(object, CLASS)
}

/// Judges what an add or a modify would make of such an account, and completes it.
///
/// # Errors
/// No root key is in effect (53, text `8009000D`), the interval is out of range or changed after creation, or
/// `msDS-GroupMSAMembership` is no security descriptor.
pub(crate) fn settle(
    directory: &Directory,
    context: &Context,
    before: Option<&Object>,
    after: &Object,
) -> Result<AttributeUpdates, LdapError> {
    if let Some(membership) = after.first(ATTRIBUTES.gmsa_membership)
        && SecurityDescriptor::from_bytes(membership).is_err()
    {
        return Err(constraint("msDS-GroupMSAMembership"));
    }
    let interval = attributes::number(after, ATTRIBUTES.managed_password_interval);
    if let Some(before) = before {
        let old = attributes::number(before, ATTRIBUTES.managed_password_interval);
        return if old == interval {
            Ok(Vec::new())
        } else {
            Err(constraint("msDS-ManagedPasswordInterval"))
        };
    }
    let mut updates = Vec::new();
    match interval {
        None => updates.push((
            "msDS-ManagedPasswordInterval",
            vec![DEFAULT_INTERVAL_DAYS.to_string().into_bytes()],
        )),
        Some(days) if INTERVAL_DAYS.contains(&days) => {}
        Some(_) => return Err(constraint("msDS-ManagedPasswordInterval")),
    }
    let key = kds::effective(directory, context.now).ok_or_else(|| LdapError::unwilling(NO_KEY))?;
    let domain = &directory.identity().domain;
    let envelope = KeyEnvelope {
        flags: EnvelopeFlags::MAY_ENCRYPT,
        key_id: GroupKeyId::at(context.now),
        root_key: key.id(),
        additional_info: Vec::new(),
        domain: domain.clone(),
        forest: domain.clone(),
    };
    let id = envelope.to_bytes().map_err(|_| LdapError::unwilling(NO_KEY))?;
    updates.push(("msDS-ManagedPasswordId", vec![id]));
    Ok(updates)
}

fn constraint(attribute: &str) -> LdapError {
    LdapError::attribute(
        ResultCode::ConstraintViolation,
        Win32Error::ERROR_INVALID_PARAMETER.0,
        "1005 (CONSTRAINT_ATT_TYPE)",
        attribute,
    )
}

/// The passwords around a moment.
struct Passwords {
    root_key: RootKey,
    /// Cycles between two passwords.
    step: u64,
    /// The key of the password in force.
    current: GroupKeyId,
    /// Whether there was one before it.
    has_previous: bool,
}

impl Passwords {
    fn of(directory: &Directory, account: &Object, now: FileTime) -> Option<Self> {
        let envelope = account.first(ATTRIBUTES.managed_password_id)?;
        let envelope = KeyEnvelope::from_bytes(envelope).ok()?;
        let days = attributes::number(account, ATTRIBUTES.managed_password_interval)
            .and_then(|days| u32::try_from(days).ok())
            .unwrap_or(DEFAULT_INTERVAL_DAYS);
        let step = rollover_cycles(days);
        let first = envelope.key_id.cycle();
        let passed = GroupKeyId::at(now).cycle().saturating_sub(first) / step;
        Some(Self {
            root_key: kds::by_id(directory, envelope.root_key)?,
            step,
            current: GroupKeyId::from_cycle(first + passed * step),
            has_previous: passed > 0,
        })
    }

    fn next(&self) -> GroupKeyId {
        GroupKeyId::from_cycle(self.current.cycle() + self.step)
    }

    fn previous(&self) -> Option<GroupKeyId> {
        let cycle = self.current.cycle().saturating_sub(self.step);
        self.has_previous.then(|| GroupKeyId::from_cycle(cycle))
    }

    /// The keys whose passwords are taken at `now`: the current one, and its neighbours around a change.
    fn good_at(&self, now: FileTime) -> Vec<GroupKeyId> {
        let fresh = now < self.current.start().plus_ticks(CLOCK_SKEW);
        let ending = self.next().start() <= now.plus_ticks(CLOCK_SKEW);
        let mut good = vec![self.current];
        good.extend(self.previous().filter(|_| fresh));
        good.extend(ending.then(|| self.next()));
        good
    }

    /// These passwords, or those after the next change if that is about to come.
    fn handed_out(self, now: FileTime) -> Self {
        if self.next().start() <= now.plus_ticks(CLOCK_SKEW) {
            let current = self.next();
            Self {
                current,
                has_previous: true,
                ..self
            }
        } else {
            self
        }
    }
}

fn derive(
    directory: &Directory,
    account: &Object,
    passwords: &Passwords,
    key: GroupKeyId,
) -> Option<ManagedPassword> {
    let sid = directory.sid(account)?;
    Some(derive_gmsa_password(&passwords.root_key, key, &sid))
}

/// The value of `msDS-ManagedPassword` for whoever asks, or `None` where it stays away from them.
///
/// # Errors
/// An operations error on a connection that is not sealed (PR 14.1).
pub fn managed_password(
    directory: &Directory,
    context: &Context,
    account: &Object,
) -> Result<Option<Vec<u8>>, LdapError> {
    if !is_gmsa(account) || context.token.kind != TokenKind::Account {
        return Ok(None);
    }
    if !context.sealed {
        return Err(LdapError::new(
            ResultCode::OperationsError,
            Diagnostic::ldap(
                Win32Error::ERROR_DS_CONFIDENTIALITY_REQUIRED,
                "0C090BF1",
                "Viewing msDS-ManagedPassword requires an encrypted connection",
                0,
            ),
        ));
    }
    if !may_retrieve(&context.token, account) {
        return Ok(None);
    }
    Ok(blob(directory, account, context.now).and_then(|blob| {
        let bytes = blob.to_bytes().ok()?;
        Some(bytes.to_vec())
    }))
}

/// Whether the token may retrieve the password: it holds the right to read properties by `msDS-GroupMSAMembership`.
#[must_use]
pub fn may_retrieve(token: &Token, account: &Object) -> bool {
    account
        .first(ATTRIBUTES.gmsa_membership)
        .and_then(|bytes| SecurityDescriptor::from_bytes(bytes).ok())
        .is_some_and(|membership| {
            membership
                .dacl_aces()
                .iter()
                .filter(|ace| ace.is_effective() && token.is(&ace.trustee))
                .find(|ace| ace.mask.mapped().contains(AccessMask::READ_PROPERTY))
                .is_some_and(|ace| ace.kind == AceKind::Allow)
        })
}

fn blob(directory: &Directory, account: &Object, now: FileTime) -> Option<ManagedPasswordBlob> {
    let passwords = Passwords::of(directory, account, now)?.handed_out(now);
    let derive = |key| derive(directory, account, &passwords, key);
    let query_interval = passwords.next().start().ticks_since(now);
    Some(ManagedPasswordBlob {
        current: derive(passwords.current)?,
        previous: passwords.previous().and_then(derive),
        query_interval,
        unchanged_interval: query_interval.saturating_sub(CLOCK_SKEW),
    })
}

/// Whether `password` is the account's, in the UTF-8 form from which Kerberos keys are made.
///
/// A real domain controller takes such a password by Kerberos or NTLM only; here it also binds (a known difference).
#[must_use]
pub fn verify(directory: &Directory, account: &Object, password: &[u8], now: FileTime) -> bool {
    good_passwords(directory, account, now).iter().any(|good| {
        let good = good.to_utf8_lossy();
        good.expose_secret().as_bytes().ct_eq(password).into()
    })
}

/// The NT hashes of the passwords that are taken at `now`.
#[must_use]
pub fn nt_hashes(directory: &Directory, account: &Object, now: FileTime) -> Vec<NtHash> {
    let good = good_passwords(directory, account, now);
    good.iter().map(ManagedPassword::nt_hash).collect()
}

fn good_passwords(directory: &Directory, account: &Object, now: FileTime) -> Vec<ManagedPassword> {
    let Some(passwords) = Passwords::of(directory, account, now) else {
        return Vec::new();
    };
    passwords
        .good_at(now)
        .into_iter()
        .filter_map(|key| derive(directory, account, &passwords, key))
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use provlab_protocol::security::Ace;
    use provlab_protocol::sid::well_known;

    use super::*;
    use crate::model::{AddRequest, Attribute};
    use crate::testing::{NOW, account, context, forest};

    const NAME: &str = "provAgentgMSA$";
    const DN: &str = "CN=provAgentgMSA,CN=Managed Service Accounts,DC=contoso,DC=com";

    fn with_gmsa(interval: &str) -> Directory {
        let mut directory = forest();
        let host = directory.sid(account(&directory, "HOST1$")).unwrap();
        let membership = SecurityDescriptor::with_dacl(
            well_known::BUILTIN_ADMINISTRATORS,
            vec![Ace::allow(host, AccessMask::FULL_CONTROL)],
        );
        let request = AddRequest {
            dn: DN.parse().unwrap(),
            attributes: vec![
                Attribute::new("objectClass", &[CLASS]),
                Attribute::new("sAMAccountName", &[NAME]),
                Attribute::new("dNSHostName", &["provAgentgMSA.contoso.com"]),
                Attribute::new("msDS-ManagedPasswordInterval", &[interval]),
                Attribute {
                    name: "msDS-GroupMSAMembership".to_owned(),
                    values: vec![membership.to_bytes().unwrap()],
                },
            ],
        };
        let administrator = Token::of_account(&directory, account(&directory, "Administrator"));
        let _ = directory.add(&context(administrator, NOW), &request).unwrap();
        directory
    }

    fn blob_at(directory: &Directory, now: FileTime) -> ManagedPasswordBlob {
        let host = Token::of_account(directory, account(directory, "HOST1$"));
        let bytes = managed_password(directory, &context(host, now), account(directory, NAME));
        ManagedPasswordBlob::from_bytes(&bytes.unwrap().unwrap()).unwrap()
    }

    fn binds(directory: &Directory, password: &ManagedPassword, now: FileTime) -> bool {
        let text = password.to_utf8_lossy();
        verify(
            directory,
            account(directory, NAME),
            text.expose_secret().as_bytes(),
            now,
        )
    }

    /// When the first password ends: its cycle began before the account was made.
    fn first_end(days: u32) -> FileTime {
        let first = GroupKeyId::at(NOW).cycle();
        GroupKeyId::from_cycle(first + rollover_cycles(days)).start()
    }

    #[test]
    fn the_password_rolls_by_its_interval() {
        let directory = with_gmsa("30");
        let first = blob_at(&directory, NOW);
        assert!(first.previous.is_none());
        assert_eq!(first.query_interval, first_end(30).ticks_since(NOW));
        assert_eq!(first.unchanged_interval, first.query_interval - CLOCK_SKEW);
        let later = first_end(30).plus_ticks(CLOCK_SKEW);
        let second = blob_at(&directory, later);
        assert_ne!(second.current, first.current);
        assert_eq!(second.previous.as_ref(), Some(&first.current));
        assert!(binds(&directory, &second.current, later));
        assert!(!binds(&directory, &first.current, later));
    }

    #[test]
    fn around_a_change_both_passwords_are_good() {
        let directory = with_gmsa("1");
        let end = first_end(1);
        let old = blob_at(&directory, NOW).current;
        let before = end.minus_ticks(CLOCK_SKEW);
        let new = blob_at(&directory, before).current;
        assert_ne!(old, new, "what is about to end is not handed out any more");
        for (now, old_good, new_good) in [
            (before.minus_ticks(1), true, false),
            (before, true, true),
            (end, true, true),
            (end.plus_ticks(CLOCK_SKEW), false, true),
        ] {
            assert_eq!(binds(&directory, &old, now), old_good, "{now:?}");
            assert_eq!(binds(&directory, &new, now), new_good, "{now:?}");
        }
    }

    #[test]
    fn only_hosts_in_the_membership_see_it_and_only_sealed() {
        let directory = with_gmsa("30");
        let gmsa = account(&directory, NAME);
        for name in ["Administrator", "alice"] {
            let token = Token::of_account(&directory, account(&directory, name));
            let read = managed_password(&directory, &context(token, NOW), gmsa);
            assert_eq!(read, Ok(None), "{name}");
        }
        let system = managed_password(&directory, &context(Token::system(), NOW), gmsa);
        assert_eq!(system, Ok(None));
        let host = Token::of_account(&directory, account(&directory, "HOST1$"));
        let clear = Context {
            sealed: false,
            ..context(host, NOW)
        };
        let error = managed_password(&directory, &clear, gmsa).unwrap_err();
        assert_eq!(error.code, ResultCode::OperationsError);
        assert!(error.diagnostic.contains("requires an encrypted connection"));
    }

    #[test]
    fn the_interval_has_its_bounds() {
        for days in ["0", "-1", "3651"] {
            let result = std::panic::catch_unwind(|| with_gmsa(days));
            assert!(result.is_err(), "{days}");
        }
        let _ = with_gmsa("3650");
    }
}
