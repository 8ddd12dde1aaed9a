//! What a step of a job is given and what it gives back; shared by the jobs of both directions.

use std::time::Duration;

use provlab_protocol::scim::{ErrorCode, ListResponse, Operation, ScimError};
use time::OffsetDateTime;
use uuid::Uuid;

use super::job::{Execution, JobError, Phase, QuarantineReason};
use super::password_hash::PasswordResult;
use super::plan::Plans;
use super::records::ObjectKind;
use crate::assumptions::Assumptions;

/// The doors of a step.
pub struct World<'a> {
    /// Wall time.
    pub now: OffsetDateTime,
    /// A period of the product at the present cadence.
    pub period: &'a dyn Fn(Duration) -> Duration,
    /// Draws a new id.
    pub new_id: &'a mut dyn FnMut() -> Uuid,
    /// Compiled schemas.
    pub plans: &'a Plans,
    /// What is assumed of undocumented behaviour.
    pub assumptions: &'a Assumptions,
    /// The directory takes no writes, and says when to come back.
    pub busy: Option<Duration>,
}

/// What happened to a job.
#[derive(Debug, Clone)]
pub enum Event {
    /// The time of the next cycle, or of its next step, may have come.
    Tick,
    /// The last step stopped because it was full.
    Continue,
    /// The agent reached the domain and could log on.
    CheckPassed,
    /// The check at the start of a cycle failed.
    CheckFailed(Failure),
    /// A page of changes arrived.
    Page(Box<ListResponse>),
    /// A page could not be read.
    ReadFailed(Failure),
}

/// Why a question was not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Code of CS 9.5.
    pub code: String,
    /// What went wrong, for a person.
    pub message: String,
    /// The directory does not accept the watermark.
    pub cookie_refused: bool,
}

impl Failure {
    /// The agent answered, but not the question.
    pub(super) fn not_asked() -> Self {
        let code = ErrorCode::HybridSynchronizationActiveDirectoryInternalServerError;
        ScimError::new(code, "the agent answered something that was not asked").into()
    }
}

impl From<ScimError> for Failure {
    fn from(error: ScimError) -> Self {
        Self {
            cookie_refused: error.code == ErrorCode::CookieRefused,
            code: error.code.as_str().to_owned(),
            message: error.message,
        }
    }
}

/// What a step asks the driver to do, after its changes are stored.
#[derive(Debug, Default)]
pub struct Effect {
    /// Ask an agent, and come back with the answer.
    pub ask: Option<Operation>,
    /// Come back with [`Event::Continue`]: there is more to do.
    pub again: bool,
    /// Put this into the trace.
    pub reports: Vec<Report>,
}

/// Something worth telling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// A cycle ended.
    Cycle {
        /// Which kind.
        phase: Phase,
        /// Its numbers.
        execution: Box<Execution>,
    },
    /// An object was written, or its deletion held back.
    Export {
        /// `create`, `update`, `disable`, `delete` or `stagedDelete`.
        action: &'static str,
        /// Its kind.
        kind: ObjectKind,
        /// UPN of a user, display name of a group.
        name: String,
    },
    /// An object could not be written.
    Escrow {
        /// Its kind.
        kind: ObjectKind,
        /// What it is known by in the directory.
        name: String,
        /// Code of CS 6.8.
        code: &'static str,
    },
    /// A password was written or not (event 657 of CS 7.3).
    Password {
        /// How it ended.
        result: PasswordResult,
        /// UPN of the user; the objectGUID of one that is not in the cloud.
        name: String,
    },
    /// The directory takes no more writes for now.
    Throttled {
        /// When to come back.
        retry_after: Duration,
    },
    /// The job went to quarantine.
    Quarantined {
        /// Why.
        reason: QuarantineReason,
        /// The error behind it.
        error: JobError,
    },
    /// The one mail that a quarantine causes (CS 5.5).
    Notification {
        /// `Recipients` of the job.
        to: String,
    },
    /// The job left quarantine.
    Released,
}

/// Code of a directory that takes no writes for now (CS 9.5).
pub const SERVER_BUSY: &str = "AzureDirectoryServiceServerBusy";
/// Sender of notifications (CS 5.5).
pub(super) const NOTIFICATION_SENDER: &str = "azure-noreply@microsoft.com";
