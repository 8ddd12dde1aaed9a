//! What functions there are (CS 5.12): one table that parser, evaluator, Graph and documentation read.

mod convert;
mod flow;
mod list;
mod replace;
mod table;
mod test;
mod text;
mod when;

use std::fmt;

use super::error::EvaluationError;
use super::evaluate::Call;
use super::value::Value;

pub use table::FUNCTIONS;

/// A function of cloud sync.
#[derive(Clone, Copy)]
pub struct Function {
    /// Its name; case matters.
    pub name: &'static str,
    /// Other spellings of the name in the reference.
    pub aliases: &'static [&'static str],
    /// Its parameters in order.
    pub parameters: &'static [Parameter],
    /// Which parameters at the end may be given again and again.
    pub repeats: Repeats,
    /// Type of its result.
    pub result: Type,
    /// It is applied to each value of a multi-valued first argument.
    pub each: bool,
    /// Without a value of the first argument it has none itself.
    pub keeps_absence: bool,
    /// It may not stand inside another function.
    pub top_level: bool,
    /// What it does, in short.
    pub summary: &'static str,
    /// Which combinations of arguments make sense; told which parameters are given.
    pub(super) check: fn(&dyn Fn(usize) -> bool) -> Result<(), &'static str>,
    /// What it does.
    pub(super) run: fn(&mut Call<'_>) -> Result<Value, EvaluationError>,
}

/// A parameter of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name in the reference of expressions.
    pub name: &'static str,
    /// Its name in Graph, where that is another.
    pub graph_name: &'static str,
    /// Its type.
    pub kind: Type,
    /// Whether it may be missing.
    pub presence: Presence,
}

/// Whether an argument may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It must be given.
    Required,
    /// Its place may be empty; at the end of the list the place may be missing too.
    Optional,
    /// Its place may be empty or missing, though required parameters follow.
    Skippable,
}

/// The last parameters of a function, if they repeat as a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeats {
    /// How many parameters form the group; 0 if none repeats.
    pub parameters: usize,
    /// How often the group is given at least.
    pub at_least: usize,
}

/// A type, as the references name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Text.
    Str,
    /// A whole number.
    Num,
    /// True or false.
    Bool,
    /// A point in time.
    Dt,
    /// A distinguished name.
    Ref,
    /// Bytes.
    Bin,
    /// Several texts.
    Mvstr,
    /// Any value.
    Var,
    /// A condition, which may be a comparison.
    Exp,
    /// A regular expression.
    Regex,
    /// One of these words.
    Enum(&'static [&'static str]),
    /// No value.
    Void,
}

impl Function {
    /// The function of that name or spelling.
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        FUNCTIONS
            .iter()
            .find(|function| function.name == name || function.aliases.contains(&name))
    }

    /// Parameters that do not repeat.
    fn fixed(&self) -> usize {
        self.parameters.len() - self.repeats.parameters
    }

    /// The parameter that the argument in that place stands for, if there are so many arguments.
    pub(super) fn parameter_of(&self, place: usize, count: usize) -> Option<usize> {
        let fixed = self.fixed();
        if self.repeats.parameters > 0 && place >= fixed {
            return Some(fixed + (place - fixed) % self.repeats.parameters);
        }
        (0..self.parameters.len()).find(|parameter| self.place_of(*parameter, count) == Some(place))
    }

    /// The place of a parameter's argument, if there are so many arguments; of a repeated parameter the first.
    pub(super) fn place_of(&self, parameter: usize, count: usize) -> Option<usize> {
        let skipped = self.skippable().filter(|_| count < self.parameters.len());
        match skipped {
            Some(skipped) if skipped == parameter => None,
            Some(skipped) if skipped < parameter => Some(parameter - 1),
            _ => Some(parameter),
        }
        .filter(|place| *place < count)
    }

    fn skippable(&self) -> Option<usize> {
        self.parameters
            .iter()
            .position(|parameter| parameter.presence == Presence::Skippable)
    }

    /// What is wrong with so many arguments.
    pub(super) fn check_count(&self, count: usize) -> Result<(), String> {
        let fixed = self.fixed();
        let group = self.repeats.parameters;
        let (least, most) = if group > 0 {
            (fixed + group * self.repeats.at_least, usize::MAX)
        } else {
            let required = self
                .parameters
                .iter()
                .rposition(|parameter| parameter.presence == Presence::Required)
                .map_or(0, |last| last + 1);
            (required - usize::from(self.skippable().is_some()), fixed)
        };
        if count < least || count > most {
            let wanted = match (least, most) {
                (_, usize::MAX) => format!("at least {least}"),
                _ if least == most => least.to_string(),
                _ => format!("{least} to {most}"),
            };
            let plural = if wanted == "1" { "" } else { "s" };
            return Err(format!("it takes {wanted} argument{plural}, not {count}"));
        }
        if group > 1 && !(count - fixed).is_multiple_of(group) {
            return Err(format!(
                "the arguments after the first {fixed} come in groups of {group}, and the last group is incomplete"
            ));
        }
        Ok(())
    }

    /// How it is written: `Mid(source, start, length)`; what may be missing stands in brackets.
    #[must_use]
    pub fn signature(&self) -> String {
        let shown: Vec<String> = self
            .parameters
            .iter()
            .map(|parameter| match parameter.presence {
                Presence::Required => parameter.name.to_owned(),
                Presence::Optional | Presence::Skippable => format!("[{}]", parameter.name),
            })
            .collect();
        let more = if self.repeats.parameters > 0 { ", …" } else { "" };
        format!("{}({}{more})", self.name, shown.join(", "))
    }
}

/// A function is its name.
impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Function({})", self.signature())
    }
}

impl Type {
    /// The short name of the references: `str`, `num`, …
    #[must_use]
    pub fn short(self) -> &'static str {
        match self {
            Type::Str | Type::Regex => "str",
            Type::Num => "num",
            Type::Bool => "bool",
            Type::Dt => "dt",
            Type::Ref => "ref",
            Type::Bin => "bin",
            Type::Mvstr => "mvstr",
            Type::Var => "var",
            Type::Exp => "exp",
            Type::Enum(_) => "enum",
            Type::Void => "void",
        }
    }

    /// The `attributeType` of Graph's `attributeMappingParameterSchema`.
    #[must_use]
    pub fn graph(self) -> &'static str {
        match self {
            Type::Num => "Integer",
            Type::Bool | Type::Exp => "Boolean",
            Type::Dt => "DateTime",
            Type::Ref => "Reference",
            Type::Bin => "Binary",
            Type::Str | Type::Regex | Type::Mvstr | Type::Var | Type::Enum(_) | Type::Void => "String",
        }
    }
}
