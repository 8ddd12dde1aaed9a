//! An expression as Graph's `attributeMappingSource`.

use serde_json::{Value, json};

use super::tree::{Kind, Node, quoted};

/// `{expression, name, type, parameters}`. Constants are written as text, empty places are left out (Graph reference,
/// `parseExpression` and `attributeMappingSource`). Operators are shown as functions of their sign (inferred).
pub(super) fn show(node: &Node) -> Value {
    let constant = |name: String| source(&quoted(&name), &name, "Constant", &[]);
    match &node.kind {
        Kind::Attribute(name) => source(&node.to_string(), name, "Attribute", &[]),
        Kind::Text(text) => constant(text.clone()),
        Kind::Number { .. } | Kind::Word(_) => constant(node.to_string()),
        Kind::Call { function, arguments } => {
            let parameters: Vec<Value> = arguments
                .iter()
                .enumerate()
                .filter_map(|(place, argument)| {
                    let parameter = function.parameter_of(place, arguments.len())?;
                    Some(pair(
                        function.parameters[parameter].graph_name,
                        argument.as_ref()?,
                    ))
                })
                .collect();
            source(&node.to_string(), function.name, "Function", &parameters)
        }
        Kind::Concatenation(parts) => {
            let parameters: Vec<Value> = parts.iter().map(|part| pair("source", part)).collect();
            source(&node.to_string(), "&", "Function", &parameters)
        }
        Kind::Comparison { operator, sides } => {
            let [left, right] = &**sides;
            let parameters = [pair("left", left), pair("right", right)];
            source(&node.to_string(), operator.sign(), "Function", &parameters)
        }
    }
}

fn source(expression: &str, name: &str, kind: &str, parameters: &[Value]) -> Value {
    json!({"expression": expression, "name": name, "type": kind, "parameters": parameters})
}

fn pair(key: &str, node: &Node) -> Value {
    json!({"key": key, "value": show(node)})
}
