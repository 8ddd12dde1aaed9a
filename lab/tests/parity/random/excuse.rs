//! Answers that are known to differ, by the name of their row in `known.rs`, where both servers are left alike.

use crate::{
    observation::{Observation, Show},
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
        case: "add: a reference to itself",
        applies: |operation, embedded, samba| {
            matches!(operation, Operation::Add { .. }) && codes(embedded, samba) == (19, 32)
        },
    },
    Excuse {
        case: "order: references to nothing are judged first",
        applies: |operation, embedded, samba| {
            let (add_or_modify, _) = parts(operation, [embedded, samba]);
            add_or_modify && embedded.code != 0 && MISSING_REFERENCE.contains(&(samba.code, samba.number))
        },
    },
    Excuse {
        case: "order: several things are wrong at once",
        applies: |operation, embedded, samba| {
            let (add_or_modify, parts) = parts(operation, [embedded, samba]);
            let owner_first = embedded.number == Some(OWNED_BY_SAM) && samba.code == 65;
            add_or_modify && (parts > 1 || owner_first) && embedded.code != 0 && samba.code != 0
        },
    },
    Excuse {
        case: "bind: what an account remembers of it",
        applies: |operation, embedded, samba| {
            let counters = ["badPwdCount", "badPasswordTime", "lastLogon", "logonCount"];
            matches!(operation, Operation::Search(_))
                && without(embedded, &counters).agrees(&without(samba, &counters), Show::Entries)
        },
    },
    Excuse {
        case: "modify: delete a reference to nothing",
        applies: |operation, embedded, samba| {
            any_change(operation, ChangeKind::Delete) && matches!(codes(embedded, samba), (19, 16 | 32))
        },
    },
    Excuse {
        case: "modify: account attributes of what is no account",
        applies: |operation, embedded, samba| {
            matches!(operation, Operation::Modify { .. })
                && matches!(codes(embedded, samba), (65 | 53 | 21 | 16, 1))
        },
    },
    Excuse {
        case: "rename: below itself, which can have no children",
        applies: |operation, embedded, samba| {
            matches!(operation, Operation::Rename { .. }) && codes(embedded, samba) == (53, 64)
        },
    },
    Excuse {
        case: "rename: what is not there, below what is not there",
        applies: |operation, embedded, samba| {
            matches!(operation, Operation::Rename { .. }) && codes(embedded, samba) == (32, 80)
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

/// What Samba answers where a value names an object that is not there, the second for `member`, or none at all.
const MISSING_REFERENCE: [(u32, Option<u32>); 3] = [(19, Some(0x20B5)), (32, Some(0x525)), (34, None)];
/// Win32 `ERROR_DS_ATTRIBUTE_OWNED_BY_SAM`.
const OWNED_BY_SAM: u32 = 0x209A;
/// What every object of a sequence is made with.
const USUAL: [&str; 5] = [
    "objectClass",
    "sAMAccountName",
    "userPrincipalName",
    "unicodePwd",
    "userAccountControl",
];

/// A value of no bytes.
const EMPTY: &str = "hex:";

/// Whether this is an add or a modification, and how many things in it can be wrong: one value of an
/// object that is there has one answer, for more of them the order of checks decides, which nobody documents.
fn parts(operation: &Operation<String>, answers: [&Observation; 2]) -> (bool, usize) {
    let elsewhere = answers.iter().any(|answer| matches!(answer.code, 32 | 68));
    let elsewhere = usize::from(elsewhere);
    match operation {
        Operation::Add { attributes, .. } => {
            let empty = |values: &[String]| values.iter().filter(|value| *value == EMPTY).count();
            let others = attributes.iter().filter(|(name, values)| {
                values.len() > 1 || empty(values) > 0 || !USUAL.contains(&name.as_str())
            });
            // An empty value is wrong by itself, wherever it stands.
            let wrong = others.map(|(_, values)| values.len() + empty(values));
            (true, elsewhere + wrong.sum::<usize>())
        }
        Operation::Modify { changes, .. } => {
            let values = changes.iter().map(|change| change.values.len().max(1));
            (true, elsewhere + values.sum::<usize>())
        }
        _ => (false, 0),
    }
}

/// An answer without some attributes.
fn without(answer: &Observation, attributes: &[&str]) -> Observation {
    let mut rest = answer.clone();
    for entry in &mut rest.entries {
        entry
            .attributes
            .retain(|(name, _)| !attributes.contains(&name.as_str()));
    }
    rest
}

fn codes(embedded: &Observation, samba: &Observation) -> (u32, u32) {
    (embedded.code, samba.code)
}

fn any_change(operation: &Operation<String>, kind: ChangeKind) -> bool {
    matches!(operation, Operation::Modify { changes, .. } if changes.iter().any(|change| change.kind == kind))
}

fn changes(operation: &Operation<String>, kind: ChangeKind, attribute: &str) -> bool {
    matches!(operation, Operation::Modify { changes, .. } if changes
        .iter()
        .any(|change| change.kind == kind && change.attribute.eq_ignore_ascii_case(attribute)))
}
