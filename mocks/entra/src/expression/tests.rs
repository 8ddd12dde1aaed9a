//! Tests of the language as its users see it.

mod bounds;
mod errors;
mod examples;
mod functions;
mod properties;

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::{EvaluationError, Expression, Source, Value};

/// An object with attributes, and a target with taken values.
#[derive(Debug, Default)]
struct Object {
    attributes: BTreeMap<String, Vec<Value>>,
    taken: BTreeSet<String>,
}

impl Object {
    fn new(attributes: &[(&str, &str)]) -> Self {
        let mut object = Self::default();
        for (name, value) in attributes {
            object.add(name, Value::from(*value));
        }
        object
    }

    fn add(&mut self, name: &str, value: Value) {
        self.attributes
            .entry(name.to_lowercase())
            .or_default()
            .push(value);
    }

    fn taking(values: &[&str]) -> Self {
        Self {
            taken: values.iter().map(|value| (*value).to_owned()).collect(),
            ..Self::default()
        }
    }
}

impl Source for Object {
    fn values(&self, attribute: &str) -> Vec<Value> {
        self.attributes
            .get(&attribute.to_lowercase())
            .cloned()
            .unwrap_or_default()
    }

    fn is_taken(&self, value: &str) -> bool {
        self.taken.contains(value)
    }

    fn new_guid(&self) -> Uuid {
        Uuid::from_u128(0x00aa_00aa_bb11_cc22_dd33_44ee_44ee_44ee)
    }
}

#[track_caller]
fn parse(expression: &str) -> Expression {
    Expression::parse(expression).unwrap_or_else(|error| panic!("{expression}: {error}"))
}

#[track_caller]
fn evaluate(expression: &str, object: &Object) -> Value {
    parse(expression)
        .evaluate(object)
        .unwrap_or_else(|error| panic!("{expression}: {error}"))
}

#[track_caller]
fn failure(expression: &str, object: &Object) -> EvaluationError {
    parse(expression).evaluate(object).unwrap_err()
}

fn texts(values: &[&str]) -> Value {
    Value::List(values.iter().map(|value| Value::from(*value)).collect())
}
