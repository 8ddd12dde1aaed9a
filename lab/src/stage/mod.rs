//! The stages: each builds a [`World`] from the same declaration.

mod declare;
mod live;
mod sim;

use crate::{
    run::RunOptions,
    scenario::{Scenario, StageName},
    world::{World, WorldError},
};

pub use live::{LiveWorld, left_behind, serve, started_as_agent};
pub use sim::SimWorld;

/// Whether a stage can run on this machine.
///
/// # Errors
/// The reason why not, for people.
pub fn availability(stage: StageName) -> Result<(), String> {
    match stage {
        StageName::Sim => Ok(()),
        StageName::Live => live::lab_binary().map(drop),
        StageName::Samba | StageName::Openldap => Err("the container stages are not built yet".into()),
    }
}

/// The runtime that a stage's worlds live in.
///
/// # Errors
/// Any error of the operating system while making the runtime.
pub fn runtime(stage: StageName, seed: u64) -> std::io::Result<tokio::runtime::Runtime> {
    match stage {
        StageName::Sim => provlab_platform::sim::runtime(seed),
        StageName::Live | StageName::Samba | StageName::Openldap => {
            tokio::runtime::Builder::new_current_thread().enable_all().build()
        }
    }
}

/// Builds the world of a scenario.
///
/// # Errors
/// [`WorldError::Missing`] where the machine lacks something, others where a part does not start.
pub async fn build(
    scenario: &Scenario,
    options: &RunOptions,
    seed: u64,
) -> Result<Box<dyn World>, WorldError> {
    match options.stage {
        StageName::Sim => Ok(Box::new(SimWorld::build(scenario, options, seed).await?)),
        StageName::Live => Ok(Box::new(LiveWorld::build(scenario, options).await?)),
        stage @ (StageName::Samba | StageName::Openldap) => {
            Err(WorldError::Missing(availability(stage).err().unwrap_or_default()))
        }
    }
}
