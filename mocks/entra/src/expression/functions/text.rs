//! Functions of text.

use provlab_protocol::dn::Dn;

use super::super::diacritics;
use super::super::error::{EvaluationError, shortened};
use super::super::evaluate::{Call, Output};
use super::super::value::Value;
use super::table::COMPARISONS;

type Result = std::result::Result<Value, EvaluationError>;

/// `Append(source, suffix)`. A missing source counts as empty (inferred).
pub(super) fn append(call: &mut Call<'_>) -> Result {
    let mut output = Output::default();
    for parameter in 0..2 {
        let text = call.text(parameter)?;
        call.push(&mut output, &text)?;
    }
    Ok(output.into())
}

/// `Left(string, numChars)`.
pub(super) fn left(call: &mut Call<'_>) -> Result {
    let (text, count) = (call.text(0)?, call.number(1)?);
    Ok(match usize::try_from(count) {
        Ok(count) => text.chars().take(count).collect::<String>().into(),
        Err(_) => text.into(),
    })
}

/// `Mid(source, start, length)`. What happens outside the text is said by the reference of Connect Sync.
pub(super) fn mid(call: &mut Call<'_>) -> Result {
    let (text, start, length) = (call.text(0)?, call.number(1)?, call.number(2)?);
    let (Ok(start), Ok(length)) = (usize::try_from(start), usize::try_from(length)) else {
        return Ok(text.into());
    };
    if length == 0 {
        return Ok(Value::from(""));
    }
    if start == 0 || text.chars().nth(start - 1).is_none() {
        return Ok(text.into());
    }
    Ok(text
        .chars()
        .skip(start - 1)
        .take(length)
        .collect::<String>()
        .into())
}

/// `InStr(stringCheck, stringMatch, start, compare)`.
pub(super) fn in_str(call: &mut Call<'_>) -> Result {
    let (text, wanted) = (call.text(0)?, call.text(1)?);
    let start = if call.given(2) { call.number(2)? } else { 1 };
    let Some(skipped) = usize::try_from(start).ok().and_then(|start| start.checked_sub(1)) else {
        return Err(call.unsuitable(2, format!("the search begins at 1 or later, not at {start}")));
    };
    let folds = call.word(3, COMPARISONS)? == COMPARISONS[1];
    let fold = |text: &str| -> Vec<char> {
        text.chars()
            .map(|sign| if folds { lower(sign) } else { sign })
            .collect()
    };
    let text: String = fold(&text).into_iter().skip(skipped).collect();
    let wanted: String = fold(&wanted).into_iter().collect();
    let found = text
        .find(&wanted)
        .map(|at| text[..at].chars().count() + skipped + 1);
    Ok(Value::Number(
        found.and_then(|at| i64::try_from(at).ok()).unwrap_or(0),
    ))
}

/// `Trim(value)`.
pub(super) fn trim(call: &mut Call<'_>) -> Result {
    Ok(Value::from(call.text(0)?.trim()))
}

/// `StripSpaces(source)`: spaces, and no other white space.
pub(super) fn strip_spaces(call: &mut Call<'_>) -> Result {
    Ok(call.text(0)?.replace(' ', "").into())
}

/// `NormalizeDiacritics(source)`.
pub(super) fn normalize_diacritics(call: &mut Call<'_>) -> Result {
    Ok(diacritics::normalize(&call.text(0)?).into())
}

/// `ToLower(source, culture)`.
pub(super) fn to_lower(call: &mut Call<'_>) -> Result {
    let turkic = turkic(call)?;
    let text = call.text(0)?;
    Ok(text
        .chars()
        .map(|sign| match sign {
            'I' if turkic => 'ı',
            'İ' if turkic => 'i',
            _ => lower(sign),
        })
        .collect::<String>()
        .into())
}

/// `ToUpper(source, culture)`.
pub(super) fn to_upper(call: &mut Call<'_>) -> Result {
    let turkic = turkic(call)?;
    let text = call.text(0)?;
    Ok(text
        .chars()
        .map(|sign| match sign {
            'i' if turkic => 'İ',
            'ı' if turkic => 'I',
            _ => single(sign, sign.to_uppercase()),
        })
        .collect::<String>()
        .into())
}

/// One letter for one, as .NET changes case: what would become several letters stays as it is.
fn single(sign: char, mut changed: impl Iterator<Item = char>) -> char {
    match (changed.next(), changed.next()) {
        (Some(only), None) => only,
        _ => sign,
    }
}

fn lower(sign: char) -> char {
    single(sign, sign.to_lowercase())
}

/// Whether the culture is one of the two with a dotless i; no other changes case differently from the invariant one.
fn turkic(call: &mut Call<'_>) -> std::result::Result<bool, EvaluationError> {
    let culture = call.text(1)?;
    let mut parts = culture.split('-');
    let language = parts.next().unwrap_or_default();
    let is_language = (2..=3).contains(&language.len()) && language.bytes().all(|b| b.is_ascii_alphabetic());
    let is_rest =
        parts.all(|part| (2..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()));
    if !(culture.is_empty() || is_language && is_rest) {
        return Err(call.unsuitable(
            1,
            format!(
                "`{}` is not a culture; write one such as en-US",
                shortened(&culture)
            ),
        ));
    }
    Ok(["tr", "az"]
        .iter()
        .any(|known| language.eq_ignore_ascii_case(known)))
}

/// `Word(string, wordNumber, delimiters)`. Delimiters side by side separate once (inferred).
pub(super) fn word(call: &mut Call<'_>) -> Result {
    let (text, number, delimiters) = (call.text(0)?, call.number(1)?, call.text(2)?);
    let word = usize::try_from(number)
        .ok()
        .and_then(|number| number.checked_sub(1))
        .and_then(|index| {
            text.split(|sign| delimiters.contains(sign))
                .filter(|word| !word.is_empty())
                .nth(index)
        });
    Ok(Value::from(word.unwrap_or_default()))
}

/// `DNComponent(dn, componentNumber)`.
pub(super) fn dn_component(call: &mut Call<'_>) -> Result {
    let (name, number) = (call.text(0)?, call.number(1)?);
    let dn: Dn = name
        .parse()
        .map_err(|error| call.unsuitable(0, format!("not a distinguished name: {error}")))?;
    let Some(index) = usize::try_from(number)
        .ok()
        .and_then(|number| number.checked_sub(1))
    else {
        return Err(call.unsuitable(1, format!("components are counted from 1, not {number}")));
    };
    Ok(dn
        .rdns()
        .get(index)
        .map_or(Value::Null, |rdn| Value::from(rdn.value())))
}
