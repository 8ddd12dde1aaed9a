//! Tokens to a tree. Every number that the text decides is bounded before anything is built from it.

use super::error::{ParseError, shortened};
use super::functions::{Function, Presence, Type};
use super::lexer::{Token, tokens};
use super::refused;
use super::tree::{Kind, Node, Operator};
use super::{MAX_ARGUMENTS, MAX_DEPTH, MAX_EXPRESSION_CHARS};

/// Reads a whole expression.
pub(super) fn parse(text: &str) -> Result<Node, ParseError> {
    let length = text.chars().take(MAX_EXPRESSION_CHARS + 1).count();
    if length > MAX_EXPRESSION_CHARS {
        return Err(ParseError::new(
            length,
            format!("an expression has at most {MAX_EXPRESSION_CHARS} characters"),
        ));
    }
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
        end: length + 1,
    };
    let root = parser.value(&Place::OUTERMOST)?;
    match parser.peek() {
        None => Ok(root),
        Some(Token::Operator(operator)) => Err(ParseError::new(parser.position(), misplaced(*operator))),
        Some(_) => Err(ParseError::new(
            parser.position(),
            "the expression is complete before this; take it away, or join values with `&`",
        )),
    }
}

fn misplaced(operator: Operator) -> String {
    format!(
        "`{}` may stand in the condition of IIF and in CBool only",
        operator.sign()
    )
}

/// What may stand in a place.
struct Place {
    /// Functions around it.
    depth: usize,
    kind: Type,
}

impl Place {
    const OUTERMOST: Self = Self {
        depth: 0,
        kind: Type::Var,
    };
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    at: usize,
    /// Position behind the last character.
    end: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(_, token)| token)
    }

    fn position(&self) -> usize {
        self.tokens
            .get(self.at)
            .map_or(self.end, |(position, _)| *position)
    }

    fn take(&mut self, wanted: &Token) -> bool {
        let fits = self.peek() == Some(wanted);
        self.at += usize::from(fits);
        fits
    }

    /// Values joined by `&`; in a condition two of them with a comparison between.
    fn value(&mut self, place: &Place) -> Result<Node, ParseError> {
        let left = self.concatenation(place)?;
        let Some(Token::Operator(operator)) = self.peek() else {
            return Ok(left);
        };
        let operator = *operator;
        if place.kind != Type::Exp {
            return Err(ParseError::new(self.position(), misplaced(operator)));
        }
        self.at += 1;
        let right = self.concatenation(place)?;
        if let Some(Token::Operator(_)) = self.peek() {
            return Err(ParseError::new(
                self.position(),
                "a condition compares two values; nest another IIF for a second comparison",
            ));
        }
        Ok(Node {
            position: left.position,
            kind: Kind::Comparison {
                operator,
                sides: Box::new([left, right]),
            },
        })
    }

    fn concatenation(&mut self, place: &Place) -> Result<Node, ParseError> {
        let first = self.single(place)?;
        if self.peek() != Some(&Token::Ampersand) {
            return Ok(first);
        }
        let position = first.position;
        let mut parts = vec![first];
        while self.take(&Token::Ampersand) {
            if parts.len() == MAX_ARGUMENTS {
                return Err(ParseError::new(
                    self.position(),
                    format!("`&` joins at most {MAX_ARGUMENTS} values"),
                ));
            }
            parts.push(self.single(place)?);
        }
        parts.iter().try_for_each(outermost)?;
        Ok(Node {
            position,
            kind: Kind::Concatenation(parts),
        })
    }

    fn single(&mut self, place: &Place) -> Result<Node, ParseError> {
        let position = self.position();
        let Some((_, token)) = self.tokens.get(self.at) else {
            return Err(ParseError::new(
                position,
                "the expression ends here; a function, an [attribute], \"text\" or a number is missing",
            ));
        };
        let token = token.clone();
        self.at += 1;
        let kind = match token {
            Token::Attribute(name) => Kind::Attribute(name),
            Token::Text(text) => Kind::Text(text),
            Token::Number { value, hexadecimal } => Kind::Number { value, hexadecimal },
            Token::Word(word) if self.take(&Token::Open) => return self.call(&word, position, place.depth),
            Token::Word(word) => {
                word_constant(&word, place.kind).map_err(|message| ParseError::new(position, message))?
            }
            Token::Open | Token::Close | Token::Comma | Token::Ampersand | Token::Operator(_) => {
                return Err(ParseError::new(
                    position,
                    "a function, an [attribute], \"text\" or a number is missing before this",
                ));
            }
        };
        Ok(Node { position, kind })
    }

    /// A call whose opening parenthesis has been read.
    fn call(&mut self, name: &str, position: usize, around: usize) -> Result<Node, ParseError> {
        let function = Function::find(name).ok_or_else(|| refused::unknown(name, position))?;
        if around == MAX_DEPTH {
            return Err(ParseError::new(
                position,
                format!("functions are nested at most {MAX_DEPTH} deep"),
            ));
        }
        let written = self.arguments(function, around + 1)?;
        check(function, &written, position)?;
        let arguments = written.into_iter().map(|(_, argument)| argument).collect();
        let node = Node {
            position,
            kind: Kind::Call { function, arguments },
        };
        if around > 0 {
            outermost(&node)?;
        }
        Ok(node)
    }

    /// Arguments up to the closing parenthesis, each with the position of its place.
    fn arguments(
        &mut self,
        function: &'static Function,
        depth: usize,
    ) -> Result<Vec<(usize, Option<Node>)>, ParseError> {
        let mut arguments = Vec::new();
        if self.take(&Token::Close) {
            return Ok(arguments);
        }
        loop {
            let position = self.position();
            if arguments.len() == MAX_ARGUMENTS {
                return Err(ParseError::new(
                    position,
                    format!("a function takes at most {MAX_ARGUMENTS} arguments"),
                ));
            }
            let argument = match self.peek() {
                Some(Token::Comma | Token::Close) => None,
                _ => {
                    // How many arguments there will be is not known yet; no function with a word or a condition has
                    // a place that may be missing.
                    let parameter = function.parameter_of(arguments.len(), usize::MAX);
                    let kind = parameter.map_or(Type::Var, |parameter| function.parameters[parameter].kind);
                    Some(self.value(&Place { depth, kind })?)
                }
            };
            arguments.push((position, argument));
            if self.take(&Token::Close) {
                return Ok(arguments);
            }
            if !self.take(&Token::Comma) {
                return Err(ParseError::new(
                    self.position(),
                    format!("`,` or `)` is missing before this, in {}", function.signature()),
                ));
            }
        }
    }
}

/// Refuses a function that must be the outermost and is not.
fn outermost(node: &Node) -> Result<(), ParseError> {
    match &node.kind {
        Kind::Call { function, .. } if function.top_level => Err(ParseError::new(
            node.position,
            format!(
                "{} is the outermost function or none; take out what stands around it",
                function.name
            ),
        )),
        _ => Ok(()),
    }
}

/// A word without quotes, brackets or parentheses.
fn word_constant(word: &str, kind: Type) -> Result<Kind, String> {
    if let Type::Enum(words) = kind {
        return words
            .iter()
            .find(|known| **known == word)
            .map(|known| Kind::Word(known))
            .ok_or_else(|| format!("`{}` is not one of {}", shortened(word), words.join(", ")));
    }
    let shown = shortened(word);
    Err(match Function::find(word) {
        Some(function) => format!("{} is a function; write {}", function.name, function.signature()),
        None => {
            format!("`{shown}` has no meaning here; write [{shown}] for an attribute, \"{shown}\" for text")
        }
    })
}

fn check(
    function: &'static Function,
    arguments: &[(usize, Option<Node>)],
    position: usize,
) -> Result<(), ParseError> {
    let wrong = |position: usize, what: &str| {
        ParseError::new(
            position,
            format!("{}: {what}; write {}", function.name, function.signature()),
        )
    };
    let count = arguments.len();
    function
        .check_count(count)
        .map_err(|what| wrong(position, &what))?;
    for (place, (position, argument)) in arguments.iter().enumerate() {
        let parameter = function
            .parameter_of(place, count)
            .map(|parameter| &function.parameters[parameter]);
        if let Some(parameter) = parameter
            && argument.is_none()
            && parameter.presence == Presence::Required
        {
            return Err(wrong(*position, &format!("{} is missing", parameter.name)));
        }
    }
    let given = |parameter: usize| {
        function
            .place_of(parameter, count)
            .is_some_and(|place| arguments[place].1.is_some())
    };
    (function.check)(&given).map_err(|what| wrong(position, what))
}
