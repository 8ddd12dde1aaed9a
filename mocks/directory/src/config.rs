//! What a directory is made of at the start: a forest of one domain with its accounts and populations.

use std::collections::BTreeMap;

use provlab_protocol::sid::Sid;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// Seconds of a day.
const DAY: u64 = 24 * 60 * 60;

/// A forest with one domain, as the directory first starts with it. Later starts resume from the store.
///
/// Serializing it writes the passwords out: it is how a lab hands them to a directory in a process of its own.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// DNS name of the domain, such as `contoso.com`.
    pub domain: String,
    /// NetBIOS name of the domain, such as `CONTOSO`.
    pub netbios_name: String,
    /// Fully qualified names of the domain controllers, at least one.
    pub domain_controllers: Vec<String>,
    /// The site that they are in.
    #[serde(default = "default_site")]
    pub site: String,
    /// SID of the domain; drawn at random if absent.
    #[serde(default)]
    pub domain_sid: Option<Sid>,
    /// Password of `Administrator`.
    #[serde(serialize_with = "provlab_protocol::secret_text::expose")]
    pub administrator_password: SecretString,
    /// The domain's password and lockout policy.
    #[serde(default)]
    pub password_policy: PasswordPolicy,
    /// Whether there is a KDS root key, which group managed service accounts need (CS 3.1).
    #[serde(default)]
    pub kds_root_key: KdsRootKey,
    /// Alternative UPN suffixes of the forest.
    #[serde(default)]
    pub upn_suffixes: Vec<String>,
    /// Organizational units by name relative to the domain, such as `OU=Paris,OU=Staff`; parents come first.
    #[serde(default)]
    pub organizational_units: Vec<String>,
    /// Groups besides those of every domain.
    #[serde(default)]
    pub groups: Vec<GroupConfig>,
    /// Users.
    #[serde(default)]
    pub accounts: Vec<AccountConfig>,
    /// Computers that have joined the domain.
    #[serde(default)]
    pub computers: Vec<ComputerConfig>,
    /// Generated users and groups.
    #[serde(default)]
    pub populations: Vec<PopulationConfig>,
}

fn default_site() -> String {
    "Default-First-Site-Name".to_owned()
}

impl Config {
    /// A forest of one domain controller and an administrator.
    #[must_use]
    pub fn new(domain: &str, netbios_name: &str, administrator_password: SecretString) -> Self {
        Self {
            domain: domain.to_owned(),
            netbios_name: netbios_name.to_owned(),
            domain_controllers: vec![format!("dc1.{domain}")],
            site: default_site(),
            domain_sid: None,
            administrator_password,
            password_policy: PasswordPolicy::default(),
            kds_root_key: KdsRootKey::default(),
            upn_suffixes: Vec::new(),
            organizational_units: Vec::new(),
            groups: Vec::new(),
            accounts: Vec::new(),
            computers: Vec::new(),
            populations: Vec::new(),
        }
    }
}

/// The policy of the Default Domain Policy, in seconds and counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct PasswordPolicy {
    /// Fewest characters.
    pub min_length: u32,
    /// Passwords remembered.
    pub history: u32,
    /// Whether passwords must be complex.
    pub complexity: bool,
    /// Age before a password may be changed again.
    pub min_age_seconds: u64,
    /// Age after which a password has expired; 0 means never.
    pub max_age_seconds: u64,
    /// Wrong passwords after which an account is locked; 0 means never.
    pub lockout_threshold: u32,
    /// How long it stays locked; 0 until an administrator unlocks it.
    pub lockout_duration_seconds: u64,
    /// How long wrong passwords are counted.
    pub lockout_window_seconds: u64,
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self {
            min_length: 7,
            history: 24,
            complexity: true,
            min_age_seconds: DAY,
            max_age_seconds: 42 * DAY,
            lockout_threshold: 0,
            lockout_duration_seconds: 30 * 60,
            lockout_window_seconds: 30 * 60,
        }
    }
}

/// The state of the key distribution service (CS 3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KdsRootKey {
    /// No root key was ever made.
    None,
    /// A root key that is in effect.
    #[default]
    Effective,
    /// A root key made just now: in effect after ten hours.
    New,
}

/// A security group with global scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct GroupConfig {
    /// Its `sAMAccountName` and `cn`.
    pub name: String,
    /// Where it is, relative to the domain; `CN=Users` if absent.
    #[serde(default)]
    pub container: Option<String>,
    /// Groups that it is in, by `sAMAccountName`; they come before it.
    #[serde(default)]
    pub member_of: Vec<String>,
    /// Further attributes.
    #[serde(default)]
    pub attributes: BTreeMap<String, Vec<String>>,
}

/// A user.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AccountConfig {
    /// Its `sAMAccountName`.
    pub name: String,
    /// Its `cn`; the account name if absent.
    #[serde(default)]
    pub common_name: Option<String>,
    /// Its password. An account without one is disabled.
    #[serde(default, serialize_with = "provlab_protocol::secret_text::expose_option")]
    pub password: Option<SecretString>,
    /// Its `userPrincipalName`; `name@domain` if absent.
    #[serde(default)]
    pub user_principal_name: Option<String>,
    /// Where it is, relative to the domain; `CN=Users` if absent.
    #[serde(default)]
    pub container: Option<String>,
    /// Groups that it is in, by `sAMAccountName`.
    #[serde(default)]
    pub member_of: Vec<String>,
    /// Whether it is disabled.
    #[serde(default)]
    pub disabled: bool,
    /// Whether its password never expires.
    #[serde(default)]
    pub password_never_expires: bool,
    /// Whether it has to change its password at the next logon.
    #[serde(default)]
    pub must_change_password: bool,
    /// Age of its password.
    #[serde(default)]
    pub password_age_seconds: u64,
    /// Further attributes.
    #[serde(default)]
    pub attributes: BTreeMap<String, Vec<String>>,
}

impl AccountConfig {
    /// An enabled user in `CN=Users`.
    #[must_use]
    pub fn new(name: &str, password: SecretString) -> Self {
        Self {
            name: name.to_owned(),
            common_name: None,
            password: Some(password),
            user_principal_name: None,
            container: None,
            member_of: Vec::new(),
            disabled: false,
            password_never_expires: false,
            must_change_password: false,
            password_age_seconds: 0,
            attributes: BTreeMap::new(),
        }
    }
}

/// A computer that has joined the domain.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ComputerConfig {
    /// Its name without domain and without `$`.
    pub name: String,
    /// Password of its account.
    #[serde(serialize_with = "provlab_protocol::secret_text::expose")]
    pub password: SecretString,
    /// Where it is, relative to the domain; `CN=Computers` if absent.
    #[serde(default)]
    pub container: Option<String>,
}

/// Generated users and groups; the same seed gives the same people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PopulationConfig {
    /// Number of users, up to [`MAX_USERS`](crate::population::MAX_USERS).
    pub users: u32,
    /// Number of groups; one per twenty users if absent.
    #[serde(default)]
    pub groups: Option<u32>,
    /// What decides names, departments and memberships.
    #[serde(default)]
    pub seed: u64,
    /// Organizational unit that they are in, relative to the domain; made if it is not there.
    #[serde(default = "default_population_unit")]
    pub organizational_unit: String,
    /// Suffix of UPNs and mail addresses; the domain if absent.
    #[serde(default)]
    pub upn_suffix: Option<String>,
    /// Begins every account name, so that several populations can share a domain.
    #[serde(default)]
    pub prefix: String,
}

fn default_population_unit() -> String {
    "OU=Staff".to_owned()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed conversion fails the test")]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn survives_json_and_keeps_passwords_out_of_debug_output() {
        let mut config = Config::new("contoso.com", "CONTOSO", "Canary-1".to_owned().into());
        config
            .accounts
            .push(AccountConfig::new("alice", "Canary-2".to_owned().into()));
        let json = serde_json::to_string(&config).unwrap();
        let read: Config = serde_json::from_str(&json).unwrap();
        assert_eq!(read.administrator_password.expose_secret(), "Canary-1");
        assert_eq!(
            read.accounts[0].password.as_ref().unwrap().expose_secret(),
            "Canary-2"
        );
        assert!(!format!("{read:?}").contains("Canary"));
    }

    #[test]
    fn unknown_words_are_refused() {
        let text = r#"{"domain":"a.b","netbios-name":"A","domain-controllers":[],"administrator-password":"x","colour":1}"#;
        assert!(serde_json::from_str::<Config>(text).is_err());
    }
}
