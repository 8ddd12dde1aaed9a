//! What can happen in a story. Steps say what happens; each stage knows how to make it so.

use indexmap::IndexMap;
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;

use super::{Expected, Located, Span};

/// One step. Written as a map with one key: `- install: {…}`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Step {
    /// Runs the package and the wizard of an agent on a host (CS 1.3, 1.5).
    Install(Box<Install>),
    /// Lets time pass: virtual on `sim`, shortened on the real stages.
    Advance(Located<Span>),
    /// States what must hold.
    Expect(Box<Expected>),

    /// The account's password reaches its maximum age (bind data 532).
    ExpirePassword(AccountTrouble),
    /// The account's password is changed to another one (bind data 52e with the old one).
    ChangePassword(AccountTrouble),
    /// "User must change password at next logon" (bind data 773).
    RequirePasswordChange(AccountTrouble),
    /// The account is disabled (bind data 533).
    DisableAccount(AccountTrouble),
    /// The account is locked out (bind data 775).
    LockAccount(AccountTrouble),

    /// Creates a configuration: service principal, job and secrets, not yet started (CS 6.1).
    CreateConfiguration(ConfigurationRef),
    /// Starts the configuration's job.
    StartConfiguration(ConfigurationRef),
    /// Pauses the configuration's job.
    PauseConfiguration(ConfigurationRef),

    /// Creates a user in the directory.
    CreateUser(Change),
    /// Replaces attributes of an object of the directory.
    Modify(Change),
    /// Deletes an object of the directory.
    Delete(DirectoryObject),
    /// Gives an object of the directory another name.
    Rename(Rename),
    /// Puts an account into a group.
    AddMember(Membership),
    /// Takes an account out of a group.
    RemoveMember(Membership),

    /// Starts a service of a host.
    StartService(ServiceRef),
    /// Stops a service of a host.
    StopService(ServiceRef),
    /// Ends a part of the world without warning and starts it again, as a power failure would.
    Crash(Part),
    /// The domain controllers of a domain stand still: nothing is refused and nothing is answered.
    Pause(DirectoryRef),
    /// Paused domain controllers go on.
    Resume(DirectoryRef),
    /// The domain controllers of a domain are switched off.
    Stop(DirectoryRef),
    /// Stopped domain controllers start on what they had stored.
    Start(DirectoryRef),
    /// Disturbs the network until it is healed.
    Fault(Fault),
    /// Ends the fault of that name.
    Heal(Located<String>),
}

impl Step {
    /// The word that the file uses for the step.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Install(_) => "install",
            Self::Advance(_) => "advance",
            Self::Expect(_) => "expect",
            Self::ExpirePassword(_) => "expire-password",
            Self::ChangePassword(_) => "change-password",
            Self::RequirePasswordChange(_) => "require-password-change",
            Self::DisableAccount(_) => "disable-account",
            Self::LockAccount(_) => "lock-account",
            Self::CreateConfiguration(_) => "create-configuration",
            Self::StartConfiguration(_) => "start-configuration",
            Self::PauseConfiguration(_) => "pause-configuration",
            Self::CreateUser(_) => "create-user",
            Self::Modify(_) => "modify",
            Self::Delete(_) => "delete",
            Self::Rename(_) => "rename",
            Self::AddMember(_) => "add-member",
            Self::RemoveMember(_) => "remove-member",
            Self::StartService(_) => "start-service",
            Self::StopService(_) => "stop-service",
            Self::Crash(_) => "crash",
            Self::Pause(_) => "pause",
            Self::Resume(_) => "resume",
            Self::Stop(_) => "stop",
            Self::Start(_) => "start",
            Self::Fault(_) => "fault",
            Self::Heal(_) => "heal",
        }
    }
}

/// A host by name.
pub type HostRef = Located<String>;

/// An installation: package, then wizard.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Install {
    /// The server.
    pub host: HostRef,
    /// The tenant that the administrator signs in to.
    pub tenant: Located<String>,
    /// The cloud account, by its name in the tenant.
    pub sign_in_as: Located<String>,
    /// The account given on the service account and domain pages, `NETBIOS\name`.
    pub domain_admin: Located<String>,
    /// How the service account is chosen; by default `create-gmsa`.
    #[serde(default)]
    pub service_account: ServiceAccountChoice,
    /// The domains to add; by default the host's own.
    #[serde(default)]
    pub domains: Option<Vec<Located<String>>>,
    /// The installer switch `ENVIRONMENTNAME=…`; by default not given.
    #[serde(default)]
    pub environmentname: Option<String>,
    /// Things that happen while the wizard waits for the administrator.
    #[serde(default)]
    pub between: Vec<Between>,
}

/// The choice on the page *Configure Service Account* (CS 1.3).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceAccountChoice {
    /// **Create gMSA**: made, or found and reused.
    #[default]
    CreateGmsa,
    /// **Use custom gMSA** with this name.
    CustomGmsa(String),
    /// **Use custom service account**, `NETBIOS\name`: an ordinary account that was prepared, where the directory has no gMSAs.
    /// An extension of provlab; the product has no such choice.
    CustomServiceAccount(Located<String>),
}

/// Steps that happen before the wizard enters a page.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Between {
    /// The page that has not been entered yet.
    pub before: Located<WizardPage>,
    /// What happens in the meantime.
    #[serde(rename = "do")]
    pub steps: Vec<Located<TroubleStep>>,
}

/// Pages of today's wizard by their titles (CS 1.3, column G24).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum WizardPage {
    /// Welcome.
    #[serde(rename = "Welcome")]
    Welcome,
    /// HR-driven or cloud sync, or on-premises application provisioning.
    #[serde(rename = "Select Extension")]
    SelectExtension,
    /// Cloud sign-in.
    #[serde(rename = "Connect Microsoft Entra ID")]
    ConnectMicrosoftEntraId,
    /// gMSA.
    #[serde(rename = "Configure Service Account")]
    ConfigureServiceAccount,
    /// Add directory.
    #[serde(rename = "Connect Active Directory")]
    ConnectActiveDirectory,
    /// The page with **Confirm**.
    #[serde(rename = "Configuration complete")]
    ConfigurationComplete,
}

impl WizardPage {
    /// Every page, in order.
    pub const ALL: [Self; 6] = [
        Self::Welcome,
        Self::SelectExtension,
        Self::ConnectMicrosoftEntraId,
        Self::ConfigureServiceAccount,
        Self::ConnectActiveDirectory,
        Self::ConfigurationComplete,
    ];

    /// The page's title.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Welcome => "Welcome",
            Self::SelectExtension => "Select Extension",
            Self::ConnectMicrosoftEntraId => "Connect Microsoft Entra ID",
            Self::ConfigureServiceAccount => "Configure Service Account",
            Self::ConnectActiveDirectory => "Connect Active Directory",
            Self::ConfigurationComplete => "Configuration complete",
        }
    }
}

/// The steps that may happen between two wizard pages.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum TroubleStep {
    /// As the step of the same name.
    ExpirePassword(AccountTrouble),
    /// As the step of the same name.
    ChangePassword(AccountTrouble),
    /// As the step of the same name.
    RequirePasswordChange(AccountTrouble),
    /// As the step of the same name.
    DisableAccount(AccountTrouble),
    /// As the step of the same name.
    LockAccount(AccountTrouble),
    /// As the step of the same name.
    Advance(Located<Span>),
}

impl From<TroubleStep> for Step {
    fn from(step: TroubleStep) -> Self {
        match step {
            TroubleStep::ExpirePassword(what) => Self::ExpirePassword(what),
            TroubleStep::ChangePassword(what) => Self::ChangePassword(what),
            TroubleStep::RequirePasswordChange(what) => Self::RequirePasswordChange(what),
            TroubleStep::DisableAccount(what) => Self::DisableAccount(what),
            TroubleStep::LockAccount(what) => Self::LockAccount(what),
            TroubleStep::Advance(span) => Self::Advance(span),
        }
    }
}

/// An account that something happens to.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AccountTrouble {
    /// `NETBIOS\name`.
    pub account: Located<String>,
}

/// A configuration: one domain of one tenant.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ConfigurationRef {
    /// The tenant.
    pub tenant: Located<String>,
    /// The domain.
    pub domain: Located<String>,
    /// The cloud account that does it.
    #[serde(rename = "as")]
    pub account: Located<String>,
}

/// An object of a directory, by account name.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DirectoryObject {
    /// `NETBIOS\name`.
    pub object: Located<String>,
}

/// An object of a directory and its new name.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Rename {
    /// `NETBIOS\name`.
    pub object: Located<String>,
    /// The new common name; the account name stays.
    pub to: String,
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

/// An object of a directory and attributes by LDAP name.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Change {
    /// `NETBIOS\name`.
    pub object: Located<String>,
    /// Password of a new user; by default one that is made from the name.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub password: Option<SecretString>,
    /// Attribute values; an empty list clears the attribute.
    #[serde(default)]
    pub set: IndexMap<String, Vec<String>>,
}

/// A service of a host (CS 1.4).
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ServiceRef {
    /// The server.
    pub host: HostRef,
    /// Which of the two services; by default the agent.
    #[serde(default)]
    pub service: super::ServiceName,
}

/// The directory of a domain: its domain controllers.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DirectoryRef {
    /// DNS name of the domain.
    pub directory: Located<String>,
}

/// A part of the world that can be ended.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Part {
    /// The agent service of a host.
    Agent(Located<String>),
    /// The domain controllers of a domain.
    Directory(Located<String>),
    /// The cloud, whole.
    Cloud,
}

/// A disturbance of the network between two hosts (or suffixes such as `*.servicebus.windows.net`).
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Fault {
    /// The name that `heal` uses.
    pub name: Located<String>,
    /// Where connections come from; by default anywhere.
    #[serde(default)]
    pub from: Option<String>,
    /// Where connections go to; by default anywhere.
    #[serde(default)]
    pub to: Option<String>,
    /// What the network does.
    pub what: FaultKind,
}

/// What a disturbed network does.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum FaultKind {
    /// Every chunk takes this much longer.
    Latency(Span),
    /// Nothing passes, nothing is refused.
    Partition,
    /// New connections are refused.
    Refuse,
    /// Open connections are reset and new ones are too.
    Reset,
    /// Connections open, but nothing ever arrives.
    HalfOpen,
}
