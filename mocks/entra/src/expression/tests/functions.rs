//! What the references say in words rather than by example, and what is inferred.

use time::macros::datetime;

use super::super::{FUNCTIONS, Presence, Value};
use super::{Object, evaluate, parse, texts};

/// Expression and its value as text, for an object without attributes.
const ROWS: &[(&str, &str)] = &[
    (r#"Append([absent], "x")"#, "x"),
    (r#"Left("John", 0)"#, ""),
    (r#"Left("John", -1)"#, "John"),
    (r#"Left("John", 9)"#, "John"),
    ("Left([absent], 3)", ""),
    (r#"Mid("John", 0, 2)"#, "John"),
    (r#"Mid("John", 5, 2)"#, "John"),
    (r#"Mid("John", 4, 2)"#, "n"),
    (r#"Mid("John", 2, 0)"#, ""),
    (r#"Mid("John", 2, -1)"#, "John"),
    ("Mid([absent], 1, 1)", ""),
    (r#"Mid("Zoë Ü", "3", "&H3")"#, "ë Ü"),
    (r#"Word("a b", 0, " ")"#, ""),
    (r#"Word("a b", 3, " ")"#, ""),
    (r#"Word("a  b", 2, " ")"#, "b"),
    ("Word([absent], 1, \" \")", ""),
    (r#"InStr("The quick", "Q")"#, "0"),
    (r#"InStr("The quick", "Q", 1, vbTextCompare)"#, "5"),
    (r#"InStr("The quick", "", 3)"#, "3"),
    (r#"InStr("é quick", "quick")"#, "3"),
    (r#"InStr("abc", "a", 9)"#, "0"),
    (r#"Not("True")"#, "False"),
    (r#"Not("true")"#, "False"),
    (r#"Not("False")"#, "True"),
    (r#"Not("anything")"#, "True"),
    ("Not([absent])", "True"),
    (r#"Not(CBool("1"))"#, "False"),
    ("CBool(0)", "False"),
    ("CBool(2)", "True"),
    ("CBool([absent])", "False"),
    (r#"CBool("false")"#, "False"),
    ("CStr(12)", "12"),
    ("CStr(CBool(1))", "True"),
    ("IsString([absent])", "False"),
    ("IsString(1)", "True"),
    ("IsString(DateFromNum(0))", "True"),
    (r#"IsPresent("")"#, "False"),
    ("Count([absent])", "0"),
    (r#"Count("a")"#, "1"),
    (r#"Count(Split("a,b,,c", ","))"#, "3"),
    (r#"Item(Split("joe@contoso.com", "@"), 1)"#, "joe"),
    (r#"Item("a", 1)"#, "a"),
    (r#"Join("-", [absent], "a", "", "b")"#, "a-b"),
    (r#"StripSpaces(" a b ")"#, "ab"),
    ("StripSpaces(\"a\tb\")", "a\tb"),
    (r#"ToUpper("straße i ﬁ")"#, "STRAßE I ﬁ"),
    (r#"ToUpper("i", "tr-TR")"#, "İ"),
    (r#"ToLower("Iİ", "az")"#, "ıi"),
    (r#"ToLower("ÀI", "en-US")"#, "ài"),
    (r#"ToLower("A", )"#, "a"),
    (
        r#"NormalizeDiacritics("Đ ガ 한 हिन्दी Œuvre")"#,
        "Đ ガ 한 हिन्दी OEuvre",
    ),
    (r#"ConvertFromBase64("4Q==", ASCII)"#, "?"),
    (r#"ConvertFromBase64("SGVsbG8gd29ybGQh", "UTF8")"#, "Hello world!"),
    (r#"ConvertToUTF8Hex("é")"#, "C3A9"),
    (r#"StringFromSID("S-1-5-32-544")"#, "S-1-5-32-544"),
    (r#"StringFromSID("AQIAAAAAAAUgAAAAIAIAAA==")"#, "S-1-5-32-544"),
    (
        r#"DNComponent("cn=Doe\\, Joe,ou=Sales,dc=contoso", 1)"#,
        "Doe, Joe",
    ),
    (r#"DNComponent("cn=Joe,ou=Sales", 2)"#, "Sales"),
    (r#"DNComponent("cn=Joe", 2)"#, ""),
    (r#"Switch("b", , "a", "x")"#, ""),
    (r#"Switch("b", "d", "B", "x")"#, "d"),
    (r#"SingleAppRoleAssignment([absent])"#, ""),
    (r#"SelectUniqueValue([absent], "a")"#, "a"),
    ("GUID()", "00aa00aa-bb11-cc22-dd33-44ee44ee44ee"),
    (r#"StringFromSid(Cstr("S-1-5-18"))"#, "S-1-5-18"),
    (r#""a" &[absent]& "b""#, "ab"),
    (r#""a"&Left("Head", 2)"#, "aHe"),
    (r#"&HFF & """#, "255"),
    ("-5 & 1", "-51"),
    (r#""\\ \"""#, r#"\ ""#),
];

#[test]
fn functions_do_what_the_references_say() {
    for (expression, result) in ROWS {
        assert_eq!(
            evaluate(expression, &Object::default()).to_text(),
            *result,
            "{expression}"
        );
    }
}

/// Left side, right side, and the signs that hold between them.
const COMPARISONS: &[(&str, &str, &[&str])] = &[
    ("1", "2", &["<>", "<", "<="]),
    ("2", "2", &["=", "<=", ">="]),
    (r#""10""#, "9", &["<>", ">", ">="]),
    (r#""10""#, r#""9""#, &["<>", ">", ">="]),
    (r#""01""#, r#""1""#, &["<>", "<=", ">="]),
    (r#""01""#, "1", &["=", "<=", ">="]),
    (r#""a""#, r#""A""#, &["<>", ">", ">="]),
    ("&H10", "16", &["=", "<=", ">="]),
    ("CBool(1)", r#""TRUE""#, &["=", "<=", ">="]),
    ("DateFromNum(1)", "DateFromNum(100000000000)", &["<>", "<", "<="]),
    ("[absent]", r#""a""#, &[]),
    ("[absent]", "[absent]", &[]),
    (r#""""#, r#""""#, &[]),
];

#[test]
fn comparisons_hold_as_documented() {
    for (left, right, holding) in COMPARISONS {
        for sign in ["=", "<>", "<", "<=", ">", ">="] {
            let expression = format!("CBool({left} {sign} {right})");
            assert_eq!(
                evaluate(&expression, &Object::default()),
                Value::Flag(holding.contains(&sign)),
                "{expression}"
            );
        }
    }
}

/// Input, input format, output format, result.
const DATES: &[(&str, &str, &str, &str)] = &[
    ("2012-01-01T23:04:05.1230000Z", "o", "d", "01/01/2012"),
    (
        "2012-01-01T23:04:05.1230000Z",
        "O",
        "yyyyMMddHHmmss.fffZ",
        "20120101230405.123Z",
    ),
    (
        "2012-01-01T23:04:05.1230000+02:00",
        "o",
        "s",
        "2012-01-01T21:04:05",
    ),
    ("2012-01-01T23:04:05", "s", "o", "2012-01-01T23:04:05.0000000"),
    ("2012-01-01 23:04:05Z", "u", "r", "Sun, 01 Jan 2012 23:04:05 GMT"),
    (
        "Sun, 01 Jan 2012 23:04:05 GMT",
        "R",
        "F",
        "Sunday, 01 January 2012 23:04:05",
    ),
    ("1/2/2012 12:05:06 AM", "M/d/yyyy h:mm:ss tt", "HH:mm", "00:05"),
    (
        "1/2/2012 12:05:06 pm",
        "M/d/yyyy h:mm:ss tt",
        "H h hh t tt",
        "12 12 12 P PM",
    ),
    ("49 12 31", "yy MM dd", "yyyy", "2049"),
    ("50 12 31", "yy MM dd", "y yy yyyyy", "50 50 01950"),
    ("5 March 2021", "d MMMM yyyy", "ddd dddd MMM", "Fri Friday Mar"),
    ("20210305", "yyyyMMdd", "'day' d \\d \"dd\"", "day 5 d dd"),
    ("20210305", "yyyyMMdd", "%d", "5"),
    ("20210305", "yyyyMMdd", "m", "March 05"),
    ("2021", "yyyy", "yyyy-MM-dd HH:mm:ss", "2021-01-01 00:00:00"),
    (
        "2021-03-05 10:00:00.5",
        "yyyy-MM-dd HH:mm:ss.FFF",
        "ss.FFF",
        "00.5",
    ),
    ("2021-03-05 10:00:00", "yyyy-MM-dd HH:mm:ss.FFF", "ss.FFF", "00"),
    (" 2021 ", "yyyy", "yyyy", "2021"),
    (
        "2021-06-30+08:00",
        "yyyy-MM-ddK",
        "yyyy-MM-dd HH:mm K zzz zz z",
        "2021-06-29 16:00 Z +00:00 +00 +0",
    ),
    ("2021-06-30-7", "yyyy-MM-ddz", "HH", "07"),
];

#[test]
fn times_are_read_and_written_in_formats_of_dotnet() {
    for (input, from, to, result) in DATES {
        let object = Object::new(&[("x", input), ("from", from), ("to", to)]);
        let value = evaluate("FormatDateTime([x], , [from], [to])", &object);
        assert_eq!(value.to_text(), *result, "{input} {from} {to}");
    }
    for (styles, fits) in [
        ("AllowWhiteSpaces", true),
        ("AllowLeadingWhite, AllowTrailingWhite", true),
        ("None", false),
        ("DateTimeStyles.AllowLeadingWhite", false),
    ] {
        let object = Object::new(&[("x", " 2021 "), ("styles", styles)]);
        let value = parse(r#"FormatDateTime([x], [styles], "yyyy", "yyyy")"#).evaluate(&object);
        assert_eq!(value.is_ok(), fits, "{styles}");
    }
    let universal = r#"FormatDateTime("2021", "AssumeUniversal", "yyyy", "o")"#;
    assert_eq!(
        evaluate(universal, &Object::default()).to_text(),
        "2021-01-01T00:00:00.0000000Z"
    );
    // A time goes through whatever the input format is.
    let time = r#"FormatDateTime(DateFromNum(129699324000000000), , "o", "yyyyMMddHHmmss.0Z")"#;
    assert_eq!(evaluate(time, &Object::default()).to_text(), "20120101230000.0Z");
}

/// Template of `replacementValue` and what becomes of `ab` for `(?<first>a)(b)`; .NET counts unnamed groups first.
#[test]
fn replacement_templates_are_those_of_dotnet() {
    for (template, result) in [
        ("${first}", "xay"),
        ("$1", "xby"),
        ("$2", "xay"),
        ("${2}", "xay"),
        ("$0$&", "xababy"),
        ("$$", "x$y"),
        ("$`|$'", "xx|yy"),
        ("$_", "xxabyy"),
        ("$+", "xay"),
        ("$9 ${none} $x $", "x$9 ${none} $x $y"),
    ] {
        let object = Object::new(&[("x", "xaby"), ("template", template)]);
        let value = evaluate(r#"Replace([x], , "(?<first>a)(b)", , [template])"#, &object);
        assert_eq!(value.to_text(), result, "{template}");
    }
    // An empty match may follow another match at once.
    let empty = r#"Replace("john_doe72", , "[a-zA-Z_]*", , "X")"#;
    assert_eq!(evaluate(empty, &Object::default()).to_text(), "XX7X2X");
    let group = r#"Replace("a1 b2", , "(?<letter>[a-z])\\d", "letter", "$1")"#;
    assert_eq!(evaluate(group, &Object::default()).to_text(), "$11 $12");
    let unmatched = r#"Replace("ab", , "(?<x>a)|b", "x", "-")"#;
    assert_eq!(evaluate(unmatched, &Object::default()).to_text(), "-b");
}

#[test]
fn several_values_are_taken_one_by_one() {
    let mut object = Object::new(&[("a", "x y"), ("a", "z")]);
    object.add("sid", Value::Binary(vec![1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0]));
    object.add("one", Value::List(vec![Value::from("q")]));
    assert_eq!(evaluate("Append([a], \"!\")", &object), texts(&["x y!", "z!"]));
    assert_eq!(evaluate("Split([a], \" \")", &object), texts(&["x", "y", "z"]));
    assert_eq!(
        evaluate("InStr([a], \"z\")", &object),
        Value::List(vec![Value::Number(0), Value::Number(1)])
    );
    assert_eq!(
        evaluate("Replace([a], \"z\", , , \"\")", &object),
        texts(&["x y", ""])
    );
    assert_eq!(
        evaluate("SingleAppRoleAssignment([a])", &object),
        Value::from("x y")
    );
    assert_eq!(evaluate("Count([a])", &object), Value::Number(2));
    assert_eq!(evaluate("StringFromSID([SID])", &object), Value::from("S-1-5-18"));
    assert_eq!(
        evaluate("ConvertToUTF8Hex([sid])", &object),
        Value::from("010100000000000512000000")
    );
    assert_eq!(
        evaluate("ConvertToBase64([sid])", &object),
        Value::from("AQEAAAAAAAUSAAAA")
    );
    assert_eq!(evaluate("[one]", &object), Value::from("q"));
}

#[test]
fn absence_stays_absence() {
    for expression in [
        "[a]",
        "Trim([a])",
        "ToLower([a])",
        "CStr([a])",
        "BitAnd([a], 2)",
        "DateFromNum([a])",
        "StringFromSID([a])",
        r#"Split([a], ",")"#,
        r#"Replace([a], "x", , , "y")"#,
        r#"FormatDateTime([a], "yyyy", "MM")"#,
        "RemoveDuplicates([a])",
    ] {
        assert_eq!(
            evaluate(expression, &Object::default()),
            Value::Null,
            "{expression}"
        );
    }
}

#[test]
fn values_are_shown_as_logs_show_them() {
    let time = Value::Time(datetime!(2009-06-15 01:45:30 -7));
    for (value, text) in [
        (Value::Null, ""),
        (Value::Flag(true), "True"),
        (Value::Flag(false), "False"),
        (Value::Number(-5), "-5"),
        (Value::Binary(vec![1, 2, 3]), "AQID"),
        (time, "6/15/2009 8:45:30 AM"),
        (texts(&["a", "b"]), "a; b"),
    ] {
        assert_eq!(value.to_text(), text);
    }
}

#[test]
fn attributes_are_those_in_brackets() {
    let names = parse(r#"IIF([ mail ]="[no]", "t-" & [alias], Join("", [mail], Trim([Mail])))"#).attributes();
    assert_eq!(
        names.iter().map(String::as_str).collect::<Vec<_>>(),
        ["Mail", "alias", "mail"]
    );
    assert!(parse("Guid()").attributes().is_empty());
}

#[test]
fn the_table_of_functions_is_that_of_the_reference() {
    let names: Vec<&str> = FUNCTIONS.iter().map(|function| function.name).collect();
    let reference = "Append BitAnd CBool ConvertFromBase64 ConvertToBase64 ConvertToUTF8Hex Count CStr DateFromNum \
                     DNComponent Error FormatDateTime Guid IIF InStr IsNull IsNullOrEmpty IsPresent IsString Item Join \
                     Left Mid NormalizeDiacritics Not RemoveDuplicates Replace SelectUniqueValue \
                     SingleAppRoleAssignment Split StringFromSID StripSpaces Switch ToLower ToUpper Trim Word";
    assert_eq!(names.join(" "), reference);
    for function in FUNCTIONS {
        let skippable = |parameter: &&super::super::Parameter| parameter.presence == Presence::Skippable;
        let skippables = function.parameters.iter().filter(skippable).count();
        assert!(skippables <= 1, "{}: places would be ambiguous", function.name);
        assert!(
            skippables == 0 || function.repeats.parameters == 0,
            "{}",
            function.name
        );
        assert!(
            !(function.each || function.keeps_absence) || !function.parameters.is_empty(),
            "{}",
            function.name
        );
    }
}
