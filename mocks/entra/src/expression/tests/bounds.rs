//! Each bound, at the limit and one beyond.

use std::time::{Duration, Instant};

use super::super::{
    EvaluationErrorKind, Expression, MAX_ARGUMENTS, MAX_DEPTH, MAX_EXPRESSION_CHARS, MAX_VALUE_BYTES, Value,
};
use super::{Object, evaluate, failure, parse};

#[test]
fn an_expression_has_at_most_10_000_characters() {
    // Characters and not bytes.
    let text = |length: usize| format!("Trim(\"{}\")", "é".repeat(length - 8));
    parse(&text(MAX_EXPRESSION_CHARS));
    let error = Expression::parse(&text(MAX_EXPRESSION_CHARS + 1)).unwrap_err();
    assert_eq!(error.position, MAX_EXPRESSION_CHARS + 1);
    assert!(error.message.contains("10000"), "{error}");
}

#[test]
fn functions_nest_to_a_depth() {
    let nested = |depth: usize| format!("{}[a]{}", "Trim(".repeat(depth), ")".repeat(depth));
    let deepest = parse(&nested(MAX_DEPTH));
    assert_eq!(
        deepest.evaluate(&Object::new(&[("a", " x ")])),
        Ok(Value::from("x"))
    );
    let error = Expression::parse(&nested(MAX_DEPTH + 1)).unwrap_err();
    assert_eq!(error.position, MAX_DEPTH * 5 + 1);
    assert!(error.message.contains("64 deep"), "{error}");
}

#[test]
fn a_function_has_so_many_arguments() {
    let join = |count: usize| format!("Join(\"\"{})", ",1".repeat(count - 1));
    assert_eq!(
        evaluate(&join(MAX_ARGUMENTS), &Object::default()).to_text().len(),
        MAX_ARGUMENTS - 1
    );
    let error = Expression::parse(&join(MAX_ARGUMENTS + 1)).unwrap_err();
    assert!(error.message.contains("at most 256 arguments"), "{error}");

    let concatenation = |count: usize| vec!["1"; count].join("&");
    parse(&concatenation(MAX_ARGUMENTS));
    let error = Expression::parse(&concatenation(MAX_ARGUMENTS + 1)).unwrap_err();
    assert!(error.message.contains("joins at most 256"), "{error}");
}

#[test]
fn a_value_has_at_most_so_many_bytes() {
    let object = |bytes: usize| Object::new(&[("a", &"x".repeat(bytes))]);
    assert_eq!(
        evaluate("Trim([a])", &object(MAX_VALUE_BYTES)).to_text().len(),
        MAX_VALUE_BYTES
    );
    let too_large = |expression: &str, object: &Object| {
        let error = failure(expression, object);
        assert_eq!(error.kind, EvaluationErrorKind::TooLarge, "{error}");
        error
    };
    assert_eq!(
        too_large("[a]", &object(MAX_VALUE_BYTES + 1)).function,
        "attribute"
    );
    let half = object(MAX_VALUE_BYTES / 2);
    assert_eq!(evaluate("[a] & [a]", &half).to_text().len(), MAX_VALUE_BYTES);
    for expression in [
        "[a] & [a] & \"x\"",
        "Append([a] & [a], \"x\")",
        "Join(\"x\", [a], [a])",
        "ConvertToBase64([a])",
        "Replace([a], \"x\", , , \"123\")",
        "Replace(\"yyy\", \"y\", , , [a])",
        "Replace([a], \"@\", , , , , \"@@@\")",
    ] {
        too_large(expression, &half);
    }
    let mut many = Object::default();
    for _ in 0..4 {
        many.add("a", Value::from("x".repeat(MAX_VALUE_BYTES / 5)));
    }
    too_large("Append([a], [b] & [b])", &{
        many.add("b", Value::from("y".repeat(MAX_VALUE_BYTES / 20)));
        many
    });
}

#[test]
fn an_evaluation_makes_at_most_so_many_bytes() {
    let object = Object::new(&[("a", &"x".repeat(MAX_VALUE_BYTES))]);
    let lefts = |count: usize| format!("Join(\"\"{})", ",Left([a],1)".repeat(count));
    assert_eq!(evaluate(&lefts(15), &object).to_text().len(), 15);
    let error = failure(&lefts(16), &object);
    assert_eq!(error.kind, EvaluationErrorKind::TooLarge);
    assert!(error.message.contains("simplify"), "{error}");
}

#[test]
fn a_regular_expression_reads_so_many_bytes() {
    let text = |bytes: usize| Object::new(&[("a", &"x".repeat(bytes))]);
    let replace = r#"Replace([a], , "y", , "z")"#;
    assert_eq!(evaluate(replace, &text(1 << 16)).to_text().len(), 1 << 16);
    let error = failure(replace, &text((1 << 16) + 1));
    assert_eq!(error.kind, EvaluationErrorKind::TooLarge);
    assert!(error.message.contains("65536"), "{error}");
}

/// Expressions that are slow elsewhere: back-tracking, many searches that each read everything, deep nesting.
#[test]
fn hostile_expressions_end_soon() {
    let long = Object::new(&[("a", &"x".repeat(1 << 16))]);
    let start = Instant::now();
    for expression in [
        r#"Replace([a], , "(x+x+)+y", , "z")"#,
        r#"Replace([a], , "x[^y]*y|x", , "z")"#,
        r#"Replace([a], , "(x?){64}x{64}", , "z")"#,
        r#"Replace([a], , "(?i)\\w{1,20}\\d|x", , "z")"#,
    ] {
        let _ = parse(expression).evaluate(&long);
    }
    let nested = format!(
        "{}[a]{}",
        "Replace(".repeat(60),
        r#", , "x*?y|.", , "z")"#.repeat(60)
    );
    let _ = parse(&nested).evaluate(&long);
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}
