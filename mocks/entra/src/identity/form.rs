//! The body of a form post, in which any field may be a secret.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use secrecy::{ExposeSecret as _, SecretString};

use super::error::Failure;
use crate::graph::form_pairs;

/// The fields of a form post; secrets are looked up by name and never printed.
pub(super) struct Form(Vec<(String, SecretString)>);

impl Form {
    pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Self {
        let mut fields: Vec<(String, SecretString)> = form_pairs(&String::from_utf8_lossy(body))
            .into_iter()
            .map(|(name, value)| (name, SecretString::from(value)))
            .collect();
        fields.extend(basic_credentials(headers));
        Self(fields)
    }

    pub(super) fn secret(&self, name: &str) -> Option<&SecretString> {
        self.0
            .iter()
            .find(|(known, value)| known == name && !value.expose_secret().is_empty())
            .map(|(_, value)| value)
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.secret(name).map(|value| value.expose_secret())
    }

    pub(super) fn need(&self, name: &str) -> Result<&str, Failure> {
        self.text(name).ok_or_else(|| Failure::missing(name))
    }
}

/// `client_secret_basic`: id and secret in the `Authorization` header.
fn basic_credentials(headers: &HeaderMap) -> Vec<(String, SecretString)> {
    let decoded = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Basic "))
        .and_then(|encoded| String::from_utf8(STANDARD.decode(encoded).ok()?).ok());
    let Some((id, secret)) = decoded.as_deref().and_then(|pair| pair.split_once(':')) else {
        return Vec::new();
    };
    let plain = |text: &str| {
        form_pairs(&format!("v={text}"))
            .into_iter()
            .next()
            .map(|(_, value)| value)
            .unwrap_or_default()
    };
    vec![
        ("client_id".to_owned(), plain(id).into()),
        ("client_secret".to_owned(), plain(secret).into()),
    ]
}
