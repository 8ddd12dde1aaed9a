//! The text form of filters (RFC 4515).

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::{Filter, MAX_FILTER_DEPTH, MAX_FILTER_TERMS};

/// Longest text of a filter that is read.
pub const MAX_FILTER_TEXT_BYTES: usize = 1 << 20;

/// A text that is no filter.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("at byte {at} of the filter: {problem}")]
pub struct FilterError {
    /// Where, in bytes from the beginning.
    pub at: usize,
    /// What is wrong, and what would be right.
    pub problem: &'static str,
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut reader = Reader {
            text,
            at: 0,
            terms: 0,
        };
        if text.len() > MAX_FILTER_TEXT_BYTES {
            return Err(reader.error("it is longer than 1 MiB"));
        }
        let filter = if text.starts_with('(') {
            reader.filter(1)?
        } else {
            reader.terms = 1;
            reader.item(text.len())?
        };
        if reader.at < text.len() {
            return Err(reader.error("there is text after the end of the filter"));
        }
        Ok(filter)
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    terms: usize,
}

impl Reader<'_> {
    fn error(&self, problem: &'static str) -> FilterError {
        FilterError { at: self.at, problem }
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn take(&mut self, c: char) -> bool {
        let found = self.rest().starts_with(c);
        if found {
            self.at += c.len_utf8();
        }
        found
    }

    fn filter(&mut self, depth: usize) -> Result<Filter, FilterError> {
        self.terms += 1;
        if depth > MAX_FILTER_DEPTH {
            return Err(self.error("it is nested more than 100 deep"));
        }
        if self.terms > MAX_FILTER_TERMS {
            return Err(self.error("it has more than 10000 terms"));
        }
        if !self.take('(') {
            return Err(self.error("expected `(`"));
        }
        let filter = if self.take('&') {
            Filter::And(self.list(depth)?)
        } else if self.take('|') {
            Filter::Or(self.list(depth)?)
        } else if self.take('!') {
            Filter::Not(Box::new(self.filter(depth + 1)?))
        } else {
            let length = self
                .rest()
                .find(['(', ')'])
                .ok_or_else(|| self.error("the `(` is never closed"))?;
            self.item(self.at + length)?
        };
        if !self.take(')') {
            return Err(self.error("expected `)`; write a parenthesis in a value as \\28 or \\29"));
        }
        Ok(filter)
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Filter>, FilterError> {
        let mut list = Vec::new();
        while self.rest().starts_with('(') {
            list.push(self.filter(depth + 1)?);
        }
        Ok(list)
    }

    fn item(&mut self, end: usize) -> Result<Filter, FilterError> {
        let item = self.text.get(self.at..end).unwrap_or("");
        let Some(equals) = item.find('=') else {
            return Err(self.error("expected `=` in a term"));
        };
        let (left, right) = (&item[..equals], &item[equals + 1..]);
        let value = |text: &str| {
            unescape(text).ok_or_else(|| self.error("`\\` needs two hexadecimal digits after it"))
        };
        let attribute = |name: &str| {
            if is_description(name) {
                Ok(name.to_owned())
            } else {
                Err(self.error("expected the name of an attribute before the operator"))
            }
        };
        let filter = match left.as_bytes().last() {
            Some(b'>') => Filter::GreaterOrEqual {
                attribute: attribute(&left[..left.len() - 1])?,
                value: value(right)?,
            },
            Some(b'<') => Filter::LessOrEqual {
                attribute: attribute(&left[..left.len() - 1])?,
                value: value(right)?,
            },
            Some(b'~') => Filter::Approx {
                attribute: attribute(&left[..left.len() - 1])?,
                value: value(right)?,
            },
            Some(b':') => {
                let (rule, name, dn_attributes) = extensible(&left[..left.len() - 1])
                    .ok_or_else(|| self.error("expected `attribute:dn:rule:=value`"))?;
                Filter::Extensible {
                    rule,
                    attribute: name,
                    value: value(right)?,
                    dn_attributes,
                }
            }
            _ if right == "*" => Filter::Present(attribute(left)?),
            _ if right.contains('*') => {
                let mut parts = right.split('*').map(value).collect::<Result<Vec<_>, _>>()?;
                let last = parts.pop().filter(|part| !part.is_empty());
                let mut parts = parts.into_iter();
                let initial = parts.next().filter(|part| !part.is_empty());
                Filter::Substrings {
                    attribute: attribute(left)?,
                    initial,
                    any: parts.filter(|part| !part.is_empty()).collect(),
                    last,
                }
            }
            _ => Filter::Equality {
                attribute: attribute(left)?,
                value: value(right)?,
            },
        };
        self.at = end;
        Ok(filter)
    }
}

fn extensible(left: &str) -> Option<(Option<String>, Option<String>, bool)> {
    let mut parts = left.split(':');
    let name = parts.next().filter(|name| !name.is_empty());
    let mut dn_attributes = false;
    let mut rule = None;
    for part in parts {
        if part.eq_ignore_ascii_case("dn") && !dn_attributes && rule.is_none() {
            dn_attributes = true;
        } else if is_description(part) && rule.is_none() {
            rule = Some(part.to_owned());
        } else {
            return None;
        }
    }
    if name.is_some_and(|name| !is_description(name)) || (name.is_none() && rule.is_none()) {
        return None;
    }
    Some((rule, name.map(str::to_owned), dn_attributes))
}

fn is_description(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b';' | b'_'))
}

fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut value = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte == b'\\' {
            let digits = [bytes.next()?, bytes.next()?];
            let mut decoded = [0];
            hex::decode_to_slice(digits, &mut decoded).ok()?;
            value.push(decoded[0]);
        } else {
            value.push(byte);
        }
    }
    Some(value)
}

/// Writes a value with the escapes of RFC 4515; bytes that are not UTF-8 are escaped one by one.
fn write_value(f: &mut fmt::Formatter<'_>, value: &[u8]) -> fmt::Result {
    for chunk in value.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '*' | '(' | ')' | '\\' | '\0' => write!(f, "\\{:02x}", u32::from(c))?,
                _ => write!(f, "{c}")?,
            }
        }
        for byte in chunk.invalid() {
            write!(f, "\\{byte:02x}")?;
        }
    }
    Ok(())
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let term = |f: &mut fmt::Formatter<'_>, name: &str, operator: &str, value: &[u8]| {
            write!(f, "({name}{operator}")?;
            write_value(f, value)?;
            f.write_str(")")
        };
        match self {
            Self::And(list) | Self::Or(list) => {
                let operator = if matches!(self, Self::And(_)) { '&' } else { '|' };
                write!(f, "({operator}")?;
                for filter in list {
                    write!(f, "{filter}")?;
                }
                f.write_str(")")
            }
            Self::Not(inner) => write!(f, "(!{inner})"),
            Self::Equality { attribute, value } => term(f, attribute, "=", value),
            Self::GreaterOrEqual { attribute, value } => term(f, attribute, ">=", value),
            Self::LessOrEqual { attribute, value } => term(f, attribute, "<=", value),
            Self::Approx { attribute, value } => term(f, attribute, "~=", value),
            Self::Present(attribute) => write!(f, "({attribute}=*)"),
            Self::Substrings {
                attribute,
                initial,
                any,
                last,
            } => {
                write!(f, "({attribute}=")?;
                write_value(f, initial.as_deref().unwrap_or_default())?;
                for part in any {
                    f.write_str("*")?;
                    write_value(f, part)?;
                }
                f.write_str("*")?;
                write_value(f, last.as_deref().unwrap_or_default())?;
                f.write_str(")")
            }
            Self::Extensible {
                rule,
                attribute,
                value,
                dn_attributes,
            } => {
                write!(f, "({}", attribute.as_deref().unwrap_or(""))?;
                if *dn_attributes {
                    f.write_str(":dn")?;
                }
                if let Some(rule) = rule {
                    write!(f, ":{rule}")?;
                }
                f.write_str(":=")?;
                write_value(f, value)?;
                f.write_str(")")
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed parse fails the test")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_the_forms_of_the_rfc() {
        for text in [
            "(cn=Babs Jensen)",
            "(!(cn=Tim Howes))",
            "(&(objectClass=Person)(|(sn=Jensen)(cn=Babs J*)))",
            "(o=univ*of*mich*)",
            "(seeAlso=)",
            "(cn:caseExactMatch:=Fred Flintstone)",
            "(sn:dn:2.4.6.8.10:=Barney Rubble)",
            "(:1.2.3:=Wilma Flintstone)",
            "(o=Parens R Us \\28for all your parenthetical needs\\29)",
            "(cn=*\\2a*)",
            "(uSNChanged>=42)",
            "(&)",
            "(|)",
        ] {
            let filter: Filter = text.parse().unwrap();
            assert_eq!(filter.to_string(), text);
        }
    }

    #[test]
    fn a_term_may_stand_without_parentheses() {
        assert_eq!("cn=a".parse::<Filter>().unwrap(), Filter::equals("cn", "a"));
    }

    #[test]
    fn binary_values_are_bytes() {
        let filter: Filter = "(objectGUID=\\44\\33\\ff\\00)".parse().unwrap();
        let Filter::Equality { value, .. } = &filter else {
            unreachable!("an equality was written");
        };
        assert_eq!(value, &[0x44, 0x33, 0xff, 0x00]);
    }

    #[test]
    fn says_where_a_filter_is_wrong() {
        for (text, at) in [
            ("(cn=a", 1),
            ("(cn=a))", 6),
            ("(cn=a\\z)", 1),
            ("((cn=a))", 1),
            ("", 0),
            ("(&(cn=a)", 8),
        ] {
            assert_eq!(text.parse::<Filter>().unwrap_err().at, at, "{text}");
        }
    }

    #[test]
    fn depth_and_terms_are_bounded() {
        let nested = |depth: usize| format!("{}(cn=a){}", "(!".repeat(depth - 1), ")".repeat(depth - 1));
        assert!(
            nested(MAX_FILTER_DEPTH)
                .parse::<Filter>()
                .unwrap()
                .is_within_limits()
        );
        assert!(nested(MAX_FILTER_DEPTH + 1).parse::<Filter>().is_err());
        let wide = |terms: usize| format!("(|{})", "(cn=a)".repeat(terms - 1));
        assert!(
            wide(MAX_FILTER_TERMS)
                .parse::<Filter>()
                .unwrap()
                .is_within_limits()
        );
        assert!(wide(MAX_FILTER_TERMS + 1).parse::<Filter>().is_err());
    }

    pub(crate) fn any_filter() -> impl Strategy<Value = Filter> {
        let name = prop::sample::select(vec!["cn", "sAMAccountName", "memberOf", "x-y", "1.2.3"])
            .prop_map(str::to_owned);
        let value = prop::collection::vec(any::<u8>(), 0..6);
        let part = prop::collection::vec(any::<u8>(), 1..4);
        let leaf = prop_oneof![
            (name.clone(), value.clone())
                .prop_map(|(attribute, value)| Filter::Equality { attribute, value }),
            (name.clone(), value.clone())
                .prop_map(|(attribute, value)| Filter::GreaterOrEqual { attribute, value }),
            (name.clone(), value.clone())
                .prop_map(|(attribute, value)| Filter::LessOrEqual { attribute, value }),
            (name.clone(), value.clone()).prop_map(|(attribute, value)| Filter::Approx { attribute, value }),
            name.clone().prop_map(Filter::Present),
            (
                name.clone(),
                part.clone(),
                prop::collection::vec(part.clone(), 0..3),
                prop::option::of(part)
            )
                .prop_map(|(attribute, initial, any, last)| Filter::Substrings {
                    attribute,
                    initial: Some(initial),
                    any,
                    last
                }),
            (name, value, any::<bool>()).prop_map(|(attribute, value, dn_attributes)| Filter::Extensible {
                rule: Some("1.2.840.113556.1.4.803".to_owned()),
                attribute: Some(attribute),
                value,
                dn_attributes
            }),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::And),
                prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::Or),
                inner.prop_map(|filter| Filter::Not(Box::new(filter))),
            ]
        })
    }

    proptest! {
        #[test]
        fn text_round_trips(filter in any_filter()) {
            prop_assert_eq!(filter.to_string().parse::<Filter>().unwrap(), filter);
        }

        #[test]
        fn survives_any_text(text in "[()&|!*=<>~:\\\\a-f0-9é ]{0,60}") {
            let _ = text.parse::<Filter>();
        }
    }
}
