//! Steps about accounts and objects of a directory. Objects are named `NETBIOS\name`, or by their distinguished name.

use indexmap::IndexMap;
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;

use crate::scenario::Located;

/// An account that something happens to.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AccountTrouble {
    /// `NETBIOS\name`.
    pub account: Located<String>,
}

/// An account and its new password.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NewPassword {
    /// `NETBIOS\name`.
    pub account: Located<String>,
    /// The password.
    #[schemars(with = "String")]
    pub password: SecretString,
}

/// An object of a directory.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DirectoryObject {
    /// `NETBIOS\name` or a distinguished name.
    pub object: Located<String>,
}

/// An object of a directory and its new name.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Rename {
    /// `NETBIOS\name` or a distinguished name.
    pub object: Located<String>,
    /// The new common name; the account name stays.
    pub to: String,
}

/// An object of a directory and its new place.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Move {
    /// `NETBIOS\name` or a distinguished name.
    pub object: Located<String>,
    /// Distinguished name of the new parent.
    pub below: Located<String>,
}

/// An account and a group of the same domain.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Membership {
    /// The group, `NETBIOS\name`.
    pub group: Located<String>,
    /// Who comes or goes, `NETBIOS\name`.
    pub member: Located<String>,
}

/// A group and accounts that `create-users` has made.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ManyMembers {
    /// The group, `NETBIOS\name`.
    pub group: Located<String>,
    /// What the account names begin with; the number follows.
    pub prefix: String,
    /// The number of the first; by default 1.
    #[serde(default)]
    pub first: Option<u32>,
    /// How many.
    pub count: Located<u32>,
}

/// An object of a directory and attributes by LDAP name.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Change {
    /// `NETBIOS\name` or a distinguished name.
    pub object: Located<String>,
    /// Attribute values; an empty list clears the attribute.
    #[serde(default)]
    pub set: IndexMap<String, Vec<String>>,
}

/// A user to be created.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NewUser {
    /// `NETBIOS\name`.
    pub object: Located<String>,
    /// Distinguished name of the container; by default Users.
    #[serde(default)]
    pub below: Option<Located<String>>,
    /// Password; by default one that is made from the name.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub password: Option<SecretString>,
    /// Attribute values by LDAP name.
    #[serde(default)]
    pub set: IndexMap<String, Vec<String>>,
}

/// Many users of one kind: `prefix1`, `prefix2`, …
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ManyUsers {
    /// The domain.
    pub domain: Located<String>,
    /// What every account name begins with; the number follows.
    pub prefix: String,
    /// The number of the first; by default 1.
    #[serde(default)]
    pub first: Option<u32>,
    /// How many, up to 100,000.
    pub count: Located<u32>,
    /// Distinguished name of the container; by default Users.
    #[serde(default)]
    pub below: Option<Located<String>>,
    /// Attribute values by LDAP name; `{n}` is the user's number.
    #[serde(default)]
    pub set: IndexMap<String, Vec<String>>,
}

/// A group to be created.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NewGroup {
    /// `NETBIOS\name`.
    pub object: Located<String>,
    /// Distinguished name of the container; by default Users.
    #[serde(default)]
    pub below: Option<Located<String>>,
    /// Attribute values by LDAP name.
    #[serde(default)]
    pub set: IndexMap<String, Vec<String>>,
    /// Who is in it, `NETBIOS\name`.
    #[serde(default)]
    pub members: Vec<Located<String>>,
}

/// An organizational unit, or another container.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OrganizationalUnit {
    /// The domain.
    pub domain: Located<String>,
    /// Its distinguished name, such as `OU=Sales,DC=contoso,DC=com`.
    pub dn: Located<String>,
}

/// An organizational unit and its new name.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RenamedUnit {
    /// The domain.
    pub domain: Located<String>,
    /// Its distinguished name.
    pub dn: Located<String>,
    /// Its new name, without `OU=`.
    pub to: String,
}
