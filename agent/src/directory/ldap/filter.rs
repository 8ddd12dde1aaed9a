//! Search filters as values: text would need escaping, and a binary GUID has no text form.

use super::ber::{put, put_bytes};

/// A search filter (RFC 4511 section 4.5.1.7), as far as the agent asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// All of these hold.
    And(Vec<Filter>),
    /// One of these holds.
    Or(Vec<Filter>),
    /// This does not hold.
    Not(Box<Filter>),
    /// The attribute has this value.
    Equal(String, Vec<u8>),
    /// The attribute is there.
    Present(String),
}

impl Filter {
    /// `(attribute=value)` for a text value.
    pub fn equal(attribute: &str, value: impl AsRef<[u8]>) -> Self {
        Self::Equal(attribute.to_owned(), value.as_ref().to_vec())
    }

    /// `(attribute=*)`.
    pub fn present(attribute: &str) -> Self {
        Self::Present(attribute.to_owned())
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::And(parts) => put(out, 0xa0, |out| parts.iter().for_each(|part| part.encode(out))),
            Self::Or(parts) => put(out, 0xa1, |out| parts.iter().for_each(|part| part.encode(out))),
            Self::Not(part) => put(out, 0xa2, |out| part.encode(out)),
            Self::Equal(attribute, value) => put(out, 0xa3, |out| {
                put_bytes(out, super::ber::OCTET_STRING, attribute.as_bytes());
                put_bytes(out, super::ber::OCTET_STRING, value);
            }),
            Self::Present(attribute) => put_bytes(out, 0x87, attribute.as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_as_rfc_4511_demands() {
        let filter = Filter::And(vec![
            Filter::present("cn"),
            Filter::Not(Box::new(Filter::equal("a", [0xff]))),
        ]);
        let mut out = Vec::new();
        filter.encode(&mut out);
        assert_eq!(
            hex::encode(out),
            "a00e8702636ea208a30604016104 01ff".replace(' ', "")
        );
    }
}
