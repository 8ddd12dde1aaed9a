//! Values of attributes and of expressions.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use time::OffsetDateTime;

use super::dates;

/// A value, or several.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Absent.
    Null,
    /// Text; also a reference, which is the text of a distinguished name.
    Text(String),
    /// A whole number.
    Number(i64),
    /// A truth value.
    Flag(bool),
    /// A point in time.
    Time(OffsetDateTime),
    /// Bytes.
    Binary(Vec<u8>),
    /// Several values; none of them is [`Value::Null`] or a list.
    List(Vec<Value>),
}

impl Value {
    /// What logs and Graph show of the value.
    ///
    /// Truth values are `True` and `False` (CS 5.12, `Not`), bytes are base64 (CS 5.10), times are UTC as
    /// `M/d/yyyy h:mm:ss tt`, the form in which the general reference gives every time (`CDate`, `DateAdd`, `Now`).
    /// [`Value::Null`] is empty, and several values stand with `; ` between them (both inferred).
    #[must_use]
    pub fn to_text(&self) -> String {
        match self {
            Value::Null => String::new(),
            Value::Text(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Flag(true) => "True".to_owned(),
            Value::Flag(false) => "False".to_owned(),
            Value::Time(time) => dates::show(*time),
            Value::Binary(bytes) => STANDARD.encode(bytes),
            Value::List(values) => values.iter().map(Value::to_text).collect::<Vec<_>>().join("; "),
        }
    }

    /// Absent, or a text without characters.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Value::Null => true,
            Value::Text(text) => text.is_empty(),
            Value::List(values) => values.is_empty(),
            _ => false,
        }
    }

    /// The values one by one: none of [`Value::Null`].
    #[must_use]
    pub fn into_values(self) -> Vec<Value> {
        match self {
            Value::Null => Vec::new(),
            Value::List(values) => values,
            single => vec![single],
        }
    }

    /// What an attribute or a function with these values is: absent without any, one value by itself.
    pub(super) fn from_values(values: Vec<Value>) -> Self {
        match Self::list(values) {
            Value::List(mut values) if values.len() == 1 => values.remove(0),
            other => other,
        }
    }

    /// Several values, even if it is one; nested lists and absent values are levelled out.
    pub(super) fn list(values: Vec<Value>) -> Self {
        let values: Vec<Value> = values.into_iter().flat_map(Value::into_values).collect();
        if values.is_empty() {
            Value::Null
        } else {
            Value::List(values)
        }
    }

    /// Bytes that the value takes, about.
    pub(super) fn size(&self) -> usize {
        match self {
            Value::Text(text) => text.len(),
            Value::Binary(bytes) => bytes.len(),
            Value::List(values) => values.iter().map(|value| value.size() + size_of::<Value>()).sum(),
            _ => 0,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Value::Flag(flag)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Value::Number(number)
    }
}

/// A whole number as expressions write it: decimal, or hexadecimal after `&H`.
pub(super) fn number(text: &str) -> Option<i64> {
    let text = text.trim();
    match text.get(..2) {
        Some(mark) if mark.eq_ignore_ascii_case("&H") => {
            let digits = &text[2..];
            digits
                .bytes()
                .all(|digit| digit.is_ascii_hexdigit())
                .then(|| i64::from_str_radix(digits, 16).ok())?
        }
        _ => text.parse().ok(),
    }
}
