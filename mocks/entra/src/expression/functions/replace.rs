//! `Replace`, which does five things, depending on which parameters are given (CS 5.12).

use super::super::error::{EvaluationError, EvaluationErrorKind, shortened};
use super::super::evaluate::{Call, Output};
use super::super::pattern::{Matches, Pattern};
use super::super::value::Value;

const SOURCE: usize = 0;
const OLD_VALUE: usize = 1;
const PATTERN: usize = 2;
const GROUP: usize = 3;
const REPLACEMENT: usize = 4;
const REPLACEMENT_ATTRIBUTE: usize = 5;
const TEMPLATE: usize = 6;

/// Longest text that a regular expression is applied to, in bytes (our own bound).
const MAX_MATCHED_BYTES: usize = 1 << 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// `oldValue` in `source` becomes `replacementValue`.
    Text,
    /// `oldValue` in `template` becomes `source`.
    Template,
    /// What `regexPattern` matches becomes `replacementValue`, in which groups may be named.
    Pattern,
    /// What `regexGroupName` matches becomes `replacementValue`.
    Group,
    /// Without `source`, what `regexGroupName` matches in `replacementAttributeName`.
    Otherwise,
}

impl Form {
    /// Forms and the parameters that make them, beside `source`.
    const ALL: [(&'static [usize], Self); 5] = [
        (&[OLD_VALUE, REPLACEMENT], Self::Text),
        (&[OLD_VALUE, TEMPLATE], Self::Template),
        (&[PATTERN, REPLACEMENT], Self::Pattern),
        (&[PATTERN, GROUP, REPLACEMENT], Self::Group),
        (&[PATTERN, GROUP, REPLACEMENT_ATTRIBUTE], Self::Otherwise),
    ];

    fn of(given: &dyn Fn(usize) -> bool) -> Option<Self> {
        let optional: Vec<usize> = (OLD_VALUE..=TEMPLATE)
            .filter(|parameter| given(*parameter))
            .collect();
        Self::ALL
            .iter()
            .find(|(parameters, _)| *parameters == optional)
            .map(|(_, form)| *form)
    }
}

/// Whether the parameters that are given make sense together.
pub(super) fn check(given: &dyn Fn(usize) -> bool) -> Result<(), &'static str> {
    Form::of(given).map(|_| ()).ok_or(
        "these parameters do not go together; give oldValue with replacementValue or with template, or regexPattern \
         with replacementValue, or regexPattern and regexGroupName with replacementValue or with \
         replacementAttributeName",
    )
}

/// `Replace(source, oldValue, regexPattern, regexGroupName, replacementValue, replacementAttributeName, template)`.
pub(super) fn replace(call: &mut Call<'_>) -> Result<Value, EvaluationError> {
    let source = call.value(SOURCE)?;
    let form = Form::of(&|parameter| call.given(parameter));
    if form == Some(Form::Otherwise) {
        return otherwise(call, source);
    }
    if source == Value::Null {
        return Ok(source);
    }
    let text = call.text(SOURCE)?;
    match form {
        Some(Form::Text) => {
            let new = call.text(REPLACEMENT)?;
            plain(call, &text, &new)
        }
        Some(Form::Template) => {
            let template = call.text(TEMPLATE)?;
            plain(call, &template, &text)
        }
        Some(Form::Group) => {
            let pattern = call.pattern(PATTERN)?;
            let group = group(call, &pattern)?;
            by_pattern(call, &text, &pattern, Some(group))
        }
        _ => {
            let pattern = call.pattern(PATTERN)?;
            by_pattern(call, &text, &pattern, None)
        }
    }
}

/// Every `oldValue` of a text becomes another.
fn plain(call: &mut Call<'_>, text: &str, new: &str) -> Result<Value, EvaluationError> {
    let old = call.text(OLD_VALUE)?;
    if old.is_empty() {
        return Err(call.unsuitable(OLD_VALUE, "the text to replace is empty"));
    }
    let mut output = Output::default();
    let mut parts = text.split(&old);
    if let Some(first) = parts.next() {
        call.push(&mut output, first)?;
    }
    for part in parts {
        call.push(&mut output, new)?;
        call.push(&mut output, part)?;
    }
    Ok(output.into())
}

/// Every match of a regular expression, or a group of it, becomes `replacementValue`.
fn by_pattern(
    call: &mut Call<'_>,
    text: &str,
    pattern: &Pattern,
    group: Option<usize>,
) -> Result<Value, EvaluationError> {
    let replacement = call.text(REPLACEMENT)?;
    matchable(call, text)?;
    let mut output = Output::default();
    let mut copied = 0;
    let mut matches = Matches::new();
    while let Some(from) = matches.from() {
        // A search may read all that is left and find nothing.
        call.spend(text.len() - from + 1)?;
        let Some(captures) = pattern.captures_at(text, from) else {
            break;
        };
        let whole = captures.get(0).map_or(from..from, |whole| whole.range());
        match group {
            None => {
                call.push(&mut output, &text[copied..whole.start])?;
                pattern.expand(&replacement, &captures, text, &mut |part| {
                    call.push(&mut output, part)
                })?;
                copied = whole.end;
            }
            // A group that took no part in the match is left alone.
            Some(group) => {
                if let Some(found) = captures.get(group) {
                    call.push(&mut output, &text[copied..found.start()])?;
                    call.push(&mut output, &replacement)?;
                    copied = found.end();
                }
            }
        }
        matches.passed(text, &whole);
    }
    call.push(&mut output, &text[copied..])?;
    Ok(output.into())
}

/// The form for a source that may be missing. The two references contradict each other; this is what the general one
/// shows by an example.
fn otherwise(call: &mut Call<'_>, source: Value) -> Result<Value, EvaluationError> {
    if !source.is_empty() {
        return Ok(source);
    }
    let other = call.text(REPLACEMENT_ATTRIBUTE)?;
    let pattern = call.pattern(PATTERN)?;
    let group = group(call, &pattern)?;
    matchable(call, &other)?;
    call.spend(other.len())?;
    let found = pattern
        .captures_at(&other, 0)
        .and_then(|captures| captures.get(group).map(|found| found.as_str().to_owned()));
    Ok(found.map_or(source, Value::Text))
}

fn group(call: &mut Call<'_>, pattern: &Pattern) -> Result<usize, EvaluationError> {
    let name = call.text(GROUP)?;
    pattern.group(&name).ok_or_else(|| {
        let names = pattern.names();
        let known = if names.is_empty() {
            "it names none; write (?<name>…)".to_owned()
        } else {
            format!("it names {}", names.join(", "))
        };
        call.unsuitable(
            GROUP,
            format!(
                "the regular expression has no group `{}`; {known}",
                shortened(&name)
            ),
        )
    })
}

fn matchable(call: &Call<'_>, text: &str) -> Result<(), EvaluationError> {
    if text.len() > MAX_MATCHED_BYTES {
        return Err(call.error(
            EvaluationErrorKind::TooLarge,
            format!(
                "a regular expression is applied to at most {MAX_MATCHED_BYTES} bytes, not {}; shorten the text with Left",
                text.len()
            ),
        ));
    }
    Ok(())
}
