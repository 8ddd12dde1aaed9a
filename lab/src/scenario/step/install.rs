//! Steps of an installation, and what may happen while the wizard waits.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{AccountTrouble, HostRef, Step};
use crate::scenario::{Located, Span};

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

/// An upgrade of the agent on a host.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct UpgradedAgent {
    /// The server.
    pub host: HostRef,
    /// The release, such as `1.1.977.0`.
    pub version: Located<String>,
}

/// An edit of the agent's configuration file.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct EditedConfig {
    /// The server.
    pub host: HostRef,
    /// `enabled` of `<enforceFIPSPolicy>`.
    pub enforce_fips_policy: bool,
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
