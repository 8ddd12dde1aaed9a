//! Commands about accounts: what befalls their passwords, and whether they may log on.

use provlab_protocol::filetime::TICKS_PER_SECOND;
use provlab_protocol::nt_hash::nt_hash;
use provlab_protocol::uac::UserAccountControl;
use secrecy::{ExposeSecret, SecretString};

use super::command::{ControlError, Policy as PolicyChange};
use super::handle::{Desk, find};
use crate::account::attributes::{self, decimal};
use crate::account::password::{self, AttributeUpdates};
use crate::account::policy::Policy;
use crate::model::{Change, Dnt};

/// `DOMAIN_PASSWORD_COMPLEX` of `pwdProperties`.
const PASSWORD_COMPLEX: i64 = 1;

fn update(desk: &mut Desk<'_>, object: Dnt, updates: &AttributeUpdates) -> Result<Change, ControlError> {
    Ok(desk.directory.update(desk.context.now, object, updates)?)
}

/// Sets one number.
pub(super) fn set(
    desk: &mut Desk<'_>,
    account: &str,
    attribute: &'static str,
    value: u64,
) -> Result<Change, ControlError> {
    let object = find(desk.directory, account)?.dnt;
    update(desk, object, &vec![(attribute, decimal(value))])
}

pub(super) fn expire_password(desk: &mut Desk<'_>, account: &str) -> Result<Change, ControlError> {
    let object = find(desk.directory, account)?;
    let never = || ControlError::NeverExpires(account.to_owned());
    let max_age = Policy::of(desk.directory, object).max_age.ok_or_else(never)?;
    let flags = attributes::control_flags(object).without(UserAccountControl::DONT_EXPIRE_PASSWORD);
    if flags.password_never_expires() {
        return Err(never());
    }
    // One second past its end, so that it is over whatever the rounding.
    let set = desk.now().minus_ticks(max_age.saturating_add(TICKS_PER_SECOND));
    let updates = vec![
        ("pwdLastSet", decimal(set.0.max(1))),
        ("userAccountControl", vec![flags.to_ldap().into_bytes()]),
    ];
    let dnt = object.dnt;
    update(desk, dnt, &updates)
}

pub(super) fn change_password(
    desk: &mut Desk<'_>,
    account: &str,
    new: &SecretString,
) -> Result<Change, ControlError> {
    let object = find(desk.directory, account)?;
    let policy = Policy::of(desk.directory, object);
    let hash = nt_hash(new.expose_secret());
    let updates = password::updates(&policy, object, &hash, desk.now());
    let dnt = object.dnt;
    update(desk, dnt, &updates)
}

pub(super) fn set_disabled(
    desk: &mut Desk<'_>,
    account: &str,
    disabled: bool,
) -> Result<Change, ControlError> {
    let object = find(desk.directory, account)?;
    let flags = attributes::control_flags(object);
    let flags = if disabled {
        flags.with(UserAccountControl::ACCOUNT_DISABLED)
    } else {
        flags.without(UserAccountControl::ACCOUNT_DISABLED)
    };
    let dnt = object.dnt;
    let updates = vec![("userAccountControl", vec![flags.to_ldap().into_bytes()])];
    update(desk, dnt, &updates)
}

/// As after a wrong password under a policy that locks at the first one.
pub(super) fn lock(desk: &mut Desk<'_>, account: &str) -> Result<Change, ControlError> {
    let object = find(desk.directory, account)?.dnt;
    let updates = vec![
        ("lockoutTime", decimal(desk.now().0)),
        ("badPwdCount", decimal(1)),
    ];
    update(desk, object, &updates)
}

pub(super) fn unlock(desk: &mut Desk<'_>, account: &str) -> Result<Change, ControlError> {
    let object = find(desk.directory, account)?.dnt;
    let updates = vec![("lockoutTime", decimal(0)), ("badPwdCount", decimal(0))];
    update(desk, object, &updates)
}

pub(super) fn set_policy(desk: &mut Desk<'_>, policy: &PolicyChange) -> Result<Change, ControlError> {
    let domain = desk.directory.identity().domain_dn();
    let head = desk.directory.locate(&domain)?;
    let properties = desk.directory.number(head, "pwdProperties").unwrap_or(0);
    let head = head.dnt;
    let mut updates = AttributeUpdates::new();
    let counts = [
        ("minPwdLength", policy.min_length),
        ("pwdHistoryLength", policy.history),
        ("lockoutThreshold", policy.lockout_threshold),
    ];
    for (name, count) in counts {
        updates.extend(count.map(|count| (name, decimal(count))));
    }
    let spans = [
        ("minPwdAge", policy.min_age),
        ("maxPwdAge", policy.max_age),
        ("lockOutObservationWindow", policy.lockout_window),
        ("lockoutDuration", policy.lockout_duration),
    ];
    for (name, seconds) in spans {
        updates.extend(seconds.map(|seconds| (name, decimal(span(seconds)))));
    }
    if let Some(complex) = policy.complexity {
        let bit = if complex { PASSWORD_COMPLEX } else { 0 };
        let properties = (properties & !PASSWORD_COMPLEX) | bit;
        updates.push(("pwdProperties", decimal(properties)));
    }
    update(desk, head, &updates)
}

/// A span as AD stores it: a negative number of 100 ns units.
fn span(seconds: u64) -> i64 {
    let ticks = seconds.saturating_mul(TICKS_PER_SECOND);
    -i64::try_from(ticks).unwrap_or(i64::MAX)
}
