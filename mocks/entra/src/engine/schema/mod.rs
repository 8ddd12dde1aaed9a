//! The `synchronizationSchema` of a job: what Graph shows at first, and its typed form (CS 6.4).

mod default;
mod model;
mod of_job;
mod rows;

pub use default::default_schema;
pub(super) use model::{
    AttributeMapping, FilterClause, FilterGroup, MappingSource, ObjectMapping, Schema, ScopeFilter,
    SynchronizationRule,
};
pub use of_job::{check_schema, schema_of};
