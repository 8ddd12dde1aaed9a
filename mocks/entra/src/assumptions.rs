//! What Microsoft does not document about provisioning, decided here and switchable by name.
//!
//! Every switch says what happens when it is on and when it is off, so that a scenario can state which world it means.
//! `docs/differences.md` lists them from this table.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Assumption {
    /// Name in scenario files and in [`Config`](crate::Config).
    pub name: &'static str,
    /// Where it stands if nobody says otherwise.
    pub default: bool,
    /// What is assumed when it is on; the opposite when it is off.
    pub about: &'static str,
    /// Section of the reference that leaves it open.
    pub source: &'static str,
}

/// Names of the switches, for the code that asks for them.
pub mod names {
    /// The † rows of the attribute table flow.
    pub const CONNECT_ATTRIBUTES: &str = "connect-default-attributes";
    /// Entra Connect's default exclusions apply.
    pub const CONNECT_EXCLUSIONS: &str = "connect-default-exclusions";
    /// A scoping group is itself in scope.
    pub const SCOPING_GROUP: &str = "scoping-group-in-scope";
    /// References resolve as soon as both ends are in the cloud.
    pub const LATE_REFERENCES: &str = "late-references-resolve";
    /// Duplicate values are set aside and the rest of the object is written.
    pub const DUPLICATE_RESILIENCY: &str = "duplicate-attribute-resiliency";
    /// The tenant's deletion guard also binds cloud sync.
    pub const TENANT_GUARD: &str = "tenant-deletion-guard-binds-cloud-sync";
    /// Provisioning on demand follows the scope.
    pub const ON_DEMAND_SCOPE: &str = "on-demand-follows-scope";
    /// A group that is soft-deleted in the cloud is deleted in the directory.
    pub const SOFT_DELETED_GROUPS: &str = "soft-deleted-groups-are-deprovisioned";
    /// The directory takes a limited number of writes.
    pub const WRITE_LIMIT: &str = "directory-write-limit";
}

/// Every switch.
pub const ASSUMPTIONS: [Assumption; 9] = [
    Assumption {
        name: names::CONNECT_ATTRIBUTES,
        default: true,
        about: "attributes that the reference marks as Entra Connect's defaults flow in cloud sync too",
        source: "CS 5.10",
    },
    Assumption {
        name: names::CONNECT_EXCLUSIONS,
        default: true,
        about: "Entra Connect's default exclusions (AAD_, MSOL_, SystemMailbox{, contacts without mail, …) apply in cloud sync too",
        source: "CS 5.8",
    },
    Assumption {
        name: names::SCOPING_GROUP,
        default: true,
        about: "a group that is selected as scope is synchronized itself, beside its direct members",
        source: "CS 2.6",
    },
    Assumption {
        name: names::LATE_REFERENCES,
        default: true,
        about: "a manager or member that comes into scope later is added at once; otherwise it needs a restart",
        source: "CS 5.4",
    },
    Assumption {
        name: names::DUPLICATE_RESILIENCY,
        default: true,
        about: "with the tenant's quarantineUpon…Conflict features a duplicate value is set aside and reported on the object; otherwise the object is not written",
        source: "CS 6.7, 6.8",
    },
    Assumption {
        name: names::TENANT_GUARD,
        default: false,
        about: "the tenant's accidentalDeletionPrevention holds back deletions of cloud sync, even where the job's administrator allowed them",
        source: "CS 5.6, 6.7",
    },
    Assumption {
        name: names::ON_DEMAND_SCOPE,
        default: true,
        about: "provisioning on demand skips an object that the scope of groups or organizational units leaves out (release note of 1.1.359); otherwise it does not look at that scope",
        source: "CS 5.7, 16",
    },
    Assumption {
        name: names::SOFT_DELETED_GROUPS,
        default: true,
        about: "group provisioning to Active Directory deletes a group there as soon as it is soft-deleted in the cloud; otherwise when it is deleted for good, the only deletion that is documented for groups",
        source: "CS 5.10",
    },
    Assumption {
        name: names::WRITE_LIMIT,
        default: true,
        about: "the jobs of a tenant write at most 7,000 objects in five minutes, the published limit of Entra Connect",
        source: "CS 6.8",
    },
];

/// Switches that differ from their defaults, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Assumptions(pub BTreeMap<String, bool>);

/// A switch that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no assumption '{0}'; use one of {known}", known = known_names())]
pub struct UnknownAssumption(pub String);

fn known_names() -> String {
    ASSUMPTIONS.map(|known| known.name).join(", ")
}

impl Assumptions {
    /// Whether something is assumed. A name that is not in the table is never assumed.
    #[must_use]
    pub fn holds(&self, name: &str) -> bool {
        let default = || {
            ASSUMPTIONS
                .iter()
                .any(|known| known.name == name && known.default)
        };
        self.0.get(name).copied().unwrap_or_else(default)
    }

    /// Refuses names that are not in the table.
    ///
    /// # Errors
    /// The first such name.
    pub fn check(&self) -> Result<(), UnknownAssumption> {
        let unknown = |name: &&String| ASSUMPTIONS.iter().all(|known| known.name != name.as_str());
        self.0
            .keys()
            .find(unknown)
            .map_or(Ok(()), |name| Err(UnknownAssumption(name.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of `docs/differences.md` is this one.
    #[test]
    fn the_documents_list_every_switch() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/differences.md");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        for known in ASSUMPTIONS {
            let state = if known.default { "on" } else { "off" };
            let row = format!(
                "| `{}` | {state} | {} | {} |",
                known.name, known.about, known.source
            );
            assert!(text.contains(&row), "docs/differences.md needs the row\n{row}");
        }
    }

    #[test]
    fn a_switch_stands_where_it_was_set_and_otherwise_at_its_default() {
        let set = Assumptions([(names::TENANT_GUARD.to_owned(), true)].into());
        assert!(set.check().is_ok());
        assert!(set.holds(names::TENANT_GUARD) && set.holds(names::LATE_REFERENCES));
        assert!(!Assumptions::default().holds(names::TENANT_GUARD));
        let misspelt = Assumptions([("late-references".to_owned(), true)].into());
        assert!(
            misspelt
                .check()
                .is_err_and(|e| e.to_string().contains("late-references-resolve"))
        );
    }
}
