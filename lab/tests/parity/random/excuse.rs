//! Answers that are known to differ, by the name of their row in `known.rs`, where both servers are left alike.

use crate::{
    observation::Observation,
    operation::{ChangeKind, Operation},
    script::{Act, Step},
};

/// A known difference, and how to tell that a step ran into it.
pub struct Excuse {
    /// The row.
    pub case: &'static str,
    /// Whether the two answers, the embedded directory's first, differ as the row says.
    applies: fn(&Operation<String>, &Observation, &Observation) -> bool,
}

/// What can happen to operations of `generate.rs`.
pub const EXCUSES: &[Excuse] = &[
    Excuse {
        case: "bind: unknown user",
        applies: |operation, embedded, samba| {
            matches!(operation, Operation::Bind { .. })
                && embedded.data.as_deref() == Some("525")
                && samba.data.as_deref() == Some("52e")
        },
    },
    Excuse {
        case: "group: a member of a group without any",
        applies: |operation, embedded, samba| {
            changes(operation, ChangeKind::Delete, "member") && codes(embedded, samba) == (53, 16)
        },
    },
    Excuse {
        case: "password: a reset that breaks the policy",
        applies: |operation, embedded, samba| {
            changes(operation, ChangeKind::Replace, "unicodePwd") && codes(embedded, samba) == (53, 19)
        },
    },
    Excuse {
        case: "password: of an object that is no account",
        applies: |operation, embedded, samba| {
            changes(operation, ChangeKind::Replace, "unicodePwd") && codes(embedded, samba) == (65, 50)
        },
    },
];

/// The row that explains why the answers to a step differ, if one does.
pub fn excuse(step: &Step, embedded: &Observation, samba: &Observation) -> Option<&'static str> {
    let (Act::Do(operation) | Act::Given(operation)) = &step.act else {
        return None;
    };
    let found = EXCUSES
        .iter()
        .find(|excuse| (excuse.applies)(operation, embedded, samba));
    found.map(|excuse| excuse.case)
}

fn codes(embedded: &Observation, samba: &Observation) -> (u32, u32) {
    (embedded.code, samba.code)
}

fn changes(operation: &Operation<String>, kind: ChangeKind, attribute: &str) -> bool {
    matches!(operation, Operation::Modify { changes, .. } if changes
        .iter()
        .any(|change| change.kind == kind && change.attribute.eq_ignore_ascii_case(attribute)))
}
