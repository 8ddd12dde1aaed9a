//! The account that every configuration of a tenant writes with (CS 1.5): a cycle begins by checking it (CS 5.5, 9.5).

use super::event::Failure;
use crate::state::{Cloud, Tenant};

/// First part of its name.
pub const SYNC_ACCOUNT_PREFIX: &str = "ADToAADSyncServiceAccount";

/// Code and text of an account that is deleted, or cannot sign in (CS 9.5).
const DELETED: (&str, &str) = (
    "AzureActiveDirectoryInvalidCredential",
    "CredentialsInvalid AADSTS50034",
);
/// Code and text of an account whose password has expired (CS 9.5).
const EXPIRED: (&str, &str) = (
    "AzureActiveDirectoryExpiredCredentials",
    "CredentialsExpired AADSTS50055: The password is expired",
);
/// Code and text of an account that is disabled: the general refusal of CS 9.5 (inferred).
const DISABLED: (&str, &str) = (
    "AzureActiveDirectoryAuthenticationFailed",
    "UnexpectedError AADSTS50057",
);

/// Whether the account can sign in.
pub(super) fn check(cloud: &Cloud, tenant: &Tenant) -> Result<(), Failure> {
    let name = format!("{SYNC_ACCOUNT_PREFIX}@{}", tenant.initial_domain);
    let failure = |(code, message): (&str, &str)| Failure {
        code: code.to_owned(),
        message: format!("{message} ({name})"),
        cookie_refused: false,
    };
    let Some(account) = cloud.user_named(tenant.id, &name) else {
        return Err(failure(DELETED));
    };
    if !account.account_enabled {
        return Err(failure(DISABLED));
    }
    if account
        .credential
        .as_ref()
        .is_some_and(|credential| credential.expired)
    {
        return Err(failure(EXPIRED));
    }
    Ok(())
}
