//! The provisioning engine: synchronization jobs that turn what an agent reads into users and groups (CS 5).
//!
//! [`jobs`] is what Graph calls: pure changes of a job's row. [`step`] is one pure step of a job: an event and the state go in,
//! the changed state and the next question come out, in one transaction, so that objects and watermark are stored together.
//! [`run`] performs the effects: it asks agents through the relay and waits by the clock.

mod closing;
mod configuration;
mod conflict;
mod connector;
mod driver;
mod ending;
mod escrow;
mod event;
mod export;
mod flow;
mod guard;
mod import;
mod job;
mod job_graph;
pub mod jobs;
mod ledger;
mod log;
mod machine;
mod matching;
mod names;
pub mod on_demand;
pub mod outbound;
pub mod password_hash;
mod plan;
mod quarantine;
mod records;
mod references;
mod schema;
mod scope;
mod sync_account;
mod target;
#[cfg(test)]
mod tests;
mod turns;
mod write;

pub use configuration::{BadResetScope, BadSecret, Configuration, DEFAULT_DELETE_THRESHOLD, ResetScope};
pub use connector::{Connector, Counts};
pub use driver::{run, validate_credentials};
pub use event::{Effect, Event, Failure, Report, SERVER_BUSY, World};
pub use import::ScopeGroups;
pub use job::{
    AD2AAD_PROVISIONING, CREATED_INTERVAL, Direction, Execution, ExecutionState, Job, JobError, Phase,
    Quarantine, QuarantineReason, Schedule, ScheduleState, Stage, StatusCode, SyncJob, SyncState, TEMPLATES,
    Template, template,
};
pub use ledger::{MAX_LOG_ENTRIES, WRITE_WINDOW, WRITES_PER_WINDOW};
pub use machine::{PAGE_SIZE, step};
pub use outbound::{OutboundGroup, OutboundMember};
pub use password_hash::PasswordWaiting;
pub use plan::{
    Arity, MAX_SCHEMA_BYTES, MAX_SCOPE_ENTRIES, OPERATORS, Operator, Plan, Plans, SchemaError,
    requested_attributes,
};
pub use quarantine::{
    BASE_LIMIT, EVALUATED_FROM, FAILURES_BEFORE_QUARANTINE, PROPORTION_PERCENT, TOTAL_LIMIT,
};
pub use records::{
    AssignedNames, Escrow, Link, LinkAttribute, ObjectKind, Reference, Rejected, SourceRecord, StagedDelete,
    TargetLink,
};
pub use schema::{check_schema, default_schema, schema_of};
pub use sync_account::SYNC_ACCOUNT_PREFIX;
