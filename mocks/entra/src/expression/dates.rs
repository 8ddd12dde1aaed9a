//! Times as text, in the format words of .NET and its invariant culture (CS 5.12, `FormatDateTime`).
//!
//! A time is UTC throughout: the product's hosts run in UTC (inferred), and a time without a zone is taken for UTC.

pub(super) mod read;
mod write;

use time::OffsetDateTime;

/// Months as `MMMM`; `MMM` is their first three letters.
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// Days as `dddd`, from Sunday; `ddd` is their first three letters.
const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// Format words, and how often their letter may be repeated.
const WORDS: [(char, usize); 13] = [
    ('d', 4),
    ('f', 7),
    ('F', 7),
    ('h', 2),
    ('H', 2),
    ('K', 1),
    ('m', 2),
    ('M', 4),
    ('s', 2),
    ('t', 2),
    ('y', 5),
    ('z', 3),
    ('g', 0),
];

/// Formats of one letter, and what they stand for in the invariant culture.
const STANDARD: [(&str, &str); 17] = [
    ("d", "MM/dd/yyyy"),
    ("D", "dddd, dd MMMM yyyy"),
    ("f", "dddd, dd MMMM yyyy HH:mm"),
    ("F", "dddd, dd MMMM yyyy HH:mm:ss"),
    ("g", "MM/dd/yyyy HH:mm"),
    ("G", "MM/dd/yyyy HH:mm:ss"),
    ("m", "MMMM dd"),
    ("M", "MMMM dd"),
    ("o", "yyyy-MM-dd'T'HH:mm:ss.fffffffK"),
    ("O", "yyyy-MM-dd'T'HH:mm:ss.fffffffK"),
    ("r", "ddd, dd MMM yyyy HH:mm:ss 'GMT'"),
    ("R", "ddd, dd MMM yyyy HH:mm:ss 'GMT'"),
    ("s", "yyyy-MM-dd'T'HH:mm:ss"),
    ("t", "HH:mm"),
    ("T", "HH:mm:ss"),
    ("u", "yyyy-MM-dd HH:mm:ss'Z'"),
    ("y", "yyyy MMMM"),
];

/// Longest format, in characters (our own bound).
const MAX_FORMAT_CHARS: usize = 256;

/// A time, and whether its zone was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) time: OffsetDateTime,
    pub(super) zoned: bool,
}

/// A format, cut into its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Format(Vec<Part>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Stands for itself.
    Literal(char),
    /// A letter and how often it is repeated.
    Word(char, usize),
}

impl Format {
    /// Reads a format: words, `'literal'`, `"literal"`, `\` before a literal character, `%` before a single word, or
    /// one letter that stands for a standard format.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.chars().nth(MAX_FORMAT_CHARS).is_some() {
            return Err(format!("a format has at most {MAX_FORMAT_CHARS} characters"));
        }
        if text.chars().nth(1).is_none() {
            return match STANDARD.iter().find(|(letter, _)| *letter == text) {
                Some((_, meaning)) => Self::custom(meaning),
                None => Err(format!(
                    "`{text}` is not a format; write words such as yyyy-MM-dd, or one of {}",
                    STANDARD.map(|(letter, _)| letter).join(", ")
                )),
            };
        }
        Self::custom(text)
    }

    fn custom(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text.chars().peekable();
        while let Some(sign) = rest.next() {
            match sign {
                '\'' | '"' => loop {
                    match rest.next() {
                        Some(end) if end == sign => break,
                        Some(literal) => parts.push(Part::Literal(literal)),
                        None => return Err(format!("the format has no closing `{sign}`")),
                    }
                },
                '\\' => match rest.next() {
                    Some(literal) => parts.push(Part::Literal(literal)),
                    None => return Err("nothing follows the backslash at the end of the format".to_owned()),
                },
                '%' => {}
                _ => {
                    let Some((_, most)) = WORDS.iter().find(|(letter, _)| *letter == sign) else {
                        parts.push(Part::Literal(sign));
                        continue;
                    };
                    let mut count = 1;
                    while rest.next_if_eq(&sign).is_some() {
                        count += 1;
                    }
                    if count > *most {
                        return Err(format!(
                            "the format word `{}` is not supported; put literal text in single quotes",
                            sign.to_string().repeat(count)
                        ));
                    }
                    parts.push(Part::Word(sign, count));
                }
            }
        }
        Ok(Self(parts))
    }
}

/// `M/d/yyyy h:mm:ss tt`, the form in which the general reference gives every time.
pub(super) fn show(time: OffsetDateTime) -> String {
    const FORM: [Part; 13] = [
        Part::Word('M', 1),
        Part::Literal('/'),
        Part::Word('d', 1),
        Part::Literal('/'),
        Part::Word('y', 4),
        Part::Literal(' '),
        Part::Word('h', 1),
        Part::Literal(':'),
        Part::Word('m', 2),
        Part::Literal(':'),
        Part::Word('s', 2),
        Part::Literal(' '),
        Part::Word('t', 2),
    ];
    write::write(&FORM, Moment { time, zoned: true })
}

/// Digits of a fraction of a second.
fn fraction(nanoseconds: u32, digits: usize) -> String {
    let mut text = format!("{nanoseconds:09}");
    text.truncate(digits);
    text
}
