//! What can be asked of a running directory, and what it answers.

use indexmap::IndexMap;
use provlab_protocol::guid::Guid;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::directory::LdapError;

/// Attribute values by name, in the order in which they are set or shown.
pub type Attributes = IndexMap<String, Vec<String>>;

/// One thing to do. Accounts and objects are named by sAMAccountName, DN, UPN or `DOMAIN\name`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// The password becomes older than its policy allows: binds answer sub-code 532.
    ExpirePassword {
        /// Whose.
        account: String,
    },
    /// The password becomes another one: binds with the old one answer sub-code 52e.
    ChangePassword {
        /// Whose.
        account: String,
        /// The new password; no policy is applied.
        #[serde(serialize_with = "provlab_protocol::secret_text::expose")]
        password: SecretString,
    },
    /// The password has to be changed at the next logon: binds answer sub-code 773.
    RequirePasswordChange {
        /// Whose.
        account: String,
    },
    /// The account is disabled: binds answer sub-code 533.
    DisableAccount {
        /// Which.
        account: String,
    },
    /// The account is enabled again.
    EnableAccount {
        /// Which.
        account: String,
    },
    /// The account itself expires: binds answer sub-code 701.
    ExpireAccount {
        /// Which.
        account: String,
    },
    /// The account is locked out: binds answer sub-code 775.
    LockAccount {
        /// Which.
        account: String,
    },
    /// The lockout ends.
    UnlockAccount {
        /// Which.
        account: String,
    },
    /// Creates a user, or changes the one that is there.
    PutUser(PutUser),
    /// Creates an object.
    Add {
        /// Its name.
        dn: String,
        /// Its attributes, `objectClass` among them.
        attributes: Attributes,
    },
    /// Sets attributes; an empty list clears one.
    Modify {
        /// Which object.
        object: String,
        /// What to set.
        set: Attributes,
    },
    /// Creates many users at once.
    PutUsers(PutUsers),
    /// Creates a group, or changes the one that is there.
    PutGroup(PutGroup),
    /// Puts accounts into a group; who is in it stays.
    AddMembers {
        /// The group.
        group: String,
        /// Who comes.
        members: Vec<String>,
    },
    /// Takes accounts out of a group; who is not in it stays out.
    RemoveMembers {
        /// The group.
        group: String,
        /// Who goes.
        members: Vec<String>,
    },
    /// Deletes an object, leaving a tombstone.
    Delete {
        /// Which object.
        object: String,
        /// Whether everything below it goes too.
        #[serde(default)]
        tree: bool,
    },
    /// Renames or moves an object.
    Rename {
        /// Which object.
        object: String,
        /// Its new relative name, such as `CN=Alice Smith`; the old one if it only moves.
        #[serde(default)]
        to: Option<String>,
        /// Its new parent; the old one if it is only renamed.
        #[serde(default)]
        below: Option<String>,
    },
    /// Changes the domain's password and lockout policy.
    SetPolicy(Policy),
    /// Takes an extended right on the domain's head from everybody that it was granted to by its name.
    RevokeRight {
        /// `rightsGuid`.
        right: Guid,
    },
    /// The domain controller is another one that holds the same, as after a restore from backup: it has a new `invocationId`,
    /// and cookies of before are refused (PR 15.1).
    ReplaceDomainController,
    /// Shows objects in a form that is the same in every run: for snapshots and comparisons.
    Dump {
        /// Where to begin; the domain if it is not given.
        #[serde(default)]
        base: Option<String>,
        /// Which attributes; if none is given, all but those that differ between runs.
        #[serde(default)]
        attributes: Vec<String>,
        /// Whether the objects that every domain has are shown too.
        #[serde(default)]
        system: bool,
        /// Whether tombstones are shown too.
        #[serde(default)]
        deleted: bool,
    },
    /// Counts what there is.
    Statistics,
}

/// A user to be created or changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PutUser {
    /// sAMAccountName.
    pub name: String,
    /// Where a new one is created; the container Users if it is not given.
    #[serde(default)]
    pub below: Option<String>,
    /// The password; a new user without one stays disabled.
    #[serde(
        default,
        serialize_with = "provlab_protocol::secret_text::expose_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub password: Option<SecretString>,
    /// Other attributes to set.
    #[serde(default)]
    pub attributes: Attributes,
}

/// Many users of one kind: `prefix1` to `prefix{count}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PutUsers {
    /// What every sAMAccountName begins with; the number follows.
    pub prefix: String,
    /// The number of the first.
    #[serde(default = "one")]
    pub first: u32,
    /// How many, up to [`MAX_USERS_AT_ONCE`].
    pub count: u32,
    /// Where they are created; the container Users if it is not given.
    #[serde(default)]
    pub below: Option<String>,
    /// The password of each; users without one stay disabled.
    #[serde(
        default,
        serialize_with = "provlab_protocol::secret_text::expose_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub password: Option<SecretString>,
    /// Other attributes to set; `{n}` in a value is the user's number.
    #[serde(default)]
    pub attributes: Attributes,
}

fn one() -> u32 {
    1
}

/// Most users that one command creates.
pub const MAX_USERS_AT_ONCE: u32 = 100_000;

impl PutUsers {
    /// The users one by one.
    pub fn each(&self) -> impl Iterator<Item = PutUser> + '_ {
        let count = self.count.min(MAX_USERS_AT_ONCE);
        let numbers = self.first..self.first.saturating_add(count);
        numbers.map(|number| PutUser {
            name: format!("{}{number}", self.prefix),
            below: self.below.clone(),
            password: self.password.clone(),
            attributes: numbered(&self.attributes, number),
        })
    }
}

fn numbered(attributes: &Attributes, number: u32) -> Attributes {
    let number = number.to_string();
    attributes
        .iter()
        .map(|(name, values)| {
            let values = values.iter().map(|value| value.replace("{n}", &number)).collect();
            (name.clone(), values)
        })
        .collect()
}

/// A group to be created or changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PutGroup {
    /// sAMAccountName, and the common name of a new one.
    pub name: String,
    /// Where a new one is created; the container Users if it is not given.
    #[serde(default)]
    pub below: Option<String>,
    /// Attributes to set; a new one is a global security group if they do not say otherwise.
    #[serde(default)]
    pub attributes: Attributes,
    /// Who comes into it.
    #[serde(default)]
    pub members: Vec<String>,
}

/// Parts of the domain's policy; what is not given stays. Times are in seconds, and 0 is without limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Policy {
    /// `minPwdLength`.
    pub min_length: Option<u32>,
    /// Whether passwords have to be complex.
    pub complexity: Option<bool>,
    /// `pwdHistoryLength`.
    pub history: Option<u32>,
    /// `minPwdAge`.
    pub min_age: Option<u64>,
    /// `maxPwdAge`.
    pub max_age: Option<u64>,
    /// `lockoutThreshold`.
    pub lockout_threshold: Option<u32>,
    /// `lockOutObservationWindow`.
    pub lockout_window: Option<u64>,
    /// `lockoutDuration`.
    pub lockout_duration: Option<u64>,
}

/// What a command was answered with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// It was done.
    Done,
    /// The objects of a dump, parents before children and otherwise by name.
    Tree(Vec<DumpedEntry>),
    /// The numbers.
    Statistics(Statistics),
}

/// One object of a dump.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DumpedEntry {
    /// Its name.
    pub dn: String,
    /// Its attributes by name, their values sorted; bytes that are no text in base64.
    pub attributes: Attributes,
}

/// Numbers about the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Statistics {
    /// Objects, tombstones included.
    pub objects: usize,
    /// Link values such as memberships.
    pub links: usize,
    /// `highestCommittedUSN`.
    pub highest_committed_usn: u64,
}

/// Why a command was not carried out. Nothing was changed then.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ControlError {
    /// Nothing has this name.
    #[error("`{0}` names no object; use a sAMAccountName, a DN, a UPN or DOMAIN\\name")]
    Unknown(String),
    /// The password of this account never expires.
    #[error(
        "the password of `{0}` cannot expire: set a maximum password age first, and do not expire passwords of \
         computers or managed service accounts"
    )]
    NeverExpires(String),
    /// More than a command may create.
    #[error("{0} users at once are too many; at most {MAX_USERS_AT_ONCE} are created by one command")]
    TooMany(u32),
    /// The directory refused it.
    #[error("the directory refused it: {0}")]
    Refused(#[from] LdapError),
    /// It could not be made durable.
    #[error("the change could not be stored and was taken back")]
    NotStored,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn commands_travel_as_json_and_hide_passwords_in_debug() {
        let json = r#"{"change-password":{"account":"alice","password":"N3w-P@ss!"}}"#;
        let command: Command = serde_json::from_str(json).unwrap();
        assert!(!format!("{command:?}").contains("N3w-P@ss!"));
        assert_eq!(serde_json::to_string(&command).unwrap(), json);
        let unknown = r#"{"dump":{"bsae":"x"}}"#;
        assert!(serde_json::from_str::<Command>(unknown).is_err());
        let unit: Command = serde_json::from_str(r#""statistics""#).unwrap();
        assert!(matches!(unit, Command::Statistics));
    }
}
