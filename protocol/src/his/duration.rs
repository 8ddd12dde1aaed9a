//! .NET writes a time span in a retry strategy as `[d.]hh:mm:ss`, and that is what travels (PR 5.3).

use std::time::Duration;

use super::HisXmlError;

/// `hh:mm:ss`, with days in front where there are any.
pub(super) fn write(span: Duration) -> String {
    let seconds = span.as_secs();
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let clock = format!("{:02}:{:02}:{:02}", rest / 3_600, rest / 60 % 60, rest % 60);
    let fraction = span.subsec_nanos() / 100;
    let day_part = if days > 0 {
        format!("{days}.")
    } else {
        String::new()
    };
    let fraction_part = if fraction > 0 {
        format!(".{fraction:07}")
    } else {
        String::new()
    };
    format!("{day_part}{clock}{fraction_part}")
}

/// Reads `[d.]hh:mm:ss[.fffffff]`.
pub(super) fn read(element: &'static str, text: &str) -> Result<Duration, HisXmlError> {
    parse(text).ok_or(HisXmlError::Invalid {
        element,
        expected: "a time span such as 00:10:00",
    })
}

fn parse(text: &str) -> Option<Duration> {
    let mut fields = text.split(':');
    let (first, minutes, last) = (fields.next()?, fields.next()?, fields.next()?);
    if fields.next().is_some() {
        return None;
    }
    let (days, hours) = first
        .split_once('.')
        .map_or((Some(0), number(first)), |(days, hours)| {
            (number(days), number(hours))
        });
    let (seconds, fraction) = last.split_once('.').unwrap_or((last, "0"));
    let (hours, minutes, seconds) = (hours?, number(minutes)?, number(seconds)?);
    if hours > 23 || minutes > 59 || seconds > 59 || fraction.len() > 7 {
        return None;
    }
    let scale = 10_u32.pow(9 - u32::try_from(fraction.len()).ok()?);
    let nanoseconds = u32::try_from(number(fraction)?).ok()?.checked_mul(scale)?;
    let whole = days?
        .checked_mul(86_400)?
        .checked_add(hours * 3_600 + minutes * 60 + seconds)?;
    Some(Duration::new(whole, nanoseconds))
}

fn number(text: &str) -> Option<u64> {
    if text.is_empty() || text.len() > 8 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{parse, write};

    #[test]
    fn spans_of_the_reference_are_read() {
        assert_eq!(parse("00:10:00"), Some(Duration::from_secs(600)));
        assert_eq!(parse("23:59:59"), Some(Duration::from_secs(86_399)));
        assert_eq!(
            parse("10675199.02:48:05.4775807"),
            Some(Duration::new(922_337_203_685, 477_580_700))
        );
        assert_eq!(
            write(Duration::new(922_337_203_685, 477_580_700)),
            "10675199.02:48:05.4775807"
        );
    }

    #[test]
    fn what_is_no_span_is_refused() {
        for text in [
            "",
            "10",
            "1:2",
            "24:00:00",
            "00:60:00",
            "00:00:60",
            "-1:00:00",
            "1:2:3:4",
            "00:00:00.12345678",
            "é:00:00",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn spans_round_trip(seconds in 0_u64..1_000_000_000_000, ticks in 0_u32..10_000_000) {
            let span = Duration::new(seconds, ticks * 100);
            prop_assert_eq!(parse(&write(span)), Some(span));
        }

        #[test]
        fn arbitrary_text_is_survived(text in ".{0,40}") {
            let _ = parse(&text);
        }
    }
}
