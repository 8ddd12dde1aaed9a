//! The directory counts time in 100 ns ticks since 1601 and writes it in two text forms.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

/// Ticks of 100 ns in a second.
pub const TICKS_PER_SECOND: u64 = 10_000_000;
/// Ticks in a minute.
pub const TICKS_PER_MINUTE: u64 = 60 * TICKS_PER_SECOND;
/// Ticks in an hour.
pub const TICKS_PER_HOUR: u64 = 60 * TICKS_PER_MINUTE;
/// Ticks in a day.
pub const TICKS_PER_DAY: u64 = 24 * TICKS_PER_HOUR;

/// Ticks from 1601-01-01 to 1970-01-01.
const UNIX_EPOCH_TICKS: i128 = 116_444_736_000_000_000;

/// A point in time as Windows stores it: ticks of 100 ns since 1601-01-01T00:00:00Z.
///
/// In attributes such as `accountExpires`, 0 and [`FileTime::NEVER`] mean "never" (PR 16.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FileTime(pub u64);

/// Why a time cannot be turned into another form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileTimeError {
    /// Before 1601 or after the year 9999.
    #[error("the time is outside the years 1601 to 9999")]
    OutOfRange,
    /// Not a generalized time.
    #[error(
        "`{text}` is not a generalized time; write it as yyyyMMddHHmmss.0Z, for example 20210927140916.0Z"
    )]
    Text {
        /// What was read, shortened.
        text: String,
    },
}

impl FileTime {
    /// 1601-01-01T00:00:00Z; in many attributes "not set".
    pub const ZERO: FileTime = FileTime(0);
    /// The largest value that AD stores, used for "never".
    pub const NEVER: FileTime = FileTime(i64::MAX as u64);

    /// The tick that a UTC time falls into.
    ///
    /// # Errors
    /// The time is before 1601.
    pub fn from_datetime(when: OffsetDateTime) -> Result<Self, FileTimeError> {
        let ticks = when.unix_timestamp_nanos().div_euclid(100) + UNIX_EPOCH_TICKS;
        u64::try_from(ticks)
            .map(FileTime)
            .map_err(|_| FileTimeError::OutOfRange)
    }

    /// The same time as a calendar date in UTC.
    ///
    /// # Errors
    /// The time is after the year 9999, as [`FileTime::NEVER`] is.
    pub fn to_datetime(self) -> Result<OffsetDateTime, FileTimeError> {
        let nanos = (i128::from(self.0) - UNIX_EPOCH_TICKS) * 100;
        OffsetDateTime::from_unix_timestamp_nanos(nanos).map_err(|_| FileTimeError::OutOfRange)
    }

    /// From whole seconds since 1601, the unit of the up-to-date vector of a DirSync cookie (PR 15.1).
    pub const fn from_seconds(seconds: u64) -> Self {
        FileTime(seconds.saturating_mul(TICKS_PER_SECOND))
    }

    /// Whole seconds since 1601.
    pub const fn seconds(self) -> u64 {
        self.0 / TICKS_PER_SECOND
    }

    /// This time and so many ticks, at most the largest time.
    #[must_use]
    pub const fn plus_ticks(self, ticks: u64) -> Self {
        FileTime(self.0.saturating_add(ticks))
    }

    /// This time less so many ticks, at least zero.
    #[must_use]
    pub const fn minus_ticks(self, ticks: u64) -> Self {
        FileTime(self.0.saturating_sub(ticks))
    }

    /// This time and a duration, at most the largest time.
    #[must_use]
    pub fn plus(self, duration: std::time::Duration) -> Self {
        self.plus_ticks(u64::try_from(duration.as_nanos() / 100).unwrap_or(u64::MAX))
    }

    /// Ticks from `earlier` to this time, zero if it is not earlier.
    pub const fn ticks_since(self, earlier: FileTime) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The text form of `whenChanged` and its like, `yyyyMMddHHmmss.0Z`; the fraction of a second is dropped.
    ///
    /// # Errors
    /// The time is after the year 9999.
    pub fn to_generalized_time(self) -> Result<String, FileTimeError> {
        let when = self.to_datetime()?;
        Ok(format!(
            "{:04}{:02}{:02}{:02}{:02}{:02}.0Z",
            when.year(),
            u8::from(when.month()),
            when.day(),
            when.hour(),
            when.minute(),
            when.second()
        ))
    }

    /// Reads a generalized time: seconds are required, a fraction is optional, the zone is `Z` or `±hh[mm]`.
    ///
    /// # Errors
    /// The text has another shape, names no existing time, or lies before 1601.
    pub fn from_generalized_time(text: &str) -> Result<Self, FileTimeError> {
        let when = parse_generalized(text).ok_or_else(|| FileTimeError::Text {
            text: text.chars().take(64).collect(),
        })?;
        Self::from_datetime(when)
    }
}

/// `20210927140916` + optional `.5` or `,5` + zone.
fn parse_generalized(text: &str) -> Option<OffsetDateTime> {
    let (digits, rest) = text.split_at_checked(14)?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = |from: usize, to: usize| digits[from..to].parse::<u16>().ok();
    let small = |from: usize| number(from, from + 2).and_then(|value| u8::try_from(value).ok());
    let date = Date::from_calendar_date(
        i32::from(number(0, 4)?),
        Month::try_from(small(4)?).ok()?,
        small(6)?,
    )
    .ok()?;
    let (fraction, zone) = split_fraction(rest)?;
    let time = Time::from_hms_nano(small(8)?, small(10)?, small(12)?, fraction).ok()?;
    let offset = parse_zone(zone)?;
    // `assume_offset` could leave the calendar near its ends; the checked subtraction cannot.
    let shift = time::Duration::seconds(i64::from(offset.whole_seconds()));
    Some(
        PrimitiveDateTime::new(date, time)
            .checked_sub(shift)?
            .assume_utc(),
    )
}

/// Nanoseconds of the fraction, and what follows it. Digits beyond the ninth are below our resolution.
fn split_fraction(rest: &str) -> Option<(u32, &str)> {
    let Some(tail) = rest.strip_prefix(['.', ',']) else {
        return Some((0, rest));
    };
    let end = tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len());
    let (digits, zone) = tail.split_at(end);
    if digits.is_empty() {
        return None;
    }
    let nanos = digits
        .bytes()
        .chain(std::iter::repeat(b'0'))
        .take(9)
        .fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    Some((nanos, zone))
}

fn parse_zone(zone: &str) -> Option<UtcOffset> {
    if zone == "Z" {
        return Some(UtcOffset::UTC);
    }
    let (sign, digits) = match zone.as_bytes() {
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let pair = |at: usize| -> Option<i8> {
        let &[tens, ones] = digits.get(at..at + 2)? else {
            return None;
        };
        (tens.is_ascii_digit() && ones.is_ascii_digit())
            .then(|| (tens - b'0') as i8 * 10 + (ones - b'0') as i8)
    };
    let (hours, minutes) = match digits.len() {
        2 => (pair(0)?, 0),
        4 => (pair(0)?, pair(2)?),
        _ => return None,
    };
    UtcOffset::from_hms(sign * hours, sign * minutes, 0).ok()
}

impl fmt::Display for FileTime {
    /// The tick count, as AD prints large integers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl TryFrom<OffsetDateTime> for FileTime {
    type Error = FileTimeError;

    fn try_from(when: OffsetDateTime) -> Result<Self, Self::Error> {
        Self::from_datetime(when)
    }
}

impl TryFrom<FileTime> for OffsetDateTime {
    type Error = FileTimeError;

    fn try_from(when: FileTime) -> Result<Self, Self::Error> {
        when.to_datetime()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn reference_times() {
        let table = [
            (132772253564048004, "20210927140916.0Z"),
            (133500000000000000, "20240117212000.0Z"),
            (133511400000000000, "20240131020000.0Z"),
            (134116992000000000, "20260101000000.0Z"),
            (134153280000000000, "20260212000000.0Z"),
            (0, "16010101000000.0Z"),
        ];
        for (ticks, text) in table {
            assert_eq!(FileTime(ticks).to_generalized_time().unwrap(), text);
            let read = FileTime::from_generalized_time(text).unwrap();
            assert_eq!(read.0, ticks - ticks % TICKS_PER_SECOND, "{text}");
        }
    }

    #[test]
    fn password_expiry_is_the_last_change_plus_the_maximum_age() {
        let changed = FileTime::from_datetime(datetime!(2026-01-01 0:00 UTC)).unwrap();
        assert_eq!(changed, FileTime(134116992000000000));
        assert_eq!(42 * TICKS_PER_DAY, 36288000000000);
        assert_eq!(
            changed.plus_ticks(42 * TICKS_PER_DAY),
            FileTime(134153280000000000)
        );
    }

    #[test]
    fn other_spellings_of_the_same_time() {
        let noon = FileTime::from_generalized_time("20240117120000.0Z").unwrap();
        for text in [
            "20240117120000Z",
            "20240117130000+01",
            "20240117113000-0030",
            "20240117120000,000Z",
        ] {
            assert_eq!(FileTime::from_generalized_time(text).unwrap(), noon, "{text}");
        }
        assert_eq!(
            FileTime::from_generalized_time("20240117120000.50000009999Z").unwrap(),
            noon.plus_ticks(TICKS_PER_SECOND / 2)
        );
    }

    #[test]
    fn impossible_times_are_refused() {
        for text in [
            "",
            "20240117120000",
            "20240230120000.0Z",
            "20240117250000.0Z",
            "20240117120000.Z",
            "20240117120000.0",
            "20240117120000+0",
            "20240117120000+9900",
            "2024011712000\u{e9}.0Z",
            "00010101000000+0100",
        ] {
            assert!(FileTime::from_generalized_time(text).is_err(), "{text}");
        }
        assert_eq!(
            FileTime::from_generalized_time("16001231235959.0Z"),
            Err(FileTimeError::OutOfRange)
        );
        assert_eq!(FileTime::NEVER.to_datetime(), Err(FileTimeError::OutOfRange));
    }

    #[test]
    fn arithmetic_stops_at_the_ends() {
        assert_eq!(FileTime(u64::MAX).plus_ticks(1), FileTime(u64::MAX));
        assert_eq!(FileTime(1).minus_ticks(2), FileTime::ZERO);
        assert_eq!(FileTime(1).ticks_since(FileTime(2)), 0);
        assert_eq!(
            FileTime(0).plus(std::time::Duration::from_secs(1)),
            FileTime(TICKS_PER_SECOND)
        );
        assert_eq!(FileTime::from_seconds(7).seconds(), 7);
    }

    proptest! {
        #[test]
        fn round_trips(ticks in 0u64..2_650_467_743_999_999_999) {
            let time = FileTime(ticks);
            prop_assert_eq!(FileTime::from_datetime(time.to_datetime().unwrap()), Ok(time));
            let text = time.to_generalized_time().unwrap();
            let read = FileTime::from_generalized_time(&text).unwrap();
            prop_assert_eq!(read.to_generalized_time().unwrap(), text);
        }

        #[test]
        fn any_text_survives(text in "([0-9]{14})?[-+.,Z0-9\u{20ac}]{0,12}") {
            let _ = FileTime::from_generalized_time(&text);
        }
    }
}
