//! Where an error is, what it is, and how to mend it.

use super::super::{EvaluationErrorKind, Expression, Value};
use super::{Object, evaluate, failure};

/// Expression, position, and words of the message.
const PARSING: &[(&str, usize, &[&str])] = &[
    ("", 1, &["missing"]),
    ("   ", 4, &["missing"]),
    ("Trim([a]", 9, &["`,` or `)`", "Trim(value)"]),
    ("Trim([a]))", 10, &["complete"]),
    ("Trim([a]) Trim([b])", 11, &["complete", "`&`"]),
    ("Trim [a]", 1, &["Trim is a function", "Trim(value)"]),
    ("Trim([a)", 6, &["closing bracket"]),
    ("Trim([])", 6, &["no attribute"]),
    ("Trim(\"a)", 6, &["closing quotation mark"]),
    (r#"Trim("\d")"#, 7, &["backslash", r"`\\`"]),
    ("Trim(“a”)", 6, &["straight"]),
    ("Trim('a')", 6, &["double quotes"]),
    ("Trim(a)", 6, &["[a]", "\"a\""]),
    ("Trim(True)", 6, &["\"True\""]),
    ("Trim({a})", 6, &["`{` has no meaning"]),
    ("Trim()", 1, &["it takes 1 argument, not 0", "Trim(value)"]),
    (
        "Append([a])",
        1,
        &["it takes 2 arguments, not 1", "Append(source, suffix)"],
    ),
    ("Trim(Append([a], \"b\", \"c\"))", 6, &["not 3"]),
    ("Append(, \"b\")", 8, &["source is missing"]),
    ("Append([a], )", 13, &["suffix is missing"]),
    ("Guid([a])", 1, &["it takes 0 arguments, not 1"]),
    ("InStr([a])", 1, &["2 to 4 arguments"]),
    ("Switch([a], \"d\")", 1, &["at least 4"]),
    (
        "Switch([a], \"d\", \"k\", \"v\", \"k\")",
        1,
        &["groups of 2", "incomplete"],
    ),
    ("Join(\",\")", 1, &["at least 2"]),
    ("SelectUniqueValue([a])", 1, &["at least 2"]),
    ("Trim(SelectUniqueValue([a], [b]))", 6, &["outermost"]),
    ("SelectUniqueValue([a], [b]) & \"x\"", 1, &["outermost"]),
    ("FormatDateTime([a], \"yyyy\")", 1, &["3 to 4 arguments"]),
    ("[a] = [b]", 5, &["`=`", "IIF", "CBool"]),
    ("Trim([a] <> \"b\")", 10, &["`<>`", "IIF"]),
    (
        "IIF([a] = \"b\" = \"c\", \"d\", \"e\")",
        15,
        &["nest another IIF"],
    ),
    ("IIF(= \"b\", \"d\", \"e\")", 5, &["missing"]),
    ("[a] &", 6, &["missing"]),
    ("[a] & & [b]", 7, &["missing"]),
    ("Mid([a], 1.5, 2)", 10, &["whole number"]),
    ("Mid([a], 99999999999999999999, 2)", 10, &["63 bits"]),
    ("Mid([a], &HFFFFFFFFFFFFFFFFF, 2)", 10, &["63 bits"]),
    ("Mid([a], 1st, 2)", 10, &["`1st`"]),
    (
        "InStr([a], \"b\", 1, vbCompare)",
        20,
        &["vbBinaryCompare, vbTextCompare"],
    ),
    ("ConvertFromBase64([a], utf8)", 24, &["Unicode, ASCII, UTF8"]),
    (
        "Coalesce([a], [b])",
        1,
        &[
            "Coalesce",
            "not in the cloud sync list",
            "IIF(IsPresent([a]), [a], [b])",
        ],
    ),
    (
        "Trim(CDate([a]))",
        6,
        &["CDate", "not in the cloud sync list", "FormatDateTime"],
    ),
    ("Now()", 1, &["Now", "not in the cloud sync list", "leave it out"]),
    ("Trimm([a])", 1, &["did you mean `Trim`"]),
    (
        "iif([a]=\"b\",\"c\",\"d\")",
        1,
        &["did you mean `IIF`", "Case matters"],
    ),
    (
        "Frobnicate([a])",
        1,
        &["`Frobnicate` is not a function", "docs/expressions.md"],
    ),
    (
        "Replace([a], \"b\")",
        1,
        &["do not go together", "oldValue with replacementValue"],
    ),
    ("Replace([a], \"b\", \"c\", , \"d\")", 1, &["do not go together"]),
    (
        "Replace([a], , \"(\", , \"d\")",
        16,
        &["regular expression is wrong", "unclosed group"],
    ),
    (
        "Replace([a], , \"(?=b)\", , \"d\")",
        16,
        &[".NET has and provlab has not", "look-around"],
    ),
    (
        "Replace([a], , \"(b)\\\\1\", , \"d\")",
        16,
        &[".NET has and provlab has not", "backreferences"],
    ),
    (
        "Replace([a], , \"\\\\w{1000}{1000}\", , \"d\")",
        16,
        &["1048576 bytes", "repeat less"],
    ),
    ("Ünïcode([é]) x", 1, &["`Ünïcode`"]),
    ("Trim([é]) ü", 11, &["complete"]),
];

#[test]
fn parse_errors_say_where_what_and_how_to_mend() {
    for (expression, position, words) in PARSING {
        let error = Expression::parse(expression).expect_err(expression);
        assert_eq!(error.position, *position, "{expression}: {error}");
        for word in *words {
            assert!(error.message.contains(word), "{expression}: {error}");
        }
        assert_eq!(
            error.to_string(),
            format!("character {position}: {}", error.message)
        );
    }
}

/// Expression, function, position, kind, and words of the message.
const EVALUATION: &[(&str, &str, usize, EvaluationErrorKind, &[&str])] = {
    use EvaluationErrorKind::{Custom, NoUniqueValue, Unsuitable};
    &[
        ("Trim(Error(\"No mail\"))", "Error", 6, Custom, &["No mail"]),
        (
            "SelectUniqueValue(\"taken\", \"taken\")",
            "SelectUniqueValue",
            1,
            NoUniqueValue,
            &["add a rule"],
        ),
        (
            "Mid([text], \"a\", 2)",
            "Mid",
            13,
            Unsuitable,
            &["`a` is not a whole number"],
        ),
        ("Left([text], [absent])", "Left", 14, Unsuitable, &["no value"]),
        (
            "Append(\"x\", [several])",
            "Append",
            13,
            Unsuitable,
            &["2 values where one is needed", "Item", "Join"],
        ),
        ("\"x\" & [several]", "&", 7, Unsuitable, &["2 values"]),
        (
            "Switch([several], , \"a\", \"b\")",
            "Switch",
            8,
            Unsuitable,
            &["2 values"],
        ),
        (
            "IIF([several] = \"a\", \"b\", \"c\")",
            "=",
            5,
            Unsuitable,
            &["2 values"],
        ),
        (
            "IIF([text], \"b\", \"c\")",
            "IIF",
            5,
            Unsuitable,
            &["`text` is neither true nor false", "IsPresent"],
        ),
        (
            "CBool([text])",
            "CBool",
            7,
            Unsuitable,
            &["neither true nor false"],
        ),
        (
            "Item([several], 0)",
            "Item",
            17,
            Unsuitable,
            &["there is no value 0", "1 to 2"],
        ),
        (
            "Item([several], 3)",
            "Item",
            17,
            Unsuitable,
            &["there is no value 3"],
        ),
        ("CStr([several])", "CStr", 6, Unsuitable, &["2 values"]),
        ("CStr([binary])", "CStr", 6, Unsuitable, &["ConvertToBase64"]),
        (
            "ConvertFromBase64(\"%\")",
            "ConvertFromBase64",
            19,
            Unsuitable,
            &["`%` is not base64"],
        ),
        (
            "ConvertFromBase64(\"YQ==\", \"UTF7\")",
            "ConvertFromBase64",
            27,
            Unsuitable,
            &["Unicode, ASCII, UTF8"],
        ),
        ("StringFromSID([text])", "StringFromSID", 15, Unsuitable, &["SID"]),
        (
            "DateFromNum(-1)",
            "DateFromNum",
            13,
            Unsuitable,
            &["1601 and 9999"],
        ),
        (
            "DateFromNum(9223372036854775807)",
            "DateFromNum",
            13,
            Unsuitable,
            &["1601 and 9999"],
        ),
        (
            "DNComponent([text], 1)",
            "DNComponent",
            13,
            Unsuitable,
            &["not a distinguished name"],
        ),
        (
            "DNComponent(\"cn=a\", 0)",
            "DNComponent",
            21,
            Unsuitable,
            &["counted from 1"],
        ),
        (
            "InStr([text], \"a\", 0)",
            "InStr",
            20,
            Unsuitable,
            &["begins at 1"],
        ),
        (
            "Split([text], \"\")",
            "Split",
            15,
            Unsuitable,
            &["delimiter is empty"],
        ),
        (
            "ToLower([text], \"english\")",
            "ToLower",
            17,
            Unsuitable,
            &["en-US"],
        ),
        (
            "Replace([text], \"\", , , \"a\")",
            "Replace",
            17,
            Unsuitable,
            &["empty"],
        ),
        (
            "Replace([text], , [paren], , \"a\")",
            "Replace",
            19,
            Unsuitable,
            &["unclosed group"],
        ),
        (
            "Replace([text], , \"(?<a>x)\", \"b\", \"c\")",
            "Replace",
            30,
            Unsuitable,
            &["no group `b`", "it names a"],
        ),
        (
            "Replace([text], , \"x\", \"b\", \"c\")",
            "Replace",
            24,
            Unsuitable,
            &["names none"],
        ),
        (
            "FormatDateTime([text], \"yyyy\", \"MM\")",
            "FormatDateTime",
            16,
            Unsuitable,
            &["`yyyy` does not fit `text`"],
        ),
        (
            "FormatDateTime(\"12\", \"HH\", \"MM\")",
            "FormatDateTime",
            16,
            Unsuitable,
            &["no year"],
        ),
        (
            "FormatDateTime(\"2\", \"q\", \"MM\")",
            "FormatDateTime",
            21,
            Unsuitable,
            &["`q` is not a format"],
        ),
        (
            "FormatDateTime(\"2\", \"yyyy\", \"gg y\")",
            "FormatDateTime",
            29,
            Unsuitable,
            &["`gg` is not supported"],
        ),
        (
            "FormatDateTime(\"2\", \"Wrong\", \"yyyy\", \"MM\")",
            "FormatDateTime",
            21,
            Unsuitable,
            &["RoundtripKind"],
        ),
        (
            "FormatDateTime(\"20230229\", \"yyyyMMdd\", \"dd\")",
            "FormatDateTime",
            16,
            Unsuitable,
            &["no such time"],
        ),
    ]
};

#[test]
fn evaluation_errors_say_which_function_where_what_and_how_to_mend() {
    let mut object = Object::new(&[
        ("text", "text"),
        ("several", "a"),
        ("several", "b"),
        ("paren", "("),
    ]);
    object.add("binary", Value::Binary(vec![1, 2]));
    object.taken.insert("taken".to_owned());
    for (expression, function, position, kind, words) in EVALUATION {
        let error = failure(expression, &object);
        assert_eq!(
            (error.function, error.position, error.kind),
            (*function, *position, *kind),
            "{expression}: {error}"
        );
        for word in *words {
            assert!(error.message.contains(word), "{expression}: {error}");
        }
        assert_eq!(
            error.to_string(),
            format!("{function} at character {position}: {}", error.message)
        );
    }
}

#[test]
fn what_is_not_chosen_does_not_fail() {
    let object = Object::new(&[("a", "1")]);
    for expression in [
        r#"IIF([a]="1", "ok", Error("no"))"#,
        r#"IIF([a]="2", Error("no"), "ok")"#,
        r#"Switch([a], Error("no"), "1", "ok", Error("later key"), "x")"#,
        r#"Switch([a], "ok", "2", Error("no"))"#,
        r#"SelectUniqueValue("ok", Error("no"))"#,
    ] {
        assert_eq!(evaluate(expression, &object), Value::from("ok"), "{expression}");
    }
    assert_eq!(
        failure(r#"Switch([a], "x", Error("key"), "y")"#, &object).kind,
        EvaluationErrorKind::Custom
    );
}
