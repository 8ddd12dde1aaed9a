//! A few secrets must be written down where they are handed over, and each such place has to say so.
//!
//! `SecretString` can be read but not written by serde. A field that crosses to another process of the same
//! world, or to the client that a secret is for, names one of these functions in `serialize_with`.

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Serialize as _, Serializer};

/// Writes the secret as its text.
///
/// # Errors
/// Those of the serializer.
pub fn expose<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}

/// Writes a secret that may be absent.
///
/// # Errors
/// Those of the serializer.
pub fn expose_option<S: Serializer>(secret: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    secret
        .as_ref()
        .map(|secret| secret.expose_secret())
        .serialize(serializer)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[derive(serde::Serialize, serde::Deserialize)]
    struct Handed {
        #[serde(serialize_with = "expose")]
        always: SecretString,
        #[serde(serialize_with = "expose_option")]
        perhaps: Option<SecretString>,
    }

    #[test]
    fn secrets_survive_the_way() {
        for text in [
            r#"{"always":"a","perhaps":"b"}"#,
            r#"{"always":"a","perhaps":null}"#,
        ] {
            let read: Handed = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), text);
        }
    }
}
