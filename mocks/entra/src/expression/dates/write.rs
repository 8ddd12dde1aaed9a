//! A time in a format.

use time::UtcOffset;

use super::{DAYS, Format, MONTHS, Moment, Part, fraction};

impl Format {
    /// The time as text.
    pub(in super::super) fn write(&self, moment: Moment) -> String {
        write(&self.0, moment)
    }
}

pub(super) fn write(parts: &[Part], moment: Moment) -> String {
    let utc = Moment {
        time: moment.time.to_offset(UtcOffset::UTC),
        ..moment
    };
    let mut text = String::new();
    for part in parts {
        match part {
            Part::Literal(sign) => text.push(*sign),
            Part::Word('F', count) => {
                let digits = fraction(utc.time.nanosecond(), *count);
                let digits = digits.trim_end_matches('0');
                // .NET drops the point before a fraction that is zero.
                if digits.is_empty() && text.ends_with('.') {
                    text.pop();
                }
                text.push_str(digits);
            }
            Part::Word(letter, count) => text.push_str(&word(*letter, *count, utc)),
        }
    }
    text
}

fn word(letter: char, count: usize, Moment { time, zoned }: Moment) -> String {
    let padded = |number: u32| format!("{number:0count$}");
    let month = usize::from(u8::from(time.month())) - 1;
    let day = usize::from(time.weekday().number_days_from_sunday());
    let name = |name: &str| {
        if count == 3 {
            name[..3].to_owned()
        } else {
            name.to_owned()
        }
    };
    let hour = u32::from(time.hour());
    let year = time.year().unsigned_abs();
    match (letter, count) {
        ('d', 3..) => name(DAYS[day]),
        ('d', _) => padded(u32::from(time.day())),
        ('M', 3..) => name(MONTHS[month]),
        ('M', _) => padded(u32::from(u8::from(time.month()))),
        ('y', 1 | 2) => padded(year % 100),
        ('y', _) => padded(year),
        ('H', _) => padded(hour),
        ('h', _) => padded((hour + 11) % 12 + 1),
        ('m', _) => padded(u32::from(time.minute())),
        ('s', _) => padded(u32::from(time.second())),
        ('f', _) => fraction(time.nanosecond(), count),
        ('t', _) => {
            let half = if hour < 12 { "AM" } else { "PM" };
            half[..count].to_owned()
        }
        ('z', 1) => "+0".to_owned(),
        ('z', 2) => "+00".to_owned(),
        ('z', _) => "+00:00".to_owned(),
        ('K', _) if zoned => "Z".to_owned(),
        _ => String::new(),
    }
}
