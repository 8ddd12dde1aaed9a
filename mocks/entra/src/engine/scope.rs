//! Which source objects a job takes in: the built-in exclusions of cloud sync (CS 5.8).

use super::records::SourceRecord;

/// A rule that keeps an object out.
pub(super) struct Exclusion {
    /// What it keeps out, as the provisioning log words it.
    pub(super) reason: &'static str,
    applies: fn(&SourceRecord) -> bool,
}

/// The exclusions documented for cloud sync; those of Entra Connect that are only assumed to be shared are left out.
pub(super) const EXCLUSIONS: [Exclusion; 3] = [
    Exclusion {
        reason: "isCriticalSystemObject is TRUE",
        applies: |r| {
            r.first("iscriticalsystemobject")
                .is_some_and(|v| v.eq_ignore_ascii_case("TRUE"))
        },
    },
    Exclusion {
        reason: "the object is a replication victim",
        applies: |r| {
            ["cn", "distinguishedname"]
                .iter()
                .any(|name| r.first(name).is_some_and(is_conflict_name))
        },
    },
    Exclusion {
        // Stops loops: such objects come from the cloud.
        reason: "adminDescription starts with User_ or Group_",
        applies: |r| {
            r.first("admindescription")
                .is_some_and(|v| v.starts_with("User_") || v.starts_with("Group_"))
        },
    },
];

/// Whether a name has the mark of a conflict object, `\0ACNF:` in a DN or a line feed before `CNF:` in a value.
fn is_conflict_name(name: &str) -> bool {
    name.contains("\\0ACNF:") || name.contains("\nCNF:")
}

/// The first exclusion that applies.
#[must_use]
pub(super) fn exclusion(record: &SourceRecord) -> Option<&'static str> {
    EXCLUSIONS
        .iter()
        .find(|rule| (rule.applies)(record))
        .map(|rule| rule.reason)
}
