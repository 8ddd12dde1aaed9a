//! The JSON Schema of scenario files, made from the types so that it cannot drift from the parser.

use super::ScenarioFile;

/// JSON Schema (2020-12) of a scenario file, for editors and other tools.
pub fn json_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(ScenarioFile);
    schema.insert("title".into(), "provlab scenario".into());
    schema.to_value()
}
