//! The installer's `ENVIRONMENTNAME=` decides which cloud an agent ever talks to, so a misspelt value must stop with a list.

use super::records::{ENVIRONMENTS, Environment};

/// Name of the installer switch (CS 4, CS 10).
pub const ENVIRONMENTNAME_SWITCH: &str = "ENVIRONMENTNAME";

/// Value that the bundle's variable starts with: the public cloud (CS 4).
const DEFAULT_VALUE: &str = "Default";

/// An `ENVIRONMENTNAME=` value that selects no environment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "ENVIRONMENTNAME={value} is not a known environment; give one of {known}, or leave the switch out for the public cloud"
)]
pub struct UnknownEnvironmentName {
    /// What was given.
    pub value: String,
    /// The known values, for a message.
    pub known: String,
}

/// The environment that an `ENVIRONMENTNAME=` value selects; letter case does not matter.
///
/// Only `AzureUSGovernment` is documented (CS 4). `Default` is what the bundle starts with; `AzureCloud` is passed by public
/// scripts (unofficial). The DoD cloud has no documented value and is therefore not reachable by the switch: a host is set up for it by
/// configuration.
///
/// # Errors
/// [`UnknownEnvironmentName`], which lists the known values.
pub fn from_environmentname_switch(value: &str) -> Result<&'static Environment, UnknownEnvironmentName> {
    if value.eq_ignore_ascii_case(DEFAULT_VALUE) {
        return Ok(&ENVIRONMENTS[0]);
    }
    ENVIRONMENTS
        .iter()
        .find(|environment| {
            environment
                .installer_switch
                .is_some_and(|known| known.eq_ignore_ascii_case(value))
        })
        .ok_or_else(|| UnknownEnvironmentName {
            value: value.to_owned(),
            known: known_values(),
        })
}

fn known_values() -> String {
    let mut known = vec![DEFAULT_VALUE];
    known.extend(
        ENVIRONMENTS
            .iter()
            .filter_map(|environment| environment.installer_switch),
    );
    known.join(", ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::from_environmentname_switch;
    use crate::environment::EnvironmentName;

    #[test]
    fn known_values_select_their_cloud() {
        for (value, name) in [
            ("AzureUSGovernment", EnvironmentName::AzureUSGovernment),
            ("azureusgovernment", EnvironmentName::AzureUSGovernment),
            ("Default", EnvironmentName::AzureCloud),
            ("AzureCloud", EnvironmentName::AzureCloud),
        ] {
            assert_eq!(
                from_environmentname_switch(value).map(|environment| environment.name),
                Ok(name),
                "{value}"
            );
        }
    }

    #[test]
    fn an_unknown_value_is_refused_with_the_known_ones() {
        for value in ["AzureUSGoverment", "", "AzureUSGovernmentDoD"] {
            let error = from_environmentname_switch(value)
                .map(|environment| environment.name)
                .unwrap_err();
            assert!(
                error
                    .to_string()
                    .contains("Default, AzureCloud, AzureUSGovernment"),
                "{error}"
            );
        }
    }
}
