//! Steps about passwords that are set in the cloud and written back to the directory (CS 8).

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;

use super::CloudStep;
use crate::scenario::{Located, Span};

/// *Password reset > On-premises integration* of a tenant (CS 8.1).
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PasswordWriteback {
    /// The tenant.
    pub tenant: Located<String>,
    /// The cloud account that does it.
    #[serde(rename = "as")]
    pub account: Located<String>,
    /// *Write back passwords with Microsoft Entra Cloud Sync*; by default yes.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Whether users may reset their passwords themselves; by default yes.
    #[serde(default = "yes")]
    pub self_service: bool,
    /// *Allow users to unlock accounts without resetting their password*; by default yes.
    #[serde(default = "yes")]
    pub unlock_without_reset: bool,
}

fn yes() -> bool {
    true
}

/// A password that an administrator sets for a user, through Graph.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AdminPasswordReset {
    /// The tenant.
    pub tenant: Located<String>,
    /// The cloud account that does it.
    #[serde(rename = "as")]
    pub account: Located<String>,
    /// User principal name.
    pub user: String,
    /// The new password.
    #[schemars(with = "String")]
    pub password: SecretString,
}

macro_rules! in_the_cloud {
    ($($name:ty),*) => {
        $(impl CloudStep for $name {
            fn tenant(&self) -> &Located<String> {
                &self.tenant
            }

            fn account(&self) -> Option<&Located<String>> {
                Some(&self.account)
            }
        })*
    };
}

in_the_cloud!(PasswordWriteback, AdminPasswordReset);

/// A user who has forgotten the password and sets another one.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OwnPasswordReset {
    /// The tenant.
    pub tenant: Located<String>,
    /// User principal name.
    pub user: String,
    /// The new password.
    #[schemars(with = "String")]
    pub password: SecretString,
}

/// A user who knows the password and sets another one.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OwnPasswordChange {
    /// The tenant.
    pub tenant: Located<String>,
    /// User principal name.
    pub user: String,
    /// What the user types as the present password.
    pub present: PresentPassword,
    /// The new password.
    #[schemars(with = "String")]
    pub password: SecretString,
    /// Whether the user has to, because the present one has expired; by default no.
    #[serde(default)]
    pub forced: bool,
}

/// A password that somebody knows.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PresentPassword {
    /// The password.
    #[schemars(with = "String")]
    pub password: SecretString,
}

/// A user who unlocks the account and keeps the password.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OwnUnlock {
    /// The tenant.
    pub tenant: Located<String>,
    /// User principal name.
    pub user: String,
}

/// The password policy of a domain; what is not given stays.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PasswordPolicy {
    /// The domain.
    pub domain: Located<String>,
    /// The fewest characters.
    #[serde(default)]
    pub minimum_length: Option<u32>,
    /// Whether passwords have to be complex.
    #[serde(default)]
    pub complexity: Option<bool>,
    /// How many passwords are remembered.
    #[serde(default)]
    pub history: Option<u32>,
    /// How old a password has to be before the user may have another one. For more than one reset a day it is 0 (CS 8.3).
    #[serde(default)]
    pub minimum_age: Option<Located<Span>>,
    /// How many wrong passwords lock an account; 0 is never.
    #[serde(default)]
    pub lockout_threshold: Option<u32>,
}

/// A right that is taken away.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RightRevoked {
    /// The domain.
    pub domain: Located<String>,
    /// The extended right.
    pub right: ExtendedRight,
}

/// An extended right of password writeback (PR 19).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ExtendedRight {
    /// Unexpire Password.
    UnexpirePassword,
    /// Reset Password.
    ResetPassword,
}
