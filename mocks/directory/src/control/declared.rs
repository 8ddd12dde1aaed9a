//! The objects that a configuration declares, for whoever has to put the same ones into another directory.

use std::sync::Arc;

use provlab_platform::Entropy;
use provlab_protocol::filetime::FileTime;

use super::command::{ControlError, DumpedEntry};
use super::dump::{self, Wanted};
use super::handle::Desk;
use crate::access::Token;
use crate::config::Config;
use crate::model::Context;

/// Some moment: no attribute of a dump depends on it. 2024-01-17 21:20 UTC.
const MOMENT: FileTime = FileTime(133_500_000_000_000_000);

/// What a new domain of this configuration holds beyond what every domain has, in the form of
/// [`Command::Dump`](super::Command::Dump): parents before children, no passwords, no memberships in built-in groups.
///
/// # Errors
/// The configuration cannot be built.
pub fn declared(config: &Config) -> Result<Vec<DumpedEntry>, ControlError> {
    let entropy = Entropy::seeded(0);
    let mut directory = crate::naming::build(config, MOMENT, &entropy)?;
    let context = Context {
        token: Arc::new(Token::system()),
        now: MOMENT,
        sealed: true,
        entropy,
    };
    let desk = Desk {
        directory: &mut directory,
        context,
    };
    let wanted = Wanted {
        base: None,
        attributes: Vec::new(),
        system: false,
        deleted: false,
    };
    dump::dump(&desk, &wanted)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::config::{AccountConfig, PopulationConfig};

    #[test]
    fn a_configuration_declares_its_people_and_no_built_in_object() {
        let mut config = Config::new("contoso.com", "CONTOSO", "Adm1n-of-the-Lab".into());
        config
            .accounts
            .push(AccountConfig::new("alice", "Wonder-2026".into()));
        config.populations.push(PopulationConfig {
            users: 3,
            groups: Some(1),
            seed: 1,
            organizational_unit: "OU=Staff".into(),
            upn_suffix: None,
            prefix: String::new(),
        });
        let entries = declared(&config).unwrap();
        let names: Vec<&str> = entries.iter().map(|entry| entry.dn.as_str()).collect();
        assert!(
            names.contains(&"CN=alice,CN=Users,DC=contoso,DC=com"),
            "{names:?}"
        );
        assert!(
            !names.iter().any(|name| name.contains("Administrator")),
            "{names:?}"
        );
        let staff = names
            .iter()
            .position(|name| name.starts_with("OU=Staff,"))
            .unwrap();
        let below = names.iter().filter(|name| name.contains(",OU=Staff,"));
        assert_eq!(below.count(), 4);
        assert!(
            names[staff + 1].ends_with(",OU=Staff,DC=contoso,DC=com"),
            "parents come first"
        );
        assert_eq!(entries, declared(&config).unwrap());
    }
}
