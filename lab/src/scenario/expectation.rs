//! What must hold: *eventually* by default, or throughout a span.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{EnvironmentWord, HostRef, Located, Span, WizardPage};

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
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
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
        /// Properties by their Graph names.
        #[serde(default)]
        has: IndexMap<String, String>,
    },
    /// The configuration's job.
    Job {
        /// The tenant.
        tenant: Located<String>,
        /// The domain.
        domain: Located<String>,
        /// `status.code` (CS 5.3).
        status: String,
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
