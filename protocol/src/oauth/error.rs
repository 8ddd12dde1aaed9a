//! The error body of the token endpoint, written by the service and understood by clients (PR 3.3).

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::StaticFormatDescription;
use time::macros::format_description;
use uuid::Uuid;

use super::aadsts::AadSts;

/// Longest token endpoint body that a client reads, in bytes.
pub const MAX_OAUTH_BODY_BYTES: usize = 256 * 1024;

/// `2026-01-02 03:04:05Z`.
const TIMESTAMP: StaticFormatDescription =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second]Z");

/// `error` values a device flow client may be told while it polls (PR 3.3, RFC 8628).
pub mod device_flow {
    /// Keep polling.
    pub const AUTHORIZATION_PENDING: &str = "authorization_pending";
    /// The person said no.
    pub const AUTHORIZATION_DECLINED: &str = "authorization_declined";
    /// The device code is not known.
    pub const BAD_VERIFICATION_CODE: &str = "bad_verification_code";
    /// The device code's time ran out.
    pub const EXPIRED_TOKEN: &str = "expired_token";
    /// Poll less often.
    pub const SLOW_DOWN: &str = "slow_down";
}

/// Error body; member order as the service writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{error}: {}", first_line(.error_description))]
pub struct OAuthError {
    /// OAuth error value.
    pub error: String,
    /// `AADSTS…: text`, then trace id, correlation id and time on lines of their own.
    #[serde(default)]
    pub error_description: String,
    /// AADSTS numbers.
    #[serde(default)]
    pub error_codes: Vec<u32>,
    /// Time of the answer.
    #[serde(default)]
    pub timestamp: String,
    /// Id of this answer.
    #[serde(default)]
    pub trace_id: String,
    /// Id that the client sent, or a fresh one.
    #[serde(default)]
    pub correlation_id: String,
    /// Page about the error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_uri: Option<String>,
    /// Further classification, for example of interaction that is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suberror: Option<String>,
}

/// A token endpoint body that is not an OAuth error.
#[derive(Debug, thiserror::Error)]
#[error("the sign-in service's error body cannot be read: {detail}")]
pub struct OAuthErrorUnreadable {
    detail: String,
}

impl OAuthError {
    /// The answer for a row of the table; `login_host` is the host that answers.
    #[must_use]
    pub fn new(
        row: &AadSts,
        values: &[(&str, &str)],
        login_host: &str,
        trace_id: Uuid,
        correlation_id: Uuid,
        now: OffsetDateTime,
    ) -> Self {
        let timestamp = now
            .to_offset(time::UtcOffset::UTC)
            .format(TIMESTAMP)
            .unwrap_or_default();
        Self {
            error: row.error.to_owned(),
            error_description: format!(
                "{}\r\nTrace ID: {trace_id}\r\nCorrelation ID: {correlation_id}\r\nTimestamp: {timestamp}",
                row.describe(values)
            ),
            error_codes: vec![row.code],
            timestamp,
            trace_id: trace_id.to_string(),
            correlation_id: correlation_id.to_string(),
            error_uri: Some(format!("https://{login_host}/error?code={}", row.code)),
            suberror: None,
        }
    }

    /// The body as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings and numbers always serialize")
    }

    /// Reads a body.
    ///
    /// # Errors
    /// Too long, or not this shape.
    pub fn from_json(body: &str) -> Result<Self, OAuthErrorUnreadable> {
        if body.len() > MAX_OAUTH_BODY_BYTES {
            return Err(OAuthErrorUnreadable {
                detail: format!("it is longer than {MAX_OAUTH_BODY_BYTES} bytes"),
            });
        }
        serde_json::from_str(body).map_err(|error| OAuthErrorUnreadable {
            detail: error.to_string(),
        })
    }

    /// The first AADSTS number: from `error_codes`, else from the text.
    #[must_use]
    pub fn aadsts(&self) -> Option<u32> {
        self.error_codes.first().copied().or_else(|| {
            let digits = self.error_description.strip_prefix("AADSTS")?;
            digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
        })
    }

    /// The text without trace id, correlation id and time.
    #[must_use]
    pub fn message(&self) -> &str {
        first_line(&self.error_description)
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;
    use uuid::uuid;

    use super::{MAX_OAUTH_BODY_BYTES, OAuthError};
    use crate::oauth::AadSts;

    #[test]
    fn the_body_is_the_one_of_the_reference() {
        let error = OAuthError::new(
            AadSts::by_code(50126).unwrap(),
            &[],
            "login.microsoftonline.com",
            uuid!("11111111-0000-0000-0000-000000000001"),
            uuid!("22222222-0000-0000-0000-000000000002"),
            datetime!(2026-01-02 03:04:05.678 UTC),
        );
        assert_eq!(
            error.to_json(),
            concat!(
                r#"{"error":"invalid_grant","error_description":"AADSTS50126: Error validating credentials due to invalid username or password."#,
                r#"\r\nTrace ID: 11111111-0000-0000-0000-000000000001\r\nCorrelation ID: 22222222-0000-0000-0000-000000000002"#,
                r#"\r\nTimestamp: 2026-01-02 03:04:05Z","error_codes":[50126],"timestamp":"2026-01-02 03:04:05Z","#,
                r#""trace_id":"11111111-0000-0000-0000-000000000001","correlation_id":"22222222-0000-0000-0000-000000000002","#,
                r#""error_uri":"https://login.microsoftonline.com/error?code=50126"}"#
            )
        );
        let read = OAuthError::from_json(&error.to_json()).unwrap();
        assert_eq!(read, error);
        assert_eq!(read.aadsts(), Some(50126));
        assert_eq!(
            read.to_string(),
            "invalid_grant: AADSTS50126: Error validating credentials due to invalid username or password."
        );
    }

    #[test]
    fn a_bare_rfc_error_is_read_too() {
        let read = OAuthError::from_json(r#"{"error":"slow_down"}"#).unwrap();
        assert_eq!(
            (read.error.as_str(), read.aadsts(), read.message()),
            ("slow_down", None, "")
        );
        let read =
            OAuthError::from_json(r#"{"error":"x","error_description":"AADSTS90002: Tenant"}"#).unwrap();
        assert_eq!(read.aadsts(), Some(90002));
    }

    #[test]
    fn a_body_at_the_limit_is_read_and_one_beyond_is_not() {
        let body = |length: usize| format!(r#"{{"error":"{}"}}"#, "x".repeat(length - 12));
        assert!(OAuthError::from_json(&body(MAX_OAUTH_BODY_BYTES)).is_ok());
        assert!(OAuthError::from_json(&body(MAX_OAUTH_BODY_BYTES + 1)).is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_bodies_are_survived(body in ".{0,200}", error in ".{0,20}", description in ".{0,60}") {
            let _ = OAuthError::from_json(&body);
            let text = serde_json::json!({"error": error, "error_description": description}).to_string();
            let read = OAuthError::from_json(&text).unwrap();
            let _ = (read.aadsts(), read.message());
            prop_assert_eq!(read.error, error);
        }
    }
}
