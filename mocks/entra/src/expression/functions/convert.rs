//! Functions between types.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use provlab_protocol::sid::Sid;

use super::super::compare;
use super::super::error::{EvaluationError, shortened};
use super::super::evaluate::{Call, several};
use super::super::value::Value;
use super::table::ENCODINGS;

type Result = std::result::Result<Value, EvaluationError>;

/// `BitAnd(value1, value2)`.
pub(super) fn bit_and(call: &mut Call<'_>) -> Result {
    Ok(Value::Number(call.number(0)? & call.number(1)?))
}

/// `CBool(expression)`.
pub(super) fn c_bool(call: &mut Call<'_>) -> Result {
    let value = call.value(0)?;
    compare::truth(&value)
        .map(Value::Flag)
        .map_err(|what| call.unsuitable(0, what))
}

/// `CStr(value)`: succeeds where `IsString` says so.
pub(super) fn c_str(call: &mut Call<'_>) -> Result {
    let value = call.value(0)?;
    let what = match &value {
        Value::Binary(_) => "bytes are not text; write ConvertToBase64 or StringFromSID".to_owned(),
        Value::List(values) => several(values.len()),
        single => return Ok(single.to_text().into()),
    };
    Err(call.unsuitable(0, what))
}

/// `ConvertFromBase64(source, encoding)`. Bytes that the encoding does not have become a replacement character, as in
/// .NET.
pub(super) fn from_base64(call: &mut Call<'_>) -> Result {
    let encoding = call.word(1, ENCODINGS)?;
    let source = call.text(0)?;
    let bytes = STANDARD
        .decode(source.trim())
        .map_err(|_| call.unsuitable(0, format!("`{}` is not base64", shortened(&source))))?;
    Ok(Value::Text(match encoding {
        "UTF8" => String::from_utf8_lossy(&bytes).into_owned(),
        "ASCII" => bytes
            .iter()
            .map(|byte| if byte.is_ascii() { char::from(*byte) } else { '?' })
            .collect(),
        _ => {
            let units: Vec<u16> = bytes
                .chunks(2)
                .map(|pair| u16::from_le_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]))
                .collect();
            String::from_utf16_lossy(&units)
        }
    }))
}

/// `ConvertToBase64(source)`.
pub(super) fn to_base64(call: &mut Call<'_>) -> Result {
    let bytes = match call.value(0)? {
        Value::Binary(bytes) => bytes,
        _ => call.text(0)?.encode_utf16().flat_map(u16::to_le_bytes).collect(),
    };
    Ok(STANDARD.encode(bytes).into())
}

/// `ConvertToUTF8Hex(source)`; of bytes their own digits (inferred).
pub(super) fn to_utf8_hex(call: &mut Call<'_>) -> Result {
    let bytes = match call.value(0)? {
        Value::Binary(bytes) => bytes,
        _ => call.text(0)?.into_bytes(),
    };
    Ok(hex::encode_upper(bytes).into())
}

/// `StringFromSID(objectSid)`; a SID that is text already stays as it is (inferred).
pub(super) fn string_from_sid(call: &mut Call<'_>) -> Result {
    if let Value::Text(text) = call.value(0)?
        && let Ok(sid) = text.trim().parse::<Sid>()
    {
        return Ok(sid.to_string().into());
    }
    let bytes = call.bytes(0)?;
    Sid::from_bytes(&bytes)
        .map(|sid| sid.to_string().into())
        .map_err(|error| call.unsuitable(0, error.to_string()))
}
