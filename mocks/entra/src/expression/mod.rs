//! The expression language of attribute mappings (CS 5.12): text in, a tree with positions, values out.
//!
//! Pure: attributes, taken values and new GUIDs come from a [`Source`]. What a function does is a row of [`FUNCTIONS`].
//!
//! ```
//! use provlab_entra::expression::{Expression, Source, Value};
//!
//! struct Alice;
//! impl Source for Alice {
//!     fn values(&self, attribute: &str) -> Vec<Value> {
//!         match attribute.to_lowercase().as_str() {
//!             "givenname" => vec![Value::from(" Alice ")],
//!             _ => vec![],
//!         }
//!     }
//! }
//! let expression = Expression::parse(r#"Append(Trim([givenName]), ".test")"#).unwrap();
//! assert_eq!(expression.evaluate(&Alice), Ok(Value::from("Alice.test")));
//! assert_eq!(Expression::parse("Trim()").unwrap_err().position, 1);
//! ```

mod compare;
mod dates;
mod diacritics;
mod error;
mod evaluate;
mod functions;
mod lexer;
mod mapping_source;
mod parser;
mod pattern;
mod refused;
mod tree;
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use uuid::Uuid;

pub use error::{EvaluationError, EvaluationErrorKind, ParseError};
pub use functions::{FUNCTIONS, Function, Parameter, Presence, Repeats, Type};
pub use value::Value;

use pattern::Pattern;
use tree::Node;

/// Longest expression, in characters (CS 2.6).
pub const MAX_EXPRESSION_CHARS: usize = 10_000;
/// Deepest nesting of functions (our own bound; the product's is not public).
pub const MAX_DEPTH: usize = 64;
/// Most arguments of one function, and most values joined by `&` (our own bound).
pub const MAX_ARGUMENTS: usize = 256;
/// Largest value that an expression may make, on the way or as its result, in bytes (our own bound).
pub const MAX_VALUE_BYTES: usize = 1 << 20;
/// Most bytes of values that one evaluation may make in all (our own bound).
pub const MAX_WORK_BYTES: usize = 16 << 20;
/// Largest compiled regular expression, in bytes (our own bound).
pub const MAX_PATTERN_BYTES: usize = 1 << 20;

/// Where an expression finds what it works on.
pub trait Source {
    /// Values of an attribute, whose name is compared without regard to case: none if it is absent, several if it
    /// is multi-valued.
    fn values(&self, attribute: &str) -> Vec<Value>;

    /// Whether the target has the value already (`SelectUniqueValue`).
    fn is_taken(&self, _value: &str) -> bool {
        false
    }

    /// A GUID that was not used before (`Guid`).
    fn new_guid(&self) -> Uuid {
        Uuid::nil()
    }
}

/// A parsed expression. Two are equal if they mean the same, however they are spaced; [`fmt::Display`] writes it in
/// the spacing of Graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    root: Node,
    /// Regular expressions written as constants, compiled once.
    patterns: BTreeMap<String, Pattern>,
}

impl Expression {
    /// Reads an expression and checks names, numbers of arguments and constant regular expressions.
    ///
    /// # Errors
    /// The text is no expression of cloud sync, or exceeds [`MAX_EXPRESSION_CHARS`], [`MAX_DEPTH`] or
    /// [`MAX_ARGUMENTS`].
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let root = parser::parse(text)?;
        let patterns = pattern::constants(&root)?;
        Ok(Self { root, patterns })
    }

    /// Names of the attributes it reads, as they are written.
    #[must_use]
    pub fn attributes(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        self.root.visit(&mut |node| {
            if let tree::Kind::Attribute(name) = &node.kind {
                names.insert(name.clone());
            }
        });
        names
    }

    /// The value for one object. Branches of `IIF` and `Switch` that are not taken are not evaluated.
    ///
    /// # Errors
    /// A function cannot work on what it is given, `Error` was reached, no value of `SelectUniqueValue` is free, or
    /// [`MAX_VALUE_BYTES`] or [`MAX_WORK_BYTES`] is exceeded.
    pub fn evaluate(&self, source: &dyn Source) -> Result<Value, EvaluationError> {
        evaluate::evaluate(&self.root, source, &self.patterns)
    }

    /// The expression as Graph's `attributeMappingSource`: `expression`, `name`, `type` and nested `parameters`.
    #[must_use]
    pub fn to_mapping_source(&self) -> serde_json::Value {
        mapping_source::show(&self.root)
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.root.fmt(f)
    }
}

impl std::str::FromStr for Expression {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests;
