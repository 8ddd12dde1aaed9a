//! Search filters as values: text would need escaping, and a binary GUID has no text form.

use provlab_protocol::ber::Writer;
use provlab_protocol::ldap::filter as tag;

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
    /// The attribute has this value or one that comes after it.
    AtLeast(String, Vec<u8>),
    /// The attribute has this value or one that comes before it.
    AtMost(String, Vec<u8>),
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

    pub(super) fn encode(&self, out: &mut Writer) {
        let all = |tag, parts: &[Self], out: &mut Writer| {
            out.constructed(tag, |out| parts.iter().rev().for_each(|part| part.encode(out)));
        };
        let assertion = |tag, attribute: &str, value: &[u8], out: &mut Writer| {
            out.constructed(tag, |out| {
                out.octets(value);
                out.octets(attribute.as_bytes());
            });
        };
        match self {
            Self::And(parts) => all(tag::AND, parts, out),
            Self::Or(parts) => all(tag::OR, parts, out),
            Self::Not(part) => out.constructed(tag::NOT, |out| part.encode(out)),
            Self::Equal(attribute, value) => assertion(tag::EQUALITY, attribute, value, out),
            Self::AtLeast(attribute, value) => assertion(tag::GREATER_OR_EQUAL, attribute, value, out),
            Self::AtMost(attribute, value) => assertion(tag::LESS_OR_EQUAL, attribute, value, out),
            Self::Present(attribute) => out.element(tag::PRESENT, attribute.as_bytes()),
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
        let mut out = Writer::new();
        filter.encode(&mut out);
        assert_eq!(
            hex::encode(out.as_slice()),
            "a00e8702636ea208a30604016104 01ff".replace(' ', "")
        );
    }
}
