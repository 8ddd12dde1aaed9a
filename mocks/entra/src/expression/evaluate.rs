//! From the tree to a value. Arguments are evaluated when a function asks for them, and once.

use std::cell::Cell;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::error::{EvaluationError, EvaluationErrorKind, shortened};
use super::functions::Function;
use super::pattern::Pattern;
use super::tree::{Kind, Node, Operator};
use super::value::{self, Value};
use super::{MAX_VALUE_BYTES, MAX_WORK_BYTES, Source, compare};

/// What a value costs beside its bytes.
const VALUE_COST: usize = 32;

pub(super) fn evaluate(
    root: &Node,
    source: &dyn Source,
    patterns: &BTreeMap<String, Pattern>,
) -> Result<Value, EvaluationError> {
    let evaluator = Evaluator {
        source,
        patterns,
        work: Cell::new(0),
    };
    evaluator.node(root)
}

struct Evaluator<'e> {
    source: &'e dyn Source,
    patterns: &'e BTreeMap<String, Pattern>,
    /// Of [`MAX_WORK_BYTES`].
    work: Cell<usize>,
}

impl Evaluator<'_> {
    fn node(&self, node: &Node) -> Result<Value, EvaluationError> {
        let value = match &node.kind {
            Kind::Attribute(name) => Value::from_values(self.source.values(name)),
            Kind::Text(text) => Value::Text(text.clone()),
            Kind::Number { value, .. } => Value::Number(*value),
            Kind::Word(word) => Value::from(*word),
            Kind::Call { function, arguments } => self.call(node, function, arguments)?,
            Kind::Concatenation(parts) => self.concatenation(node, parts)?,
            Kind::Comparison { operator, sides } => self.comparison(node, *operator, sides)?,
        };
        let at = Place::of(node);
        if value.size() > MAX_VALUE_BYTES {
            return Err(at.too_large());
        }
        self.spend(&at, value.size() + VALUE_COST)?;
        Ok(value)
    }

    fn spend(&self, at: &Place, bytes: usize) -> Result<(), EvaluationError> {
        let work = self.work.get().saturating_add(bytes);
        self.work.set(work);
        if work > MAX_WORK_BYTES {
            return Err(at.error(
                EvaluationErrorKind::TooLarge,
                format!("the expression makes more than {MAX_WORK_BYTES} bytes of values; simplify it"),
            ));
        }
        Ok(())
    }

    fn call(
        &self,
        node: &Node,
        function: &'static Function,
        arguments: &[Option<Node>],
    ) -> Result<Value, EvaluationError> {
        let mut call = Call {
            evaluator: self,
            function,
            at: Place::of(node),
            arguments,
            values: vec![None; arguments.len()],
        };
        if !function.each && !function.keeps_absence {
            return (function.run)(&mut call);
        }
        match call.argument(0)? {
            Value::Null if function.keeps_absence => Ok(Value::Null),
            Value::List(values) if function.each => {
                let mut results = Vec::with_capacity(values.len());
                let mut size = 0;
                for value in values {
                    call.values[0] = Some(value);
                    let result = (function.run)(&mut call)?;
                    size += result.size() + size_of::<Value>();
                    if size > MAX_VALUE_BYTES {
                        return Err(call.at.too_large());
                    }
                    results.push(result);
                }
                Ok(Value::list(results))
            }
            _ => (function.run)(&mut call),
        }
    }

    fn concatenation(&self, node: &Node, parts: &[Node]) -> Result<Value, EvaluationError> {
        let at = Place::of(node);
        let mut text = Output::default();
        for part in parts {
            let value = single_text(&self.node(part)?).map_err(|what| {
                Place {
                    position: part.position,
                    ..at
                }
                .unsuitable(what)
            })?;
            text.push(&value).map_err(|TooLarge| at.too_large())?;
        }
        Ok(text.into())
    }

    fn comparison(
        &self,
        node: &Node,
        operator: Operator,
        sides: &[Node; 2],
    ) -> Result<Value, EvaluationError> {
        let [left, right] = sides;
        compare::compare(operator, &self.node(left)?, &self.node(right)?)
            .map(Value::Flag)
            .map_err(|what| Place::of(node).unsuitable(what))
    }
}

/// Where an error is told of.
#[derive(Clone, Copy)]
struct Place {
    function: &'static str,
    position: usize,
}

impl Place {
    fn of(node: &Node) -> Self {
        let function = match &node.kind {
            Kind::Call { function, .. } => function.name,
            Kind::Concatenation(_) => "&",
            Kind::Comparison { operator, .. } => operator.sign(),
            Kind::Attribute(_) => "attribute",
            Kind::Text(_) | Kind::Number { .. } | Kind::Word(_) => "constant",
        };
        Self {
            function,
            position: node.position,
        }
    }

    fn error(self, kind: EvaluationErrorKind, message: impl Into<String>) -> EvaluationError {
        EvaluationError {
            function: self.function,
            position: self.position,
            kind,
            message: message.into(),
        }
    }

    fn unsuitable(self, message: impl Into<String>) -> EvaluationError {
        self.error(EvaluationErrorKind::Unsuitable, message)
    }

    fn too_large(self) -> EvaluationError {
        self.error(
            EvaluationErrorKind::TooLarge,
            format!("the value has more than {MAX_VALUE_BYTES} bytes; shorten it, for example with Left"),
        )
    }
}

/// One call: what a function sees of its arguments. Parameters are counted from 0.
pub(super) struct Call<'c> {
    evaluator: &'c Evaluator<'c>,
    function: &'static Function,
    at: Place,
    arguments: &'c [Option<Node>],
    /// Arguments that were evaluated.
    values: Vec<Option<Value>>,
}

impl Call<'_> {
    /// How many arguments are written.
    pub(super) fn count(&self) -> usize {
        self.arguments.len()
    }

    /// The argument in a place; an empty place has no value.
    pub(super) fn argument(&mut self, place: usize) -> Result<Value, EvaluationError> {
        if let Some(Some(known)) = self.values.get(place) {
            return Ok(known.clone());
        }
        let Some(Some(node)) = self.arguments.get(place) else {
            return Ok(Value::Null);
        };
        let value = self.evaluator.node(node)?;
        self.values[place] = Some(value.clone());
        Ok(value)
    }

    fn place(&self, parameter: usize) -> Option<usize> {
        self.function.place_of(parameter, self.arguments.len())
    }

    /// Whether something is written for the parameter.
    pub(super) fn given(&self, parameter: usize) -> bool {
        self.place(parameter)
            .is_some_and(|place| self.arguments[place].is_some())
    }

    /// The argument of a parameter.
    pub(super) fn value(&mut self, parameter: usize) -> Result<Value, EvaluationError> {
        match self.place(parameter) {
            Some(place) => self.argument(place),
            None => Ok(Value::Null),
        }
    }

    /// The argument as one text; without a value it is empty.
    pub(super) fn text(&mut self, parameter: usize) -> Result<String, EvaluationError> {
        let value = self.value(parameter)?;
        single_text(&value).map_err(|what| self.unsuitable(parameter, what))
    }

    /// The argument as a whole number.
    pub(super) fn number(&mut self, parameter: usize) -> Result<i64, EvaluationError> {
        let what = match self.value(parameter)? {
            Value::Number(number) => return Ok(number),
            Value::Text(text) => match value::number(&text) {
                Some(number) => return Ok(number),
                None => format!("`{}` is not a whole number", shortened(&text)),
            },
            Value::Null => "the number has no value".to_owned(),
            Value::List(values) => several(values.len()),
            other => format!("`{}` is not a whole number", shortened(&other.to_text())),
        };
        Err(self.unsuitable(parameter, what))
    }

    /// The argument as bytes; text is taken for base64, the form in which logs show bytes.
    pub(super) fn bytes(&mut self, parameter: usize) -> Result<Vec<u8>, EvaluationError> {
        let what = match self.value(parameter)? {
            Value::Binary(bytes) => return Ok(bytes),
            Value::Text(text) => match STANDARD.decode(text.trim()) {
                Ok(bytes) => return Ok(bytes),
                Err(_) => format!("`{}` is not base64", shortened(&text)),
            },
            Value::List(values) => several(values.len()),
            other => format!("`{}` is neither bytes nor base64", shortened(&other.to_text())),
        };
        Err(self.unsuitable(parameter, what))
    }

    /// One of the words of a parameter; the first if nothing is given.
    pub(super) fn word(
        &mut self,
        parameter: usize,
        words: &[&'static str],
    ) -> Result<&'static str, EvaluationError> {
        let text = self.text(parameter)?;
        if text.is_empty()
            && let Some(first) = words.first()
        {
            return Ok(first);
        }
        words.iter().find(|word| **word == text).copied().ok_or_else(|| {
            self.unsuitable(
                parameter,
                format!("`{}` is not one of {}", shortened(&text), words.join(", ")),
            )
        })
    }

    /// The argument as a compiled regular expression.
    pub(super) fn pattern(&mut self, parameter: usize) -> Result<Pattern, EvaluationError> {
        let text = self.text(parameter)?;
        if let Some(known) = self.evaluator.patterns.get(&text) {
            return Ok(known.clone());
        }
        Pattern::compile(&text).map_err(|what| self.unsuitable(parameter, what))
    }

    pub(super) fn source(&self) -> &dyn Source {
        self.evaluator.source
    }

    /// Counts work that leaves no value behind.
    pub(super) fn spend(&self, bytes: usize) -> Result<(), EvaluationError> {
        self.evaluator.spend(&self.at, bytes)
    }

    /// An error at the argument of a parameter.
    pub(super) fn unsuitable(&self, parameter: usize, message: impl Into<String>) -> EvaluationError {
        let written = self
            .place(parameter)
            .and_then(|place| self.arguments[place].as_ref());
        let position = written.map_or(self.at.position, |node| node.position);
        Place { position, ..self.at }.unsuitable(message)
    }

    /// An error of the function as a whole.
    pub(super) fn error(&self, kind: EvaluationErrorKind, message: impl Into<String>) -> EvaluationError {
        self.at.error(kind, message)
    }

    /// Appends to a text that is bounded.
    pub(super) fn push(&self, output: &mut Output, text: &str) -> Result<(), EvaluationError> {
        output.push(text).map_err(|TooLarge| self.at.too_large())
    }
}

/// One value as text.
fn single_text(value: &Value) -> Result<String, String> {
    match value {
        Value::List(values) => match values.as_slice() {
            [single] => Ok(single.to_text()),
            _ => Err(several(values.len())),
        },
        single => Ok(single.to_text()),
    }
}

/// What is wrong with many values where one is needed.
pub(super) fn several(count: usize) -> String {
    format!("there are {count} values where one is needed; take one with Item or put them together with Join")
}

/// A text that grows up to [`MAX_VALUE_BYTES`].
#[derive(Default)]
pub(super) struct Output(String);

struct TooLarge;

impl Output {
    fn push(&mut self, text: &str) -> Result<(), TooLarge> {
        if self.0.len() + text.len() > MAX_VALUE_BYTES {
            return Err(TooLarge);
        }
        self.0.push_str(text);
        Ok(())
    }
}

impl From<Output> for Value {
    fn from(output: Output) -> Self {
        Value::Text(output.0)
    }
}
