//! Logons: which account a name means, and whether its password opens the door (PR 16.3).

use provlab_protocol::ad_error::BindFailure;
use provlab_protocol::dn::Dn;
use provlab_protocol::filetime::{FileTime, TICKS_PER_DAY};
use provlab_protocol::guid::Guid;
use provlab_protocol::nt_hash::nt_hash;
use provlab_protocol::ntlm;
use provlab_protocol::sid::Sid;

use crate::access::Token;
use crate::account::attributes::{self, ATTRIBUTES, decimal};
use crate::account::password::{self, AttributeUpdates};
use crate::account::policy::Policy;
use crate::account::state;
use crate::directory::Directory;
use crate::gmsa;
use crate::model::{Dnt, LdapError, Object, ResultCode};

/// How old `lastLogonTimestamp` becomes before a logon renews it (`msDS-LogonTimeSyncInterval`).
const LOGON_TIME_SYNC: u64 = 14 * TICKS_PER_DAY;

/// Somebody who has proved who they are.
#[derive(Debug)]
pub struct Login {
    /// What access is decided by from now on.
    pub token: Token,
    /// `DOMAIN\name`.
    pub name: String,
}

/// A bind that was tried, and what the directory remembers of it.
#[derive(Debug)]
pub struct Attempt {
    /// The account that the name means, if there is one.
    pub account: Option<Dnt>,
    /// What is written to it: counters, times, a lockout.
    pub updates: AttributeUpdates,
    /// How the attempt ended.
    pub result: Result<Login, LdapError>,
}

/// Tries a bind with a password that is not empty.
///
/// # Errors
/// `strongerAuthRequired` on a connection that is not sealed: nothing is looked at then.
pub fn simple(
    directory: &Directory,
    now: FileTime,
    sealed: bool,
    name: &str,
    password: &[u8],
) -> Result<Attempt, LdapError> {
    if !sealed {
        return Err(LdapError::new(
            ResultCode::StrongerAuthRequired,
            "00002028: LdapErr: DSID-0C090259, comment: The server requires binds to turn on integrity checking \
             if SSL\\TLS are not already active on the connection, data 0, v1db1",
        ));
    }
    let Some(account) = resolve(directory, name).filter(|object| attributes::has_class(object, "user"))
    else {
        return Ok(Attempt {
            account: None,
            updates: Vec::new(),
            result: Err(refused(BindFailure::NoSuchUser)),
        });
    };
    // A simple bind counts as coming from the domain controller.
    let from = short_name(directory.identity().dns_host_name());
    let right = is_right(directory, account, password, now).then_some(());
    let (updates, result) = log_on(directory, account, from, now, right, || {
        password::was_before(account, password)
    });
    Ok(Attempt {
        account: Some(account.dnt),
        updates,
        result: result.map(|(login, ())| login).map_err(refused),
    })
}

/// A logon by NTLM that was tried, and what the directory remembers of it.
#[derive(Debug)]
pub struct NtlmAttempt {
    /// The account that the name means, if there is one.
    pub account: Option<Dnt>,
    /// What is written to it.
    pub updates: AttributeUpdates,
    /// How the attempt ended: with a session, where the response is that of the account's password.
    pub result: Result<(Login, ntlm::Context), BindFailure>,
}

/// Tries a logon by NTLM. A managed account has two good passwords around a change (PR 14.2).
#[must_use]
pub fn by_ntlm(directory: &Directory, now: FileTime, claim: &ntlm::Claim) -> NtlmAttempt {
    let Some(account) = claimed(directory, claim).filter(|object| attributes::has_class(object, "user"))
    else {
        return NtlmAttempt {
            account: None,
            updates: Vec::new(),
            result: Err(BindFailure::NoSuchUser),
        };
    };
    let hashes = if gmsa::is_gmsa(account) {
        gmsa::nt_hashes(directory, account, now)
    } else {
        password::stored_hash(account).into_iter().collect()
    };
    let session = hashes.iter().find_map(|hash| claim.verify(hash).ok());
    let (updates, result) = log_on(directory, account, claim.workstation(), now, session, || {
        password::hashes_before(account).any(|old| claim.verify(&old).is_ok())
    });
    NtlmAttempt {
        account: Some(account.dnt),
        updates,
        result,
    }
}

/// The account that a claim is about: the domain is a field of its own, or part of the user's name.
fn claimed<'a>(directory: &'a Directory, claim: &ntlm::Claim) -> Option<&'a Object> {
    match (claim.domain(), claim.user()) {
        ("", user) => resolve(directory, user),
        (domain, user) => by_down_level_name(directory, &format!("{domain}\\{user}")),
    }
}

/// The way that all logons go. `proof` is what the right password came to, if it was the right one; `was_before` tells whether a wrong
/// one was right not long ago.
fn log_on<T>(
    directory: &Directory,
    account: &Object,
    from: &str,
    now: FileTime,
    proof: Option<T>,
    was_before: impl FnOnce() -> bool,
) -> (AttributeUpdates, Result<(Login, T), BindFailure>) {
    let policy = Policy::of(directory, account);
    match (judge(account, &policy, from, now, proof.is_some()), proof) {
        (Ok(()), Some(proof)) => {
            let login = Login {
                token: Token::of_account(directory, account),
                name: down_level_name(directory, account),
            };
            (logged_on(account, now), Ok((login, proof)))
        }
        (Err(failure), _) => {
            let counted = failure == BindFailure::InvalidCredentials && !was_before();
            let updates = if counted {
                wrong_password(account, &policy, now)
            } else {
                Vec::new()
            };
            (updates, Err(failure))
        }
        (Ok(()), None) => (Vec::new(), Err(BindFailure::InvalidCredentials)),
    }
}

/// The sub-code in AD's text for a refused bind, such as `52e`.
#[must_use]
pub fn data_of(diagnostic: &str) -> Option<String> {
    BindFailure::from_diagnostic(diagnostic).map(|failure| format!("{:x}", failure.data()))
}

fn refused(failure: BindFailure) -> LdapError {
    LdapError::new(ResultCode::InvalidCredentials, failure.diagnostic())
}

/// `CONTOSO\alice`.
#[must_use]
pub fn down_level_name(directory: &Directory, account: &Object) -> String {
    let name = attributes::text(account, ATTRIBUTES.sam_account_name).unwrap_or_default();
    format!("{}\\{name}", directory.identity().netbios_name)
}

/// Whether the account may log on now from this computer, with a password that is right or not.
///
/// A locked account is refused whatever the password. Everything else is told only to those who have the
/// right one, so that guessing teaches nothing.
fn judge(
    account: &Object,
    policy: &Policy,
    from: &str,
    now: FileTime,
    is_right: bool,
) -> Result<(), BindFailure> {
    if state::is_locked(account, policy, now) {
        return Err(BindFailure::AccountLockedOut);
    }
    if !is_right {
        return Err(BindFailure::InvalidCredentials);
    }
    let expiry = state::password_expiry(account, policy);
    let checks = [
        (
            attributes::control_flags(account).is_disabled(),
            BindFailure::AccountDisabled,
        ),
        (state::is_expired(account, now), BindFailure::AccountExpired),
        (!state::may_log_on_at(account, now), BindFailure::LogonHours),
        (!may_log_on_from(account, from), BindFailure::Workstation),
        (expiry == FileTime::ZERO, BindFailure::PasswordMustChange),
        (expiry <= now, BindFailure::PasswordExpired),
    ];
    match checks.into_iter().find(|(applies, _)| *applies) {
        Some((_, failure)) => Err(failure),
        None => Ok(()),
    }
}

/// Whether `userWorkstations`, where it is set, lists this computer.
fn may_log_on_from(account: &Object, computer: &str) -> bool {
    attributes::text(account, ATTRIBUTES.user_workstations).is_none_or(|allowed| {
        allowed
            .split(',')
            .any(|name| name.trim().eq_ignore_ascii_case(computer))
    })
}

/// The first label of a DNS name.
fn short_name(host: &str) -> &str {
    host.split('.').next().unwrap_or(host)
}

fn is_right(directory: &Directory, account: &Object, password: &[u8], now: FileTime) -> bool {
    if gmsa::is_gmsa(account) {
        return gmsa::verify(directory, account, password, now);
    }
    match (std::str::from_utf8(password), password::stored_hash(account)) {
        (Ok(password), Some(stored)) => nt_hash(password) == stored,
        _ => false,
    }
}

fn logged_on(account: &Object, now: FileTime) -> AttributeUpdates {
    let count = |attribute| attributes::number(account, attribute).unwrap_or(0);
    let mut updates = vec![
        ("lastLogon", decimal(now.0)),
        (
            "logonCount",
            decimal(count(ATTRIBUTES.logon_count).saturating_add(1)),
        ),
    ];
    if count(ATTRIBUTES.bad_pwd_count) != 0 {
        updates.push(("badPwdCount", decimal(0)));
    }
    if count(ATTRIBUTES.lockout_time) != 0 {
        updates.push(("lockoutTime", decimal(0)));
    }
    let seen = attributes::time(account, ATTRIBUTES.last_logon_timestamp);
    if seen.is_none_or(|seen| seen.plus_ticks(LOGON_TIME_SYNC) <= now) {
        updates.push(("lastLogonTimestamp", decimal(now.0)));
    }
    updates
}

fn wrong_password(account: &Object, policy: &Policy, now: FileTime) -> AttributeUpdates {
    let last = attributes::time(account, ATTRIBUTES.bad_password_time).unwrap_or(FileTime::ZERO);
    let counted = attributes::number(account, ATTRIBUTES.bad_pwd_count).unwrap_or(0);
    let still_counts = now < last.plus_ticks(policy.lockout_window);
    let count = if still_counts {
        counted.saturating_add(1)
    } else {
        1
    };
    let mut updates = vec![
        ("badPwdCount", decimal(count)),
        ("badPasswordTime", decimal(now.0)),
    ];
    if policy.lockout_threshold > 0 && count >= policy.lockout_threshold {
        updates.push(("lockoutTime", decimal(now.0)));
    }
    updates
}

/// The object that a bind name means (MS-ADTS 5.1.1.1.1). The forms are tried in AD's order.
///
/// Display names are left out: finding one means reading every object, for whoever asks.
#[must_use]
pub fn resolve<'a>(directory: &'a Directory, name: &str) -> Option<&'a Object> {
    let by_dn = || directory.by_dn(&name.parse::<Dn>().ok().filter(|dn| !dn.is_root())?);
    let by_guid = || {
        let inner = name.strip_prefix('{')?.strip_suffix('}')?;
        directory.by_guid(inner.parse::<Guid>().ok()?)
    };
    by_dn()
        .or_else(|| by_user_principal_name(directory, name))
        .or_else(|| by_down_level_name(directory, name))
        .or_else(|| by_canonical_name(directory, name))
        .or_else(by_guid)
        .or_else(|| directory.by_value("servicePrincipalName", name.as_bytes()))
        .or_else(|| directory.by_sid(&name.parse::<Sid>().ok()?))
        .filter(|object| !object.deleted)
}

fn by_user_principal_name<'a>(directory: &'a Directory, name: &str) -> Option<&'a Object> {
    directory.by_user_principal_name(name).or_else(|| {
        // Every account also answers to its implicit name, sAMAccountName@domain.
        let (account, suffix) = name.rsplit_once('@')?;
        is_domain(directory, suffix).then(|| directory.by_sam_account_name(account))?
    })
}

fn by_down_level_name<'a>(directory: &'a Directory, name: &str) -> Option<&'a Object> {
    let (domain, account) = name.split_once('\\')?;
    is_domain(directory, domain).then(|| directory.by_sam_account_name(account))?
}

fn is_domain(directory: &Directory, name: &str) -> bool {
    let identity = directory.identity();
    name.eq_ignore_ascii_case(&identity.netbios_name) || name.eq_ignore_ascii_case(&identity.domain)
}

/// `contoso.com/Sales/Alice`.
fn by_canonical_name<'a>(directory: &'a Directory, name: &str) -> Option<&'a Object> {
    let (domain, path) = name.split_once('/')?;
    if !domain.eq_ignore_ascii_case(&directory.identity().domain) {
        return None;
    }
    let known = &directory.schema().known;
    let head = directory.by_dn(&directory.identity().domain_dn())?;
    let found = path.split('/').try_fold(head.dnt, |parent, part| {
        [known.cn, known.ou]
            .into_iter()
            .find_map(|naming| directory.database().child_named(parent, naming, part))
    })?;
    directory.get(found)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use provlab_protocol::filetime::TICKS_PER_MINUTE;

    use super::*;
    use crate::testing::{NOW, PASSWORD, account, forest};

    /// Binds and keeps what the directory remembers of it; the sub-code, or nothing on success.
    fn bind(directory: &mut Directory, name: &str, password: &str, now: FileTime) -> Option<String> {
        let attempt = simple(directory, now, true, name, password.as_bytes()).unwrap();
        if let Some(account) = attempt.account {
            let _ = directory.update(now, account, &attempt.updates).unwrap();
        }
        attempt
            .result
            .err()
            .map(|error| data_of(&error.diagnostic).unwrap())
    }

    #[test]
    fn wrong_passwords_lock_for_a_while() {
        let mut directory = forest();
        let name = "CONTOSO\\alice";
        for _ in 0..2 {
            assert_eq!(bind(&mut directory, name, "wrong", NOW).as_deref(), Some("52e"));
        }
        assert_eq!(bind(&mut directory, name, PASSWORD, NOW), None);
        for _ in 0..3 {
            assert_eq!(bind(&mut directory, name, "wrong", NOW).as_deref(), Some("52e"));
        }
        assert_eq!(bind(&mut directory, name, PASSWORD, NOW).as_deref(), Some("775"));
        assert_eq!(bind(&mut directory, name, "wrong", NOW).as_deref(), Some("775"));
        let almost = NOW.plus_ticks(30 * TICKS_PER_MINUTE - 1);
        assert_eq!(
            bind(&mut directory, name, PASSWORD, almost).as_deref(),
            Some("775")
        );
        let over = NOW.plus_ticks(30 * TICKS_PER_MINUTE);
        assert_eq!(bind(&mut directory, name, PASSWORD, over), None);
        let alice = account(&directory, "alice");
        assert_eq!(attributes::number(alice, ATTRIBUTES.lockout_time), Some(0));
        assert_eq!(attributes::number(alice, ATTRIBUTES.bad_pwd_count), Some(0));
    }

    #[test]
    fn wrong_passwords_are_forgotten_after_the_window() {
        let mut directory = forest();
        for round in 0..6 {
            let now = NOW.plus_ticks(round * 31 * TICKS_PER_MINUTE);
            let data = bind(&mut directory, "alice@contoso.com", "wrong", now);
            assert_eq!(data.as_deref(), Some("52e"), "{round}");
        }
    }

    #[test]
    fn a_password_expires_by_the_clock() {
        let mut directory = forest();
        let name = "alice@contoso.com";
        let end = state::password_expiry(
            account(&directory, "alice"),
            &Policy::of(&directory, account(&directory, "alice")),
        );
        assert_eq!(bind(&mut directory, name, PASSWORD, end.minus_ticks(1)), None);
        assert_eq!(bind(&mut directory, name, PASSWORD, end).as_deref(), Some("532"));
        assert_eq!(bind(&mut directory, name, "wrong", end).as_deref(), Some("52e"));
    }

    #[test]
    fn hours_and_workstations_are_obeyed() {
        let mut directory = forest();
        let alice = account(&directory, "alice").dnt;
        let _ = directory
            .update(NOW, alice, &[("logonHours", vec![vec![0; 21]])])
            .unwrap();
        assert_eq!(
            bind(&mut directory, "alice@contoso.com", PASSWORD, NOW).as_deref(),
            Some("530")
        );
        let anytime = [
            ("logonHours", Vec::new()),
            ("userWorkstations", vec![b"DESK7".to_vec()]),
        ];
        let _ = directory.update(NOW, alice, &anytime).unwrap();
        assert_eq!(
            bind(&mut directory, "alice@contoso.com", PASSWORD, NOW).as_deref(),
            Some("531")
        );
        let here = [("userWorkstations", vec![b"DESK7,DC1".to_vec()])];
        let _ = directory.update(NOW, alice, &here).unwrap();
        assert_eq!(bind(&mut directory, "alice@contoso.com", PASSWORD, NOW), None);
    }

    #[test]
    fn in_clear_nothing_is_looked_at() {
        let directory = forest();
        let error = simple(&directory, NOW, false, "alice@contoso.com", b"wrong").unwrap_err();
        assert_eq!(error.code, ResultCode::StrongerAuthRequired);
    }

    #[test]
    fn a_name_that_is_no_account_is_no_user() {
        let mut directory = forest();
        for name in [
            "",
            "alice",
            "CONTOSO\\",
            "other\\alice",
            "CN=Domain Users,CN=Users,DC=contoso,DC=com",
        ] {
            assert_eq!(
                bind(&mut directory, name, PASSWORD, NOW).as_deref(),
                Some("525"),
                "{name}"
            );
        }
    }
}
