//! Graph's error body (CS 6.8): one code, one message, and the ids a person quotes to support.

use axum::Json;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::format_description;

use crate::http::RequestId;
use crate::state::DbError;

/// An error as Graph words it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphError {
    /// HTTP status.
    pub status: StatusCode,
    /// `error.code`.
    pub code: String,
    /// `error.message`.
    pub message: String,
    /// `Retry-After` in seconds, for 429.
    pub retry_after: Option<u64>,
    /// The property whose value another object has: `error.details` names it.
    pub conflict: Option<String>,
}

impl GraphError {
    /// An error with a status, a code and a message.
    #[must_use]
    pub fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.into(),
            retry_after: None,
            conflict: None,
        }
    }

    /// 400 `Request_BadRequest`.
    #[must_use]
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Request_BadRequest", message)
    }

    /// 400 `Request_UnsupportedQuery`: the query needs `ConsistencyLevel: eventual`.
    #[must_use]
    pub fn unsupported_query(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Request_UnsupportedQuery", message)
    }

    /// 404 `Request_ResourceNotFound` in Graph's words.
    #[must_use]
    pub fn not_found(id: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "Request_ResourceNotFound",
            format!(
                "Resource '{id}' does not exist or one of its queried reference-property objects are not present."
            ),
        )
    }

    /// 400 for a value that must be unique and is not. Graph has answered `Request_BadRequest` and
    /// `Request_MultipleObjectsWithSameKeyValue` for it over the years; the first is what it answers today.
    #[must_use]
    pub fn conflict(property: &str) -> Self {
        Self {
            conflict: Some(property.to_owned()),
            ..Self::bad_request(format!(
                "Another object with the same value for property {property} already exists."
            ))
        }
    }

    /// 400 for a change of what only the directory may change.
    #[must_use]
    pub fn on_premises_mastered() -> Self {
        Self::bad_request(
            "Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently \
             undergoing migration.",
        )
    }

    /// 403 `Authorization_RequestDenied`.
    #[must_use]
    pub fn denied() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "Authorization_RequestDenied",
            "Insufficient privileges to complete the operation.",
        )
    }

    /// 401 `InvalidAuthenticationToken`.
    #[must_use]
    pub fn unauthenticated(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", message)
    }

    /// 429 `TooManyRequests`.
    #[must_use]
    pub fn throttled(retry_after: u64) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "TooManyRequests",
                "Too many requests. Wait for the time in Retry-After before the next one.",
            )
        }
    }

    /// The body with its ids.
    pub(super) fn body(&self, id: RequestId, client_id: Option<&str>, now: OffsetDateTime) -> Value {
        let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
        let own = id.0.to_string();
        let mut body = json!({"error": {
            "code": self.code,
            "message": self.message,
            "innerError": {
                "date": now.format(&format).unwrap_or_default(),
                "request-id": own,
                "client-request-id": client_id.unwrap_or(&own),
            },
        }});
        if let Some(property) = &self.conflict {
            body["error"]["details"] =
                json!([{"code": "ObjectConflict", "message": self.message, "target": property}]);
        }
        body
    }
}

impl From<DbError> for GraphError {
    fn from(failure: DbError) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "Directory_ConcurrencyViolation",
            failure.to_string(),
        )
    }
}

impl IntoResponse for GraphError {
    /// The status alone; the outermost layer adds the body, because the ids belong to the request.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Gives every [`GraphError`] of the inner services its body.
pub(super) async fn render(
    axum::extract::State(shared): axum::extract::State<std::sync::Arc<crate::shared::Shared>>,
    request: Request,
    next: Next,
) -> Response {
    let id = request
        .extensions()
        .get::<RequestId>()
        .copied()
        .unwrap_or(RequestId(uuid::Uuid::nil()));
    let client_id = request
        .headers()
        .get("client-request-id")
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let response = next.run(request).await;
    let Some(error) = response.extensions().get::<GraphError>() else {
        return response;
    };
    let body = Json(error.body(id, client_id.as_deref(), shared.now()));
    let (mut parts, _) = response.into_parts();
    let rendered = body.into_response();
    parts.headers.extend(rendered.headers().clone());
    Response::from_parts(parts, rendered.into_body())
}
