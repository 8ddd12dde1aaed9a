//! What is wrong with an expression, and where.

/// A text is no expression of cloud sync.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("character {position}: {message}")]
pub struct ParseError {
    /// Where, in characters, the first being 1.
    pub position: usize,
    /// What, and how to mend it.
    pub message: String,
}

impl ParseError {
    pub(super) fn new(position: usize, message: impl Into<String>) -> Self {
        Self {
            position,
            message: message.into(),
        }
    }
}

/// An expression has no value for an object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{function} at character {position}: {message}")]
pub struct EvaluationError {
    /// The function, or the operator.
    pub function: &'static str,
    /// Where the function or its faulty argument is written, in characters, the first being 1.
    pub position: usize,
    /// What the engine has to tell apart.
    pub kind: EvaluationErrorKind,
    /// What, and how to mend it; of [`EvaluationErrorKind::Custom`] the text given to `Error`.
    pub message: String,
}

/// Why an expression has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvaluationErrorKind {
    /// `Error` was reached.
    Custom,
    /// Every value of `SelectUniqueValue` is taken: the object is escrowed.
    NoUniqueValue,
    /// A function cannot work on what it is given.
    Unsuitable,
    /// A bound of the evaluation is exceeded.
    TooLarge,
}

/// The first characters of a text that goes into a message.
pub(super) fn shortened(text: &str) -> String {
    const SHOWN: usize = 64;
    let mut short: String = text.chars().take(SHOWN).collect();
    if text.chars().nth(SHOWN).is_some() {
        short.push('…');
    }
    short
}
