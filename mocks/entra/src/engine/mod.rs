//! The provisioning engine: synchronization jobs that turn what an agent reads into users and groups (CS 5).
//!
//! [`jobs`] is what Graph calls: pure changes of a job's row. [`step`] is one pure step of a job: an event and the state go in,
//! the changed state and the next question come out, in one transaction, so that objects and watermark are stored together.
//! [`run`] performs the effects: it asks agents through the relay and waits by the clock.

mod configuration;
mod connector;
mod driver;
mod export;
mod import;
mod job;
mod job_graph;
pub mod jobs;
mod machine;
mod mapping;
mod names;
mod quarantine;
mod records;
mod references;
mod schema;
mod scope;
mod target;
#[cfg(test)]
mod tests;

pub use configuration::{BadResetScope, BadSecret, Configuration, DEFAULT_DELETE_THRESHOLD, ResetScope};
pub use connector::{Connector, Counts};
pub use driver::{run, validate_credentials};
pub use job::{
    AD2AAD_PROVISIONING, CREATED_INTERVAL, Execution, ExecutionState, Job, JobError, Phase, Quarantine,
    QuarantineReason, Schedule, ScheduleState, StatusCode, SyncJob, SyncState, TEMPLATES, Template, template,
};
pub use machine::{Effect, Event, Failure, PAGE_SIZE, Report, World, step};
pub use mapping::{EXTENSIONS, GROUP, Mapping, Rule, Slot, USER, requested_attributes};
pub use quarantine::FAILURES_BEFORE_QUARANTINE;
pub use records::{
    AssignedNames, Escrow, Link, LinkAttribute, ObjectKind, Reference, SourceRecord, TargetLink,
};
pub use schema::default_schema;
