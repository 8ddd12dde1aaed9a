//! Scenario files: what a person writes, read with places so that every complaint can point at a line.
//!
//! [`load_file`] turns a file into a [`Scenario`]: parse (bounded), include fixtures, pick a variant, check every
//! name. Nothing of a world is started before all of that has succeeded.

mod conceal;
mod diagnostic;
mod expectation;
mod lint;
mod load;
mod located;
mod model;
mod schema;
mod step;
mod suggest;
mod units;
mod world;

pub use diagnostic::{ScenarioError, ScenarioErrors};
pub use expectation::{
    AgentStatusWord, CloudObjectState, Expectation, Expected, JobStatus, ObjectCount, OnDemandResult,
    PasswordOutcome, ProvisioningAction, ProvisioningStatus, QuarantineReason, ServiceName, ServiceStateWord,
    WizardOutcomeWord,
};
pub use load::{
    Catalog, MAX_FILE_BYTES, MAX_INCLUDES, MAX_NESTING, MAX_NODES, Scenario, ScenarioId, load_file,
};
pub use located::Located;
pub use model::{Fixture, ScenarioFile, StageName, Variant};
pub use schema::json_schema;
pub(crate) use step::CloudStep;
pub use step::*;
pub use suggest::did_you_mean;
pub use units::Span;
pub use world::{
    CloudAccount, CloudGroup, CloudUser, CloudWorld, Domain, DomainAccount, EnvironmentWord, Host,
    KdsRootKey, Population, Tenant, WorldFile,
};
