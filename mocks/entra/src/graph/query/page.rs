//! Applies query options to objects and cuts the result into pages.

use std::cmp::Ordering;

use serde_json::{Map, Value, json};

use super::options::{Order, QueryOptions};
use crate::graph::GraphError;

/// A page of a collection as Graph shows it.
///
/// `objects` come in the order of their ids, each with all its properties.
pub(in crate::graph) fn list(
    objects: impl Iterator<Item = Map<String, Value>>,
    options: &QueryOptions,
    shape: &Shape<'_>,
) -> Result<Value, GraphError> {
    check_properties(options, shape)?;
    let matching = objects.filter(|object| {
        options
            .filter
            .as_ref()
            .is_none_or(|filter| filter.accepts(object))
    });
    let Cut { page, total, next } = match &options.order {
        Some(order) => cut_sorted(matching.collect(), order, options)?,
        None => cut_by_id(matching, options),
    };
    let mut body = Map::new();
    body.insert("@odata.context".to_owned(), json!(shape.context));
    if let (true, Some(total)) = (options.count, total) {
        body.insert("@odata.count".to_owned(), json!(total));
    }
    if let Some(token) = next {
        body.insert(
            "@odata.nextLink".to_owned(),
            json!(options.link(shape.address, "$skiptoken", &token)),
        );
    }
    let shown: Vec<Value> = page
        .into_iter()
        .map(|object| Value::Object(select(object, options.select.as_deref(), shape.defaults)))
        .collect();
    body.insert("value".to_owned(), Value::Array(shown));
    Ok(Value::Object(body))
}

struct Cut {
    page: Vec<Map<String, Value>>,
    total: Option<usize>,
    /// Skip token of the next page.
    next: Option<String>,
}

/// Without an order the token is the last id shown, so that changes between two pages neither hide nor repeat
/// an object.
fn cut_by_id(objects: impl Iterator<Item = Map<String, Value>>, options: &QueryOptions) -> Cut {
    let after = options.skip_token.as_deref().unwrap_or_default();
    let (size, mut page, mut total, mut more) = (options.page_size(), Vec::new(), 0, false);
    for object in objects {
        total += 1;
        if id(&object) <= after {
            continue;
        }
        if page.len() < size {
            page.push(object);
        } else {
            more = true;
            if !options.count {
                break;
            }
        }
    }
    let next = page.last().filter(|_| more).map(|object| id(object).to_owned());
    let total = options.count.then_some(total);
    Cut { page, total, next }
}

/// With an order the token is the number of objects already shown.
fn cut_sorted(
    mut all: Vec<Map<String, Value>>,
    order: &Order,
    options: &QueryOptions,
) -> Result<Cut, GraphError> {
    let skip = match &options.skip_token {
        Some(token) => token
            .parse::<usize>()
            .map_err(|_| GraphError::bad_request("Invalid $skiptoken; follow @odata.nextLink as it is."))?,
        None => 0,
    };
    all.sort_by(|left, right| compare(left, right, order));
    let total = all.len();
    let page: Vec<_> = all.into_iter().skip(skip).take(options.page_size()).collect();
    let shown = skip.saturating_add(page.len());
    Ok(Cut {
        next: (!page.is_empty() && shown < total).then(|| shown.to_string()),
        total: Some(total),
        page,
    })
}

fn id(object: &Map<String, Value>) -> &str {
    object.get("id").and_then(Value::as_str).unwrap_or_default()
}

/// What a collection looks like from outside.
pub(in crate::graph) struct Shape<'a> {
    /// `@odata.context`.
    pub(in crate::graph) context: &'a str,
    /// Address without the query.
    pub(in crate::graph) address: &'a str,
    /// Type name for messages, such as `microsoft.graph.user`.
    pub(in crate::graph) type_name: &'a str,
    /// Every property of the type.
    pub(in crate::graph) known: &'a [&'a str],
    /// Properties shown without `$select`; empty for all.
    pub(in crate::graph) defaults: &'a [&'a str],
}

/// Refuses properties that the type does not have.
pub(in crate::graph) fn check_properties(
    options: &QueryOptions,
    shape: &Shape<'_>,
) -> Result<(), GraphError> {
    let selected = options.select.iter().flatten();
    let filtered = options.filter.iter().flat_map(|filter| &filter.properties);
    let ordered = options.order.iter().map(|order| &order.property);
    for name in selected.chain(filtered).chain(ordered) {
        if name != "*" && !shape.known.contains(&name.as_str()) {
            return Err(GraphError::bad_request(format!(
                "Could not find a property named '{name}' on type '{}'.",
                shape.type_name
            )));
        }
    }
    Ok(())
}

/// The selected properties; `@` annotations stay. Without a selection the defaults, or everything if there are none.
pub(in crate::graph) fn select(
    mut object: Map<String, Value>,
    selection: Option<&[String]>,
    defaults: &[&str],
) -> Map<String, Value> {
    match selection {
        Some(names) if names.iter().any(|name| name == "*") => {}
        Some(names) => object.retain(|name, _| name.starts_with('@') || names.contains(name)),
        None if defaults.is_empty() => {}
        None => object.retain(|name, _| name.starts_with('@') || defaults.contains(&name.as_str())),
    }
    object
}

fn compare(left: &Map<String, Value>, right: &Map<String, Value>, order: &Order) -> Ordering {
    let key = |object: &Map<String, Value>| match object.get(&order.property) {
        Some(Value::String(text)) => text.to_lowercase(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    };
    let ordering = key(left).cmp(&key(right));
    if order.descending {
        ordering.reverse()
    } else {
        ordering
    }
}
