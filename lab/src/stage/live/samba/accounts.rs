//! What befalls accounts, made so by means of a real domain controller: fine-grained policies measured in seconds, and
//! wrong passwords.

use std::time::Duration;

use provlab_directory::control::{Attributes, Policy};
use provlab_protocol::filetime::TICKS_PER_SECOND;
use secrecy::SecretString;

use super::{
    super::reader::{ReadError, Reader, connect},
    admin::{Admin, AdminError, password_value},
};
use crate::world::Credential;

/// `UF_ACCOUNTDISABLE`, `UF_LOCKOUT` and `UF_PASSWORD_EXPIRED` (PR 16.4).
const DISABLED: i64 = 0x2;
const LOCKED: i64 = 0x10;
const EXPIRED: i64 = 0x80_0000;
/// `DOMAIN_PASSWORD_COMPLEX` of `pwdProperties`.
const COMPLEX: i64 = 1;
/// Where fine-grained password policies are.
const SETTINGS: &str = "CN=Password Settings Container,CN=System";
/// Age at which a password that is to expire does so.
const MOMENT: Duration = Duration::from_secs(1);
/// How long a locked account stays locked: AD's default.
const LOCKOUT: Duration = Duration::from_secs(30 * 60);
/// How often the domain controller is asked whether a state has come about.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long that may take.
const EFFECT_LIMIT: Duration = Duration::from_secs(15);

/// A span as AD stores it: a negative number of 100 ns units; no limit is the smallest number.
fn span(span: Option<Duration>) -> String {
    span.map_or(i64::MIN, |span| {
        let ticks = span.as_secs().saturating_mul(TICKS_PER_SECOND);
        -i64::try_from(ticks).unwrap_or(i64::MAX)
    })
    .to_string()
}

/// The policy by which the lab makes something befall an account.
pub(super) fn policy_dn(admin: &Admin, account: &str) -> String {
    format!("CN=provlab-{account},{SETTINGS},{}", admin.base())
}

/// A fine-grained policy for one account: AD's default one but for what is given here.
async fn govern(
    admin: &mut Admin,
    account: &str,
    max_age: Option<Duration>,
    lockout_threshold: u32,
) -> Result<(), AdminError> {
    let dn = policy_dn(admin, account);
    let object = admin.find(account).await?;
    let values = [
        ("objectClass", "msDS-PasswordSettings".to_owned()),
        ("msDS-PasswordSettingsPrecedence", "1".to_owned()),
        ("msDS-PasswordReversibleEncryptionEnabled", "FALSE".to_owned()),
        ("msDS-PasswordHistoryLength", "24".to_owned()),
        ("msDS-PasswordComplexityEnabled", "TRUE".to_owned()),
        ("msDS-MinimumPasswordLength", "7".to_owned()),
        ("msDS-MinimumPasswordAge", "0".to_owned()),
        ("msDS-MaximumPasswordAge", span(max_age)),
        ("msDS-LockoutThreshold", lockout_threshold.to_string()),
        ("msDS-LockoutObservationWindow", span(Some(LOCKOUT))),
        ("msDS-LockoutDuration", span(Some(LOCKOUT))),
        ("msDS-PSOAppliesTo", object),
    ];
    let attributes: Attributes = values
        .into_iter()
        .map(|(name, value)| (name.to_owned(), vec![value]))
        .collect();
    admin.add(&dn, &attributes, None).await
}

/// Waits until the domain controller itself says that the account is in the state.
async fn wait_for(admin: &mut Admin, account: &str, state: i64, word: &str) -> Result<(), AdminError> {
    let dn = admin.find(account).await?;
    let seen = async {
        loop {
            let computed = admin.number(&dn, "msDS-User-Account-Control-Computed").await?;
            if computed & state != 0 {
                return Ok(());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::time::timeout(EFFECT_LIMIT, seen)
        .await
        .unwrap_or_else(|_| {
            Err(AdminError::NoEffect(format!(
                "{account} is not {word} after {EFFECT_LIMIT:?}"
            )))
        })
}

/// The password becomes older than its policy allows.
pub(super) async fn expire_password(admin: &mut Admin, account: &str) -> Result<(), AdminError> {
    govern(admin, account, Some(MOMENT), 0).await?;
    wait_for(admin, account, EXPIRED, "expired").await
}

/// Somebody tries a wrong password under a policy that locks at the first one.
pub(super) async fn lock(admin: &mut Admin, reader: &Reader, account: &str) -> Result<(), AdminError> {
    govern(admin, account, None, 1).await?;
    let somebody = Reader {
        domain: reader.domain.clone(),
        server: reader.server.clone(),
        address: reader.address,
        roots: std::sync::Arc::clone(&reader.roots),
        credential: Credential {
            name: admin.find(account).await?,
            password: SecretString::from("not the password"),
        },
    };
    match connect(&somebody).await {
        Err(ReadError::Ldap(_)) => wait_for(admin, account, LOCKED, "locked").await,
        Err(error) => Err(error.into()),
        Ok(_) => Err(AdminError::NoEffect(format!(
            "{account} could log on with a wrong password"
        ))),
    }
}

/// Another password; the domain's policy applies, as it does to an administrator's reset.
pub(super) async fn change_password(
    admin: &mut Admin,
    account: &str,
    password: &SecretString,
) -> Result<(), AdminError> {
    let dn = admin.find(account).await?;
    admin
        .replace(&dn, &[("unicodePwd", vec![password_value(password)])])
        .await
}

/// Disables or enables an account.
pub(super) async fn set_disabled(admin: &mut Admin, account: &str, disabled: bool) -> Result<(), AdminError> {
    let dn = admin.find(account).await?;
    let flags = admin.number(&dn, "userAccountControl").await?;
    let flags = if disabled {
        flags | DISABLED
    } else {
        flags & !DISABLED
    };
    admin.set(&dn, "userAccountControl", &flags.to_string()).await
}

/// Changes the domain's own policy.
pub(super) async fn set_policy(admin: &mut Admin, policy: &Policy) -> Result<(), AdminError> {
    let head = admin.base().to_owned();
    let seconds = |limit: u64| span((limit > 0).then(|| Duration::from_secs(limit)));
    // No minimum age and no window are zero, not the smallest number.
    let from_zero = |limit: u64| span(Some(Duration::from_secs(limit)));
    let mut set: Vec<(&str, String)> = Vec::new();
    for (name, count) in [
        ("minPwdLength", policy.min_length),
        ("pwdHistoryLength", policy.history),
        ("lockoutThreshold", policy.lockout_threshold),
    ] {
        set.extend(count.map(|count| (name, count.to_string())));
    }
    set.extend(policy.min_age.map(|age| ("minPwdAge", from_zero(age))));
    set.extend(policy.max_age.map(|age| ("maxPwdAge", seconds(age))));
    set.extend(
        policy
            .lockout_window
            .map(|window| ("lockOutObservationWindow", from_zero(window))),
    );
    set.extend(
        policy
            .lockout_duration
            .map(|duration| ("lockoutDuration", seconds(duration))),
    );
    if let Some(complex) = policy.complexity {
        let properties = admin.number(&head, "pwdProperties").await?;
        let bit = if complex { COMPLEX } else { 0 };
        set.push(("pwdProperties", ((properties & !COMPLEX) | bit).to_string()));
    }
    let set: Vec<(&str, Vec<Vec<u8>>)> = set
        .into_iter()
        .map(|(name, value)| (name, vec![value.into_bytes()]))
        .collect();
    admin.replace(&head, &set).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_negative_ticks_and_no_limit_is_the_smallest_number() {
        assert_eq!(span(Some(Duration::from_secs(5))), "-50000000");
        assert_eq!(span(Some(Duration::ZERO)), "0");
        assert_eq!(span(None), "-9223372036854775808");
    }
}
