//! `POST /$batch`: up to 20 requests in one, in the order that `dependsOn` asks for (CS 6.8).

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::{Extension, Json, Router};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::BodyExt as _;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tower::ServiceExt as _;

use super::GraphError;
use super::request::JsonBody;
use crate::http::{Caller, RequestId};
use crate::identity::Audience;
use crate::shared::Shared;

/// Most requests of a batch.
pub(super) const MAX_REQUESTS: usize = 20;

/// What a batch calls into.
#[derive(Clone)]
pub(super) struct Inner {
    shared: Arc<Shared>,
    service: Router,
}

impl Inner {
    pub(super) fn new(shared: Arc<Shared>, service: Router) -> Self {
        Self { shared, service }
    }
}

#[derive(Deserialize)]
pub(super) struct Batch {
    requests: Vec<Item>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    id: String,
    method: String,
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: Option<Value>,
    #[serde(default)]
    depends_on: Vec<String>,
}

pub(super) async fn answer(
    State(inner): State<Inner>,
    Extension(caller): Extension<Caller>,
    Extension(id): Extension<RequestId>,
    axum::extract::OriginalUri(uri): axum::extract::OriginalUri,
    headers: HeaderMap,
    JsonBody(batch): JsonBody<Batch>,
) -> Result<Json<Value>, GraphError> {
    inner
        .shared
        .access(&caller, &headers, Audience::Graph)
        .map_err(|refusal| GraphError::unauthenticated(refusal.to_string()))?;
    check(&batch.requests)?;
    let version = uri.path().split('/').nth(1).unwrap_or("v1.0").to_owned();
    let mut statuses: BTreeMap<String, StatusCode> = BTreeMap::new();
    let mut responses = Vec::new();
    for item in batch.requests {
        let failed = item
            .depends_on
            .iter()
            .any(|other| !statuses.get(other).is_some_and(StatusCode::is_success));
        let (status, response) = if failed {
            let error = GraphError::new(
                StatusCode::FAILED_DEPENDENCY,
                "FailedDependency",
                "A request that this one depends on has failed.",
            );
            (
                error.status,
                json!({"id": item.id, "status": 424, "headers": {}, "body": error.body(id, None, inner.shared.now())}),
            )
        } else {
            perform(&inner, &caller, id, &version, &headers, &item).await
        };
        statuses.insert(item.id, status);
        responses.push(response);
    }
    Ok(Json(json!({"responses": responses})))
}

/// Refuses a batch as a whole: nothing of it is performed.
fn check(items: &[Item]) -> Result<(), GraphError> {
    if items.is_empty() || items.len() > MAX_REQUESTS {
        return Err(GraphError::bad_request(format!(
            "A batch must have 1 to {MAX_REQUESTS} requests; this one has {}.",
            items.len()
        )));
    }
    for (index, item) in items.iter().enumerate() {
        let earlier = &items[..index];
        if earlier.iter().any(|other| other.id == item.id) {
            return Err(GraphError::bad_request(format!(
                "The request id '{}' appears twice.",
                item.id
            )));
        }
        if let Some(unknown) = item
            .depends_on
            .iter()
            .find(|id| !earlier.iter().any(|other| other.id == **id))
        {
            return Err(GraphError::bad_request(format!(
                "Request '{}' depends on '{unknown}', which does not come before it.",
                item.id
            )));
        }
    }
    Ok(())
}

async fn perform(
    inner: &Inner,
    caller: &Caller,
    id: RequestId,
    version: &str,
    outer: &HeaderMap,
    item: &Item,
) -> (StatusCode, Value) {
    let response = match build(caller, id, version, outer, item) {
        Ok(request) => match inner.service.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        },
        Err(error) => {
            let body = error.body(id, None, inner.shared.now());
            return (
                error.status,
                json!({"id": item.id, "status": error.status.as_u16(), "headers": {}, "body": body}),
            );
        }
    };
    read(item, response).await
}

fn build(
    caller: &Caller,
    id: RequestId,
    version: &str,
    outer: &HeaderMap,
    item: &Item,
) -> Result<Request<Body>, GraphError> {
    let invalid = |what: &str| {
        GraphError::bad_request(format!("Request '{}' of the batch has no valid {what}.", item.id))
    };
    let method = Method::from_bytes(item.method.as_bytes()).map_err(|_| invalid("method"))?;
    let path = format!("/{version}/{}", item.url.trim_start_matches('/'));
    let uri: Uri = path.parse().map_err(|_| invalid("url"))?;
    if uri.path().ends_with("/$batch") {
        return Err(invalid("url: a batch cannot hold a batch"));
    }
    let body = item
        .body
        .as_ref()
        .map_or_else(Body::empty, |body| Body::from(body.to_string()));
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    let headers = request.headers_mut();
    if item.body.is_some() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    for (name, value) in &item.headers {
        let name: HeaderName = name.parse().map_err(|_| invalid("header name"))?;
        headers.insert(name, value.parse().map_err(|_| invalid("header value"))?);
    }
    if let Some(token) = outer.get(AUTHORIZATION) {
        headers.insert(AUTHORIZATION, token.clone());
    }
    request.extensions_mut().insert(caller.clone());
    request.extensions_mut().insert(id);
    Ok(request)
}

async fn read(item: &Item, response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let headers: Map<String, Value> = response
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.to_string(), json!(value.to_str().ok()?))))
        .collect();
    let bytes = response
        .into_body()
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    let mut answer = json!({"id": item.id, "status": status.as_u16(), "headers": headers});
    if !bytes.is_empty() {
        answer["body"] =
            serde_json::from_slice(&bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes)));
    }
    (status, answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(id: &str, depends_on: &[&str]) -> Item {
        Item {
            id: id.to_owned(),
            method: "GET".to_owned(),
            url: "/users".to_owned(),
            headers: BTreeMap::new(),
            body: None,
            depends_on: depends_on.iter().map(|id| (*id).to_owned()).collect(),
        }
    }

    #[test]
    fn batches_are_checked_as_a_whole() {
        let many = |count: usize| {
            (0..count)
                .map(|number| item(&number.to_string(), &[]))
                .collect::<Vec<_>>()
        };
        assert!(check(&many(MAX_REQUESTS)).is_ok());
        assert!(check(&many(MAX_REQUESTS + 1)).is_err());
        assert!(check(&[]).is_err());
        assert!(check(&[item("1", &[]), item("1", &[])]).is_err());
        assert!(check(&[item("1", &["2"]), item("2", &[])]).is_err());
        assert!(check(&[item("1", &[]), item("2", &["1"])]).is_ok());
    }
}
