//! `schema/functions` and `schema/parseExpression`: what the expression builder of the portal asks (CS 5.12, 6.4).

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::Path;
use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Value as JsonValue, json};
use uuid::Uuid;

use super::super::GraphError;
use super::super::request::{JsonBody, Request};
use super::{JobPath, find};
use crate::expression::{Expression, FUNCTIONS, Function, ParseError, Presence, Source, Value};
use crate::shared::Shared;

/// `error.code` of a text that is no expression (inferred).
const PARSING_FAILED: &str = "ExpressionParsingFailed";
/// `error.code` of an expression without a value for the test object (inferred).
const EVALUATION_FAILED: &str = "ExpressionEvaluationFailed";

/// Every function as an `attributeMappingFunctionSchema`.
pub(super) async fn functions(
    request: Request,
    Path((principal, job)): JobPath,
) -> Result<Json<JsonValue>, GraphError> {
    job_exists(&request, &principal, &job)?;
    let all: Vec<JsonValue> = FUNCTIONS.iter().map(show_function).collect();
    Ok(Json(
        json!({"@odata.context": request.context("functions"), "value": all}),
    ))
}

/// A parameter that stands in a group of several is shown once, under the name Graph has for all of them.
fn show_function(function: &Function) -> JsonValue {
    let repeated = function.parameters.len() - function.repeats.parameters;
    let mut parameters: IndexMap<&str, JsonValue> = IndexMap::new();
    for (index, parameter) in function.parameters.iter().enumerate() {
        parameters.entry(parameter.graph_name).or_insert_with(|| {
            json!({
                "allowMultipleOccurrences": index >= repeated,
                "name": parameter.graph_name,
                "required": parameter.presence == Presence::Required,
                "type": parameter.kind.graph(),
            })
        });
    }
    let parameters: Vec<JsonValue> = parameters.into_values().collect();
    json!({"name": function.name, "parameters": parameters})
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ParseExpression {
    expression: String,
    #[serde(default)]
    test_input_object: Option<TestInput>,
}

/// `expressionInputObject`; its definition decides nothing here.
#[derive(Deserialize)]
struct TestInput {
    #[serde(default)]
    properties: Vec<Property>,
}

#[derive(Deserialize)]
struct Property {
    key: String,
    #[serde(default)]
    value: JsonValue,
}

/// Answers with a `parseExpressionResponse`; a wrong expression is an answer and no failure of the request. Without a
/// test object nothing is evaluated.
pub(super) async fn parse_expression(
    request: Request,
    Path((principal, job)): JobPath,
    JsonBody(body): JsonBody<ParseExpression>,
) -> Result<Json<JsonValue>, GraphError> {
    job_exists(&request, &principal, &job)?;
    let input = body.test_input_object.map(test_object).transpose()?;
    let expression = match Expression::parse(&body.expression) {
        Ok(expression) => expression,
        Err(error) => return Ok(Json(unparsed(&error))),
    };
    let parsed = expression.to_mapping_source();
    let evaluated = input.map(|properties| {
        expression.evaluate(&TestObject {
            properties,
            shared: &request.shared,
        })
    });
    let (values, error) = match evaluated {
        None => (None, JsonValue::Null),
        Some(Ok(value)) => (Some(value.into_values()), JsonValue::Null),
        Some(Err(error)) => (None, public_error(EVALUATION_FAILED, &error.to_string())),
    };
    let succeeded = values.is_some();
    let values: Vec<String> = values.unwrap_or_default().iter().map(Value::to_text).collect();
    Ok(Json(json!({
        "error": error,
        "evaluationSucceeded": succeeded,
        "evaluationResult": values,
        "parsedExpression": parsed,
        "parsingSucceeded": true,
    })))
}

fn unparsed(error: &ParseError) -> JsonValue {
    json!({
        "error": public_error(PARSING_FAILED, &error.to_string()),
        "evaluationSucceeded": false,
        "evaluationResult": [],
        "parsedExpression": null,
        "parsingSucceeded": false,
    })
}

/// Graph's `publicError`.
fn public_error(code: &str, message: &str) -> JsonValue {
    json!({"code": code, "message": message, "target": "expression", "details": [], "innerError": null})
}

/// The properties of a test object by their names in lower case.
fn test_object(input: TestInput) -> Result<BTreeMap<String, Vec<Value>>, GraphError> {
    let mut properties = BTreeMap::new();
    for (index, property) in input.properties.into_iter().enumerate() {
        let values = values(&property.value).ok_or_else(|| {
            GraphError::bad_request(format!(
                "testInputObject.properties[{index}].value must be a text, a number, a truth value or a list of these."
            ))
        })?;
        properties.insert(property.key.to_lowercase(), values);
    }
    Ok(properties)
}

fn values(value: &JsonValue) -> Option<Vec<Value>> {
    match value {
        JsonValue::Null => Some(Vec::new()),
        JsonValue::Array(values) => values.iter().map(single).collect(),
        single_value => single(single_value).map(|value| vec![value]),
    }
}

fn single(value: &JsonValue) -> Option<Value> {
    match value {
        JsonValue::String(text) => Some(text.clone().into()),
        JsonValue::Bool(flag) => Some((*flag).into()),
        JsonValue::Number(number) => Some(
            number
                .as_i64()
                .map_or_else(|| number.to_string().into(), Value::from),
        ),
        _ => None,
    }
}

struct TestObject<'a> {
    properties: BTreeMap<String, Vec<Value>>,
    shared: &'a Shared,
}

impl Source for TestObject<'_> {
    fn values(&self, attribute: &str) -> Vec<Value> {
        self.properties
            .get(&attribute.to_lowercase())
            .cloned()
            .unwrap_or_default()
    }

    fn new_guid(&self) -> Uuid {
        self.shared.uuid()
    }
}

fn job_exists(request: &Request, principal: &str, job: &str) -> Result<(), GraphError> {
    request
        .shared
        .db
        .read(|cloud| find(cloud, request.tenant, principal, job).map(|_| ()))
}
