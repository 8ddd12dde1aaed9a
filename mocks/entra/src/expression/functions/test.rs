//! Functions that ask what a value is.

use super::super::error::EvaluationError;
use super::super::evaluate::Call;
use super::super::value::Value;

type Result = std::result::Result<Value, EvaluationError>;

/// `IsNull(expression)`.
pub(super) fn is_null(call: &mut Call<'_>) -> Result {
    Ok(Value::Flag(call.value(0)? == Value::Null))
}

/// `IsNullOrEmpty(expression)`.
pub(super) fn is_null_or_empty(call: &mut Call<'_>) -> Result {
    Ok(Value::Flag(call.value(0)?.is_empty()))
}

/// `IsPresent(expression)`.
pub(super) fn is_present(call: &mut Call<'_>) -> Result {
    Ok(Value::Flag(!call.value(0)?.is_empty()))
}

/// `IsString(expression)`: whether `CStr` would succeed. What has no value is no text (inferred).
pub(super) fn is_string(call: &mut Call<'_>) -> Result {
    Ok(Value::Flag(matches!(
        call.value(0)?,
        Value::Text(_) | Value::Number(_) | Value::Flag(_) | Value::Time(_)
    )))
}
