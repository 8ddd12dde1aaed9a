//! Cuts an expression into tokens, each with its position.

use super::error::{ParseError, shortened};
use super::tree::Operator;
use super::value;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Attribute(String),
    Text(String),
    Number { value: i64, hexadecimal: bool },
    Word(String),
    Open,
    Close,
    Comma,
    Ampersand,
    Operator(Operator),
}

/// The tokens with their positions in characters, the first being 1.
pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, ParseError> {
    let mut rest = Rest {
        characters: text.chars().collect(),
        at: 0,
    };
    let mut found = Vec::new();
    while let Some(sign) = rest.peek() {
        if sign.is_whitespace() {
            rest.at += 1;
            continue;
        }
        found.push((rest.at + 1, rest.token(sign)?));
    }
    Ok(found)
}

struct Rest {
    characters: Vec<char>,
    at: usize,
}

impl Rest {
    fn peek(&self) -> Option<char> {
        self.characters.get(self.at).copied()
    }

    fn token(&mut self, sign: char) -> Result<Token, ParseError> {
        let single = match sign {
            '(' => Some(Token::Open),
            ')' => Some(Token::Close),
            ',' => Some(Token::Comma),
            _ => None,
        };
        if let Some(token) = single {
            self.at += 1;
            return Ok(token);
        }
        if let Some(operator) = Operator::ALL
            .into_iter()
            .find(|operator| self.starts_with(operator.sign()))
        {
            self.at += operator.sign().len();
            return Ok(Token::Operator(operator));
        }
        match sign {
            '[' => self.attribute(),
            '"' => self.text(),
            '&' => self.ampersand(),
            '-' | '0'..='9' => self.number(),
            _ if sign.is_alphabetic() || sign == '_' => Ok(Token::Word(self.run())),
            '“' | '”' | '„' => Err(self.error(self.at, "quotation marks must be straight; write `\"`")),
            '\'' => Err(self.error(self.at, "text stands in double quotes; write `\"`")),
            _ => Err(self.error(
                self.at,
                format!(
                    "`{sign}` has no meaning here; write a function, an [attribute], \"text\" or a number"
                ),
            )),
        }
    }

    fn starts_with(&self, sign: &str) -> bool {
        sign.chars()
            .enumerate()
            .all(|(offset, wanted)| self.characters.get(self.at + offset) == Some(&wanted))
    }

    /// Letters, digits and underscores from here on.
    fn run(&mut self) -> String {
        let word: String = self.characters[self.at..]
            .iter()
            .take_while(|sign| sign.is_alphanumeric() || **sign == '_')
            .collect();
        self.at += word.chars().count();
        word
    }

    fn attribute(&mut self) -> Result<Token, ParseError> {
        let start = self.at;
        let name: String = self.characters[start + 1..]
            .iter()
            .take_while(|sign| !matches!(sign, '[' | ']'))
            .collect();
        self.at += 1 + name.chars().count();
        if self.peek() != Some(']') {
            return Err(self.error(start, "the attribute has no closing bracket; write [name]"));
        }
        self.at += 1;
        let name = name.trim();
        if name.is_empty() {
            return Err(self.error(start, "the brackets hold no attribute; write [name]"));
        }
        Ok(Token::Attribute(name.to_owned()))
    }

    fn text(&mut self) -> Result<Token, ParseError> {
        let start = self.at;
        let mut text = String::new();
        self.at += 1;
        while let Some(sign) = self.peek() {
            self.at += 1;
            match sign {
                '"' => return Ok(Token::Text(text)),
                '\\' => match self.peek() {
                    Some(escaped @ ('"' | '\\')) => {
                        self.at += 1;
                        text.push(escaped);
                    }
                    _ => {
                        return Err(self.error(
                            self.at - 1,
                            "the backslash escapes nothing; write `\\\\` for a backslash and `\\\"` for a quotation mark",
                        ));
                    }
                },
                _ => text.push(sign),
            }
        }
        Err(self.error(start, "the text has no closing quotation mark"))
    }

    /// `&` joins values; with `H` and hexadecimal digits after it, it begins a number.
    fn ampersand(&mut self) -> Result<Token, ParseError> {
        let start = self.at;
        self.at += 1;
        let word = self.run();
        let digits = word.strip_prefix(['H', 'h']).unwrap_or_default();
        let hexadecimal = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        if !hexadecimal || self.peek() == Some('(') {
            self.at = start + 1;
            return Ok(Token::Ampersand);
        }
        match i64::from_str_radix(digits, 16) {
            Ok(value) => Ok(Token::Number {
                value,
                hexadecimal: true,
            }),
            Err(_) => Err(self.error(start, format!("`&{}` has more than 63 bits", shortened(&word)))),
        }
    }

    fn number(&mut self) -> Result<Token, ParseError> {
        let start = self.at;
        let minus = self.peek() == Some('-');
        self.at += usize::from(minus);
        let digits = self.run();
        let written = format!("{}{digits}", if minus { "-" } else { "" });
        match value::number(&written) {
            Some(value) if self.peek() != Some('.') => Ok(Token::Number {
                value,
                hexadecimal: false,
            }),
            _ => Err(self.error(
                start,
                format!(
                    "`{}` is not a whole number of at most 63 bits; put text in double quotes",
                    shortened(&written)
                ),
            )),
        }
    }

    fn error(&self, at: usize, message: impl Into<String>) -> ParseError {
        ParseError::new(at + 1, message)
    }
}
