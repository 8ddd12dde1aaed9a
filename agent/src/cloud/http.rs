//! HTTPS over the platform's streams: one request, one connection, every size and wait bounded.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use provlab_platform::net::{ClientIdentity, ClientTls};
use provlab_platform::{Endpoint, NetError, Platform};
use thiserror::Error;

/// Longest answer that is read.
pub const MAX_RESPONSE_BYTES: usize = 4 * 1024 * 1024;
/// Longest wait for a whole exchange; bootstrap and registration have no published limit.
pub const EXCHANGE_LIMIT: Duration = Duration::from_secs(60);

/// Media type of the hybrid identity service's messages (PR 4.1).
pub const XML: &str = "application/xml; charset=utf-8";
/// Media type of token requests (PR 3.3).
pub const FORM: &str = "application/x-www-form-urlencoded";
/// Media type of the admin service.
pub const JSON: &str = "application/json";

/// A request to the cloud.
#[derive(Clone)]
pub struct CloudRequest {
    method: http::Method,
    url: String,
    headers: Vec<(http::HeaderName, String)>,
    body: zeroize::Zeroizing<Vec<u8>>,
    identity: Option<ClientIdentity>,
}

impl CloudRequest {
    /// A request without body.
    pub fn new(method: http::Method, url: impl Into<String>) -> Self {
        Self {
            method,
            url: url.into(),
            headers: Vec::new(),
            body: zeroize::Zeroizing::default(),
            identity: None,
        }
    }

    /// GET.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new(http::Method::GET, url)
    }

    /// POST of a body.
    pub fn post(url: impl Into<String>, media_type: &str, body: Vec<u8>) -> Self {
        Self::new(http::Method::POST, url).body(media_type, body)
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, media_type: &str, body: Vec<u8>) -> Self {
        self.body = body.into();
        self.header(http::header::CONTENT_TYPE, media_type)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: http::HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Authenticates with the agent's certificate.
    #[must_use]
    pub fn with_identity(mut self, identity: ClientIdentity) -> Self {
        self.identity = Some(identity);
        self
    }
}

/// An answer of the cloud.
#[derive(Debug, Clone)]
pub struct CloudResponse {
    /// HTTP status.
    pub status: http::StatusCode,
    /// `Retry-After`, where it names seconds (CS 6.8).
    pub retry_after: Option<Duration>,
    /// `Location`, where there is one.
    pub location: Option<String>,
    /// Whole body.
    pub body: Bytes,
}

impl CloudResponse {
    /// The body as text; bytes that are no UTF-8 become U+FFFD.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// The cloud could not be asked.
#[derive(Debug, Error)]
pub enum CloudError {
    /// No connection.
    #[error("{host} cannot be reached: {error}")]
    Net {
        /// The host.
        host: String,
        /// Why.
        error: NetError,
    },
    /// The exchange took too long.
    #[error("{host} did not answer within {limit:?}")]
    TimedOut {
        /// The host.
        host: String,
        /// The limit.
        limit: Duration,
    },
    /// The answer broke off, is too long, or is no HTTP.
    #[error("the exchange with {host} failed: {detail}")]
    Exchange {
        /// The host.
        host: String,
        /// Why.
        detail: String,
    },
    /// The address is not one that the agent calls.
    #[error("'{0}' is not an https address")]
    Address(String),
}

/// Splits an `https` address into its endpoint and the rest.
pub(crate) fn endpoint_of(url: &str) -> Result<(Endpoint, http::Uri), CloudError> {
    let bad = || CloudError::Address(url.to_owned());
    let uri: http::Uri = url.parse().map_err(|_| bad())?;
    if uri.scheme_str() != Some("https") && uri.scheme_str() != Some("wss") {
        return Err(bad());
    }
    let host = uri.host().ok_or_else(bad)?;
    Ok((Endpoint::new(host, uri.port_u16().unwrap_or(443)), uri))
}

/// Sends a request and reads the whole answer.
///
/// # Errors
/// When no connection can be made or the exchange breaks off; any HTTP status is an answer.
pub async fn send(platform: &Platform, request: &CloudRequest) -> Result<CloudResponse, CloudError> {
    send_within(platform, request, EXCHANGE_LIMIT).await
}

/// Sends a request whose answer may take longer than [`EXCHANGE_LIMIT`], or has to come sooner.
///
/// # Errors
/// As [`send`].
pub async fn send_within(
    platform: &Platform,
    request: &CloudRequest,
    limit: Duration,
) -> Result<CloudResponse, CloudError> {
    let (endpoint, uri) = endpoint_of(&request.url)?;
    let host = endpoint.host.clone();
    let exchange = exchange(platform, &endpoint, &uri, request);
    platform
        .clock
        .timeout(limit, exchange)
        .await
        .unwrap_or_else(|_| Err(CloudError::TimedOut { host, limit }))
}

async fn exchange(
    platform: &Platform,
    endpoint: &Endpoint,
    uri: &http::Uri,
    request: &CloudRequest,
) -> Result<CloudResponse, CloudError> {
    let unreachable = |error| CloudError::Net {
        host: endpoint.host.clone(),
        error,
    };
    let broken = |detail: String| CloudError::Exchange {
        host: endpoint.host.clone(),
        detail,
    };
    let clear = platform.net.connect(endpoint).await.map_err(unreachable)?;
    let tls = ClientTls {
        server_name: endpoint.host.clone(),
        identity: request.identity.clone(),
    };
    let stream = platform
        .net
        .secure_client(clear, &tls)
        .await
        .map_err(unreachable)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| broken(error.to_string()))?;
    let _driver = AbortOnDrop(tokio::spawn(async move {
        let _ = connection.await; // the sender reports the same failure
    }));
    let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let mut outgoing = http::Request::builder()
        .method(request.method.clone())
        .uri(path)
        .header(http::header::HOST, &endpoint.host)
        .header(http::header::CONNECTION, "close");
    for (name, value) in &request.headers {
        outgoing = outgoing.header(name, value);
    }
    let outgoing = outgoing
        .body(Full::new(Bytes::copy_from_slice(&request.body)))
        .map_err(|error| broken(error.to_string()))?;
    let answer = sender
        .send_request(outgoing)
        .await
        .map_err(|error| broken(error.to_string()))?;
    let status = answer.status();
    let retry_after = answer
        .headers()
        .get(http::header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok())
        .map(Duration::from_secs);
    let location = answer
        .headers()
        .get(http::header::LOCATION)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let body = Limited::new(answer.into_body(), MAX_RESPONSE_BYTES)
        .collect()
        .await
        .map_err(|error| broken(error.to_string()))?
        .to_bytes();
    Ok(CloudResponse {
        status,
        retry_after,
        location,
        body,
    })
}

/// Ends a task when its owner goes away.
pub(crate) struct AbortOnDrop(pub(crate) tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Percent-encodes a form value (RFC 3986 unreserved characters stay).
pub(crate) fn form_encode(fields: &[(&str, &str)]) -> zeroize::Zeroizing<String> {
    let mut out = zeroize::Zeroizing::new(String::new());
    for (name, value) in fields {
        if !out.is_empty() {
            out.push('&');
        }
        out.push_str(name);
        out.push('=');
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                out.push(char::from(byte));
            } else {
                out.push('%');
                out.push(char::from(b"0123456789ABCDEF"[usize::from(byte >> 4)]));
                out.push(char::from(b"0123456789ABCDEF"[usize::from(byte & 15)]));
            }
        }
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn form_values_are_escaped() {
        let form = form_encode(&[("username", "a@b.c"), ("password", "p+ä &=%")]);
        assert_eq!(*form, "username=a%40b.c&password=p%2B%C3%A4%20%26%3D%25");
    }

    #[test]
    fn only_https_addresses_are_called() {
        let (endpoint, uri) = endpoint_of("https://login.example/x?y").unwrap();
        assert_eq!((endpoint.port, uri.path()), (443, "/x"));
        assert!(endpoint_of("http://login.example/").is_err());
        assert!(endpoint_of("login.example").is_err());
    }
}
