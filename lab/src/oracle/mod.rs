//! The oracle: what a tenant must hold, told by a naive full comparison with the directory.
//!
//! It is written from the documents (CS 5.3 to 5.12, 6.7) and shares nothing with the provisioning engine: no watermark,
//! no connector data store, no batches. A directory and what an administrator has configured go in, a verdict on every
//! object comes out ([`judge`]). What depends on more than the present is in [`Memory`], which says why.
//! [`needless`] tells from the trace whether a job has written more than it had to.

mod claims;
mod expression;
mod judge;
mod mapping;
mod memory;
mod names;
mod reading;
mod scope;
mod selection;
mod settings;
mod source;
mod tenant;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod writes;

pub use judge::{Judgement, judge};
pub use memory::{Memory, Rereading};
pub use names::Names;
pub use reading::{Case, Job, Properties, Trail, Verdict};
pub use settings::{Clause, DELETE_THRESHOLD, From, Mapping, Scope, Settings};
pub use source::{Kind, Source, sources};
pub use tenant::{CloudObject, JobState, Tenant};
pub use writes::{has_read, needless};
