//! The functions of cloud sync, in the order of its reference.
//!
//! Names, parameters and results are those of the cloud sync reference; where it is silent, those of the general
//! reference of application provisioning, then of Connect Sync. Names in Graph are those that Graph's reference shows
//! for `functions` and `parseExpression`.

use super::Type::{Bin, Bool, Dt, Enum, Exp, Mvstr, Num, Ref, Regex, Str, Var, Void};
use super::{Call, EvaluationError, Function, Parameter, Presence, Repeats, Type, Value};
use super::{convert, flow, list, replace, test, text, when};

type Run = fn(&mut Call<'_>) -> Result<Value, EvaluationError>;

/// Encodings of `ConvertFromBase64`; the first is the default.
pub(super) const ENCODINGS: &[&str] = &["Unicode", "ASCII", "UTF8"];
/// Comparisons of `InStr`; the first is the default (inferred).
pub(super) const COMPARISONS: &[&str] = &["vbBinaryCompare", "vbTextCompare"];

const fn row(
    name: &'static str,
    parameters: &'static [Parameter],
    result: Type,
    run: Run,
    summary: &'static str,
) -> Function {
    Function {
        name,
        aliases: &[],
        parameters,
        repeats: Repeats {
            parameters: 0,
            at_least: 0,
        },
        result,
        each: false,
        keeps_absence: false,
        top_level: false,
        summary,
        check: |_| Ok(()),
        run,
    }
}

const fn parameter(name: &'static str, kind: Type) -> Parameter {
    Parameter {
        name,
        graph_name: name,
        kind,
        presence: Presence::Required,
    }
}

impl Parameter {
    const fn optional(self) -> Self {
        Self {
            presence: Presence::Optional,
            ..self
        }
    }

    const fn skippable(self) -> Self {
        Self {
            presence: Presence::Skippable,
            ..self
        }
    }

    const fn in_graph(self, graph_name: &'static str) -> Self {
        Self { graph_name, ..self }
    }
}

impl Function {
    const fn each(self) -> Self {
        Self { each: true, ..self }
    }

    const fn keeps_absence(self) -> Self {
        Self {
            keeps_absence: true,
            ..self
        }
    }

    const fn repeating(self, parameters: usize, at_least: usize) -> Self {
        Self {
            repeats: Repeats { parameters, at_least },
            ..self
        }
    }

    const fn spelled(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }
}

const SOURCE: Parameter = parameter("source", Str);
const CULTURE: Parameter = parameter("culture", Str).optional();
/// `IsNull` and its like; Graph shows `source`.
const EXPRESSION: Parameter = parameter("expression", Var).in_graph("source");

/// Every function that cloud sync has.
pub const FUNCTIONS: &[Function] = &[
    row("Append", &[SOURCE, parameter("suffix", Str)], Str, text::append, "source with suffix behind it").each(),
    row(
        "BitAnd",
        &[parameter("value1", Num), parameter("value2", Num)],
        Num,
        convert::bit_and,
        "bits that are set in both",
    )
    .keeps_absence(),
    row(
        "CBool",
        &[parameter("expression", Exp)],
        Bool,
        convert::c_bool,
        "True for a comparison that holds, a number other than 0, or \"True\"",
    ),
    row(
        "ConvertFromBase64",
        &[SOURCE, parameter("encoding", Enum(ENCODINGS)).optional()],
        Str,
        convert::from_base64,
        "the text behind base64; Unicode (UTF-16LE) unless said otherwise",
    )
    .each()
    .keeps_absence(),
    row("ConvertToBase64", &[SOURCE], Str, convert::to_base64, "base64 of the text as UTF-16LE, or of bytes")
        .each()
        .keeps_absence(),
    row("ConvertToUTF8Hex", &[SOURCE], Str, convert::to_utf8_hex, "hexadecimal digits of the text as UTF-8")
        .each()
        .keeps_absence(),
    row("Count", &[parameter("attribute", Mvstr)], Num, list::count, "number of values"),
    row("CStr", &[parameter("value", Var)], Str, convert::c_str, "a number, reference or truth value as text")
        .keeps_absence()
        .spelled(&["Cstr"]),
    row(
        "DateFromNum",
        &[parameter("value", Num)],
        Dt,
        when::date_from_num,
        "the time of a number of 100 ns since 1601",
    )
    .keeps_absence(),
    row(
        "DNComponent",
        &[parameter("dn", Ref), parameter("componentNumber", Num)],
        Str,
        text::dn_component,
        "value of a component of a distinguished name, counted from the left; none if there are fewer",
    )
    .each()
    .keeps_absence(),
    row("Error", &[parameter("errorMessage", Str)], Void, flow::error, "fails with that message"),
    row(
        "FormatDateTime",
        &[
            SOURCE,
            parameter("dateTimeStyles", Str).skippable(),
            parameter("inputFormat", Str),
            parameter("outputFormat", Str),
        ],
        Str,
        when::format_date_time,
        "a time read in one .NET format and written in another, in UTC",
    )
    .each()
    .keeps_absence(),
    row("Guid", &[], Str, flow::guid, "a new GUID").spelled(&["GUID"]),
    row(
        "IIF",
        &[
            parameter("condition", Exp).in_graph("one"),
            parameter("valueIfTrue", Var).in_graph("two"),
            parameter("valueIfFalse", Var).in_graph("three"),
        ],
        Var,
        flow::iif,
        "one of two values; the other is not evaluated",
    ),
    row(
        "InStr",
        &[
            parameter("stringCheck", Str),
            parameter("stringMatch", Str),
            parameter("start", Num).optional(),
            parameter("compare", Enum(COMPARISONS)).optional(),
        ],
        Num,
        text::in_str,
        "where the second text begins in the first, counted from 1; 0 if nowhere",
    )
    .each(),
    row("IsNull", &[EXPRESSION], Bool, test::is_null, "whether there is no value"),
    row("IsNullOrEmpty", &[EXPRESSION], Bool, test::is_null_or_empty, "whether there is no value, or an empty text")
        .spelled(&["IsNullorEmpty"]),
    row("IsPresent", &[EXPRESSION], Bool, test::is_present, "whether there is a value other than an empty text"),
    row("IsString", &[EXPRESSION], Bool, test::is_string, "whether CStr would succeed"),
    row(
        "Item",
        &[parameter("attribute", Mvstr), parameter("index", Num)],
        Var,
        list::item,
        "one of several values, counted from 1; fails where there is none",
    ),
    row(
        "Join",
        &[parameter("separator", Str), SOURCE],
        Str,
        list::join,
        "all values that are not empty, with separator between them",
    )
    .repeating(1, 1),
    row(
        "Left",
        &[parameter("string", Str), parameter("numChars", Num)],
        Str,
        text::left,
        "the first characters; all of them for a negative number",
    )
    .each(),
    row(
        "Mid",
        &[SOURCE, parameter("start", Num), parameter("length", Num)],
        Str,
        text::mid,
        "length characters from start on, counted from 1; all for a start outside or a negative length",
    )
    .each(),
    row("NormalizeDiacritics", &[SOURCE], Str, text::normalize_diacritics, "the text without accents")
        .each()
        .keeps_absence(),
    row("Not", &[parameter("source", Bool)], Bool, flow::not, "False for \"True\", else True"),
    row(
        "RemoveDuplicates",
        &[parameter("attribute", Mvstr)],
        Mvstr,
        list::remove_duplicates,
        "the values, each once; case matters",
    ),
    Function {
        check: replace::check,
        ..row(
            "Replace",
            &[
                SOURCE,
                parameter("oldValue", Str).optional().in_graph("Find"),
                parameter("regexPattern", Regex).optional().in_graph("RegularExpression"),
                parameter("regexGroupName", Str).optional().in_graph("RegularExpressionGroupName"),
                parameter("replacementValue", Str).optional().in_graph("Replacement"),
                parameter("replacementAttributeName", Str).optional().in_graph("ReplacementPropertyName"),
                parameter("template", Str).optional().in_graph("Template"),
            ],
            Str,
            replace::replace,
            "replaces a text, what a regular expression or one of its groups matches, or a place in a template",
        )
        .each()
    },
    Function {
        top_level: true,
        ..row(
            "SelectUniqueValue",
            &[parameter("uniqueValueRule", Str)],
            Str,
            flow::select_unique_value,
            "the first value that the target does not have yet; only as the outermost function",
        )
        .repeating(1, 2)
    },
    row(
        "SingleAppRoleAssignment",
        &[parameter("appRoleAssignments", Mvstr).in_graph("source")],
        Str,
        list::single_app_role_assignment,
        "one of the role assignments, the first",
    ),
    row(
        "Split",
        &[SOURCE, parameter("delimiter", Str)],
        Mvstr,
        list::split,
        "the parts between delimiters, without white space around them and without empty ones",
    )
    .each()
    .keeps_absence(),
    row("StringFromSID", &[parameter("objectSid", Bin)], Str, convert::string_from_sid, "a SID as S-1-…")
        .each()
        .keeps_absence()
        .spelled(&["StringFromSid"]),
    row("StripSpaces", &[SOURCE], Str, text::strip_spaces, "the text without space characters")
        .each()
        .keeps_absence(),
    row(
        "Switch",
        &[
            SOURCE,
            parameter("defaultValue", Str).optional(),
            parameter("key", Str).in_graph("switchValue"),
            parameter("value", Str).in_graph("switchValue"),
        ],
        Var,
        flow::switch,
        "the value behind the key that equals source, case included; else defaultValue",
    )
    .repeating(2, 1),
    row("ToLower", &[SOURCE, CULTURE], Str, text::to_lower, "the text in lower case").each().keeps_absence(),
    row("ToUpper", &[SOURCE, CULTURE], Str, text::to_upper, "the text in upper case").each().keeps_absence(),
    row("Trim", &[parameter("value", Str)], Str, text::trim, "the text without white space at both ends")
        .each()
        .keeps_absence(),
    row(
        "Word",
        &[parameter("string", Str), parameter("wordNumber", Num), parameter("delimiters", Str)],
        Str,
        text::word,
        "a word, counted from 1, of a text whose words any of the delimiters separate; empty if there is none",
    )
    .each(),
];
