//! A host name and a port.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest host name of DNS, dots included.
pub const MAX_HOST_NAME_BYTES: usize = 253;

/// Where to connect or listen; names compare without case because they are kept in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Endpoint {
    /// Host name in lower case; a listener's may begin with `*.`.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl Endpoint {
    /// The endpoint of a host name and a port.
    #[must_use]
    pub fn new(host: impl AsRef<str>, port: u16) -> Self {
        Self {
            host: host.as_ref().to_ascii_lowercase(),
            port,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// A text is no endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a host name and a port, such as dc1.contoso.com:636")]
pub struct EndpointError(String);

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || EndpointError(text.chars().take(MAX_HOST_NAME_BYTES).collect());
        let (host, port) = text.rsplit_once(':').ok_or_else(bad)?;
        let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '*');
        if host.is_empty() || host.len() > MAX_HOST_NAME_BYTES || !host.chars().all(letters) {
            return Err(bad());
        }
        Ok(Self::new(host, port.parse().map_err(|_| bad())?))
    }
}

impl TryFrom<String> for Endpoint {
    type Error = EndpointError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Endpoint> for String {
    fn from(endpoint: Endpoint) -> Self {
        endpoint.to_string()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_it_writes() {
        let endpoint = Endpoint::new("DC1.Contoso.com", 636);
        assert_eq!(endpoint.to_string(), "dc1.contoso.com:636");
        assert_eq!("dc1.CONTOSO.com:636".parse(), Ok(endpoint.clone()));
        let json = serde_json::to_string(&endpoint).unwrap();
        assert_eq!(json, r#""dc1.contoso.com:636""#);
        assert_eq!(serde_json::from_str::<Endpoint>(&json).unwrap(), endpoint);
    }

    #[test]
    fn the_length_of_a_name_is_bounded() {
        assert!(
            format!("{}:1", "a".repeat(MAX_HOST_NAME_BYTES))
                .parse::<Endpoint>()
                .is_ok()
        );
        assert!(
            format!("{}:1", "a".repeat(MAX_HOST_NAME_BYTES + 1))
                .parse::<Endpoint>()
                .is_err()
        );
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in any::<String>()) {
            if let Ok(endpoint) = text.parse::<Endpoint>() {
                prop_assert_eq!(endpoint.to_string().parse(), Ok(endpoint));
            }
        }
    }
}
