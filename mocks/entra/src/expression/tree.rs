//! The tree of an expression.

use std::fmt;

use super::functions::Function;

/// A part of an expression and where it begins.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// In characters, the first being 1.
    pub(super) position: usize,
    pub(super) kind: Kind,
}

/// Where something is written does not change what it means.
impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// `[name]`.
    Attribute(String),
    /// `"text"`.
    Text(String),
    /// `8` or `&HF7`.
    Number { value: i64, hexadecimal: bool },
    /// A word that a parameter lists, such as `UTF8`.
    Word(&'static str),
    /// Arguments as they are written; an empty place is `None`.
    Call {
        function: &'static Function,
        arguments: Vec<Option<Node>>,
    },
    /// Values with `&` between them.
    Concatenation(Vec<Node>),
    /// Two values with a sign between them.
    Comparison {
        operator: Operator,
        sides: Box<[Node; 2]>,
    },
}

/// A sign of comparison (general reference, `IIF`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Operator {
    /// Longer signs first, so that the first that fits is meant.
    pub(super) const ALL: [Self; 6] = [
        Self::NotEqual,
        Self::LessOrEqual,
        Self::GreaterOrEqual,
        Self::Equal,
        Self::Less,
        Self::Greater,
    ];

    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

impl Node {
    /// Shows the node and everything below it, from the outside in.
    pub(super) fn visit<'a>(&'a self, see: &mut dyn FnMut(&'a Node)) {
        see(self);
        match &self.kind {
            Kind::Call { arguments, .. } => arguments.iter().flatten().for_each(|node| node.visit(see)),
            Kind::Concatenation(parts) => parts.iter().for_each(|node| node.visit(see)),
            Kind::Comparison { sides, .. } => sides.iter().for_each(|node| node.visit(see)),
            Kind::Attribute(_) | Kind::Text(_) | Kind::Number { .. } | Kind::Word(_) => {}
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Attribute(name) => write!(f, "[{name}]"),
            Kind::Text(text) => f.write_str(&quoted(text)),
            Kind::Number {
                value,
                hexadecimal: true,
            } => write!(f, "&H{value:X}"),
            Kind::Number { value, .. } => write!(f, "{value}"),
            Kind::Word(word) => f.write_str(word),
            Kind::Call { function, arguments } => {
                write!(f, "{}(", function.name)?;
                for (index, argument) in arguments.iter().enumerate() {
                    if index > 0 {
                        f.write_str(", ")?;
                    }
                    if let Some(argument) = argument {
                        argument.fmt(f)?;
                    }
                }
                f.write_str(")")
            }
            Kind::Concatenation(parts) => {
                for (index, part) in parts.iter().enumerate() {
                    if index > 0 {
                        f.write_str(" & ")?;
                    }
                    part.fmt(f)?;
                }
                Ok(())
            }
            Kind::Comparison { operator, sides } => {
                let [left, right] = &**sides;
                write!(f, "{left} {} {right}", operator.sign())
            }
        }
    }
}

/// A text constant with its quotes and escapes (CS 5.12).
pub(super) fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', r"\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}
