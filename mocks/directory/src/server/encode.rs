//! Answers as they go onto the wire (RFC 4511 section 4).

use super::ber::{self, Writer};
use crate::model::{Entry, LdapError};

/// Application tags of the answers.
pub(crate) mod tag {
    pub(crate) const BIND: u8 = 0x61;
    pub(crate) const SEARCH_ENTRY: u8 = 0x64;
    pub(crate) const SEARCH_DONE: u8 = 0x65;
    pub(crate) const MODIFY: u8 = 0x67;
    pub(crate) const ADD: u8 = 0x69;
    pub(crate) const DELETE: u8 = 0x6b;
    pub(crate) const MODIFY_DN: u8 = 0x6d;
    pub(crate) const COMPARE: u8 = 0x6f;
    pub(crate) const SEARCH_REFERENCE: u8 = 0x73;
    pub(crate) const EXTENDED: u8 = 0x78;
}

/// `[0] Controls` of a message.
const CONTROLS: u8 = 0xa0;
/// `[3] referral` of a result.
const REFERRAL: u8 = 0xa3;
/// `[10] responseName` of an extended answer.
const RESPONSE_NAME: u8 = 0x8a;
/// `[11] response` of an extended answer.
const RESPONSE_VALUE: u8 = 0x8b;

/// The outcome that ends every operation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Result code (RFC 4511 section 4.1.9).
    pub(crate) code: u32,
    /// The nearest existing ancestor of a name that does not exist, where AD tells it.
    pub(crate) matched_dn: String,
    /// Diagnostic message.
    pub(crate) diagnostic: String,
    /// Where to ask instead, for a referral (code 10).
    pub(crate) referral: Vec<String>,
}

impl Outcome {
    /// The operation succeeded.
    pub(crate) fn success() -> Self {
        Self::default()
    }

    /// The operation failed.
    pub(crate) fn failure(code: u32, diagnostic: impl Into<String>) -> Self {
        Self {
            code,
            diagnostic: diagnostic.into(),
            ..Self::default()
        }
    }
}

impl From<&LdapError> for Outcome {
    fn from(error: &LdapError) -> Self {
        Self {
            code: u32::from(error.code as u8),
            matched_dn: error.matched_dn.clone(),
            diagnostic: error.diagnostic.clone(),
            referral: error.referrals.clone(),
        }
    }
}

/// A control of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ResponseControl {
    /// Which control it is.
    pub(crate) oid: &'static str,
    /// Its value, in the control's own encoding.
    pub(crate) value: Vec<u8>,
}

/// Writes answers, reusing one buffer.
#[derive(Debug)]
pub(crate) struct Encoder {
    writer: Writer,
}

impl Encoder {
    pub(crate) fn new() -> Self {
        Self {
            writer: Writer::new(),
        }
    }

    /// An answer that is nothing but its outcome.
    pub(crate) fn outcome(
        &mut self,
        out: &mut Vec<u8>,
        id: i32,
        tag: u8,
        outcome: &Outcome,
        controls: &[ResponseControl],
    ) {
        self.message(out, id, controls, |writer| {
            let mark = writer.mark();
            result(writer, outcome);
            writer.wrap(tag, mark);
        });
    }

    /// The answer to an extended operation, or an unsolicited notice (message id 0).
    pub(crate) fn extended(
        &mut self,
        out: &mut Vec<u8>,
        id: i32,
        outcome: &Outcome,
        name: Option<&str>,
        value: Option<&[u8]>,
    ) {
        self.message(out, id, &[], |writer| {
            let mark = writer.mark();
            if let Some(value) = value {
                writer.element(RESPONSE_VALUE, value);
            }
            if let Some(name) = name {
                writer.element(RESPONSE_NAME, name.as_bytes());
            }
            result(writer, outcome);
            writer.wrap(tag::EXTENDED, mark);
        });
    }

    /// One entry of a search.
    pub(crate) fn entry(&mut self, out: &mut Vec<u8>, id: i32, entry: &Entry) {
        self.message(out, id, &[], |writer| {
            let mark = writer.mark();
            for (name, values) in entry.attributes.iter().rev() {
                let attribute = writer.mark();
                for value in values.iter().rev() {
                    writer.element(ber::OCTET_STRING, value);
                }
                writer.wrap(ber::SET, attribute);
                writer.element(ber::OCTET_STRING, name.as_bytes());
                writer.wrap(ber::SEQUENCE, attribute);
            }
            writer.wrap(ber::SEQUENCE, mark);
            writer.element(ber::OCTET_STRING, entry.dn.as_bytes());
            writer.wrap(tag::SEARCH_ENTRY, mark);
        });
    }

    /// A continuation of a search in another naming context.
    pub(crate) fn reference(&mut self, out: &mut Vec<u8>, id: i32, urls: &[String]) {
        self.message(out, id, &[], |writer| {
            let mark = writer.mark();
            for url in urls.iter().rev() {
                writer.element(ber::OCTET_STRING, url.as_bytes());
            }
            writer.wrap(tag::SEARCH_REFERENCE, mark);
        });
    }

    fn message(
        &mut self,
        out: &mut Vec<u8>,
        id: i32,
        controls: &[ResponseControl],
        operation: impl FnOnce(&mut Writer),
    ) {
        let writer = &mut self.writer;
        writer.clear();
        let mark = writer.mark();
        for control in controls.iter().rev() {
            let mark = writer.mark();
            writer.element(ber::OCTET_STRING, &control.value);
            writer.element(ber::OCTET_STRING, control.oid.as_bytes());
            writer.wrap(ber::SEQUENCE, mark);
        }
        if !controls.is_empty() {
            writer.wrap(CONTROLS, mark);
        }
        operation(writer);
        writer.number(ber::INTEGER, i64::from(id));
        writer.wrap(ber::SEQUENCE, mark);
        out.extend_from_slice(writer.as_slice());
    }
}

fn result(writer: &mut Writer, outcome: &Outcome) {
    if !outcome.referral.is_empty() {
        let mark = writer.mark();
        for url in outcome.referral.iter().rev() {
            writer.element(ber::OCTET_STRING, url.as_bytes());
        }
        writer.wrap(REFERRAL, mark);
    }
    writer.element(ber::OCTET_STRING, outcome.diagnostic.as_bytes());
    writer.element(ber::OCTET_STRING, outcome.matched_dn.as_bytes());
    writer.number(ber::ENUMERATED, i64::from(outcome.code));
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::model::text;

    #[test]
    fn an_entry_is_laid_out_as_the_protocol_says() {
        let entry = Entry {
            dn: "CN=A".to_owned(),
            attributes: vec![
                ("cn".to_owned(), vec![text("A")]),
                ("mail".to_owned(), vec![text("b"), text("c")]),
                ("none".to_owned(), Vec::new()),
            ],
        };
        let mut bytes = Vec::new();
        Encoder::new().entry(&mut bytes, 2, &entry);
        let expected = concat!(
            "3032020102642d",
            "0404434e3d41",
            "3025",
            "30090402636e3103040141",
            "300e04046d61696c3106040162040163",
            "300804046e6f6e653100",
        );
        assert_eq!(hex::encode(bytes), expected);
    }

    #[test]
    fn outcomes_carry_referrals_and_controls() {
        let outcome = Outcome {
            code: 10,
            referral: vec!["ldap://a".to_owned()],
            ..Outcome::default()
        };
        let control = ResponseControl {
            oid: "1.2",
            value: vec![5],
        };
        let mut bytes = Vec::new();
        Encoder::new().outcome(&mut bytes, 1, tag::SEARCH_DONE, &outcome, &[control]);
        assert_eq!(
            hex::encode(bytes),
            "302402010165130a010a04000400a30a04086c6461703a2f2f61a00a30080403312e32040105"
        );
    }
}
