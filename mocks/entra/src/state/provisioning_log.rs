//! Entries of the provisioning log (`auditLogs/provisioning`, CS 6.8).

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Row;

/// `provisioningAction` (CS 5.6, 6.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProvisioningAction {
    /// A new object.
    Create,
    /// Changed values or references.
    Update,
    /// `accountEnabled` went from true to false.
    Disable,
    /// Soft-deleted.
    Delete,
    /// A deletion that the accidental delete prevention holds back (CS 5.6).
    StagedDelete,
    /// Nothing was to be done: filtered, or nothing changed.
    Other,
}

impl ProvisioningAction {
    /// The word in Graph and in the trace.
    #[must_use]
    pub fn as_str(self) -> &'static str {
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

/// `provisioningStatusInfo.status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProvisioningStatus {
    /// Written.
    Success,
    /// Not written; it is retried.
    Failure,
    /// Nothing was to be written.
    Skipped,
}

impl ProvisioningStatus {
    /// The word in Graph.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Skipped => "skipped",
        }
    }
}

/// One end of an entry: `sourceIdentity` or `targetIdentity`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedIdentity {
    /// Distinguished name or objectGUID of the source; object id of the target.
    pub id: String,
    /// `identityType`: `user`, `group`, `User`, `Group`.
    pub kind: String,
    /// Display name, where one is known.
    pub display_name: String,
    /// Further names as `details` shows them (`userPrincipalName`, `sAMAccountName`, …).
    pub details: Vec<(String, String)>,
}

/// One entry of `modifiedProperties`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModifiedProperty {
    /// Target attribute as the product names it.
    pub name: String,
    /// Value before; none for a new value.
    pub old: Option<String>,
    /// Value after; none for a cleared value.
    pub new: Option<String>,
}

/// One entry of `provisioningSteps` (CS 6.5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvisioningStep {
    /// `EntryImportAdd`, `EntrySynchronizationScoping`, `EntryExportUpdate`, …
    pub name: String,
    /// `Import`, `Scoping`, `Matching`, `Export`.
    pub kind: String,
    /// How the step ended.
    pub status: ProvisioningStatus,
    /// One sentence.
    pub description: String,
    /// Names and values that the step worked with.
    pub details: Vec<(String, String)>,
}

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// Owning tenant.
    pub tenant: Uuid,
    /// Position in the tenant's log: entries are ordered by it.
    pub number: u64,
    /// `id`.
    pub id: Uuid,
    /// `activityDateTime`.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// `jobId`.
    pub job: String,
    /// Service principal of the job.
    pub service_principal: Uuid,
    /// `cycleId`: `activityIdentifier` of the execution.
    pub cycle: Uuid,
    /// `changeId`.
    pub change: Uuid,
    /// `provisioningAction`.
    pub action: ProvisioningAction,
    /// `provisioningStatusInfo.status`.
    pub status: ProvisioningStatus,
    /// Error code or reason of skipping (CS 6.8); empty for a success.
    pub code: String,
    /// What happened, for a person; empty for a success.
    pub reason: String,
    /// The object that was read.
    pub source: LoggedIdentity,
    /// The object that was written; empty for what was filtered.
    pub target: LoggedIdentity,
    /// What changed.
    pub modified: Vec<ModifiedProperty>,
    /// How it went, step by step.
    pub steps: Vec<ProvisioningStep>,
}

impl Row for LogEntry {
    const TABLE: &'static str = "provisioning-log";
    fn tenant(&self) -> Uuid {
        self.tenant
    }
    fn id(&self) -> String {
        Self::key(self.number)
    }
}

impl LogEntry {
    /// Row id of the entry with this number; text order is the order of numbers.
    #[must_use]
    pub fn key(number: u64) -> String {
        format!("{number:020}")
    }
}

/// Where a tenant's log begins and ends; and how many writes its directory took lately (CS 6.8).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantMeter {
    /// The tenant.
    pub tenant: Uuid,
    /// Number of the oldest entry that is kept.
    pub oldest: u64,
    /// Number of the next entry.
    pub next: u64,
    /// When the present window of writes began.
    #[serde(with = "time::serde::rfc3339")]
    pub window: OffsetDateTime,
    /// Writes of jobs in it.
    pub writes: u32,
}

impl Row for TenantMeter {
    const TABLE: &'static str = "tenant-meters";
    fn tenant(&self) -> Uuid {
        self.tenant
    }
    fn id(&self) -> String {
        self.tenant.to_string()
    }
}
