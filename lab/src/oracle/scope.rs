//! Which objects a job takes in (CS 5.8).

use super::Source;

/// Why an object is left out; `None` where it is in scope.
pub(super) fn skipped(source: &Source) -> Option<&'static str> {
    EXCLUSIONS
        .iter()
        .find(|(_, applies)| applies(source))
        .map(|(reason, _)| *reason)
}

type Exclusion = (&'static str, fn(&Source) -> bool);

/// The exclusions that are documented for cloud sync.
const EXCLUSIONS: [Exclusion; 3] = [
    ("it is critical to the system", |source| {
        source
            .first("isCriticalSystemObject")
            .is_some_and(|value| value.eq_ignore_ascii_case("TRUE"))
    }),
    ("it is a replication victim", |source| {
        source.dn.contains("\\0ACNF:") || source.first("cn").is_some_and(|cn| cn.contains("\nCNF:"))
    }),
    ("it comes from the cloud", |source| {
        source
            .first("adminDescription")
            .is_some_and(|text| text.starts_with("User_") || text.starts_with("Group_"))
    }),
];
