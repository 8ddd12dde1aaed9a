//! The stages: each builds a [`World`](crate::world::World) from the same declaration.

mod live;
mod sim;


use crate::scenario::StageName;

pub use live::{LiveWorld, left_behind, serve, started_as_agent};
pub use sim::SimWorld;

/// Whether a stage can run on this machine.
///
/// # Errors
/// The reason why not, for people.
pub fn availability(stage: StageName) -> Result<(), String> {
    match stage {
        StageName::Sim => Ok(()),
        StageName::Live => live::lab_binary().map(|_: std::path::PathBuf| ()),
        StageName::Samba | StageName::Openldap => Err("the container stages are not built yet".into()),
    }
}
