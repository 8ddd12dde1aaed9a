//! Functions of several values.

use super::super::error::EvaluationError;
use super::super::evaluate::{Call, Output};
use super::super::value::Value;

type Result = std::result::Result<Value, EvaluationError>;

/// `Count(attribute)`.
pub(super) fn count(call: &mut Call<'_>) -> Result {
    let count = call.value(0)?.into_values().len();
    Ok(Value::Number(i64::try_from(count).unwrap_or(i64::MAX)))
}

/// `Item(attribute, index)`.
pub(super) fn item(call: &mut Call<'_>) -> Result {
    let mut values = call.value(0)?.into_values();
    let index = call.number(1)?;
    let found = usize::try_from(index)
        .ok()
        .and_then(|index| index.checked_sub(1))
        .filter(|index| *index < values.len());
    match found {
        Some(index) => Ok(values.swap_remove(index)),
        None => Err(call.unsuitable(
            1,
            format!(
                "there is no value {index}; the values are counted from 1 to {}",
                values.len()
            ),
        )),
    }
}

/// `Join(separator, source, …)`. An example of the general reference leaves empty values out.
pub(super) fn join(call: &mut Call<'_>) -> Result {
    let separator = call.text(0)?;
    let mut output = Output::default();
    let mut first = true;
    for place in 1..call.count() {
        for value in call.argument(place)?.into_values() {
            if value.is_empty() {
                continue;
            }
            if !first {
                call.push(&mut output, &separator)?;
            }
            first = false;
            call.push(&mut output, &value.to_text())?;
        }
    }
    Ok(output.into())
}

/// `RemoveDuplicates(attribute)`.
pub(super) fn remove_duplicates(call: &mut Call<'_>) -> Result {
    let mut seen = std::collections::BTreeSet::new();
    let mut values = call.value(0)?.into_values();
    values.retain(|value| seen.insert(value.to_text()));
    Ok(Value::list(values))
}

/// `SingleAppRoleAssignment([appRoleAssignments])`. Which of several is not said; here it is the first.
pub(super) fn single_app_role_assignment(call: &mut Call<'_>) -> Result {
    Ok(call
        .value(0)?
        .into_values()
        .into_iter()
        .next()
        .unwrap_or(Value::Null))
}

/// `Split(source, delimiter)`. The example of the reference has no white space around the parts; that empty parts are
/// left out is inferred.
pub(super) fn split(call: &mut Call<'_>) -> Result {
    let (text, delimiter) = (call.text(0)?, call.text(1)?);
    if delimiter.is_empty() {
        return Err(call.unsuitable(1, "the delimiter is empty; write a character such as \",\""));
    }
    Ok(Value::list(
        text.split(&delimiter)
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(Value::from)
            .collect(),
    ))
}
