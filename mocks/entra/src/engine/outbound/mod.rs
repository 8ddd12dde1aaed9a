//! Group provisioning to Active Directory: groups of the cloud that a job keeps in a domain (CS 5.2, 5.7, 5.10, PR 10).
//!
//! The same shape as the inbound engine: [`step`] is one pure step in one transaction, `driver` performs what it asks for. What is left to
//! do is marked on rows of the job's own ([`OutboundGroup`], [`OutboundMember`]), which also remember what was written last: nothing that
//! did not change is written. What was asked and not answered counts as perhaps done and is said again.

mod answer;
mod changes;
mod driver;
mod ending;
mod log;
mod machine;
mod mapping;
mod members;
mod on_demand;
mod plan;
mod records;
mod reset;
mod scope;
mod store;
#[cfg(test)]
mod tests;
mod view;
mod write;

use serde_json::Value;
use uuid::Uuid;

pub(super) use driver::cycle;
pub use machine::{Answer, Ask, Effect, Event, step};
pub use members::{MAX_MEMBERS, Skipped};
pub use on_demand::{MAX_ON_DEMAND_MEMBERS, OnDemand, OnDemandError, Provisioned, provision};
pub use records::{MemberState, Membership, OutboundGroup, OutboundMember, Work, Written};
pub(super) use reset::{forget, reset};

use super::plan::SchemaError;

/// `templateId` of the job (CS 5.2).
pub const TEMPLATE: &str = "AAD2ADGroupProvisioning";

/// The schema that a job has at first. `domain`: what its secrets name.
#[must_use]
pub fn default_schema(id: Uuid, domain: Option<&str>) -> Value {
    mapping::default_schema(id, domain)
}

/// Checks a schema before it is stored.
///
/// # Errors
/// The first thing that cannot be followed, with its place.
pub fn check_schema(schema: &Value) -> Result<(), SchemaError> {
    plan::Plan::compile(schema).map(drop)
}
