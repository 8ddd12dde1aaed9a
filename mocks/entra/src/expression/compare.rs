//! Comparisons and truth (general reference, `IIF`; CS 5.12, `CBool`).

use std::cmp::Ordering;

use super::error::shortened;
use super::evaluate::several;
use super::tree::Operator;
use super::value::{self, Value};

/// Whether a comparison holds.
///
/// A side without a value, or an empty one, fails every comparison (general reference, known limitations of `IIF`).
/// A number and a text that is one are compared as numbers, as the product's own mapping of `AccountEnabled` needs
/// (`BitAnd([userAccountControl], 2)="0"`). Texts are compared with case, as `Switch` compares them, and by their
/// code points (inferred); a truth value and a text without case (inferred).
pub(super) fn compare(operator: Operator, left: &Value, right: &Value) -> Result<bool, String> {
    for side in [left, right] {
        if let Value::List(values) = side {
            return Err(several(values.len()));
        }
    }
    if left.is_empty() || right.is_empty() {
        return Ok(false);
    }
    let order = order(operator, left, right);
    Ok(match operator {
        Operator::Equal => order == Ordering::Equal,
        Operator::NotEqual => order != Ordering::Equal,
        Operator::Less => order == Ordering::Less,
        Operator::LessOrEqual => order != Ordering::Greater,
        Operator::Greater => order == Ordering::Greater,
        Operator::GreaterOrEqual => order != Ordering::Less,
    })
}

fn order(operator: Operator, left: &Value, right: &Value) -> Ordering {
    let equality = matches!(operator, Operator::Equal | Operator::NotEqual);
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => return left.cmp(right),
        (Value::Time(left), Value::Time(right)) => return left.cmp(right),
        (Value::Flag(_), _) | (_, Value::Flag(_)) => {
            return left.to_text().to_lowercase().cmp(&right.to_text().to_lowercase());
        }
        (Value::Text(_), Value::Text(_)) if equality => {}
        _ => {
            if let (Some(left), Some(right)) = (as_number(left), as_number(right)) {
                return left.cmp(&right);
            }
        }
    }
    left.to_text().cmp(&right.to_text())
}

fn as_number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => Some(*number),
        Value::Text(text) => value::number(text),
        _ => None,
    }
}

/// Whether a condition holds: a truth value, a number other than 0, or `True`. No value, and an empty one, is false.
pub(super) fn truth(value: &Value) -> Result<bool, String> {
    match value {
        Value::Flag(flag) => Ok(*flag),
        Value::Number(number) => Ok(*number != 0),
        empty if empty.is_empty() => Ok(false),
        Value::Text(text) if text.eq_ignore_ascii_case("True") => Ok(true),
        Value::Text(text) if text.eq_ignore_ascii_case("False") => Ok(false),
        Value::List(values) => Err(several(values.len())),
        other => as_number(other).map(|number| number != 0).ok_or_else(|| {
            format!(
                "`{}` is neither true nor false; compare it, or test it with IsPresent",
                shortened(&other.to_text())
            )
        }),
    }
}
