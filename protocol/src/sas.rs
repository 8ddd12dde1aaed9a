//! A listener proves with a shared access signature that it may listen on its Service Bus path (PR 7.2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

/// Longest token that is looked at, in bytes; a real one has about 300.
pub const MAX_SAS_TOKEN_BYTES: usize = 4 * 1024;

const SCHEME: &str = "SharedAccessSignature ";

/// Letter case of the hex digits in percent escapes. Both occur: the signature covers the escaped text (PR 7.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EscapeCase {
    /// As .NET's `HttpUtility.UrlEncode` writes them.
    #[default]
    Lower,
    /// As most other libraries write them.
    Upper,
}

/// Why a token was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SasError {
    /// The text is not a token.
    #[error(
        "the shared access signature is malformed: {0}; expected `SharedAccessSignature sr=…&sig=…&se=…&skn=…`"
    )]
    Malformed(&'static str),
    /// The token is for another key.
    #[error("the shared access signature names key '{found}', the listener's key is '{expected}'")]
    WrongKeyName {
        /// Name in the token.
        found: String,
        /// Name of the key that was tried.
        expected: String,
    },
    /// The token is for another resource.
    #[error("the shared access signature is for '{found}', not for '{expected}'")]
    WrongResource {
        /// Resource in the token.
        found: String,
        /// Resource that was asked for.
        expected: String,
    },
    /// The signature was not made with this key.
    #[error("the signature does not match; take the key from a newer bootstrap response")]
    WrongSignature,
    /// The token's time has run out.
    #[error("the shared access signature expired at {expiry} (unix seconds), it is {now}; make a new one")]
    Expired {
        /// Expiry in the token, unix seconds.
        expiry: u64,
        /// Time of the check, unix seconds.
        now: u64,
    },
}

/// A shared access signature. The signature is a bearer secret and does not show in `Debug`.
#[derive(Debug, Clone)]
pub struct SasToken {
    escaped_resource: String,
    resource: String,
    key_name: String,
    expiry: u64,
    signature: SecretString,
}

/// What a listener's token is for: `http://{namespace}.{domain}/{servicePath}/` (PR 7.2).
#[must_use]
pub fn listener_resource(namespace: &str, domain: &str, service_path: &str) -> String {
    format!("http://{namespace}.{domain}/{service_path}/")
}

impl SasToken {
    /// Signs `resource` until `expiry` (unix seconds). The key's text is the key: it is not base64-decoded.
    #[must_use]
    pub fn sign(resource: &str, key_name: &str, key: &SecretString, expiry: u64, case: EscapeCase) -> Self {
        let escaped_resource = escape(resource, case);
        let signature = BASE64.encode(mac(key, &escaped_resource, expiry).finalize().into_bytes());
        Self {
            escaped_resource,
            resource: resource.to_owned(),
            key_name: key_name.to_owned(),
            expiry,
            signature: signature.into(),
        }
    }

    /// Reads a token; whether it is any good is for [`SasToken::verify`] to say.
    ///
    /// # Errors
    /// [`SasError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, SasError> {
        if text.len() > MAX_SAS_TOKEN_BYTES {
            return Err(SasError::Malformed("it is longer than 4096 bytes"));
        }
        let fields = text
            .strip_prefix(SCHEME)
            .ok_or(SasError::Malformed("the scheme is missing"))?;
        let field = |name: &'static str| {
            fields
                .split('&')
                .filter_map(|pair| pair.split_once('='))
                .find(|(found, _)| *found == name)
                .map(|(_, value)| value)
        };
        let escaped_resource = field("sr").ok_or(SasError::Malformed("'sr' is missing"))?;
        let signature = field("sig").ok_or(SasError::Malformed("'sig' is missing"))?;
        let expiry = field("se").ok_or(SasError::Malformed("'se' is missing"))?;
        let key_name = field("skn").ok_or(SasError::Malformed("'skn' is missing"))?;
        Ok(Self {
            resource: unescape(escaped_resource)
                .ok_or(SasError::Malformed("'sr' is not URL-encoded text"))?,
            escaped_resource: escaped_resource.to_owned(),
            key_name: unescape(key_name).ok_or(SasError::Malformed("'skn' is not URL-encoded text"))?,
            expiry: expiry
                .parse()
                .map_err(|_| SasError::Malformed("'se' is not a number of seconds"))?,
            signature: unescape(signature)
                .ok_or(SasError::Malformed("'sig' is not URL-encoded text"))?
                .into(),
        })
    }

    /// The token as a header value.
    #[must_use]
    pub fn to_text(&self, case: EscapeCase) -> SecretString {
        format!(
            "{SCHEME}sr={}&sig={}&se={}&skn={}",
            self.escaped_resource,
            escape(self.signature.expose_secret(), case),
            self.expiry,
            escape(&self.key_name, case)
        )
        .into()
    }

    /// The resource that the token is for, unescaped.
    #[must_use]
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// Name of the key that signed it.
    #[must_use]
    pub fn key_name(&self) -> &str {
        &self.key_name
    }

    /// End of its life, unix seconds.
    #[must_use]
    pub fn expiry(&self) -> u64 {
        self.expiry
    }

    /// Checks resource (letter case does not matter, as in a host name), key name, signature over the received `sr` text, and time.
    ///
    /// # Errors
    /// The first check that fails, in that order.
    pub fn verify(
        &self,
        resource: &str,
        key_name: &str,
        key: &SecretString,
        now: u64,
    ) -> Result<(), SasError> {
        if !self.resource.eq_ignore_ascii_case(resource) {
            return Err(SasError::WrongResource {
                found: self.resource.clone(),
                expected: resource.to_owned(),
            });
        }
        if self.key_name != key_name {
            return Err(SasError::WrongKeyName {
                found: self.key_name.clone(),
                expected: key_name.to_owned(),
            });
        }
        let signature = BASE64
            .decode(self.signature.expose_secret())
            .map_err(|_| SasError::WrongSignature)?;
        mac(key, &self.escaped_resource, self.expiry)
            .verify_slice(&signature)
            .map_err(|_| SasError::WrongSignature)?;
        if now >= self.expiry {
            return Err(SasError::Expired {
                expiry: self.expiry,
                now,
            });
        }
        Ok(())
    }
}

/// String to sign: escaped resource, line feed, expiry.
fn mac(key: &SecretString, escaped_resource: &str, expiry: u64) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes())
        .expect("HMAC takes a key of any length");
    mac.update(escaped_resource.as_bytes());
    mac.update(b"\n");
    mac.update(expiry.to_string().as_bytes());
    mac
}

/// As `HttpUtility.UrlEncode`: letters, digits and `-_.!*()` stay, a space becomes `+`.
fn escape(text: &str, case: EscapeCase) -> String {
    let digits: &[u8; 16] = match case {
        EscapeCase::Lower => b"0123456789abcdef",
        EscapeCase::Upper => b"0123456789ABCDEF",
    };
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'!' | b'*' | b'(' | b')' => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            _ => {
                out.push('%');
                out.push(char::from(digits[usize::from(byte >> 4)]));
                out.push(char::from(digits[usize::from(byte & 15)]));
            }
        }
    }
    out
}

fn unescape(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let high = char::from(bytes.next()?).to_digit(16)?;
                let low = char::from(bytes.next()?).to_digit(16)?;
                out.push(u8::try_from(high * 16 + low).ok()?);
            }
            _ => out.push(byte),
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;
    use secrecy::{ExposeSecret as _, SecretString};

    use super::{EscapeCase, MAX_SAS_TOKEN_BYTES, SasError, SasToken, listener_resource};

    const LOWER: &str = "SharedAccessSignature sr=http%3a%2f%2flab-ns.servicebus.windows.net%2faaaaaaaa-0000-0000-0000-000000000001_bbbbbbbb-0000-0000-0000-000000000002%2f&sig=sA0N8EDrf0cX3AMghLqhdrf6smKYnsPl0WSjsTSOR%2b8%3d&se=1790000000&skn=Connector";
    const UPPER: &str = "SharedAccessSignature sr=http%3A%2F%2Flab-ns.servicebus.windows.net%2Faaaaaaaa-0000-0000-0000-000000000001_bbbbbbbb-0000-0000-0000-000000000002%2F&sig=OsfakL8RXXk7%2BA4cbmrT5FOhr7BEYLNh0FffD%2FcRcKU%3D&se=1790000000&skn=Connector";

    fn key() -> SecretString {
        "c2VjcmV0LWtleS1mb3ItdGhlLWxhYg==".into()
    }

    fn resource() -> String {
        listener_resource(
            "lab-ns",
            "servicebus.windows.net",
            "aaaaaaaa-0000-0000-0000-000000000001_bbbbbbbb-0000-0000-0000-000000000002",
        )
    }

    #[test]
    fn both_vectors_of_the_reference_are_reproduced_and_verified() {
        for (case, vector) in [(EscapeCase::Lower, LOWER), (EscapeCase::Upper, UPPER)] {
            let token = SasToken::sign(&resource(), "Connector", &key(), 1_790_000_000, case);
            assert_eq!(token.to_text(case).expose_secret(), vector);
            let read = SasToken::parse(vector).unwrap();
            assert_eq!(
                read.verify(&resource(), "Connector", &key(), 1_789_999_999),
                Ok(())
            );
        }
    }

    #[test]
    fn every_wrong_part_is_refused_with_its_own_reason() {
        let token = SasToken::parse(LOWER).unwrap();
        let verify = |resource: &str, name: &str, key: &str, now| {
            token.verify(resource, name, &key.into(), now).unwrap_err()
        };
        let good = key();
        let good = good.expose_secret();
        assert!(matches!(
            verify("http://elsewhere/", "Connector", good, 0),
            SasError::WrongResource { .. }
        ));
        assert!(matches!(
            verify(&resource(), "Root", good, 0),
            SasError::WrongKeyName { .. }
        ));
        assert_eq!(
            verify(&resource(), "Connector", "another", 0),
            SasError::WrongSignature
        );
        assert!(matches!(
            verify(&resource(), "Connector", good, 1_790_000_000),
            SasError::Expired { .. }
        ));
        let longer = SasToken::parse(&LOWER.replace("1790000000", "1790000001")).unwrap();
        assert_eq!(
            longer.verify(&resource(), "Connector", &key(), 0),
            Err(SasError::WrongSignature)
        );
    }

    #[test]
    fn malformed_tokens_are_refused() {
        for text in [
            "",
            "Bearer x",
            "SharedAccessSignature ",
            "SharedAccessSignature sr=a&sig=b&se=c&skn=d",
            "SharedAccessSignature sr=%zz&sig=b&se=1&skn=d",
        ] {
            assert!(
                matches!(SasToken::parse(text), Err(SasError::Malformed(_))),
                "{text}"
            );
        }
        let padded = |length: usize| format!("{LOWER}&x={}", "y".repeat(length - LOWER.len() - 3));
        assert!(SasToken::parse(&padded(MAX_SAS_TOKEN_BYTES)).is_ok());
        assert!(SasToken::parse(&padded(MAX_SAS_TOKEN_BYTES + 1)).is_err());
    }

    #[test]
    fn the_signature_does_not_show_in_debug() {
        let shown = format!("{:?}", SasToken::parse(LOWER).unwrap());
        assert!(
            !shown.contains("sA0N8EDrf0cX3AMghLqhdrf6smKYnsPl0WSjsTSOR"),
            "{shown}"
        );
    }

    proptest! {
        #[test]
        fn what_is_signed_is_read_back(resource in ".{0,40}", name in ".{0,20}", key in ".{0,40}", expiry in 1_u64..) {
            let key = SecretString::from(key);
            let token = SasToken::sign(&resource, &name, &key, expiry, EscapeCase::Lower);
            let read = SasToken::parse(token.to_text(EscapeCase::Lower).expose_secret()).unwrap();
            prop_assert_eq!(read.verify(&resource, &name, &key, expiry - 1), Ok(()));
        }

        #[test]
        fn arbitrary_text_is_survived(text in ".{0,200}") {
            let _ = SasToken::parse(&text);
            let _ = SasToken::parse(&format!("SharedAccessSignature sr={text}&sig={text}&se=1&skn={text}"));
        }
    }
}
