//! A time out of a text, as strictly as `DateTime.ParseExact`.

use time::{Date, Duration, Month, PrimitiveDateTime, Time, UtcOffset};

use super::super::error::shortened;
use super::{DAYS, Format, MONTHS, Moment, Part};

/// Last year that two digits mean in the years after 2000 (.NET, `TwoDigitYearMax`).
const LAST_SHORT_YEAR: i32 = 2049;

/// How a text may differ from its format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Styles {
    leading_white: bool,
    trailing_white: bool,
    /// The result counts as UTC even if the text names no zone.
    universal: bool,
}

impl Default for Styles {
    /// What holds if nothing is said (general reference).
    fn default() -> Self {
        Self {
            leading_white: true,
            trailing_white: true,
            universal: false,
        }
    }
}

impl Styles {
    const NONE: Self = Self {
        leading_white: false,
        trailing_white: false,
        universal: false,
    };

    /// Names of `DateTimeStyles` with what they add. What would need the current date or a local zone adds nothing.
    const NAMES: [(&'static str, Self); 10] = [
        ("None", Self::NONE),
        (
            "AllowLeadingWhite",
            Self {
                leading_white: true,
                ..Self::NONE
            },
        ),
        (
            "AllowTrailingWhite",
            Self {
                trailing_white: true,
                ..Self::NONE
            },
        ),
        ("AllowInnerWhite", Self::NONE),
        (
            "AllowWhiteSpaces",
            Self {
                leading_white: true,
                trailing_white: true,
                ..Self::NONE
            },
        ),
        ("NoCurrentDateDefault", Self::NONE),
        (
            "AdjustToUniversal",
            Self {
                universal: true,
                ..Self::NONE
            },
        ),
        ("AssumeLocal", Self::NONE),
        (
            "AssumeUniversal",
            Self {
                universal: true,
                ..Self::NONE
            },
        ),
        ("RoundtripKind", Self::NONE),
    ];

    /// Reads names with commas between them, with or without `DateTimeStyles.` before each; none is the default.
    pub(in super::super) fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let mut styles = Self::NONE;
        for name in text.split(',').map(str::trim) {
            let name = name.strip_prefix("DateTimeStyles.").unwrap_or(name);
            let Some((_, adds)) = Self::NAMES.iter().find(|(known, _)| *known == name) else {
                let known: Vec<&str> = Self::NAMES.iter().map(|(known, _)| *known).collect();
                return Err(format!(
                    "`{}` is not one of {}",
                    shortened(name),
                    known.join(", ")
                ));
            };
            styles.leading_white |= adds.leading_white;
            styles.trailing_white |= adds.trailing_white;
            styles.universal |= adds.universal;
        }
        Ok(styles)
    }
}

impl Format {
    /// The time that a text means. The format must name at least a year; a month or day that it does not name is the
    /// first, a time of day midnight.
    pub(in super::super) fn read(&self, text: &str, styles: Styles) -> Result<Moment, String> {
        let mut rest = text;
        if styles.leading_white {
            rest = rest.trim_start();
        }
        if styles.trailing_white {
            rest = rest.trim_end();
        }
        let mut found = Found::default();
        for (index, part) in self.0.iter().enumerate() {
            let wrong =
                |what: String| format!("`{}` does not have the input format: {what}", shortened(text));
            match part {
                Part::Literal(sign) => {
                    // The point before an optional fraction is optional with it.
                    let optional = *sign == '.' && matches!(self.0.get(index + 1), Some(Part::Word('F', _)));
                    match rest.strip_prefix(*sign) {
                        Some(after) => rest = after,
                        None if optional => {}
                        None => {
                            return Err(wrong(format!("`{sign}` is missing before `{}`", shortened(rest))));
                        }
                    }
                }
                Part::Word(letter, count) => {
                    rest = found.word(*letter, *count, rest).ok_or_else(|| {
                        let word = letter.to_string().repeat(*count);
                        wrong(format!("`{word}` does not fit `{}`", shortened(rest)))
                    })?;
                }
            }
        }
        if !rest.is_empty() {
            return Err(format!(
                "`{}` does not have the input format: `{}` is left over",
                shortened(text),
                shortened(rest)
            ));
        }
        found.moment(styles.universal)
    }
}

#[derive(Default)]
struct Found {
    year: Option<i32>,
    month: Option<u8>,
    day: Option<u8>,
    weekday: Option<u8>,
    hour: Option<u8>,
    afternoon: Option<bool>,
    minute: u8,
    second: u8,
    nanosecond: u32,
    /// Minutes east of UTC.
    offset: Option<i64>,
}

impl Found {
    /// Takes one word off a text.
    fn word<'t>(&mut self, letter: char, count: usize, text: &'t str) -> Option<&'t str> {
        // A single letter takes one or two digits, more letters as many digits as there are.
        let (least, most) = if count == 1 { (1, 2) } else { (count, count) };
        let number = || digits(text, least, most);
        let small = || number().and_then(|(value, rest)| Some((u8::try_from(value).ok()?, rest)));
        match (letter, count) {
            ('d', 3..) => {
                let (index, rest) = name(text, &DAYS, count)?;
                self.weekday = Some(index);
                return Some(rest);
            }
            ('M', 3..) => {
                let (index, rest) = name(text, &MONTHS, count)?;
                self.month = Some(index + 1);
                return Some(rest);
            }
            ('y', _) => {
                let (value, rest) = number()?;
                let value = i32::try_from(value).ok()?;
                self.year = Some(match value {
                    short if count <= 2 && short <= LAST_SHORT_YEAR - 2000 => 2000 + short,
                    short if count <= 2 => 1900 + short,
                    full => full,
                });
                return Some(rest);
            }
            ('f', _) => {
                let (value, rest) = digits(text, count, count)?;
                self.nanosecond = value * 10_u32.pow(9 - u32::try_from(count).ok()?);
                return Some(rest);
            }
            ('F', _) => {
                let length = text.bytes().take(count).take_while(u8::is_ascii_digit).count();
                return if length == 0 {
                    Some(text)
                } else {
                    self.word('f', length, text)
                };
            }
            ('t', _) => {
                let half = text.get(..count)?;
                self.afternoon = Some(if half.eq_ignore_ascii_case(&"AM"[..count]) {
                    false
                } else if half.eq_ignore_ascii_case(&"PM"[..count]) {
                    true
                } else {
                    return None;
                });
                return Some(&text[count..]);
            }
            ('K' | 'z', _) => return self.zone(letter, count, text),
            _ => {}
        }
        let (value, rest) = small()?;
        match letter {
            'd' => self.day = Some(value),
            'M' => self.month = Some(value),
            'H' | 'h' => self.hour = Some(value),
            'm' => self.minute = value,
            's' => self.second = value,
            _ => return None,
        }
        Some(rest)
    }

    fn zone<'t>(&mut self, letter: char, count: usize, text: &'t str) -> Option<&'t str> {
        if let Some(rest) = text.strip_prefix('Z') {
            self.offset = Some(0);
            return Some(rest);
        }
        let (sign, rest) = match text.chars().next() {
            Some('+') => (1, &text[1..]),
            Some('-') => (-1, &text[1..]),
            _ => return (letter == 'K').then_some(text),
        };
        let (hours, mut rest) = digits(rest, if letter == 'z' && count == 1 { 1 } else { 2 }, 2)?;
        let mut minutes = 0;
        if letter == 'K' || count == 3 {
            let after = rest.strip_prefix(':').unwrap_or(rest);
            (minutes, rest) = digits(after, 2, 2)?;
        }
        if hours > 14 || minutes > 59 {
            return None;
        }
        self.offset = Some(sign * (i64::from(hours) * 60 + i64::from(minutes)));
        Some(rest)
    }

    fn moment(&self, universal: bool) -> Result<Moment, String> {
        let Some(year) = self.year else {
            return Err("the input format names no year; add yyyy".to_owned());
        };
        let hour = match (self.hour.unwrap_or(0), self.afternoon) {
            (hour, None) => hour,
            (hour @ 1..=12, Some(afternoon)) => hour % 12 + 12 * u8::from(afternoon),
            (hour, Some(_)) => hour,
        };
        let impossible = "there is no such time";
        let time = Month::try_from(self.month.unwrap_or(1))
            .and_then(|month| Date::from_calendar_date(year, month, self.day.unwrap_or(1)))
            .and_then(|date| {
                let time = Time::from_hms_nano(hour, self.minute, self.second, self.nanosecond)?;
                Ok(PrimitiveDateTime::new(date, time).assume_offset(UtcOffset::UTC))
            })
            .map_err(|error| format!("{impossible}: {error}"))?;
        if self
            .weekday
            .is_some_and(|weekday| weekday != time.weekday().number_days_from_sunday())
        {
            return Err(format!("{impossible}: it is a {}", time.weekday()));
        }
        let time = time
            .checked_sub(Duration::minutes(self.offset.unwrap_or(0)))
            .filter(|time| (0..=9999).contains(&time.year()))
            .ok_or_else(|| format!("{impossible}: it lies outside the years 0 to 9999"))?;
        Ok(Moment {
            time,
            zoned: self.offset.is_some() || universal,
        })
    }
}

/// The digits at the start of a text, as many as there are but at least `least` and at most `most`.
fn digits(text: &str, least: usize, most: usize) -> Option<(u32, &str)> {
    let length = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if length < least {
        return None;
    }
    Some((text[..length].parse().ok()?, &text[length..]))
}

/// The name at the start of a text, in full or its first three letters.
fn name<'t>(text: &'t str, names: &[&str], count: usize) -> Option<(u8, &'t str)> {
    names.iter().zip(0_u8..).find_map(|(name, index)| {
        let wanted = if count == 3 { &name[..3] } else { name };
        let head = text.get(..wanted.len())?;
        head.eq_ignore_ascii_case(wanted)
            .then(|| (index, &text[wanted.len()..]))
    })
}
