//! Every host name, suffix and issuer differs between the clouds, so a cloud is one record of data and never a branch.
//!
//! Sources: CS 2.3, CS 10, PR 2, PR 3.2. What no source states is named in [`Environment::inferred`].
//! Everything after the bootstrap call is taken from the bootstrap response, not from here (PR 2, "lab rule").

mod hosts;
mod records;
mod switch;

pub use records::{ENVIRONMENTS, Environment, EnvironmentName};
pub use switch::{ENVIRONMENTNAME_SWITCH, UnknownEnvironmentName, from_environmentname_switch};

/// The record of one environment.
#[must_use]
pub fn find(name: EnvironmentName) -> &'static Environment {
    match name {
        EnvironmentName::AzureCloud => &ENVIRONMENTS[0],
        EnvironmentName::AzureUSGovernment => &ENVIRONMENTS[1],
        EnvironmentName::AzureUSGovernmentDoD => &ENVIRONMENTS[2],
    }
}
