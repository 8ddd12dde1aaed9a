//! What must hold: *eventually* by default, or throughout a span.

use indexmap::IndexMap;
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

use super::{EnvironmentWord, HostRef, JobTemplate, Located, Span, WizardPage};

/// A block of expectations.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Expected {
    /// How long it may take until all of them hold; by default five minutes.
    #[serde(default)]
    pub within: Option<Located<Span>>,
    /// Instead of `within`: they hold now and go on holding for this long.
    #[serde(default)]
    pub throughout: Option<Located<Span>>,
    /// What must hold.
    pub that: Vec<Located<Expectation>>,
}

/// One expectation. Written as a map with one key: `- agent: {…}`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case",
    deny_unknown_fields
)]
pub enum Expectation {
    /// How the last wizard run on a host ended.
    Wizard {
        /// The server.
        host: HostRef,
        /// How it ended.
        outcome: WizardOutcomeWord,
        /// The page it ended on.
        #[serde(default)]
        page: Option<WizardPage>,
        /// A part of the text that the person saw.
        #[serde(default)]
        says: Option<String>,
        /// The `data` of AD's bind failure (PR 16.3).
        #[serde(default)]
        data: Option<String>,
    },
    /// A service of a host as the service control manager shows it.
    Service {
        /// The server.
        host: HostRef,
        /// Which service.
        #[serde(default)]
        service: ServiceName,
        /// Its state.
        state: ServiceStateWord,
        /// The account it runs as.
        #[serde(default)]
        account: Option<String>,
    },
    /// The agent as the cloud lists it.
    Agent {
        /// The server.
        host: HostRef,
        /// Its tenant.
        tenant: Located<String>,
        /// Its status there.
        status: AgentStatusWord,
    },
    /// An entry of a host's event log.
    Event {
        /// The server.
        host: HostRef,
        /// Event id.
        id: u32,
    },
    /// A group managed service account.
    Gmsa {
        /// The domain it lives in.
        domain: Located<String>,
        /// sAMAccountName, ending in `$`.
        name: String,
        /// Exactly the hosts whose computer accounts may retrieve the password.
        allowed: Vec<Located<String>>,
    },
    /// How many service accounts of class `msDS-GroupManagedServiceAccount` a domain has.
    GmsaCount {
        /// The domain.
        domain: Located<String>,
        /// How many.
        count: u64,
    },
    /// How many objects of on-premises origin a tenant holds.
    CloudObjects(ObjectCount),
    /// How many agents a tenant lists, whatever their status.
    Agents {
        /// The tenant.
        tenant: Located<String>,
        /// How many.
        count: u64,
    },
    /// Every user and group of the domain that is in scope is in the tenant, once, with the same
    /// values; and nothing else of on-premises origin is there.
    InSync {
        /// The tenant.
        tenant: Located<String>,
        /// The domain.
        domain: Located<String>,
    },
    /// No object was added to the tenant twice, and nothing was written that had not changed.
    ExportedOnce {
        /// The tenant.
        tenant: Located<String>,
    },
    /// A user as Graph shows it.
    CloudUser {
        /// The tenant.
        tenant: Located<String>,
        /// User principal name.
        user: String,
        /// Live or soft-deleted; by default live.
        #[serde(default)]
        state: CloudObjectState,
        /// Properties by their Graph names; `null` is a property without a value.
        #[serde(default)]
        has: IndexMap<String, Value>,
    },
    /// A group as Graph shows it.
    CloudGroup {
        /// The tenant.
        tenant: Located<String>,
        /// Display name.
        group: String,
        /// Live or soft-deleted; by default live.
        #[serde(default)]
        state: CloudObjectState,
        /// Exactly the direct members: user principal names, and display names of groups.
        #[serde(default)]
        members: Option<Vec<String>>,
        /// How many direct members there are.
        #[serde(default)]
        member_count: Option<u64>,
        /// Properties by their Graph names; `null` is a property without a value.
        #[serde(default)]
        has: IndexMap<String, Value>,
    },
    /// A value that was not written because another object has it (`onPremisesProvisioningErrors`, CS 6.8).
    ProvisioningError {
        /// The tenant.
        tenant: Located<String>,
        /// User principal name, in the cloud or on premises.
        user: String,
        /// `propertyCausingError`, such as `ProxyAddress`.
        property: String,
        /// The value.
        value: String,
    },
    /// The configuration's job.
    Job {
        /// The tenant.
        tenant: Located<String>,
        /// The domain.
        domain: Located<String>,
        /// Which of its jobs; by default `AD2AADProvisioning`.
        #[serde(default)]
        template: JobTemplate,
        /// `status.code` (CS 5.3).
        status: JobStatus,
        /// `status.quarantine.reason` (CS 5.5).
        #[serde(default)]
        quarantine: Option<QuarantineReason>,
        /// Error code of the last execution (CS 9.5).
        #[serde(default)]
        error: Option<String>,
        /// How many objects are in escrow.
        #[serde(default)]
        escrowed: Option<u64>,
        /// How many deletions are staged.
        #[serde(default)]
        pending_deletes: Option<u64>,
    },
    /// Entries of the provisioning log (CS 6.8).
    ProvisioningLog {
        /// The tenant.
        tenant: Located<String>,
        /// Only those of the configuration for this domain.
        #[serde(default)]
        domain: Option<Located<String>>,
        /// Only those about this object: any of the names that the log shows, or `NETBIOS\name`.
        #[serde(default)]
        object: Option<String>,
        /// `provisioningAction`.
        action: ProvisioningAction,
        /// `provisioningStatusInfo.status`.
        status: ProvisioningStatus,
        /// Error code, or the reason of a skip.
        #[serde(default)]
        error: Option<String>,
        /// How many there are at least; by default one.
        #[serde(default)]
        at_least: Option<u64>,
    },
    /// How the last `provision-on-demand` of an object came out (CS 5.7).
    OnDemand {
        /// The tenant.
        tenant: Located<String>,
        /// The object, as the step names it.
        object: String,
        /// Its result.
        result: OnDemandResult,
        /// The action.
        #[serde(default)]
        action: Option<ProvisioningAction>,
        /// The step that skipped the object: `Scoping`, or a step's name.
        #[serde(default)]
        skipped_at: Option<String>,
        /// The step that failed: `Import`, `Export`, or a step's name.
        #[serde(default)]
        failed_at: Option<String>,
        /// Error code.
        #[serde(default)]
        error: Option<String>,
    },
    /// What the person was told who last wanted the password of a user set in the cloud, or the account unlocked.
    PasswordAnswer {
        /// The tenant.
        tenant: Located<String>,
        /// User principal name.
        user: String,
        /// Whether it was done.
        outcome: PasswordOutcome,
        /// The code that the person saw (CS 8.5).
        #[serde(default)]
        code: Option<String>,
        /// Id of the agent's event, where the person was a user and an agent said why (CS 8.5).
        #[serde(default)]
        event: Option<u64>,
        /// A part of the text that the person saw.
        #[serde(default)]
        says: Option<String>,
    },
    /// What the portal says of the writeback client (CS 8.4).
    WritebackClient {
        /// The tenant.
        tenant: Located<String>,
        /// A part of the text.
        says: String,
    },
    /// A logon of a domain account, tried at the domain controller.
    Logon {
        /// `NETBIOS\name`.
        account: Located<String>,
        /// The password that is tried.
        #[schemars(with = "String")]
        password: SecretString,
        /// The `data` of AD's refusal (PR 16.3); by default the logon is accepted.
        #[serde(default)]
        data: Option<String>,
    },
    /// A sign-in of a user at the cloud with a password (ROPC, PR 3.3).
    SignIn {
        /// The tenant.
        tenant: Located<String>,
        /// User principal name.
        user: String,
        /// The password that is tried.
        #[schemars(with = "String")]
        password: SecretString,
        /// The code of the refusal, such as `AADSTS50126`; by default the sign-in succeeds.
        #[serde(default)]
        refused: Option<String>,
    },
    /// An object of the directory.
    DirectoryObject {
        /// The domain.
        domain: Located<String>,
        /// `NETBIOS\name`, a distinguished name, a common name or a display name.
        object: String,
        /// Whether there must be none.
        #[serde(default)]
        absent: bool,
        /// Distinguished name of its parent.
        #[serde(default)]
        below: Option<String>,
        /// Exactly the members of a group, `NETBIOS\name`.
        #[serde(default)]
        members: Option<Vec<Located<String>>>,
        /// Attributes by LDAP name: a value or a list of values; an empty list is an attribute without values.
        #[serde(default)]
        has: IndexMap<String, Value>,
    },
    /// Since its last installation began, the host has called hosts of this environment and no others
    /// outside its own domain.
    HostsCalled {
        /// The server.
        host: HostRef,
        /// The only environment called.
        only: EnvironmentWord,
    },
}

/// Objects of on-premises origin in a tenant.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ObjectCount {
    /// The tenant.
    pub tenant: Located<String>,
    /// Users.
    #[serde(default)]
    pub users: Option<u64>,
    /// Groups.
    #[serde(default)]
    pub groups: Option<u64>,
}

/// How a wish for another password ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PasswordOutcome {
    /// The directory has it.
    Success,
    /// The person was told that it has not.
    Failure,
}

/// How a wizard run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WizardOutcomeWord {
    /// With the success text.
    Completed,
    /// With an error that the person must mend.
    Stopped,
}

/// The two services (CS 1.4).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceName {
    /// `AADConnectProvisioningAgent`.
    #[default]
    Agent,
    /// The agent updater.
    Updater,
}

/// State of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceStateWord {
    /// Running.
    Running,
    /// Stopped.
    Stopped,
}

/// Status of an agent (CS 5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AgentStatusWord {
    /// It bootstraps regularly.
    Active,
    /// The cloud has not seen it for a while.
    Inactive,
    /// The cloud does not list it.
    Absent,
}

/// `status.code` of a job (CS 5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum JobStatus {
    /// Without its secrets.
    NotConfigured,
    /// Never run.
    NotRun,
    /// It runs.
    Active,
    /// It was paused, or disabled after four weeks of quarantine.
    Paused,
    /// In quarantine.
    Quarantine,
}

/// `status.quarantine.reason` of a job (CS 5.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum QuarantineReason {
    /// Too many failures but for references.
    EncounteredBaseEscrowThreshold,
    /// Too many failures.
    EncounteredTotalEscrowThreshold,
    /// Too great a part of the objects fails.
    EncounteredEscrowProportionThreshold,
    /// A cycle failed as a whole.
    EncounteredQuarantineException,
    /// Not known.
    Unknown,
    /// An administrator asked for it.
    QuarantinedOnDemand,
    /// The accidental delete prevention.
    TooManyDeletes,
    /// Reading broke off.
    IngestionInterrupted,
}

/// `provisioningAction` of an entry of the provisioning log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProvisioningAction {
    /// A new object.
    Create,
    /// Changed values or references.
    Update,
    /// Sign-in was disabled.
    Disable,
    /// Deleted.
    Delete,
    /// A deletion that is held back.
    StagedDelete,
    /// Nothing was to be done.
    Other,
}

impl ProvisioningAction {
    /// The word in Graph.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Disable => "disable",
            Self::Delete => "delete",
            Self::StagedDelete => "stagedDelete",
            Self::Other => "other",
        }
    }
}

/// `provisioningStatusInfo.status` of an entry of the provisioning log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProvisioningStatus {
    /// Written.
    Success,
    /// Not written; it is tried again.
    Failure,
    /// Nothing was to be written.
    Skipped,
    /// Written, with something to be known.
    Warning,
}

impl ProvisioningStatus {
    /// The word in Graph.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Skipped => "skipped",
            Self::Warning => "warning",
        }
    }
}

/// `result` of provisioning on demand (CS 6.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnDemandResult {
    /// Written, or nothing to be written.
    Success,
    /// Filtered.
    Skipped,
    /// It failed.
    Failure,
}

impl OnDemandResult {
    /// The word in Graph.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "Success",
            Self::Skipped => "Skipped",
            Self::Failure => "Failure",
        }
    }
}

/// Where an object of the cloud is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CloudObjectState {
    /// Among the users.
    #[default]
    Live,
    /// Among the deleted items.
    SoftDeleted,
    /// In neither place.
    Absent,
}
