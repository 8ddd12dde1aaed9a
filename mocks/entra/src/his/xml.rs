//! Answers in the service's media type.

use axum::response::{IntoResponse as _, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};

/// A document.
pub(super) fn document(xml: String) -> Response {
    let media = HeaderValue::from_static(provlab_protocol::his::CONTENT_TYPE);
    ([(CONTENT_TYPE, media)], xml).into_response()
}

/// A refusal of the call itself, in plain text.
pub(super) fn refuse(status: StatusCode, why: &dyn std::fmt::Display) -> Response {
    (status, why.to_string()).into_response()
}
