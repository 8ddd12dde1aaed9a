//! Functions that choose, fail, or ask the world.

use super::super::compare;
use super::super::error::{EvaluationError, EvaluationErrorKind};
use super::super::evaluate::{Call, several};
use super::super::value::Value;

type Result = std::result::Result<Value, EvaluationError>;

/// `IIF(condition, valueIfTrue, valueIfFalse)`.
pub(super) fn iif(call: &mut Call<'_>) -> Result {
    let condition = call.value(0)?;
    let holds = compare::truth(&condition).map_err(|what| call.unsuitable(0, what))?;
    call.value(if holds { 1 } else { 2 })
}

/// `Switch(source, defaultValue, key, value, …)`. A missing source equals the key `""` (general reference).
pub(super) fn switch(call: &mut Call<'_>) -> Result {
    let source = call.text(0)?;
    for place in (2..call.count()).step_by(2) {
        let key = call.argument(place)?;
        if let Value::List(values) = &key {
            return Err(call.unsuitable(2, several(values.len())));
        }
        if key.to_text() == source {
            return call.argument(place + 1);
        }
    }
    call.argument(1)
}

/// `Not(source)`.
pub(super) fn not(call: &mut Call<'_>) -> Result {
    Ok(Value::Flag(!call.text(0)?.eq_ignore_ascii_case("True")))
}

/// `Error(errorMessage)`.
pub(super) fn error(call: &mut Call<'_>) -> Result {
    let message = call.text(0)?;
    Err(call.error(EvaluationErrorKind::Custom, message))
}

/// `Guid()`.
pub(super) fn guid(call: &mut Call<'_>) -> Result {
    Ok(call.source().new_guid().to_string().into())
}

/// `SelectUniqueValue(uniqueValueRule, …)`. A rule without a value is passed over (inferred).
pub(super) fn select_unique_value(call: &mut Call<'_>) -> Result {
    for rule in 0..call.count() {
        let value = call.argument(rule)?;
        if let Value::List(values) = &value {
            return Err(call.unsuitable(0, several(values.len())));
        }
        let text = value.to_text();
        if !text.is_empty() && !call.source().is_taken(&text) {
            return Ok(text.into());
        }
    }
    Err(call.error(
        EvaluationErrorKind::NoUniqueValue,
        "the target has every value already; add a rule that makes another",
    ))
}
