//! Expressions over the wire: `functions` and `parseExpression`; and the document that lists the functions.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod world;

use std::fmt::Write as _;
use std::path::PathBuf;

use provlab_entra::expression::{
    FUNCTIONS, Function, MAX_ARGUMENTS, MAX_DEPTH, MAX_EXPRESSION_CHARS, MAX_VALUE_BYTES, MAX_WORK_BYTES,
    Parameter, Presence, Type,
};
use serde_json::{Value, json};
use world::*;

const TEMPLATE: &str = "/beta/applicationTemplates/1a4721b3-e57f-4451-ae87-ef078703ec94/instantiate";

/// Address of the schema of a new job.
async fn schema_of_new_job(world: &World, token: &str) -> String {
    let body = Some(json!({"displayName": "contoso.com"}));
    let made = world.call("POST", GRAPH, TEMPLATE, Some(token), body).await;
    let principal = made.json()["servicePrincipal"]["objectId"].clone();
    let jobs = format!(
        "/beta/servicePrincipals/{}/synchronization/jobs",
        principal.as_str().unwrap()
    );
    let body = Some(json!({"templateId": "AD2AADProvisioning"}));
    let job = world.call("POST", GRAPH, &jobs, Some(token), body).await.json();
    format!("{jobs}/{}/schema", job["id"].as_str().unwrap())
}

fn named<'a>(list: &'a Value, name: &str) -> &'a Value {
    let list = list.as_array().unwrap();
    list.iter()
        .find(|item| item["name"] == name)
        .unwrap_or_else(|| panic!("{name}"))
}

#[test]
fn functions_are_listed_with_their_parameters() {
    simulate(|world| async move {
        let token = world.token().await;
        let schema = schema_of_new_job(&world, &token).await;
        let answer = world
            .get(GRAPH, &format!("{schema}/functions"), Some(&token))
            .await;
        assert_eq!(answer.status, 200);
        let functions = &answer.json()["value"];
        assert_eq!(functions.as_array().unwrap().len(), FUNCTIONS.len());
        let parameter = |name: &str, kind: &str, required: bool, multiple: bool| json!({"allowMultipleOccurrences": multiple, "name": name, "required": required, "type": kind});
        // As Graph's reference lists them.
        for (function, parameters) in [
            (
                "Append",
                vec![
                    parameter("source", "String", true, false),
                    parameter("suffix", "String", true, false),
                ],
            ),
            ("Guid", vec![]),
            (
                "Join",
                vec![
                    parameter("separator", "String", true, false),
                    parameter("source", "String", true, true),
                ],
            ),
            (
                "Mid",
                vec![
                    parameter("source", "String", true, false),
                    parameter("start", "Integer", true, false),
                    parameter("length", "Integer", true, false),
                ],
            ),
            ("Not", vec![parameter("source", "Boolean", true, false)]),
            (
                "Replace",
                vec![
                    parameter("source", "String", true, false),
                    parameter("Find", "String", false, false),
                    parameter("RegularExpression", "String", false, false),
                    parameter("RegularExpressionGroupName", "String", false, false),
                    parameter("Replacement", "String", false, false),
                    parameter("ReplacementPropertyName", "String", false, false),
                    parameter("Template", "String", false, false),
                ],
            ),
        ] {
            assert_eq!(
                named(functions, function)["parameters"],
                json!(parameters),
                "{function}"
            );
        }
        let switch = &named(functions, "Switch")["parameters"];
        assert_eq!(named(switch, "switchValue")["allowMultipleOccurrences"], true);
        assert_eq!(switch.as_array().unwrap().len(), 3);

        let unknown = world
            .get(
                GRAPH,
                &schema.replace("/schema", "x/schema/functions"),
                Some(&token),
            )
            .await;
        assert_eq!(unknown.status, 404);
    });
}

#[test]
fn an_expression_is_parsed_and_evaluated() {
    simulate(|world| async move {
        let token = world.token().await;
        let schema = schema_of_new_job(&world, &token).await;
        let parse = async |body: Value| {
            let path = format!("{schema}/parseExpression");
            world.call("POST", GRAPH, &path, Some(&token), Some(body)).await
        };

        // The example of Graph's reference.
        let answer = parse(json!({
            "expression": "Replace([preferredLanguage], \"-\", , , \"_\", ,  )",
            "targetAttributeDefinition": null,
            "testInputObject": {
                "definition": null,
                "properties": [
                    {"key": "accountEnabled", "value": "true"},
                    {"key": "preferredLanguage", "value": "EN-US"},
                    {"key": "appRoleAssignments", "value@odata.type": "#Collection(String)", "value": ["Default Assignment"]},
                ],
            },
        }))
        .await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(
            answer.json(),
            json!({
                "error": null,
                "evaluationSucceeded": true,
                "evaluationResult": ["EN_US"],
                "parsedExpression": {
                    "expression": "Replace([preferredLanguage], \"-\", , , \"_\", , )",
                    "name": "Replace",
                    "parameters": [
                        {"key": "source", "value": {
                            "expression": "[preferredLanguage]", "name": "preferredLanguage", "parameters": [], "type": "Attribute"
                        }},
                        {"key": "Find", "value": {"expression": "\"-\"", "name": "-", "parameters": [], "type": "Constant"}},
                        {"key": "Replacement", "value": {"expression": "\"_\"", "name": "_", "parameters": [], "type": "Constant"}},
                    ],
                    "type": "Function",
                },
                "parsingSucceeded": true,
            })
        );

        // Nested functions and numbers, as `attributeMappingSource` shows them.
        let parsed = parse(json!({"expression": "Trim(Mid([userPrincipalName], 1, 8))"}))
            .await
            .json();
        assert_eq!(
            (
                &parsed["evaluationSucceeded"],
                &parsed["evaluationResult"],
                &parsed["error"]
            ),
            (&json!(false), &json!([]), &json!(null)),
            "nothing to evaluate on"
        );
        let mid = &parsed["parsedExpression"]["parameters"][0]["value"];
        assert_eq!(mid["expression"], "Mid([userPrincipalName], 1, 8)");
        assert_eq!(
            mid["parameters"][1],
            json!({"key": "start", "value": {"expression": "\"1\"", "name": "1", "parameters": [], "type": "Constant"}})
        );

        let on = async |expression: &str, properties: Value| {
            parse(json!({"expression": expression, "testInputObject": {"properties": properties}}))
                .await
                .json()
        };
        let role = json!([{"key": "appRoleAssignments", "value": ["Default Assignment"]}]);
        let result = on("SingleAppRoleAssignment([AppRoleAssignments])", role).await;
        assert_eq!(result["evaluationResult"], json!(["Default Assignment"]));
        let result = on("Split([a], \",\")", json!([{"key": "a", "value": "x,y"}])).await;
        assert_eq!(result["evaluationResult"], json!(["x", "y"]));
        let numbers =
            json!([{"key": "a", "value": 514}, {"key": "b", "value": true}, {"key": "c", "value": null}]);
        let result = on("Join(\";\", BitAnd([a], 2), [b], [c])", numbers).await;
        assert_eq!(result["evaluationResult"], json!(["2;True"]));
        let result = on("Trim([absent])", json!([])).await;
        assert_eq!(
            (&result["evaluationSucceeded"], &result["evaluationResult"]),
            (&json!(true), &json!([]))
        );
        let guids = on("Join(\" \", Guid(), Guid())", json!([])).await;
        let guids = guids["evaluationResult"][0].as_str().unwrap().to_owned();
        let (first, second) = guids.split_once(' ').unwrap();
        assert_ne!(first, second);

        let refused = on("Trim(Coalesce([a], [b]))", json!([])).await;
        assert_eq!(
            (
                &refused["parsingSucceeded"],
                &refused["parsedExpression"],
                &refused["evaluationSucceeded"]
            ),
            (&json!(false), &json!(null), &json!(false))
        );
        let message = refused["error"]["message"].as_str().unwrap();
        assert!(message.starts_with("character 6: `Coalesce`"), "{message}");
        assert!(refused["error"]["code"].is_string());

        let failed = on("Append([a], Error(\"No mail\"))", json!([])).await;
        assert_eq!(
            (&failed["parsingSucceeded"], &failed["evaluationSucceeded"]),
            (&json!(true), &json!(false))
        );
        assert_eq!(failed["error"]["message"], "Error at character 13: No mail");

        assert_eq!(parse(json!({})).await.code(), "Request_BadRequest");
        let nested = json!({"expression": "[a]", "testInputObject": {"properties": [{"key": "a", "value": {"b": 1}}]}});
        assert!(
            parse(nested)
                .await
                .body
                .contains("testInputObject.properties[0].value")
        );
    });
}

/// Holds `docs/expressions.md` to the table of functions. With `PROVLAB_BLESS=1` it is written instead.
#[test]
fn the_document_lists_the_functions() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/expressions.md");
    let wanted = document();
    if std::env::var_os("PROVLAB_BLESS").is_some() {
        std::fs::write(&path, wanted).unwrap();
        return;
    }
    let found = std::fs::read_to_string(&path).unwrap();
    assert!(
        found == wanted,
        "docs/expressions.md is not what the table of functions says; PROVLAB_BLESS=1 rewrites it"
    );
}

fn document() -> String {
    let mut text = r#"# Expressions

Made by `PROVLAB_BLESS=1 cargo test -p provlab-entra --test expressions`.

Attribute mappings of type *Expression* take the functions below, `[attributes]`, `"text"` with `\"` and `\\`, numbers
(`8`, `&HF7`), values joined by `&`, and in the condition of `IIF` and `CBool` one of `=`, `<>`, `<`, `<=`, `>`, `>=`. Case
matters. What may be left out stands in brackets; the place of an argument that is left out in the middle stays empty:
`Replace([mail], "@contoso.com", , , "")`.

Types: `str` text, `num` whole number, `bool` True or False, `dt` time, `ref` distinguished name, `bin` bytes, `mvstr` several
texts, `var` anything, `exp` condition. *Each*: applied to each value of a multi-valued first argument. *Absent*: without its
first argument there is no value; elsewhere an absent text counts as empty.

| function | result | each | absent | what it is |
|---|---|---|---|---|
"#
    .to_owned();
    for function in FUNCTIONS {
        let mark = |holds: bool| if holds { "yes" } else { "" };
        writeln!(
            text,
            "| `{}` | {} | {} | {} | {} |",
            signature(function),
            function.result.short(),
            mark(function.each),
            mark(function.keeps_absence),
            function.summary,
        )
        .unwrap();
    }
    write!(
        text,
        r#"
Functions that only the general reference of application provisioning has (`Coalesce`, `CDate`, `Now`, …) are refused by name.

Bounds: {MAX_EXPRESSION_CHARS} characters (the product's own); {MAX_DEPTH} functions inside each other; {MAX_ARGUMENTS} arguments;
{MAX_VALUE_BYTES} bytes for a value and {MAX_WORK_BYTES} for all values that one evaluation makes.

Where the references are silent or contradict each other:

- An absent or empty side fails every comparison, `<>` included (known limitations of `IIF`). `IsPresent` and `Switch` with the key
  `""` are how to ask for absence.
- `FormatDateTime` takes three arguments, as the cloud sync reference has it, or four, as the general one has it.
- `Replace` with `replacementAttributeName` looks there only if `source` has no value, as the example of the general reference shows;
  the cloud sync reference says the opposite.
- `Split` drops white space around the parts, as its example does, and empty parts.
- `Join` leaves empty values out, as an example does.
- `Mid` gives the whole text for a start outside it, as the reference of Connect Sync has it.
- `NormalizeDiacritics` does what the table of the general reference shows, and leaves letters of other scripts as they are.
- Regular expressions run in linear time and so have no look-around and no back-references; groups are numbered, empty matches
  found and `${{name}}` and its like in `replacementValue` filled in as .NET does.
- Times are UTC; a time that is not formatted is shown as `M/d/yyyy h:mm:ss tt`.
- `BitAnd` and the like take text that is a number, and text and number are compared as numbers, as the product's own mapping of
  `AccountEnabled` needs: `BitAnd([userAccountControl], 2)="0"`.
"#
    )
    .unwrap();
    text
}

fn signature(function: &Function) -> String {
    let repeated = function.parameters.len() - function.repeats.parameters;
    let mut shown: Vec<String> = function.parameters.iter().map(parameter).collect();
    if repeated < shown.len() {
        shown.push("…".to_owned());
    }
    format!("{}({})", function.name, shown.join(", "))
}

fn parameter(parameter: &Parameter) -> String {
    let kind = match parameter.kind {
        Type::Enum(words) => words.join("/"),
        other => other.short().to_owned(),
    };
    let shown = format!("{kind} {}", parameter.name);
    match parameter.presence {
        Presence::Required => shown,
        Presence::Optional | Presence::Skippable => format!("[{shown}]"),
    }
}
