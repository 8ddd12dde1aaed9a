//! `$filter`: a small OData expression language over one JSON object.
//!
//! Operators: `eq ne gt ge lt le in and or not`, functions `startswith endswith`, the lambda `any`. Texts compare
//! without regard to case, as Graph does for directory objects.

use serde_json::{Map, Value};

use super::lexer::{Token, tokens};

/// Longest filter, in bytes.
pub const MAX_FILTER_BYTES: usize = 8 * 1024;
/// Deepest nesting of parentheses, `not` and lambdas.
pub const MAX_FILTER_DEPTH: usize = 32;
/// Most values in one `in (…)`, and most comparisons in a whole filter.
pub const MAX_FILTER_TERMS: usize = 512;

/// A parsed filter.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    root: Node,
    /// The filter needs `ConsistencyLevel: eventual` and `$count=true`.
    pub advanced: bool,
    /// Properties it names, first path segment only, in order of appearance.
    pub properties: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Not(Box<Node>),
    Compare(Path, Comparison, Value),
    In(Path, Vec<Value>),
    Text(TextTest, Path, String),
    Any(Path, Option<Box<Node>>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TextTest {
    StartsWith,
    EndsWith,
}

/// Segments below the object, or below the lambda variable (then empty for the element itself).
#[derive(Debug, Clone, PartialEq)]
struct Path {
    segments: Vec<String>,
    of_element: bool,
}

const COMPARISONS: [(&str, Comparison); 6] = [
    ("eq", Comparison::Equal),
    ("ne", Comparison::NotEqual),
    ("gt", Comparison::Greater),
    ("ge", Comparison::GreaterOrEqual),
    ("lt", Comparison::Less),
    ("le", Comparison::LessOrEqual),
];

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// What is wrong and at which character, in words for `error.message`.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_FILTER_BYTES {
            return Err(format!(
                "the filter is longer than {MAX_FILTER_BYTES} bytes; make it shorter"
            ));
        }
        let mut parser = Parser {
            tokens: tokens(text)?,
            next: 0,
            depth: 0,
            terms: 0,
            variable: None,
            advanced: false,
            properties: Vec::new(),
        };
        let root = parser.either()?;
        if let Some((at, _)) = parser.tokens.get(parser.next) {
            return Err(format!(
                "Syntax error at position {at}: the filter should end here"
            ));
        }
        Ok(Self {
            root,
            advanced: parser.advanced,
            properties: parser.properties,
        })
    }

    /// Whether the object passes.
    #[must_use]
    pub fn accepts(&self, object: &Map<String, Value>) -> bool {
        holds(&self.root, object, None)
    }

    /// The text that `property eq 'text'` demands of every accepted object, if the filter is of that form; lets
    /// a list start from an index.
    #[must_use]
    pub fn demanded(&self, property: &str) -> Option<&str> {
        fn of<'a>(node: &'a Node, property: &str) -> Option<&'a str> {
            match node {
                Node::And(left, right) => of(left, property).or_else(|| of(right, property)),
                Node::Compare(path, Comparison::Equal, Value::String(text))
                    if !path.of_element && path.segments.len() == 1 && path.segments[0] == property =>
                {
                    Some(text)
                }
                _ => None,
            }
        }
        of(&self.root, property)
    }
}

fn holds(node: &Node, object: &Map<String, Value>, element: Option<&Value>) -> bool {
    match node {
        Node::And(left, right) => holds(left, object, element) && holds(right, object, element),
        Node::Or(left, right) => holds(left, object, element) || holds(right, object, element),
        Node::Not(inner) => !holds(inner, object, element),
        Node::Compare(path, comparison, wanted) => {
            compare(look_up(path, object, element), *comparison, wanted)
        }
        Node::In(path, wanted) => {
            let found = look_up(path, object, element);
            wanted
                .iter()
                .any(|value| compare(found, Comparison::Equal, value))
        }
        Node::Text(test, path, wanted) => {
            let Value::String(found) = look_up(path, object, element) else {
                return false;
            };
            let (found, wanted) = (found.to_lowercase(), wanted.to_lowercase());
            match test {
                TextTest::StartsWith => found.starts_with(&wanted),
                TextTest::EndsWith => found.ends_with(&wanted),
            }
        }
        Node::Any(path, inner) => match (look_up(path, object, element), inner) {
            (Value::Array(elements), Some(inner)) => {
                elements.iter().any(|element| holds(inner, object, Some(element)))
            }
            (Value::Array(elements), None) => !elements.is_empty(),
            _ => false,
        },
    }
}

fn look_up<'a>(path: &Path, object: &'a Map<String, Value>, element: Option<&'a Value>) -> &'a Value {
    let mut segments = path.segments.iter();
    let first = if path.of_element {
        element
    } else {
        segments.next().and_then(|name| object.get(name))
    };
    segments
        .try_fold(first.unwrap_or(&Value::Null), |value, name| value.get(name))
        .unwrap_or(&Value::Null)
}

fn compare(found: &Value, comparison: Comparison, wanted: &Value) -> bool {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let order = match (found, wanted) {
        (Value::String(found), Value::String(wanted)) => {
            Some(found.to_lowercase().cmp(&wanted.to_lowercase()))
        }
        (Value::Number(found), Value::Number(wanted)) => match (found.as_f64(), wanted.as_f64()) {
            (Some(found), Some(wanted)) => found.partial_cmp(&wanted),
            _ => None,
        },
        (found, wanted) if found == wanted => Some(Equal),
        _ => None,
    };
    match comparison {
        Comparison::Equal => order == Some(Equal),
        Comparison::NotEqual => order != Some(Equal),
        Comparison::Greater => order == Some(Greater),
        Comparison::GreaterOrEqual => matches!(order, Some(Greater | Equal)),
        Comparison::Less => order == Some(Less),
        Comparison::LessOrEqual => matches!(order, Some(Less | Equal)),
    }
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    next: usize,
    depth: usize,
    terms: usize,
    variable: Option<String>,
    advanced: bool,
    properties: Vec<String>,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    fn take(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.next += usize::from(token.is_some());
        token
    }

    fn word(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Token::Word(found)) if found == word)
    }

    fn error<T>(&self, wanted: &str) -> Result<T, String> {
        match self.tokens.get(self.next) {
            Some((at, _)) => Err(format!("Syntax error at position {at}: expected {wanted}")),
            None => Err(format!("Syntax error at the end: expected {wanted}")),
        }
    }

    fn expect(&mut self, token: &Token, wanted: &str) -> Result<(), String> {
        if self.peek() == Some(token) {
            self.next += 1;
            Ok(())
        } else {
            self.error(wanted)
        }
    }

    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        self.depth += 1;
        if self.depth > MAX_FILTER_DEPTH {
            return Err(format!(
                "the filter is nested deeper than {MAX_FILTER_DEPTH}; make it flatter"
            ));
        }
        let value = inner(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn either(&mut self) -> Result<Node, String> {
        let mut left = self.both()?;
        while self.word("or") {
            self.next += 1;
            left = Node::Or(Box::new(left), Box::new(self.both()?));
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<Node, String> {
        let mut left = self.single()?;
        while self.word("and") {
            self.next += 1;
            left = Node::And(Box::new(left), Box::new(self.single()?));
        }
        Ok(left)
    }

    fn single(&mut self) -> Result<Node, String> {
        self.terms += 1;
        if self.terms > MAX_FILTER_TERMS {
            return Err(format!(
                "the filter has more than {MAX_FILTER_TERMS} terms; split the query"
            ));
        }
        if self.word("not") {
            self.next += 1;
            self.advanced = true;
            return Ok(Node::Not(Box::new(self.deeper(Self::single)?)));
        }
        if self.peek() == Some(&Token::Open) {
            self.next += 1;
            let inner = self.deeper(Self::either)?;
            self.expect(&Token::Close, "`)`")?;
            return Ok(inner);
        }
        for (name, test) in [
            ("startswith", TextTest::StartsWith),
            ("endswith", TextTest::EndsWith),
        ] {
            if self.word(name) && self.tokens.get(self.next + 1).map(|(_, token)| token) == Some(&Token::Open)
            {
                self.next += 2;
                return self.text_test(test);
            }
        }
        let (path, any) = self.path()?;
        if any {
            self.lambda(path)
        } else {
            self.comparison(path)
        }
    }

    fn text_test(&mut self, test: TextTest) -> Result<Node, String> {
        self.advanced |= test == TextTest::EndsWith;
        let (path, _) = self.path()?;
        self.expect(&Token::Comma, "`,`")?;
        let Some(Token::Literal(Value::String(text))) = self.take() else {
            self.next = self.next.saturating_sub(1);
            return self.error("a text in single quotes");
        };
        self.expect(&Token::Close, "`)`")?;
        Ok(Node::Text(test, path, text))
    }

    /// A path; `true` when it ends in `/any`.
    fn path(&mut self) -> Result<(Path, bool), String> {
        let Some(Token::Word(first)) = self.peek().cloned() else {
            return self.error("a property name");
        };
        self.next += 1;
        let of_element = self.variable.as_deref() == Some(first.as_str());
        let mut segments = Vec::new();
        if !of_element {
            if !self.properties.contains(&first) {
                self.properties.push(first.clone());
            }
            segments.push(first);
        }
        while self.peek() == Some(&Token::Slash) {
            self.next += 1;
            let Some(Token::Word(segment)) = self.take() else {
                self.next = self.next.saturating_sub(1);
                return self.error("a property name after `/`");
            };
            if segment == "any" && self.peek() == Some(&Token::Open) {
                return Ok((Path { segments, of_element }, true));
            }
            segments.push(segment);
        }
        Ok((Path { segments, of_element }, false))
    }

    fn lambda(&mut self, path: Path) -> Result<Node, String> {
        self.expect(&Token::Open, "`(`")?;
        if self.peek() == Some(&Token::Close) {
            self.next += 1;
            return Ok(Node::Any(path, None));
        }
        let Some(Token::Word(variable)) = self.take() else {
            self.next = self.next.saturating_sub(1);
            return self.error("a name such as `x` in `any(x:…)`");
        };
        self.expect(&Token::Colon, "`:`")?;
        let outer = self.variable.replace(variable);
        let inner = self.deeper(Self::either)?;
        self.variable = outer;
        self.expect(&Token::Close, "`)`")?;
        Ok(Node::Any(path, Some(Box::new(inner))))
    }

    fn comparison(&mut self, path: Path) -> Result<Node, String> {
        let Some(Token::Word(operator)) = self.peek().cloned() else {
            return self.error("an operator: eq, ne, gt, ge, lt, le or in");
        };
        if operator == "in" {
            self.next += 1;
            return self.list().map(|values| Node::In(path, values));
        }
        let Some((_, comparison)) = COMPARISONS.iter().find(|(name, _)| *name == operator) else {
            return self.error("an operator: eq, ne, gt, ge, lt, le or in");
        };
        self.next += 1;
        self.advanced |= *comparison == Comparison::NotEqual;
        let value = self.literal()?;
        Ok(Node::Compare(path, *comparison, value))
    }

    fn list(&mut self) -> Result<Vec<Value>, String> {
        self.expect(&Token::Open, "`(`")?;
        let mut values = vec![self.literal()?];
        while self.peek() == Some(&Token::Comma) {
            self.next += 1;
            if values.len() >= MAX_FILTER_TERMS {
                return Err(format!(
                    "`in` has more than {MAX_FILTER_TERMS} values; split the query"
                ));
            }
            values.push(self.literal()?);
        }
        self.expect(&Token::Close, "`)`")?;
        Ok(values)
    }

    fn literal(&mut self) -> Result<Value, String> {
        match self.peek().cloned() {
            Some(Token::Literal(value)) => {
                self.next += 1;
                Ok(value)
            }
            _ => self.error("a value: 'text', number, true, false, null or a date"),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn object() -> Map<String, Value> {
        let Value::Object(map) = json!({
            "displayName": "Adele Vance", "accountEnabled": true, "mail": null, "age": 7,
            "createdDateTime": "2026-01-02T00:00:00Z",
            "proxyAddresses": ["SMTP:adele@contoso.com", "smtp:av@contoso.com"],
            "onPremisesExtensionAttributes": {"extensionAttribute1": "x"},
        }) else {
            unreachable!("an object")
        };
        map
    }

    #[test]
    fn operators_do_what_odata_says() {
        for (text, expected) in [
            ("displayName eq 'adele vance'", true),
            ("displayName ne 'adele vance'", false),
            ("startswith(displayName,'ADELE')", true),
            ("endswith(displayName,'ce')", true),
            ("mail eq null", true),
            ("mail ne null", false),
            ("not(accountEnabled eq true)", false),
            (
                "accountEnabled eq true and mail eq 'x' or displayName in ('a','Adele Vance')",
                true,
            ),
            (
                "accountEnabled eq true and (mail eq 'x' or displayName in ('a','b'))",
                false,
            ),
            ("proxyAddresses/any(p:p eq 'smtp:AV@contoso.com')", true),
            ("proxyAddresses/any(p:startswith(p,'smtp:none'))", false),
            ("proxyAddresses/any()", true),
            ("onPremisesExtensionAttributes/extensionAttribute1 eq 'x'", true),
            ("createdDateTime ge 2026-01-01T00:00:00Z", true),
            ("age gt 6 and age le 7", true),
            ("displayName eq 'O''Neil'", false),
        ] {
            assert_eq!(
                Filter::parse(text).unwrap().accepts(&object()),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn advanced_queries_are_recognized() {
        for (text, advanced) in [
            ("a eq 1", false),
            ("a ne 1", true),
            ("not a eq 1", true),
            ("endswith(a,'x')", true),
        ] {
            assert_eq!(Filter::parse(text).unwrap().advanced, advanced, "{text}");
        }
    }

    #[test]
    fn mistakes_are_placed() {
        for (text, wanted) in [
            ("displayName eq", "at the end"),
            ("displayName like 'x'", "position 12"),
            ("(a eq 1", "`)`"),
            ("a eq 1 b", "should end"),
            ("a eq 'x", "quote"),
        ] {
            let error = Filter::parse(text).unwrap_err();
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }

    #[test]
    fn limits_hold() {
        let nested = |depth: usize| format!("{}a eq 1{}", "(".repeat(depth), ")".repeat(depth));
        assert!(Filter::parse(&nested(MAX_FILTER_DEPTH)).is_ok());
        assert!(Filter::parse(&nested(MAX_FILTER_DEPTH + 1)).is_err());
        let list = |count: usize| format!("a in ({})", vec!["1"; count].join(","));
        assert!(Filter::parse(&list(MAX_FILTER_TERMS)).is_ok());
        assert!(Filter::parse(&list(MAX_FILTER_TERMS + 1)).is_err());
        assert!(Filter::parse(&" ".repeat(MAX_FILTER_BYTES + 1)).is_err());
    }

    #[test]
    fn an_equality_can_be_taken_from_a_conjunction_only() {
        let filter = Filter::parse("accountEnabled eq true and userPrincipalName eq 'A@b.c'").unwrap();
        assert_eq!(filter.demanded("userPrincipalName"), Some("A@b.c"));
        let filter = Filter::parse("mail eq 'x' or userPrincipalName eq 'A@b.c'").unwrap();
        assert_eq!(filter.demanded("userPrincipalName"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in ".{0,200}") {
            if let Ok(filter) = Filter::parse(&text) {
                let _ = filter.accepts(&object());
            }
        }

        #[test]
        fn any_text_can_be_quoted(text in "[^\u{0}]{0,40}") {
            let filter = Filter::parse(&format!("displayName eq '{}'", text.replace('\'', "''"))).unwrap();
            let Value::Object(found) = json!({"displayName": text}) else { unreachable!("an object") };
            prop_assert!(filter.accepts(&found));
        }
    }
}
