//! A synchronization job: its status, and what the engine keeps between two steps (CS 5.2–5.5, 6.3).
//!
//! The row is stored as a whole; the connector data store of the job has rows of its own (see [`super::records`]).

use std::collections::BTreeMap;

use provlab_protocol::scim::{ReplicaToken, Watermark};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::configuration::Configuration;
use super::connector::Counts;
use super::import::ScopeGroups;
use crate::state::Row;

/// `templateId` of the users-and-groups job (CS 5.2).
pub const AD2AAD_PROVISIONING: &str = "AD2AADProvisioning";

/// One row of the job templates (CS 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Template {
    /// `templateId`, and the prefix of its jobs' ids.
    pub id: &'static str,
    /// Cadence once started; `None` where it is "per job" and not published.
    pub interval: Option<Duration>,
    /// Which way this cloud runs jobs of the template; the others can be created and listed only.
    pub runs: Option<Direction>,
}

/// Which way objects go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the directory to the cloud.
    Inbound,
    /// From the cloud to the directory.
    Outbound,
    /// Password hashes from the directory to the cloud.
    Passwords,
}

impl Direction {
    /// Of the job with this id, which begins with its template's.
    #[must_use]
    pub fn of_job(id: &str) -> Self {
        let name = id.split('.').next().unwrap_or_default();
        template(name)
            .and_then(|template| template.runs)
            .unwrap_or(Self::Inbound)
    }
}

/// The templates cloud sync has (CS 5.2).
pub const TEMPLATES: [Template; 5] = [
    Template {
        id: AD2AAD_PROVISIONING,
        interval: Some(Duration::minutes(2)),
        runs: Some(Direction::Inbound),
    },
    Template {
        id: super::password_hash::TEMPLATE,
        interval: Some(Duration::minutes(2)),
        runs: Some(Direction::Passwords),
    },
    Template {
        id: super::outbound::TEMPLATE,
        interval: Some(Duration::minutes(20)),
        runs: Some(Direction::Outbound),
    },
    Template {
        id: "AAD2ADExchangeHybridWriteback",
        interval: None,
        runs: None,
    },
    Template {
        id: "AD2AADDeviceSync",
        interval: None,
        runs: None,
    },
];

/// `schedule.interval` of a job that was created and never started (CS 5.2).
pub const CREATED_INTERVAL: Duration = Duration::minutes(40);

/// Finds a template by its id, compared without case.
pub fn template(id: &str) -> Option<&'static Template> {
    TEMPLATES.iter().find(|t| t.id.eq_ignore_ascii_case(id))
}

/// A synchronization job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// `{templateId}.{32 hex}`.
    pub id: String,
    /// Template it was made from.
    pub template_id: String,
    /// `schedule`.
    pub schedule: Schedule,
    /// What the secrets said last.
    pub configuration: Configuration,
    /// `status.countSuccessiveCompleteFailures`.
    pub successive_failures: u32,
    /// `status.escrowsPruned`.
    pub escrows_pruned: bool,
    /// `status.lastExecution`.
    pub last_execution: Option<Execution>,
    /// `status.lastSuccessfulExecution`.
    pub last_successful_execution: Option<Execution>,
    /// `status.lastSuccessfulExecutionWithExports`.
    pub last_successful_execution_with_exports: Option<Execution>,
    /// `status.quarantine`.
    pub quarantine: Option<Quarantine>,
    /// `status.steadyStateFirstAchievedTime`.
    #[serde(with = "time::serde::rfc3339::option")]
    pub steady_state_first: Option<OffsetDateTime>,
    /// `status.steadyStateLastAchievedTime`.
    #[serde(with = "time::serde::rfc3339::option")]
    pub steady_state_last: Option<OffsetDateTime>,
    /// `status.synchronizedEntryCountByType`: linked objects by `user to User`, `group to Group`.
    pub synchronized: BTreeMap<String, u64>,
    /// Where the engine stands between two pages.
    pub sync: SyncState,
}

/// `schedule` of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// `state`.
    pub state: ScheduleState,
    /// `interval` in seconds, as the product states it: a scaled cadence changes when cycles happen, not what is shown.
    pub interval_seconds: i64,
}

/// `schedule.state` (CS 5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScheduleState {
    /// Runs by its interval.
    Active,
    /// Created, never started; or switched off by four weeks of quarantine.
    Disabled,
    /// Paused by an administrator.
    Paused,
}

/// `status.code` (CS 5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StatusCode {
    /// Started without a `Domain` secret.
    NotConfigured,
    /// Started, no cycle has ended yet.
    NotRun,
    /// Running by its schedule.
    Active,
    /// Not started, or paused.
    Paused,
    /// In quarantine.
    Quarantine,
}

/// `lastExecution.state` (CS 5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExecutionState {
    /// Everything was written.
    Succeeded,
    /// The cycle could not be completed.
    Failed,
    /// Completed, with some objects in escrow.
    EntryLevelErrors,
}

/// One cycle in numbers (`synchronizationTaskExecution`, CS 6.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution {
    /// `activityIdentifier`.
    pub activity: Uuid,
    /// `state`; `None` while it runs.
    pub state: Option<ExecutionState>,
    /// `error`: code and message.
    pub error: Option<JobError>,
    /// `timeBegan`.
    #[serde(with = "time::serde::rfc3339")]
    pub began: OffsetDateTime,
    /// `timeEnded`; equals `began` while it runs.
    #[serde(with = "time::serde::rfc3339")]
    pub ended: OffsetDateTime,
    /// `countEntitled` and `countEntitledForProvisioning`: objects in scope at the end of the cycle.
    pub entitled: u64,
    /// `countEscrowed`: objects that wait for a retry.
    pub escrowed: u64,
    /// `countEscrowedRaw`: the same, with references to such objects.
    #[serde(default)]
    pub escrowed_raw: u64,
    /// `countExported`: objects written to the target, each counted once a page however many properties changed.
    pub exported: u64,
    /// `countExports`: write operations on the target, references included.
    pub exports: u64,
    /// `countImported`: objects read in an initial cycle.
    pub imported: u64,
    /// `countImportedDeltas`: changed objects read in an incremental cycle.
    pub imported_deltas: u64,
    /// `countImportedReferenceDeltas`: changed reference values read.
    pub imported_reference_deltas: u64,
}

/// An error as a status shows it (`synchronizationError`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobError {
    /// Code of CS 9.5 or of CS 6.8.
    pub code: String,
    /// Text for a person.
    pub message: String,
    /// Whether the tenant's administrator can mend it.
    pub tenant_actionable: bool,
}

/// `quarantine.reason` (CS 5.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum QuarantineReason {
    /// Too many failing entries, references left out.
    EncounteredBaseEscrowThreshold,
    /// Too many failing entries, references counted.
    EncounteredTotalEscrowThreshold,
    /// Too large a share of the entries fails.
    EncounteredEscrowProportionThreshold,
    /// The connectivity or credential check at the start of a cycle failed.
    EncounteredQuarantineException,
    /// No other reason fits.
    Unknown,
    /// Put there by hand.
    QuarantinedOnDemand,
    /// More deletions than the threshold allows.
    TooManyDeletes,
    /// The import broke off.
    IngestionInterrupted,
}

/// `status.quarantine` (CS 5.5, 6.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantine {
    /// `reason`.
    pub reason: QuarantineReason,
    /// `currentBegan`: start of this quarantine.
    #[serde(with = "time::serde::rfc3339")]
    pub current_began: OffsetDateTime,
    /// `nextAttempt`.
    #[serde(with = "time::serde::rfc3339")]
    pub next_attempt: OffsetDateTime,
    /// `seriesBegan`: first of the failures in a row.
    #[serde(with = "time::serde::rfc3339")]
    pub series_began: OffsetDateTime,
    /// `seriesCount`: failures in a row.
    pub series_count: u32,
    /// `error`.
    pub error: JobError,
}

/// Where a job stands in its cycles.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncState {
    /// Opaque cookie of the last page that was stored; `None` = start from the beginning.
    pub watermark: Option<Watermark>,
    /// Replica that gave the watermark (`originatingReplicaToken`, PR 10.1).
    pub replica: Option<ReplicaToken>,
    /// Kind of cycle that is under way or comes next.
    pub phase: Phase,
    /// Counts the full enumerations: tells the source objects of this one from leftovers of an earlier one.
    pub generation: u64,
    /// The cycle under way.
    pub execution: Option<Execution>,
    /// When the next cycle, or the next try of this one, is due; `None` while the job does not run.
    #[serde(with = "time::serde::rfc3339::option")]
    pub next_run: Option<OffsetDateTime>,
    /// Counts starts, pauses and restarts: an answer to a question of an earlier epoch is ignored.
    pub epoch: u64,
    /// Number of the last change of the tenant's users that a password job followed.
    #[serde(default)]
    pub followed: u64,
    /// Sizes of the connector data store.
    pub counts: Counts,
    /// What the cycle under way does next.
    #[serde(default)]
    pub stage: Stage,
    /// Groups that decide the scope, as they were found by name.
    #[serde(default)]
    pub scope_groups: ScopeGroups,
    /// The administrator allowed the deletions of the next cycle (`ForceDeletes`).
    #[serde(default)]
    pub force_deletes: bool,
    /// Verified domains of the tenant when names were calculated last; none before the first cycle.
    #[serde(default)]
    pub domains: Option<Vec<String>>,
    /// The cycle under way calculates every name anew.
    #[serde(default)]
    pub names_again: bool,
}

/// What a cycle does next. Every stage works in bounded steps off marks on rows, so it may be cut anywhere and go on later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// Check the sync account and the agent, then read.
    #[default]
    Read,
    /// After a full enumeration: look at every record, behind this one.
    Sweep {
        /// The last record that was looked at.
        after: Option<Uuid>,
    },
    /// Write what is marked.
    Export,
    /// Follow the marked references.
    References,
    /// Delete what is staged, or hold it back.
    Deletes,
}

/// Kind of cycle (CS 5.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Every object is read; references come in a second pass.
    #[default]
    Initial,
    /// Changes since the watermark.
    Incremental,
}

/// A job as a row of the cloud's state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SyncJob {
    /// Owning tenant.
    pub tenant: Uuid,
    /// Service principal it belongs to: the configuration.
    pub service_principal: Uuid,
    /// The job.
    pub job: Job,
}

impl SyncJob {
    /// Index by service principal.
    pub const BY_SERVICE_PRINCIPAL: &'static str = "service-principal";
}

impl Row for SyncJob {
    const TABLE: &'static str = "synchronization-jobs";
    fn tenant(&self) -> Uuid {
        self.tenant
    }
    fn id(&self) -> String {
        self.job.id.clone()
    }
    fn keys(&self) -> Vec<(&'static str, String)> {
        vec![(Self::BY_SERVICE_PRINCIPAL, self.service_principal.to_string())]
    }
}

impl Job {
    /// A job as `POST …/synchronization/jobs` creates it: `Disabled`, `Paused`, `PT40M` (CS 5.2, 6.1).
    pub fn new(template: &Template, id: Uuid) -> Self {
        Self {
            id: format!("{}.{}", template.id, id.simple()),
            template_id: template.id.to_owned(),
            schedule: Schedule {
                state: ScheduleState::Disabled,
                interval_seconds: CREATED_INTERVAL.whole_seconds(),
            },
            configuration: Configuration::default(),
            successive_failures: 0,
            escrows_pruned: false,
            last_execution: None,
            last_successful_execution: None,
            last_successful_execution_with_exports: None,
            quarantine: None,
            steady_state_first: None,
            steady_state_last: None,
            synchronized: BTreeMap::new(),
            sync: SyncState::default(),
        }
    }

    /// `status.code`, which follows from the rest of the row (CS 5.3).
    pub fn code(&self) -> StatusCode {
        match self.schedule.state {
            ScheduleState::Disabled | ScheduleState::Paused => StatusCode::Paused,
            ScheduleState::Active if self.configuration.domain.is_none() => StatusCode::NotConfigured,
            ScheduleState::Active if self.quarantine.is_some() => StatusCode::Quarantine,
            ScheduleState::Active if self.last_execution.is_none() => StatusCode::NotRun,
            ScheduleState::Active => StatusCode::Active,
        }
    }
}

impl Execution {
    /// A cycle that begins now.
    pub fn begin(activity: Uuid, now: OffsetDateTime) -> Self {
        Self {
            activity,
            state: None,
            error: None,
            began: now,
            ended: now,
            entitled: 0,
            escrowed: 0,
            escrowed_raw: 0,
            exported: 0,
            exports: 0,
            imported: 0,
            imported_deltas: 0,
            imported_reference_deltas: 0,
        }
    }
}
