//! Functions of time.

use provlab_protocol::filetime::FileTime;

use super::super::dates::read::Styles;
use super::super::dates::{Format, Moment};
use super::super::error::EvaluationError;
use super::super::evaluate::Call;
use super::super::value::Value;

type Result = std::result::Result<Value, EvaluationError>;

/// `DateFromNum(value)`.
pub(super) fn date_from_num(call: &mut Call<'_>) -> Result {
    let number = call.number(0)?;
    u64::try_from(number)
        .ok()
        .and_then(|ticks| FileTime(ticks).to_datetime().ok())
        .map(Value::Time)
        .ok_or_else(|| {
            call.unsuitable(
                0,
                format!("{number} is not a time between the years 1601 and 9999; test for it with IIF first"),
            )
        })
}

/// `FormatDateTime(source, dateTimeStyles, inputFormat, outputFormat)`. What is a time already is not read again. The
/// cloud sync reference leaves out the second parameter, the general reference and answers to its readers require its
/// place: both forms are taken.
pub(super) fn format_date_time(call: &mut Call<'_>) -> Result {
    let styles = call.text(1)?;
    let styles = Styles::parse(&styles).map_err(|what| call.unsuitable(1, what))?;
    let input = call.text(2)?;
    let input = Format::parse(&input).map_err(|what| call.unsuitable(2, what))?;
    let output = call.text(3)?;
    let output = Format::parse(&output).map_err(|what| call.unsuitable(3, what))?;
    let moment = match call.value(0)? {
        Value::Time(time) => Moment { time, zoned: true },
        _ => {
            let text = call.text(0)?;
            input
                .read(&text, styles)
                .map_err(|what| call.unsuitable(0, what))?
        }
    };
    Ok(output.write(moment).into())
}
