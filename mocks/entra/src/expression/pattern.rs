//! Regular expressions of `Replace`, in linear time, with the numbering and templates of .NET.

use std::collections::BTreeMap;
use std::ops::Range;

use regex::{Captures, Regex, RegexBuilder};

use super::MAX_PATTERN_BYTES;
use super::error::ParseError;
use super::functions::Type;
use super::tree::{Kind, Node};

/// A compiled regular expression.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    text: String,
    regex: Regex,
    /// The group of each number as .NET counts: those without a name come first.
    numbers: Vec<usize>,
}

/// A regular expression is its text.
impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Pattern {
    pub(super) fn compile(text: &str) -> Result<Self, String> {
        let regex = RegexBuilder::new(text)
            .size_limit(MAX_PATTERN_BYTES)
            .build()
            .map_err(|error| explain(&error))?;
        let names: Vec<Option<&str>> = regex.capture_names().collect();
        let numbers = (0..names.len())
            .filter(|group| names[*group].is_none())
            .chain((0..names.len()).filter(|group| names[*group].is_some()))
            .collect();
        Ok(Self {
            text: text.to_owned(),
            regex,
            numbers,
        })
    }

    /// The first match from a byte on.
    pub(super) fn captures_at<'t>(&self, text: &'t str, from: usize) -> Option<Captures<'t>> {
        self.regex.captures_at(text, from)
    }

    /// The group of that name, or of that number.
    pub(super) fn group(&self, name: &str) -> Option<usize> {
        let named = self.regex.capture_names().position(|known| known == Some(name));
        named.or_else(|| {
            let number: usize = name.parse().ok()?;
            self.numbers.get(number).copied()
        })
    }

    /// Names of its groups.
    pub(super) fn names(&self) -> Vec<&str> {
        self.regex.capture_names().flatten().collect()
    }

    /// Fills in a replacement template: `${name}`, `$1`, `$&`, `$$`, and the rarer `` $` ``, `$'`, `$+`, `$_`. What is
    /// none of them stands for itself.
    pub(super) fn expand<E>(
        &self,
        template: &str,
        captures: &Captures<'_>,
        text: &str,
        push: &mut dyn FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        let whole = captures.get(0).map_or(0..0, |whole| whole.range());
        let group = |group: usize| captures.get(group).map_or("", |found| found.as_str());
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('$') {
            push(before)?;
            if let Some((number, length)) = self.reference(after) {
                push(group(number))?;
                rest = &after[length..];
                continue;
            }
            let filled = match after.chars().next() {
                Some('$') => Some("$"),
                Some('&') => Some(group(0)),
                Some('`') => Some(&text[..whole.start]),
                Some('\'') => Some(&text[whole.end..]),
                Some('+') => self.numbers.last().map(|last| group(*last)),
                Some('_') => Some(text),
                _ => None,
            };
            push(filled.unwrap_or("$"))?;
            rest = &after[usize::from(filled.is_some())..];
        }
        push(rest)
    }

    /// The group that `{name}` or digits at the start of a text mean, and how long they are.
    fn reference(&self, text: &str) -> Option<(usize, usize)> {
        let (name, length) = match text.strip_prefix('{') {
            Some(braced) => {
                let (name, _) = braced.split_once('}')?;
                (name, name.len() + 2)
            }
            None => {
                let length = text.bytes().take_while(u8::is_ascii_digit).count();
                (&text[..length], length)
            }
        };
        Some((self.group(name)?, length))
    }
}

/// The matches of a text in the manner of .NET: an empty match may follow another match at once.
pub(super) struct Matches {
    from: Option<usize>,
}

impl Matches {
    pub(super) fn new() -> Self {
        Self { from: Some(0) }
    }

    /// Where the next search begins; `None` when the text is used up.
    pub(super) fn from(&self) -> Option<usize> {
        self.from
    }

    /// Goes on behind a match.
    pub(super) fn passed(&mut self, text: &str, found: &Range<usize>) {
        self.from = if found.is_empty() {
            text[found.end..]
                .chars()
                .next()
                .map(|sign| found.end + sign.len_utf8())
        } else {
            Some(found.end)
        };
    }
}

/// Compiles every regular expression that is a constant.
pub(super) fn constants(root: &Node) -> Result<BTreeMap<String, Pattern>, ParseError> {
    let mut found = Vec::new();
    root.visit(&mut |node| {
        let Kind::Call { function, arguments } = &node.kind else {
            return;
        };
        for (place, argument) in arguments.iter().enumerate() {
            let is_pattern = function
                .parameter_of(place, arguments.len())
                .is_some_and(|parameter| function.parameters[parameter].kind == Type::Regex);
            if let Some(argument) = argument
                && let Kind::Text(text) = &argument.kind
                && is_pattern
            {
                found.push((argument.position, text));
            }
        }
    });
    let mut patterns = BTreeMap::new();
    for (position, text) in found {
        if !patterns.contains_key(text) {
            let pattern = Pattern::compile(text).map_err(|what| ParseError::new(position, what))?;
            patterns.insert(text.clone(), pattern);
        }
    }
    Ok(patterns)
}

fn explain(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(limit) => {
            format!("the regular expression needs more than {limit} bytes; repeat less")
        }
        other => {
            let text = other.to_string();
            let reason = text.lines().last().unwrap_or_default();
            let reason = reason.trim().trim_start_matches("error: ");
            let beyond = ["look-around", "backreferences", "flag"]
                .iter()
                .any(|word| reason.contains(word));
            if beyond {
                format!(
                    "the regular expression uses what .NET has and provlab has not: {reason}; write it without"
                )
            } else {
                format!("the regular expression is wrong: {reason}")
            }
        }
    }
}
