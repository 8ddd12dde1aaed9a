//! A sign-in that failed, by its AADSTS number, until it becomes an answer.

use std::sync::Arc;

use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use provlab_protocol::oauth::{AadSts, OAuthError};
use uuid::Uuid;

use crate::http::Caller;
use crate::shared::Shared;
use crate::state::DbError;

/// One documented failure with what its text names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) code: u32,
    values: Vec<(&'static str, String)>,
    /// Replaces the table's `error`: the device flow has words of its own.
    error: Option<&'static str>,
}

impl Failure {
    pub(super) fn new(code: u32) -> Self {
        Self {
            code,
            values: Vec::new(),
            error: None,
        }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.values.push((name, value.into()));
        self
    }

    pub(super) fn error(mut self, error: &'static str) -> Self {
        self.error = Some(error);
        self
    }

    pub(super) fn missing(parameter: &str) -> Self {
        Self::new(900_144).with("parameter", parameter)
    }

    fn row(&self) -> Option<&'static AadSts> {
        AadSts::by_code(self.code)
    }

    /// `AADSTS50126: …`.
    pub(super) fn text(&self) -> String {
        let values: Vec<_> = self
            .values
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        self.row()
            .map_or_else(|| format!("AADSTS{}", self.code), |row| row.describe(&values))
    }

    /// The answer of the token and device code endpoints (PR 3.3).
    pub(super) fn respond(&self, shared: &Arc<Shared>, caller: &Caller, headers: &HeaderMap) -> Response {
        let Some(row) = self.row() else {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        let correlation = headers
            .get("client-request-id")
            .and_then(|value| value.to_str().ok()?.parse::<Uuid>().ok())
            .unwrap_or_else(|| shared.uuid());
        let values: Vec<_> = self
            .values
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let mut body = OAuthError::new(
            row,
            &values,
            &caller.host,
            shared.uuid(),
            correlation,
            shared.now(),
        );
        if let Some(error) = self.error {
            error.clone_into(&mut body.error);
        }
        let status = StatusCode::from_u16(row.status).unwrap_or(StatusCode::BAD_REQUEST);
        json_text(status, body.to_json())
    }
}

/// The store failed: the product's "service unavailable" has no number in the table, so the request is called malformed
/// and the log says more.
impl From<DbError> for Failure {
    fn from(failure: DbError) -> Self {
        tracing::error!(%failure, "sign-in state was not stored");
        Self::new(9_002_313)
    }
}

impl From<super::SignError> for Failure {
    fn from(failure: super::SignError) -> Self {
        tracing::error!(%failure, "no token was signed");
        Self::new(9_002_313)
    }
}

/// A JSON answer that must not be cached.
pub(super) fn json_text(status: StatusCode, body: String) -> Response {
    (
        status,
        [
            (CONTENT_TYPE, "application/json; charset=utf-8"),
            (CACHE_CONTROL, "no-store, no-cache"),
        ],
        body,
    )
        .into_response()
}
