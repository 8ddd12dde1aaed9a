//! The stages: each builds a [`World`] from the same declaration.

#[cfg(feature = "containers")]
mod containers;
mod declare;
mod fault;
mod live;
mod sim;

use crate::{
    run::RunOptions,
    scenario::{Scenario, StageName},
    world::{World, WorldError},
};

#[cfg(feature = "containers")]
pub use containers::{describe_engine, sweep_containers, sweep_own};
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
        #[cfg(feature = "containers")]
        StageName::Samba | StageName::Openldap => containers::availability(),
        #[cfg(not(feature = "containers"))]
        StageName::Samba | StageName::Openldap => Err(NO_CONTAINERS.into()),
    }
}

#[cfg(not(feature = "containers"))]
const NO_CONTAINERS: &str = "this lab was built without the feature `containers`";

/// Without the feature there is nothing to sweep.
///
/// # Errors
/// Always, with the reason.
#[cfg(not(feature = "containers"))]
pub fn sweep_containers() -> Result<Vec<String>, String> {
    Err(NO_CONTAINERS.into())
}

/// Without the feature there is nothing to sweep.
#[cfg(not(feature = "containers"))]
pub fn sweep_own() {}

/// Without the feature no engine is looked for.
///
/// # Errors
/// Always, with the reason.
#[cfg(not(feature = "containers"))]
pub fn describe_engine() -> Result<(String, String), String> {
    Err(NO_CONTAINERS.into())
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
        StageName::Live | StageName::Samba | StageName::Openldap => {
            Ok(Box::new(Box::pin(LiveWorld::build(scenario, options)).await?))
        }
    }
}
