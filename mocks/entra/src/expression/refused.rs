//! Functions that people know from elsewhere, and what to write instead.

use super::error::{ParseError, shortened};
use super::functions::FUNCTIONS;

/// How alike two names are if one may have been meant as the other.
const LIKENESS: f64 = 0.6;

/// Functions that only the general reference has (CS 5.12), and what does the same in cloud sync, if anything.
const GENERAL: &[(&str, &str)] = &[
    (
        "AppRoleAssignmentsComplex",
        "SingleAppRoleAssignment([appRoleAssignments])",
    ),
    ("CDate", "FormatDateTime(…)"),
    ("Coalesce", "IIF(IsPresent([a]), [a], [b])"),
    ("DateAdd", ""),
    ("DateDiff", ""),
    ("DefaultDomain", "the domain as \"text\""),
    ("IgnoreFlowIfNullOrEmpty", ""),
    ("Len", ""),
    ("NormalizeDiacriticsByCulture", "NormalizeDiacritics(…)"),
    ("Now", ""),
    ("NumFromDate", ""),
    ("PCase", ""),
    ("RandomString", ""),
    ("Redact", ""),
];

/// Functions of Connect Sync that examples of the cloud sync reference call, though it does not have them.
const CONNECT: &[(&str, &str)] = &[("Contains", ""), ("CRef", "the attribute itself")];

/// Why there is no function of that name.
pub(super) fn unknown(name: &str, position: usize) -> ParseError {
    let listed = |table: &[(&str, &'static str)]| {
        table
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, instead)| *instead)
    };
    let what = format!("`{}`", shortened(name));
    let (reason, instead) = if let Some(instead) = listed(GENERAL) {
        (
            "is a function of application provisioning that is not in the cloud sync list",
            instead.to_owned(),
        )
    } else if let Some(instead) = listed(CONNECT) {
        (
            "is a function of Connect Sync that is not in the cloud sync list",
            instead.to_owned(),
        )
    } else {
        let near = FUNCTIONS
            .iter()
            .map(|function| {
                let likeness = strsim::normalized_damerau_levenshtein(
                    &name.to_lowercase(),
                    &function.name.to_lowercase(),
                );
                (likeness, function.name)
            })
            .filter(|(likeness, _)| *likeness >= LIKENESS)
            .max_by(|a, b| a.0.total_cmp(&b.0));
        return ParseError::new(
            position,
            match near {
                Some((_, near)) => {
                    format!("{what} is not a function of cloud sync; did you mean `{near}`? Case matters")
                }
                None => format!("{what} is not a function of cloud sync; docs/expressions.md lists them"),
            },
        );
    };
    let mend = if instead.is_empty() {
        "leave it out".to_owned()
    } else {
        format!("use {instead}")
    };
    ParseError::new(position, format!("{what} {reason}; {mend}"))
}
