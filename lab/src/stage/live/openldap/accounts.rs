//! What befalls accounts, made so by means of the password policy (slapo-ppolicy), as an administrator would.

use provlab_directory::control::Policy;
use provlab_protocol::filetime::FileTime;
use secrecy::{ExposeSecret as _, SecretString};
use time::OffsetDateTime;

use super::admin::{Admin, AdminError, Values};

/// Since when an account is locked, and the time that means *for good*.
pub(super) const LOCKED_SINCE: &str = "pwdAccountLockedTime";
pub(super) const FOR_GOOD: &str = "000001010000Z";
/// When a password was set that has expired under any policy with a maximum age.
const LONG_AGO: &str = "20000101000000Z";
/// The policy of everybody who has none of their own.
const DEFAULT_POLICY: &str = "cn=default,ou=policies";

fn now() -> String {
    let now = FileTime::from_datetime(OffsetDateTime::now_utc()).unwrap_or(FileTime::ZERO);
    // The policy reads whole seconds only.
    now.to_generalized_time().unwrap_or_default().replace(".0Z", "Z")
}

async fn set(admin: &mut Admin, account: &str, values: Values<'_>) -> Result<(), AdminError> {
    let dn = admin.find(account).await?;
    admin.replace(&dn, &values).await
}

/// The password becomes older than the default policy allows.
pub(super) async fn expire_password(admin: &mut Admin, account: &str) -> Result<(), AdminError> {
    let dn = admin.find(account).await?;
    let changed = vec![("pwdChangedTime", vec![LONG_AGO.to_owned()])];
    admin.replace_operational(&dn, &changed).await
}

/// Another password. Under the default policy a reset has to be followed by a change; that is not what is asked for here.
pub(super) async fn change_password(
    admin: &mut Admin,
    account: &str,
    password: &SecretString,
) -> Result<(), AdminError> {
    let dn = admin.find(account).await?;
    let set = vec![("userPassword", vec![password.expose_secret().to_owned()])];
    admin.replace(&dn, &set).await?;
    admin.replace(&dn, &vec![("pwdReset", Vec::new())]).await
}

/// The password has to be changed at the next logon.
pub(super) async fn require_change(admin: &mut Admin, account: &str) -> Result<(), AdminError> {
    set(admin, account, vec![("pwdReset", vec!["TRUE".to_owned()])]).await
}

/// The account can be unlocked by an administrator only, which is how this policy disables one.
pub(super) async fn disable(admin: &mut Admin, account: &str) -> Result<(), AdminError> {
    set(admin, account, vec![(LOCKED_SINCE, vec![FOR_GOOD.to_owned()])]).await
}

/// The account is locked, as too many wrong passwords would lock it.
pub(super) async fn lock(admin: &mut Admin, account: &str) -> Result<(), AdminError> {
    set(admin, account, vec![(LOCKED_SINCE, vec![now()])]).await
}

/// The account is enabled, and the lockout ends.
pub(super) async fn unlock(admin: &mut Admin, account: &str) -> Result<(), AdminError> {
    set(admin, account, vec![(LOCKED_SINCE, Vec::new())]).await
}

/// The account itself expires.
pub(super) async fn expire(admin: &mut Admin, account: &str) -> Result<(), AdminError> {
    set(admin, account, vec![("pwdEndTime", vec![now()])]).await
}

/// Changes the default policy.
pub(super) async fn set_policy(admin: &mut Admin, policy: &Policy) -> Result<(), AdminError> {
    if policy.complexity == Some(true) {
        return Err(AdminError::NotHere(
            "make passwords complex: ppolicy leaves that to a module of one's own".into(),
        ));
    }
    let numbers = [
        ("pwdMinLength", policy.min_length.map(u64::from)),
        ("pwdInHistory", policy.history.map(u64::from)),
        ("pwdMinAge", policy.min_age),
        ("pwdMaxAge", policy.max_age),
        ("pwdMaxFailure", policy.lockout_threshold.map(u64::from)),
        ("pwdFailureCountInterval", policy.lockout_window),
        ("pwdLockoutDuration", policy.lockout_duration),
    ];
    let set: Values<'_> = numbers
        .into_iter()
        .filter_map(|(name, number)| Some((name, vec![number?.to_string()])))
        .collect();
    let dn = format!("{DEFAULT_POLICY},{}", admin.names().suffix());
    admin.replace(&dn, &set).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_whole_seconds() {
        let now = now();
        assert_eq!(now.len(), LONG_AGO.len());
        assert!(now.ends_with('Z') && now.as_str() > LONG_AGO, "{now}");
    }
}
