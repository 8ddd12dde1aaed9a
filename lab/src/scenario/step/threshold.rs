//! A threshold that can be off.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

/// A number, or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threshold(pub Option<u32>);

impl<'de> Deserialize<'de> for Threshold {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Threshold;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number, or `off`")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Threshold, E> {
                u32::try_from(number)
                    .map(|number| Threshold(Some(number)))
                    .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(number), &self))
            }

            // To YAML 1.1 `off` is false.
            fn visit_bool<E: de::Error>(self, on: bool) -> Result<Threshold, E> {
                if on {
                    Err(E::invalid_value(de::Unexpected::Bool(on), &self))
                } else {
                    Ok(Threshold(None))
                }
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Threshold, E> {
                match text.parse() {
                    Ok(number) => Ok(Threshold(Some(number))),
                    Err(_) if text == "off" => Ok(Threshold(None)),
                    Err(_) => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Threshold {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Threshold".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [{ "type": "integer", "minimum": 0, "maximum": u32::MAX }, { "const": "off" }],
            "description": "A number, or off."
        })
    }
}
