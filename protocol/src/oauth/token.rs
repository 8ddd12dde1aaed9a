//! What the token and device code endpoints answer, in the v1 form (numbers as text) and the v2 form (PR 3.3).

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, Serialize};

use super::error::MAX_OAUTH_BODY_BYTES;

/// Answer of the token endpoint. Tokens do not show in `Debug`.
#[derive(Debug, Clone)]
pub struct TokenResponse {
    /// Granted scopes, separated by blanks.
    pub scope: Option<String>,
    /// Lifetime, seconds.
    pub expires_in: u64,
    /// Lifetime in an outage of the service, seconds.
    pub ext_expires_in: Option<u64>,
    /// The token.
    pub access_token: SecretString,
    /// Only with `offline_access`.
    pub refresh_token: Option<SecretString>,
    /// Only with `openid`.
    pub id_token: Option<SecretString>,
    /// What the v1 endpoint adds; with it all numbers are written as text.
    pub v1: Option<V1TokenFields>,
}

/// Additional members of a v1 answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct V1TokenFields {
    /// End of life, unix seconds.
    pub expires_on: i64,
    /// Begin of life, unix seconds.
    pub not_before: i64,
    /// The audience that was asked for.
    pub resource: String,
}

/// A token endpoint body that is not a token response. The message never repeats the body.
#[derive(Debug, thiserror::Error)]
#[error("the sign-in service's answer cannot be read: {0}")]
pub struct TokenResponseUnreadable(&'static str);

impl TokenResponse {
    /// The body as JSON; it contains the tokens.
    #[must_use]
    pub fn to_json(&self) -> SecretString {
        let number = |value: u64| {
            if self.v1.is_some() {
                Number::Text(value.to_string())
            } else {
                Number::Plain(value)
            }
        };
        let expose =
            |token: &'_ Option<SecretString>| token.as_ref().map(|token| token.expose_secret().to_owned());
        let (refresh_token, id_token) = (expose(&self.refresh_token), expose(&self.id_token));
        let body = Outgoing {
            token_type: "Bearer",
            scope: self.scope.as_deref(),
            expires_in: number(self.expires_in),
            ext_expires_in: self.ext_expires_in.map(number),
            expires_on: self.v1.as_ref().map(|v1| v1.expires_on.to_string()),
            not_before: self.v1.as_ref().map(|v1| v1.not_before.to_string()),
            resource: self.v1.as_ref().map(|v1| v1.resource.as_str()),
            access_token: self.access_token.expose_secret(),
            refresh_token: refresh_token.as_deref(),
            id_token: id_token.as_deref(),
        };
        serde_json::to_string(&body)
            .expect("strings and numbers always serialize")
            .into()
    }

    /// Reads a body of either form.
    ///
    /// # Errors
    /// Too long, not JSON, or without a bearer token and its lifetime.
    pub fn from_json(body: &str) -> Result<Self, TokenResponseUnreadable> {
        if body.len() > MAX_OAUTH_BODY_BYTES {
            return Err(TokenResponseUnreadable("it is longer than 262144 bytes"));
        }
        let read: Incoming = serde_json::from_str(body)
            .map_err(|_| TokenResponseUnreadable("it is not a token response in JSON"))?;
        if !read.token_type.eq_ignore_ascii_case("Bearer") {
            return Err(TokenResponseUnreadable("its token_type is not Bearer"));
        }
        let v1 = match (read.expires_on, read.not_before, read.resource) {
            (Some(expires_on), Some(not_before), Some(resource)) => Some(V1TokenFields {
                expires_on,
                not_before,
                resource,
            }),
            _ => None,
        };
        Ok(Self {
            scope: read.scope,
            expires_in: read.expires_in,
            ext_expires_in: read.ext_expires_in,
            access_token: read.access_token,
            refresh_token: read.refresh_token,
            id_token: read.id_token,
            v1,
        })
    }
}

enum Number {
    Plain(u64),
    Text(String),
}

impl Serialize for Number {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Plain(value) => serializer.serialize_u64(*value),
            Self::Text(value) => serializer.serialize_str(value),
        }
    }
}

#[derive(Serialize)]
struct Outgoing<'a> {
    token_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
    expires_in: Number,
    #[serde(skip_serializing_if = "Option::is_none")]
    ext_expires_in: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_on: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<&'a str>,
    access_token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<&'a str>,
}

#[derive(Deserialize)]
struct Incoming {
    token_type: String,
    #[serde(default)]
    scope: Option<String>,
    #[serde(deserialize_with = "number")]
    expires_in: u64,
    #[serde(default, deserialize_with = "optional_number")]
    ext_expires_in: Option<u64>,
    #[serde(default, deserialize_with = "optional_number")]
    expires_on: Option<i64>,
    #[serde(default, deserialize_with = "optional_number")]
    not_before: Option<i64>,
    #[serde(default)]
    resource: Option<String>,
    access_token: SecretString,
    #[serde(default)]
    refresh_token: Option<SecretString>,
    #[serde(default)]
    id_token: Option<SecretString>,
}

/// A number written as number (v2) or as text (v1).
fn number<'de, D: Deserializer<'de>, N: TryFrom<i64> + std::str::FromStr>(
    deserializer: D,
) -> Result<N, D::Error> {
    let wrong = || serde::de::Error::custom("expected a number of seconds");
    match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(text) => text.parse().map_err(|_| wrong()),
        serde_json::Value::Number(value) => value
            .as_i64()
            .and_then(|value| N::try_from(value).ok())
            .ok_or_else(wrong),
        _ => Err(wrong()),
    }
}

fn optional_number<'de, D: Deserializer<'de>, N: TryFrom<i64> + std::str::FromStr>(
    deserializer: D,
) -> Result<Option<N>, D::Error> {
    number(deserializer).map(Some)
}

/// Answer of the v2 device code endpoint. There is no `verification_uri_complete`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeviceCodeResponse {
    /// Nine characters that a person types.
    pub user_code: String,
    /// What the client polls with.
    #[serde(serialize_with = "crate::secret_text::expose")]
    pub device_code: SecretString,
    /// Page where the code is typed.
    pub verification_uri: String,
    /// Lifetime, seconds; 900 by default.
    pub expires_in: u64,
    /// Seconds between two polls; 5 by default.
    pub interval: u64,
    /// Sentence for the person.
    pub message: String,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;
    use secrecy::ExposeSecret as _;

    use super::{DeviceCodeResponse, TokenResponse, V1TokenFields};
    use crate::oauth::MAX_OAUTH_BODY_BYTES;

    fn response() -> TokenResponse {
        TokenResponse {
            scope: Some("openid".to_owned()),
            expires_in: 3599,
            ext_expires_in: Some(3599),
            access_token: "ACCESS".into(),
            refresh_token: Some("REFRESH".into()),
            id_token: None,
            v1: None,
        }
    }

    #[test]
    fn v2_writes_numbers_and_v1_writes_text() {
        assert_eq!(
            response().to_json().expose_secret(),
            r#"{"token_type":"Bearer","scope":"openid","expires_in":3599,"ext_expires_in":3599,"access_token":"ACCESS","refresh_token":"REFRESH"}"#
        );
        let v1 = Some(V1TokenFields {
            expires_on: 4600,
            not_before: 1000,
            resource: "https://r/".to_owned(),
        });
        let text = TokenResponse {
            v1: v1.clone(),
            ext_expires_in: None,
            scope: None,
            refresh_token: None,
            ..response()
        }
        .to_json();
        assert_eq!(
            text.expose_secret(),
            r#"{"token_type":"Bearer","expires_in":"3599","expires_on":"4600","not_before":"1000","resource":"https://r/","access_token":"ACCESS"}"#
        );
        let read = TokenResponse::from_json(text.expose_secret()).unwrap();
        assert_eq!(
            (read.expires_in, read.v1, read.access_token.expose_secret()),
            (3599, v1, "ACCESS")
        );
    }

    #[test]
    fn tokens_do_not_show_in_debug() {
        let shown = format!("{:?}", response());
        assert!(!shown.contains("ACCESS") && !shown.contains("REFRESH"), "{shown}");
    }

    #[test]
    fn a_device_code_answer_round_trips() {
        let text = r#"{"user_code":"FJC3XYZ9A","device_code":"OPAQUE","verification_uri":"https://microsoft.com/devicelogin","expires_in":900,"interval":5,"message":"m"}"#;
        let read: DeviceCodeResponse = serde_json::from_str(text).unwrap();
        assert!(!format!("{read:?}").contains("OPAQUE"));
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }

    #[test]
    fn what_is_no_token_response_is_refused() {
        let long = format!(
            "{}{}",
            response().to_json().expose_secret(),
            " ".repeat(MAX_OAUTH_BODY_BYTES)
        );
        for body in [
            "",
            "[]",
            r#"{"error":"x"}"#,
            r#"{"token_type":"pop","expires_in":1,"access_token":"x"}"#,
            long.as_str(),
        ] {
            assert!(
                TokenResponse::from_json(body).is_err(),
                "{}",
                &body[..body.len().min(40)]
            );
        }
        assert!(TokenResponse::from_json(&long[..MAX_OAUTH_BODY_BYTES]).is_ok());
    }

    proptest! {
        #[test]
        fn arbitrary_bodies_are_survived(body in ".{0,100}", seconds in ".{0,12}") {
            let _ = TokenResponse::from_json(&body);
            let _ = TokenResponse::from_json(&serde_json::json!({"token_type": "Bearer", "expires_in": seconds, "access_token": "x"}).to_string());
        }

        #[test]
        fn tokens_round_trip(expires_in in 0..=i64::MAX as u64, token in ".{0,40}") {
            let written = TokenResponse { expires_in, access_token: token.clone().into(), ..response() };
            let read = TokenResponse::from_json(written.to_json().expose_secret()).unwrap();
            prop_assert_eq!((read.expires_in, read.access_token.expose_secret()), (expires_in, token.as_str()));
        }
    }
}
