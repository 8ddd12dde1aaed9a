//! Durations with units, because `10` in a scenario would mean something different to every reader.

use std::{borrow::Cow, fmt, str::FromStr, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Error as _};

/// Unit and its length in milliseconds.
const UNITS: &[(&str, u64)] = &[
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// The longest span a scenario may name: ten years of virtual time.
const MAX_SPAN: Duration = Duration::from_secs(10 * 366 * 86_400);

/// A length of time, written with a unit: `500ms`, `90s`, `10m`, `2h`, `30d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

/// Why a text is not a [`Span`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpanError {
    /// A number alone.
    #[error("`{0}` has no unit; write one of {0}ms, {0}s, {0}m, {0}h, {0}d")]
    NoUnit(String),
    /// A unit nobody knows.
    #[error("`{unit}` in `{text}` is not a unit of time; the units are ms, s, m, h and d{hint}")]
    UnknownUnit {
        /// The text as written.
        text: String,
        /// The part after the number.
        unit: String,
        /// ` (did you mean …?)` or nothing.
        hint: String,
    },
    /// Not a number and a unit.
    #[error("`{0}` is not a duration; write a whole number and a unit, for example `90s` or `10m`")]
    NotADuration(String),
    /// Longer than ten years.
    #[error("`{0}` is longer than ten years, the longest span a scenario may name")]
    TooLong(String),
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let trimmed = text.trim();
        let digits = trimmed.len() - trimmed.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, unit) = trimmed.split_at(digits);
        if number.is_empty() {
            return Err(SpanError::NotADuration(text.into()));
        }
        let unit = unit.trim();
        if unit.is_empty() {
            return Err(SpanError::NoUnit(number.into()));
        }
        let Some((_, millis)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(SpanError::UnknownUnit {
                text: trimmed.into(),
                unit: unit.into(),
                hint: long_form(unit)
                    .map(|short| format!("; did you mean `{number}{short}`?"))
                    .unwrap_or_default(),
            });
        };
        let span = number
            .parse::<u64>()
            .ok()
            .and_then(|n| n.checked_mul(*millis))
            .map(Duration::from_millis)
            .filter(|span| *span <= MAX_SPAN)
            .ok_or_else(|| SpanError::TooLong(trimmed.into()))?;
        Ok(Self(span))
    }
}

/// The short unit for the words that people write instead.
fn long_form(unit: &str) -> Option<&'static str> {
    let lower = unit.to_ascii_lowercase();
    [
        ("milli", "ms"),
        ("s", "s"),
        ("min", "m"),
        ("h", "h"),
        ("d", "d"),
        ("m", "m"),
    ]
    .iter()
    .find(|(start, _)| lower.starts_with(start))
    .map(|(_, short)| *short)
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        let (unit, length) = UNITS
            .iter()
            .rev()
            .find(|(_, length)| millis >= *length && millis.is_multiple_of(*length))
            .unwrap_or(&UNITS[0]);
        write!(f, "{}{unit}", millis / length)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for Span {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^[0-9]+(ms|s|m|h|d)$",
            "description": "A duration with its unit: 500ms, 90s, 10m, 2h, 30d."
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_unit_is_read_and_printed_back() {
        for text in ["500ms", "90s", "10m", "2h", "30d"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
        assert_eq!("90s".parse::<Span>().unwrap().0, Duration::from_secs(90));
        assert_eq!("120s".parse::<Span>().unwrap().to_string(), "2m");
    }

    #[test]
    fn what_is_wrong_is_said_with_a_way_out() {
        let said = |text: &str| text.parse::<Span>().unwrap_err().to_string();
        assert!(said("10").contains("10s"));
        assert!(said("10 minutes").contains("`10m`"));
        assert!(said("5 parsecs").contains("ms, s, m, h and d"));
        assert!(said("soon").contains("90s"));
        assert!(said("999999999999999999999d").contains("ten years"));
        assert!("3660d".parse::<Span>().is_ok());
        assert!("3661d".parse::<Span>().is_err());
    }
}
