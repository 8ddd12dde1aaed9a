//! What state an account is in at a moment: locked, expired, due for a new password (PR 16.4).

use provlab_protocol::filetime::FileTime;
use provlab_protocol::uac::UserAccountControl;

use super::attributes::{self, ATTRIBUTES};
use super::policy::Policy;
use crate::model::Object;

/// Whether the account is locked out. `lockoutTime` alone does not tell: the lockout may be over.
#[must_use]
pub fn is_locked(account: &Object, policy: &Policy, now: FileTime) -> bool {
    let since = attributes::time(account, ATTRIBUTES.lockout_time).unwrap_or(FileTime::ZERO);
    if since == FileTime::ZERO {
        return false;
    }
    match policy.lockout_duration {
        Some(duration) => now < since.plus_ticks(duration),
        None => true,
    }
}

/// Whether the account itself has expired (`accountExpires`).
#[must_use]
pub fn is_expired(account: &Object, now: FileTime) -> bool {
    let end = attributes::time(account, ATTRIBUTES.account_expires).unwrap_or(FileTime::NEVER);
    end != FileTime::ZERO && end != FileTime::NEVER && end <= now
}

/// When the password expires: `msDS-UserPasswordExpiryTimeComputed`.
///
/// [`FileTime::NEVER`] where it never does, [`FileTime::ZERO`] where it must be changed at the next logon.
#[must_use]
pub fn password_expiry(account: &Object, policy: &Policy) -> FileTime {
    if attributes::control_flags(account).password_never_expires() {
        return FileTime::NEVER;
    }
    let set = attributes::time(account, ATTRIBUTES.pwd_last_set).unwrap_or(FileTime::ZERO);
    match policy.max_age {
        _ if set == FileTime::ZERO => FileTime::ZERO,
        None => FileTime::NEVER,
        Some(age) => set.plus_ticks(age),
    }
}

/// The bits of `msDS-User-Account-Control-Computed`.
#[must_use]
pub fn computed_flags(account: &Object, policy: &Policy, now: FileTime) -> UserAccountControl {
    let mut flags = UserAccountControl::default();
    if is_locked(account, policy, now) {
        flags |= UserAccountControl::LOCKOUT;
    }
    if password_expiry(account, policy) <= now {
        flags |= UserAccountControl::PASSWORD_EXPIRED;
    }
    flags
}

/// Hours in a week, the number of bits in `logonHours`.
const HOURS_PER_WEEK: u64 = 7 * 24;

/// Whether `logonHours` lets the account log on now. Bit 0 is Sunday, midnight to one, in UTC.
#[must_use]
pub fn may_log_on_at(account: &Object, now: FileTime) -> bool {
    let Some(hours) = account.first(ATTRIBUTES.logon_hours) else {
        return true;
    };
    // FILETIME zero, 1601-01-01, was a Monday.
    let hour = (now.seconds() / 3_600 + 24) % HOURS_PER_WEEK;
    let byte = usize::try_from(hour / 8).unwrap_or(0);
    hours.get(byte).is_none_or(|bits| bits & (1 << (hour % 8)) != 0)
}
