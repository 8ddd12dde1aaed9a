//! The operators of scoping filters as data (CS 5.8).
//!
//! The names are documented; how a multi-valued attribute is compared (any value counts), that `REGEX MATCH` finds a part as .NET's
//! `Regex.IsMatch` does, and what `&`, `!&L` and `VALID CERT MATCH` do is inferred.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regex::{Regex, RegexBuilder};
use time::OffsetDateTime;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

/// How many operands a clause has: `arity` in Graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arity {
    /// The attribute alone.
    Unary,
    /// The attribute and a value.
    Binary,
}

impl Arity {
    /// The word in Graph.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unary => "Unary",
            Self::Binary => "Binary",
        }
    }
}

/// What an operator compares with.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    /// Nothing.
    None,
    /// Texts, any of them.
    Texts(Vec<String>),
    /// Whole numbers, any of them.
    Numbers(Vec<i64>),
    /// Patterns, any of them.
    Patterns(Vec<Regex>),
}

/// How the values of a clause are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    None,
    Text,
    Number,
    Pattern,
}

/// Whether the values of an attribute satisfy a clause at a time.
type Holds = fn(&[String], &Operand, OffsetDateTime) -> bool;

/// One operator.
pub struct Operator {
    /// Name, as `filterOperators` lists it.
    pub name: &'static str,
    reading: Reading,
    /// Whether the attribute's values satisfy the clause; none for `IS_MEMBER_OF`, which looks at the directory.
    holds: Option<Holds>,
}

/// Largest compiled pattern, in bytes.
const MAX_PATTERN_BYTES: usize = 256 * 1024;

/// Every operator.
pub const OPERATORS: [Operator; 17] = [
    operator("EQUALS", Reading::Text, |v, o, _| any(v, o, |v, o| v == o)),
    operator("NOT EQUALS", Reading::Text, |v, o, _| !any(v, o, |v, o| v == o)),
    operator("IS NULL", Reading::None, |v, _, _| is_empty(v)),
    operator("IS NOT NULL", Reading::None, |v, _, _| !is_empty(v)),
    operator("IS TRUE", Reading::None, |v, _, _| is(v, "true")),
    operator("IS FALSE", Reading::None, |v, _, _| is(v, "false")),
    operator("REGEX MATCH", Reading::Pattern, |v, o, _| matches(v, o)),
    operator("NOT REGEX MATCH", Reading::Pattern, |v, o, _| {
        !is_empty(v) && !matches(v, o)
    }),
    operator("GREATER_THAN", Reading::Number, |v, o, _| {
        numbers(v, o, |v, o| v > o)
    }),
    operator("GREATER_THAN_OR_EQUALS", Reading::Number, |v, o, _| {
        numbers(v, o, |v, o| v >= o)
    }),
    operator("INCLUDES", Reading::Text, |v, o, _| {
        any(v, o, |v, o| v.contains(o))
    }),
    operator("ENDS_WITH", Reading::Text, |v, o, _| {
        any(v, o, |v, o| v.ends_with(o))
    }),
    Operator {
        name: "IS_MEMBER_OF",
        reading: Reading::Text,
        holds: None,
    },
    operator("PRESENT", Reading::None, |v, _, _| !is_empty(v)),
    operator("&", Reading::Number, |v, o, _| numbers(v, o, |v, o| v & o != 0)),
    operator("!&L", Reading::Number, |v, o, _| {
        !numbers(v, o, |v, o| v & o != 0)
    }),
    operator("VALID CERT MATCH", Reading::None, |v, _, now| {
        v.iter().any(|v| is_valid_certificate(v, now))
    }),
];

const fn operator(name: &'static str, reading: Reading, holds: Holds) -> Operator {
    Operator {
        name,
        reading,
        holds: Some(holds),
    }
}

impl Operator {
    /// The operator of that name, in any letter case.
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        static ALL: [Operator; 17] = OPERATORS;
        ALL.iter()
            .find(|known| known.name.eq_ignore_ascii_case(name.trim()))
    }

    /// How many operands a clause has.
    #[must_use]
    pub fn arity(&self) -> Arity {
        if self.reading == Reading::None {
            Arity::Unary
        } else {
            Arity::Binary
        }
    }

    /// Reads the values of a clause.
    pub(super) fn read(&self, values: &[String]) -> Result<Operand, String> {
        if self.reading != Reading::None && values.is_empty() {
            return Err(format!(
                "'{}' needs at least one value in targetOperand.values",
                self.name
            ));
        }
        match self.reading {
            Reading::None => Ok(Operand::None),
            Reading::Text => Ok(Operand::Texts(values.to_vec())),
            Reading::Number => values
                .iter()
                .map(|text| {
                    text.trim()
                        .parse()
                        .map_err(|_| format!("'{text}' is not a whole number"))
                })
                .collect::<Result<_, _>>()
                .map(Operand::Numbers),
            Reading::Pattern => values
                .iter()
                .map(|text| pattern(text))
                .collect::<Result<_, _>>()
                .map(Operand::Patterns),
        }
    }

    /// Whether the values satisfy the clause; none where the directory has to be asked.
    pub(super) fn holds(&self, values: &[String], operand: &Operand, now: OffsetDateTime) -> Option<bool> {
        self.holds.map(|holds| holds(values, operand, now))
    }
}

fn pattern(text: &str) -> Result<Regex, String> {
    RegexBuilder::new(text)
        .size_limit(MAX_PATTERN_BYTES)
        .build()
        .map_err(|_| format!("'{text}' is not a regular expression that can be used here (no look-around, no back-references)"))
}

fn is_empty(values: &[String]) -> bool {
    values.iter().all(String::is_empty)
}

fn is(values: &[String], word: &str) -> bool {
    values
        .first()
        .is_some_and(|value| value.eq_ignore_ascii_case(word))
}

fn any(values: &[String], operand: &Operand, compare: impl Fn(&str, &str) -> bool) -> bool {
    let Operand::Texts(texts) = operand else {
        return false;
    };
    values
        .iter()
        .any(|value| texts.iter().any(|text| compare(value, text)))
}

fn numbers(values: &[String], operand: &Operand, compare: impl Fn(i64, i64) -> bool) -> bool {
    let Operand::Numbers(wanted) = operand else {
        return false;
    };
    let mut known = values.iter().filter_map(|value| value.trim().parse().ok());
    known.any(|value| wanted.iter().any(|number| compare(value, *number)))
}

fn matches(values: &[String], operand: &Operand) -> bool {
    let Operand::Patterns(patterns) = operand else {
        return false;
    };
    values
        .iter()
        .any(|value| patterns.iter().any(|pattern| pattern.is_match(value)))
}

/// Whether base64 text is a certificate that is valid at `now`.
fn is_valid_certificate(value: &str, now: OffsetDateTime) -> bool {
    let certificate = STANDARD
        .decode(value)
        .ok()
        .and_then(|der| Certificate::from_der(&der).ok());
    certificate.is_some_and(|certificate| {
        let validity = certificate.tbs_certificate.validity;
        let second = |time: x509_cert::time::Time| time.to_unix_duration().as_secs();
        let now = u64::try_from(now.unix_timestamp()).unwrap_or_default();
        (second(validity.not_before)..=second(validity.not_after)).contains(&now)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn judge(name: &str, values: &[&str], operand: &[&str]) -> bool {
        let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let operator = Operator::find(name).unwrap();
        let operand = operator.read(&own(operand)).unwrap();
        operator
            .holds(&own(values), &operand, OffsetDateTime::UNIX_EPOCH)
            .unwrap()
    }

    /// CS 5.8: each operator holds, and does not hold.
    #[test]
    fn operators_hold_and_do_not_hold() {
        type Row = (
            &'static str,
            &'static [&'static str],
            &'static [&'static str],
            bool,
        );
        let rows: [Row; 35] = [
            ("EQUALS", &["Sales"], &["Sales"], true),
            ("EQUALS", &["sales"], &["Sales"], false),
            ("EQUALS", &["IT", "Sales"], &["Sales"], true),
            ("EQUALS", &["IT"], &["Sales", "IT"], true),
            ("EQUALS", &[], &[""], false),
            ("NOT EQUALS", &["sales"], &["Sales"], true),
            ("NOT EQUALS", &["Sales"], &["Sales"], false),
            ("NOT EQUALS", &[], &["Sales"], true),
            ("IS NULL", &[], &[], true),
            ("IS NULL", &["x"], &[], false),
            ("IS NOT NULL", &["x"], &[], true),
            ("IS NOT NULL", &[], &[], false),
            ("PRESENT", &["x"], &[], true),
            ("PRESENT", &[""], &[], false),
            ("IS TRUE", &["TRUE"], &[], true),
            ("IS TRUE", &["FALSE"], &[], false),
            ("IS FALSE", &["False"], &[], true),
            ("IS FALSE", &[], &[], false),
            ("REGEX MATCH", &["42"], &["([1-9][0-9])"], true),
            ("REGEX MATCH", &["7"], &["([1-9][0-9])"], false),
            ("REGEX MATCH", &[], &[".*"], false),
            ("NOT REGEX MATCH", &["7"], &["^[1-9][0-9]$"], true),
            ("NOT REGEX MATCH", &["42"], &["^[1-9][0-9]$"], false),
            // "false on null".
            ("NOT REGEX MATCH", &[], &["x"], false),
            ("GREATER_THAN", &["11"], &["9"], true),
            ("GREATER_THAN", &["9"], &["9"], false),
            ("GREATER_THAN", &["nine"], &["1"], false),
            ("GREATER_THAN_OR_EQUALS", &["9"], &["9"], true),
            ("INCLUDES", &["North Sales"], &["Sales"], true),
            ("INCLUDES", &["north sales"], &["Sales"], false),
            ("ENDS_WITH", &["a@contoso.com"], &["@contoso.com"], true),
            ("ENDS_WITH", &["a@contoso.com.au"], &["@contoso.com"], false),
            ("&", &["514"], &["2"], true),
            ("&", &["512"], &["2"], false),
            ("!&L", &["512"], &["2"], true),
        ];
        for (name, values, operand, wanted) in rows {
            assert_eq!(
                judge(name, values, operand),
                wanted,
                "{name} {values:?} {operand:?}"
            );
        }
    }

    #[test]
    fn values_that_an_operator_cannot_use_are_refused() {
        let read = |name: &str, value: &[&str]| {
            Operator::find(name)
                .unwrap()
                .read(&value.iter().map(|v| (*v).to_owned()).collect::<Vec<_>>())
                .unwrap_err()
        };
        assert!(read("greater_than", &["many"]).contains("whole number"));
        assert!(read("REGEX MATCH", &["("]).contains("regular expression"));
        assert!(read("REGEX MATCH", &["(a{1000}){1000}"]).contains("regular expression"));
        assert!(read("EQUALS", &[]).contains("at least one value"));
        assert!(Operator::find("LIKE").is_none());
    }

    #[test]
    fn a_certificate_counts_while_it_is_valid() {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
        parameters.not_before = time::macros::datetime!(2026-01-01 0:00 UTC);
        parameters.not_after = time::macros::datetime!(2027-01-01 0:00 UTC);
        let text = STANDARD.encode(parameters.self_signed(&key).unwrap().der());
        let operator = Operator::find("VALID CERT MATCH").unwrap();
        let at = |now| {
            operator
                .holds(&["junk".to_owned(), text.clone()], &Operand::None, now)
                .unwrap()
        };
        assert!(at(time::macros::datetime!(2026-06-01 0:00 UTC)));
        assert!(!at(time::macros::datetime!(2027-06-01 0:00 UTC)));
    }
}
