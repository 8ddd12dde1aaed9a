//! Cuts an OData filter into words, literals and signs.

use serde_json::{Number, Value};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Word(String),
    Literal(Value),
    Open,
    Close,
    Comma,
    Colon,
    Slash,
}

/// The tokens with their byte positions.
pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, String> {
    let mut found = Vec::new();
    let mut rest = text.char_indices().peekable();
    while let Some(&(at, sign)) = rest.peek() {
        let single = match sign {
            '(' => Some(Token::Open),
            ')' => Some(Token::Close),
            ',' => Some(Token::Comma),
            ':' => Some(Token::Colon),
            '/' => Some(Token::Slash),
            _ => None,
        };
        if let Some(token) = single {
            rest.next();
            found.push((at, token));
        } else if sign.is_whitespace() {
            rest.next();
        } else if sign == '\'' {
            rest.next();
            found.push((at, Token::Literal(Value::String(quoted(at, &mut rest)?))));
        } else if sign.is_ascii_digit() || sign == '-' {
            let word = run(&mut rest, |sign| {
                sign.is_ascii_alphanumeric() || "-:.+".contains(sign)
            });
            found.push((at, number_or_date(word)));
        } else if sign.is_ascii_alphabetic() || sign == '_' || sign == '@' {
            let word = run(&mut rest, |sign| {
                sign.is_ascii_alphanumeric() || "_-.@".contains(sign)
            });
            found.push((at, word_or_literal(word)));
        } else {
            return Err(format!(
                "Syntax error at position {at}: `{sign}` has no meaning here"
            ));
        }
    }
    Ok(found)
}

type Rest<'a> = std::iter::Peekable<std::str::CharIndices<'a>>;

/// A text up to its closing quote; two quotes stand for one.
fn quoted(start: usize, rest: &mut Rest<'_>) -> Result<String, String> {
    let mut text = String::new();
    while let Some((_, sign)) = rest.next() {
        if sign != '\'' {
            text.push(sign);
        } else if rest.next_if(|(_, next)| *next == '\'').is_some() {
            text.push('\'');
        } else {
            return Ok(text);
        }
    }
    Err(format!(
        "the text that starts at position {start} has no closing quote"
    ))
}

fn run(rest: &mut Rest<'_>, belongs: impl Fn(char) -> bool) -> String {
    let mut word = String::new();
    while let Some((_, sign)) = rest.next_if(|(_, sign)| belongs(*sign)) {
        word.push(sign);
    }
    word
}

/// Dates and ids are compared as texts: in ISO form both order as they should.
fn number_or_date(word: String) -> Token {
    match word.parse::<Number>() {
        Ok(number) => Token::Literal(Value::Number(number)),
        Err(_) => Token::Literal(Value::String(word)),
    }
}

fn word_or_literal(word: String) -> Token {
    match word.as_str() {
        "true" => Token::Literal(Value::Bool(true)),
        "false" => Token::Literal(Value::Bool(false)),
        "null" => Token::Literal(Value::Null),
        _ if is_uuid(&word) => Token::Literal(Value::String(word)),
        _ => Token::Word(word),
    }
}

fn is_uuid(word: &str) -> bool {
    word.len() == 36 && word.parse::<uuid::Uuid>().is_ok()
}
