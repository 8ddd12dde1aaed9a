//! Whatever is written and whatever an object holds: no panic, no value beyond its bound, and what is printed is read
//! back as the same.

use proptest::prelude::*;
use time::OffsetDateTime;

use super::super::functions::{FUNCTIONS, Function, Presence, Type};
use super::super::tree::{Kind, Node, Operator};
use super::super::value::Value;
use super::super::{Expression, MAX_VALUE_BYTES};
use super::Object;

fn node(kind: Kind) -> Node {
    Node { position: 0, kind }
}

fn leaf() -> impl Strategy<Value = Node> {
    prop_oneof![
        "[a-c]".prop_map(|name| node(Kind::Attribute(name))),
        prop_oneof![
            ".{0,8}",
            "[a-z@., \\\\\"-]{0,12}",
            "-?[0-9]{1,4}",
            "[yMdHhmsftzK/:. '-]{1,12}",
            Just("(?<a>.)b*".to_owned())
        ]
        .prop_map(|text| node(Kind::Text(text))),
        (any::<i64>(), any::<bool>()).prop_map(|(value, hexadecimal)| node(Kind::Number {
            value: if hexadecimal { value & i64::MAX } else { value },
            hexadecimal,
        })),
        (-3_i64..30).prop_map(|value| node(Kind::Number {
            value,
            hexadecimal: false
        })),
    ]
}

fn tree() -> impl Strategy<Value = Node> {
    leaf().prop_recursive(4, 40, 6, |inner| {
        let call = (
            prop::sample::select(FUNCTIONS.iter().collect::<Vec<_>>()),
            prop::collection::vec(inner.clone(), 10),
            any::<u32>(),
        )
            .prop_map(|(function, nodes, bits)| call(function, nodes, bits));
        let concatenation = prop::collection::vec(inner, 2..4).prop_map(|parts| {
            // `&` binds all the same, however it is grouped.
            let flat = parts.into_iter().flat_map(|part| match part.kind {
                Kind::Concatenation(parts) => parts,
                kind => vec![node(kind)],
            });
            node(Kind::Concatenation(flat.collect()))
        });
        prop_oneof![4 => call, 1 => concatenation]
    })
}

/// A call with a valid number of arguments; the bits decide what is left out.
fn call(function: &'static Function, nodes: Vec<Node>, bits: u32) -> Node {
    let mut bits =
        std::iter::successors(Some(bits), |bits| Some(bits.rotate_right(1))).map(|bits| bits & 1 == 1);
    let mut flip = || bits.next().unwrap_or_default();
    let repeated = function.repeats.parameters * (function.repeats.at_least.max(1) - 1 + usize::from(flip()));
    let count = function.parameters.len() + repeated;
    let mut arguments: Vec<Option<Node>> = Vec::new();
    for (place, argument) in nodes.into_iter().cycle_to(count).enumerate() {
        let parameter = function.parameters[function.parameter_of(place, count).unwrap()];
        arguments.push(match (parameter.presence, parameter.kind) {
            (Presence::Optional | Presence::Skippable, _) if flip() => None,
            (_, Type::Enum(words)) => Some(node(Kind::Word(words[usize::from(flip())]))),
            (_, Type::Exp) if flip() => {
                let operator = Operator::ALL[usize::from(flip()) + 2 * usize::from(flip())];
                let sides = Box::new([argument.clone(), argument]);
                Some(node(Kind::Comparison { operator, sides }))
            }
            _ => Some(argument),
        });
    }
    node(Kind::Call { function, arguments })
}

/// As many of the nodes as are wanted, from the start again where there are too few.
trait CycleTo: Iterator<Item = Node> + Sized {
    fn cycle_to(self, count: usize) -> std::vec::IntoIter<Node> {
        let all: Vec<Node> = self.collect();
        all.iter()
            .cycle()
            .take(count)
            .cloned()
            .collect::<Vec<_>>()
            .into_iter()
    }
}

impl<I: Iterator<Item = Node>> CycleTo for I {}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        ".{0,20}".prop_map(Value::from),
        "[0-9]{1,6}".prop_map(Value::from),
        any::<i64>().prop_map(Value::Number),
        any::<bool>().prop_map(Value::Flag),
        (-62_135_596_800_i64..253_402_300_799)
            .prop_map(|seconds| Value::Time(OffsetDateTime::from_unix_timestamp(seconds).unwrap())),
        prop::collection::vec(any::<u8>(), 0..20).prop_map(Value::Binary),
        Just(Value::Null),
    ]
}

fn object() -> impl Strategy<Value = Object> {
    prop::collection::vec(("[a-c]", value()), 0..6).prop_map(|attributes| {
        let mut object = Object::taking(&["a"]);
        for (name, value) in attributes {
            object.add(&name, value);
        }
        object
    })
}

/// Evaluates; a value must be inside its bound and in its normal form.
fn check(expression: &Expression, object: &Object) {
    if let Ok(value) = expression.evaluate(object) {
        assert!(value.size() <= MAX_VALUE_BYTES);
        let nested = |value: &Value| matches!(value, Value::Null | Value::List(_));
        assert!(!matches!(&value, Value::List(values) if values.is_empty() || values.iter().any(nested)));
        let _ = value.to_text();
    }
    let _ = expression.to_mapping_source();
}

proptest! {
    #[test]
    fn arbitrary_text_is_read_or_refused(text in "\\PC{0,60}", object in object()) {
        match Expression::parse(&text) {
            Ok(expression) => check(&expression, &object),
            Err(error) => prop_assert!((1..=text.chars().count() + 1).contains(&error.position)),
        }
    }

    #[test]
    fn text_of_the_language_s_own_signs_is_read_or_refused(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "Trim", "IIF", "Switch", "Replace", "Join", "(", ")", "(", ")", ",", ",", "[a]", "\"x\"", "1", "&", "&HF",
                "=", "<>", "<", " ", "UTF8", "-", "\\", "[", "]", "\"",
            ]),
            0..40,
        ),
        object in object(),
    ) {
        let text = parts.concat();
        match Expression::parse(&text) {
            Ok(expression) => check(&expression, &object),
            Err(error) => prop_assert!((1..=text.chars().count() + 1).contains(&error.position)),
        }
    }

    #[test]
    fn what_is_printed_is_read_back(tree in tree(), object in object()) {
        let printed = tree.to_string();
        // A combination that makes no sense, or a pattern that is none, is refused; everything else is the same tree.
        if let Ok(expression) = Expression::parse(&printed) {
            prop_assert_eq!(&expression.root, &tree, "{}", printed);
            prop_assert_eq!(expression.to_string(), printed);
            check(&expression, &object);
        }
    }

    #[test]
    fn mutated_expressions_are_read_or_refused(
        tree in tree(),
        object in object(),
        at in any::<prop::sample::Index>(),
        change in prop_oneof![Just(None), any::<char>().prop_map(Some), prop::sample::select(vec!['(', ')', ',', '"', '\\', '[', '&']).prop_map(Some)],
    ) {
        let mut text: Vec<char> = tree.to_string().chars().collect();
        let at = at.index(text.len());
        match change {
            None => {
                text.remove(at);
            }
            Some(sign) => text[at] = sign,
        }
        let text: String = text.into_iter().collect();
        if let Ok(expression) = Expression::parse(&text) {
            check(&expression, &object);
            let again = Expression::parse(&expression.to_string());
            prop_assert_eq!(again.as_ref(), Ok(&expression));
        }
    }
}

/// The property above would hold of nothing if every tree were refused.
#[test]
fn most_generated_trees_are_expressions() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let accepted = (0..200)
        .filter(|_| {
            let tree = tree().new_tree(&mut runner).unwrap().current();
            Expression::parse(&tree.to_string()).is_ok()
        })
        .count();
    assert!(accepted > 100, "{accepted} of 200");
}
