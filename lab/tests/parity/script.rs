//! Cases as text: what is done, and below each step what the embedded directory answers.
//!
//! ```text
//! == filter: equality ignores case
//! # Remarks.
//! user alice
//!   description: one | two
//! search . sub (description=ONE)
//!   attributes: cn
//! > success
//! > CN=alice
//! >   cn: alice
//! ```
//!
//! Lines that begin with `~` say what Samba answers instead; such a case has a row in `known.rs`.
//! Names are relative to the case's own unit, which is `.`. See `CONTRIBUTING.md` for how to rewrite expectations.

use ldap3::Scope;

use crate::{
    observation::Show,
    operation::{Change, ChangeKind, Operation, Search},
};

/// A case.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    pub file: String,
    pub steps: Vec<Step>,
    /// The heading and the remarks, as written.
    head: Vec<String>,
}

/// A step of a case.
#[derive(Clone, Debug)]
pub struct Step {
    pub line: usize,
    pub act: Act,
    pub show: Show,
    /// Controls: name and argument, and whether it is critical.
    pub controls: Vec<(String, bool)>,
    /// What the embedded directory answers; nothing for a preparation, which must succeed.
    pub expected: Vec<String>,
    /// What Samba answers where it differs.
    pub samba: Vec<String>,
    /// The step as written, without its expectations.
    pub written: Vec<String>,
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum Act {
    /// Goes on as somebody.
    As(String),
    /// Keeps the identifiers of an object for later.
    Note(String),
    /// An operation that prepares the case.
    Given(Operation<String>),
    /// An operation that is observed.
    Do(Operation<String>),
    /// The last search once more, with the cookie of its answer.
    Again,
}

impl Case {
    /// Whether Samba is known to differ in it.
    pub fn differs(&self) -> bool {
        self.steps.iter().any(|step| !step.samba.is_empty())
    }

    /// The case as text again, with other expectations.
    pub fn rewritten(&self, answers: &[(Vec<String>, Vec<String>)]) -> Vec<String> {
        let mut lines = self.head.clone();
        for (step, (expected, samba)) in self.steps.iter().zip(answers) {
            lines.extend(step.written.iter().cloned());
            lines.extend(expected.iter().map(|line| format!("> {line}")));
            lines.extend(samba.iter().map(|line| format!("~ {line}")));
        }
        lines
    }
}

/// Reads a file of cases.
pub fn read(file: &str, text: &str) -> Result<Vec<Case>, String> {
    let mut cases: Vec<Case> = Vec::new();
    let mut remarks = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if line.starts_with('#') {
            remarks.push(line.to_owned());
        } else if !line.is_empty() {
            let remarks = std::mem::take(&mut remarks);
            read_line(&mut cases, file, at + 1, line, remarks)
                .map_err(|error| format!("{file}:{}: {error}", at + 1))?;
        }
    }
    for case in &mut cases {
        for step in &mut case.steps {
            prepare(step);
        }
    }
    Ok(cases)
}

/// Reads one line; `remarks` are those that stand above it.
fn read_line(
    cases: &mut Vec<Case>,
    file: &str,
    line: usize,
    text: &str,
    mut remarks: Vec<String>,
) -> Result<(), String> {
    remarks.push(text.to_owned());
    if let Some(name) = text.strip_prefix("== ") {
        cases.push(Case {
            name: name.trim().to_owned(),
            file: file.to_owned(),
            steps: Vec::new(),
            head: remarks,
        });
        return Ok(());
    }
    let case = cases.last_mut().ok_or("a file begins with `== name of a case`")?;
    let Some(step) = case
        .steps
        .last_mut()
        .filter(|_| text.starts_with([' ', '>', '~']))
    else {
        let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
        case.steps.push(Step {
            line,
            act: act(verb, rest)?,
            show: Show::default(),
            controls: Vec::new(),
            expected: Vec::new(),
            samba: Vec::new(),
            written: remarks,
        });
        return Ok(());
    };
    if let Some(expected) = text.strip_prefix('>') {
        step.expected
            .push(expected.strip_prefix(' ').unwrap_or(expected).to_owned());
    } else if let Some(expected) = text.strip_prefix('~') {
        step.samba
            .push(expected.strip_prefix(' ').unwrap_or(expected).to_owned());
    } else {
        step.written.extend(remarks);
        detail(step, text.trim())?;
    }
    Ok(())
}

fn act(verb: &str, rest: &str) -> Result<Act, String> {
    let dn = rest.to_owned();
    let operation = match verb {
        "as" => return Ok(Act::As(dn)),
        "note" => return Ok(Act::Note(dn)),
        "again" => return Ok(Act::Again),
        "given" => {
            let (verb, rest) = rest.split_once(' ').ok_or("given what?")?;
            return match act(verb, rest)? {
                Act::Do(operation) => Ok(Act::Given(operation)),
                _ => Err("only an operation can be given".to_owned()),
            };
        }
        "user" | "group" | "contact" | "unit" => return Ok(Act::Given(object(verb, rest))),
        "bind" => {
            let (name, password) = rest.split_once(" / ").ok_or("bind NAME / PASSWORD")?;
            Operation::Bind {
                name: unquoted(name),
                password: unquoted(password),
            }
        }
        "add" => Operation::Add {
            dn,
            attributes: Vec::new(),
        },
        "modify" => Operation::Modify {
            dn,
            changes: Vec::new(),
        },
        "delete" => Operation::Delete { dn },
        "rename" => {
            let (dn, rest) = rest.split_once(" to ").ok_or("rename NAME to RDN [below NAME]")?;
            let (new_rdn, superior) = match rest.split_once(" below ") {
                Some((rdn, superior)) => (rdn, Some(superior.to_owned())),
                None => (rest, None),
            };
            Operation::Rename {
                dn: dn.to_owned(),
                new_rdn: new_rdn.to_owned(),
                keep_old: false,
                superior,
            }
        }
        "compare" => {
            let (dn, rest) = rest.split_once(' ').ok_or("compare NAME ATTRIBUTE VALUE")?;
            let (attribute, value) = rest.split_once(' ').ok_or("compare NAME ATTRIBUTE VALUE")?;
            Operation::Compare {
                dn: dn.to_owned(),
                attribute: attribute.to_owned(),
                value: value.to_owned(),
            }
        }
        "extended" => Operation::Extended { oid: dn },
        "search" => {
            let usage = "search BASE base|one|sub FILTER";
            let (base, rest) = [" base (", " one (", " sub ("]
                .iter()
                .find_map(|scope| rest.find(scope).map(|at| rest.split_at(at)))
                .ok_or(usage)?;
            let (scope, filter) = rest.trim_start().split_once(' ').ok_or(usage)?;
            Operation::Search(Search {
                base: base.to_owned(),
                scope: match scope {
                    "base" => Scope::Base,
                    "one" => Scope::OneLevel,
                    _ => Scope::Subtree,
                },
                filter: filter.to_owned(),
                attributes: Vec::new(),
                size_limit: 0,
                types_only: false,
            })
        }
        _ => return Err(format!("unknown word {verb:?}")),
    };
    Ok(Act::Do(operation))
}

/// Two quotes stand for nothing.
fn unquoted(text: &str) -> String {
    if text == "\"\"" {
        String::new()
    } else {
        text.to_owned()
    }
}

/// The usual objects, so that a case says only what it is about.
fn object(kind: &str, name: &str) -> Operation<String> {
    let pairs: &[(&str, &str)] = match kind {
        "user" => &[
            ("objectClass", "user"),
            ("sAMAccountName", "{id}@"),
            ("userPrincipalName", "{id}@\u{40}contoso.lab"),
            ("unicodePwd", "password:Passw0rd.Lab"),
            ("userAccountControl", "512"),
        ],
        "group" => &[("objectClass", "group"), ("sAMAccountName", "{id}@")],
        "contact" => &[("objectClass", "contact")],
        _ => &[("objectClass", "organizationalUnit")],
    };
    let naming = if kind == "unit" { "OU" } else { "CN" };
    let last = name.split(',').next().unwrap_or(name);
    Operation::Add {
        dn: format!("{naming}={name}"),
        attributes: pairs
            .iter()
            .map(|(attribute, value)| ((*attribute).to_owned(), vec![value.replacen('@', last, 1)]))
            .collect(),
    }
}

fn detail(step: &mut Step, text: &str) -> Result<(), String> {
    let (word, rest) = text.split_once(':').ok_or("a detail is written `word: value`")?;
    let value = rest.trim();
    match word {
        "control" => step.controls.push((value.to_owned(), false)),
        "control!" => step.controls.push((value.to_owned(), true)),
        "show" => {
            step.show = match value {
                "count" => Show::Count,
                "ordered" => Show::Ordered,
                _ => return Err(format!("unknown way to show {value:?}")),
            };
        }
        _ => {
            let (Act::Do(operation) | Act::Given(operation)) = &mut step.act else {
                return Err(format!("{word:?} belongs to an operation"));
            };
            operation_detail(operation, word, value)?;
        }
    }
    Ok(())
}

fn operation_detail(operation: &mut Operation<String>, word: &str, value: &str) -> Result<(), String> {
    let values = || -> Vec<String> {
        let all = value.split(" | ").map(str::to_owned);
        all.filter(|value| !value.is_empty()).collect()
    };
    match operation {
        Operation::Add { attributes, .. } => {
            attributes.retain(|(name, _)| !name.eq_ignore_ascii_case(word));
            if value != "none" {
                attributes.push((word.to_owned(), values()));
            }
        }
        Operation::Modify { changes, .. } => {
            let (sign, attribute) = word
                .split_once(' ')
                .ok_or("write `+ attribute: value`, `-` or `=`")?;
            let kind = match sign {
                "+" => ChangeKind::Add,
                "-" => ChangeKind::Delete,
                "=" => ChangeKind::Replace,
                _ => return Err(format!("unknown change {sign:?}")),
            };
            changes.push(Change {
                kind,
                attribute: attribute.to_owned(),
                values: values(),
            });
        }
        Operation::Search(search) => match word {
            "attributes" => search.attributes = value.split(' ').map(str::to_owned).collect(),
            "size-limit" => search.size_limit = value.parse().map_err(|_| "a number")?,
            "types-only" => search.types_only = true,
            _ => return Err(format!("unknown detail {word:?} of a search")),
        },
        Operation::Rename { keep_old, .. } if word == "keep-old" => *keep_old = true,
        _ => return Err(format!("unknown detail {word:?}")),
    }
    Ok(())
}

/// A search that names no attributes for its entries asks for none: all of them are never compared by accident.
fn prepare(step: &mut Step) {
    if let Act::Do(Operation::Search(search)) | Act::Given(Operation::Search(search)) = &mut step.act
        && search.attributes.is_empty()
    {
        search.attributes.push("1.1".to_owned());
    }
}
