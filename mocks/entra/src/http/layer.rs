//! What holds for every request of every host: a bounded body, request ids, a date, one trace event.

use std::future::Future;
use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::header::DATE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use provlab_platform::{Part, event};
use time::OffsetDateTime;
use time::macros::format_description;
use uuid::Uuid;

use super::hosts::{Caller, Role};
use super::{BODY_TIMEOUT, MAX_BODY_BYTES, MAX_DISCARDED_BYTES, MAX_SCHEMA_BODY_BYTES};
use crate::shared::Shared;

/// The id of a request, as `request-id` and in every Graph error.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestId(pub(crate) Uuid);

static REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
static CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");
static MS_REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-request-id");

/// Longest path that an event tells, in characters.
const MAX_TRACED_PATH: usize = 512;
/// Longest `client-request-id` that is echoed, in bytes.
const MAX_CLIENT_REQUEST_ID_BYTES: usize = 128;

/// Reads the body, calls `handle` and finishes its answer.
pub(super) async fn answer<H, F>(
    shared: Arc<Shared>,
    caller: Caller,
    request: Request<Body>,
    handle: H,
) -> Response
where
    H: FnOnce(Request<Body>) -> F,
    F: Future<Output = Response>,
{
    let id = shared.uuid();
    let client_id = client_request_id(request.headers());
    let (method, host) = (request.method().clone(), caller.host.clone());
    let path: String = request.uri().path().chars().take(MAX_TRACED_PATH).collect();
    let role = caller.role;
    let mut response = match read_body(&shared, &caller, request).await {
        Ok(mut request) => {
            request.extensions_mut().insert(caller);
            request.extensions_mut().insert(RequestId(id));
            handle(request).await
        }
        Err(status) => status.into_response(),
    };
    finish(response.headers_mut(), role, id, client_id, shared.now());
    event!(
        shared.platform.trace,
        Part::Cloud,
        "http.request",
        method = method.as_str(),
        host = host,
        path = path,
        status = response.status().as_u16(),
    );
    response
}

async fn read_body(
    shared: &Shared,
    caller: &Caller,
    request: Request<Body>,
) -> Result<Request<Body>, StatusCode> {
    let (parts, body) = request.into_parts();
    let limit = if caller.role == Role::Graph && parts.method == Method::PUT {
        MAX_SCHEMA_BODY_BYTES
    } else {
        MAX_BODY_BYTES
    };
    match shared
        .platform
        .clock
        .timeout(BODY_TIMEOUT, collect(body, limit))
        .await
    {
        Ok(Ok(bytes)) => Ok(Request::from_parts(parts, Body::from(bytes))),
        Ok(Err(status)) => Err(status),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}

/// The whole body. Of one that is too large the rest is read and dropped, up to a bound, so that a client which
/// writes before it reads still gets to see the answer.
async fn collect(mut body: Body, limit: usize) -> Result<Vec<u8>, StatusCode> {
    let (mut kept, mut seen) = (Vec::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| StatusCode::BAD_REQUEST)?;
        let Some(data) = frame.data_ref() else { continue };
        seen = seen.saturating_add(data.len());
        if seen <= limit {
            kept.extend_from_slice(data);
        } else {
            kept = Vec::new();
        }
        if seen > MAX_DISCARDED_BYTES {
            break;
        }
    }
    if seen > limit {
        Err(StatusCode::PAYLOAD_TOO_LARGE)
    } else {
        Ok(kept)
    }
}

fn client_request_id(headers: &HeaderMap) -> Option<HeaderValue> {
    let value = headers.get(&CLIENT_REQUEST_ID)?;
    (value.len() <= MAX_CLIENT_REQUEST_ID_BYTES).then(|| value.clone())
}

fn finish(
    headers: &mut HeaderMap,
    role: Role,
    id: Uuid,
    client_id: Option<HeaderValue>,
    now: OffsetDateTime,
) {
    let name = if role == Role::Login {
        &MS_REQUEST_ID
    } else {
        &REQUEST_ID
    };
    let texts = [(name, id.to_string()), (&DATE, http_date(now))];
    for (name, text) in texts {
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(name.clone(), value);
        }
    }
    if let Some(value) = client_id {
        headers.insert(CLIENT_REQUEST_ID.clone(), value);
    }
}

fn http_date(now: OffsetDateTime) -> String {
    let format = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    now.format(&format).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_the_form_of_http() {
        let moment = time::macros::datetime!(2026-01-02 03:04:05 UTC);
        assert_eq!(http_date(moment), "Fri, 02 Jan 2026 03:04:05 GMT");
    }
}
