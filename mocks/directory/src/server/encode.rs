//! Answers as they go onto the wire (RFC 4511 section 4).

use provlab_protocol::ber::{self, Writer};
use provlab_protocol::ldap::{answer, write_message};
use provlab_protocol::ldap_controls::Control;

use crate::model::{Entry, LdapError};

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
        controls: &[Control],
    ) {
        self.message(out, id, controls, |writer| {
            writer.constructed(tag, |writer| result(writer, outcome));
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
            writer.constructed(answer::EXTENDED, |writer| {
                if let Some(value) = value {
                    writer.element(RESPONSE_VALUE, value);
                }
                if let Some(name) = name {
                    writer.element(RESPONSE_NAME, name.as_bytes());
                }
                result(writer, outcome);
            });
        });
    }

    /// One entry of a search.
    pub(crate) fn entry(&mut self, out: &mut Vec<u8>, id: i32, entry: &Entry) {
        self.message(out, id, &[], |writer| {
            writer.constructed(answer::SEARCH_ENTRY, |writer| {
                writer.constructed(ber::SEQUENCE, |writer| {
                    for (name, values) in entry.attributes.iter().rev() {
                        writer.constructed(ber::SEQUENCE, |writer| {
                            writer.constructed(ber::SET, |writer| {
                                values.iter().rev().for_each(|value| writer.octets(value));
                            });
                            writer.octets(name.as_bytes());
                        });
                    }
                });
                writer.octets(entry.dn.as_bytes());
            });
        });
    }

    /// A continuation of a search in another naming context.
    pub(crate) fn reference(&mut self, out: &mut Vec<u8>, id: i32, urls: &[String]) {
        self.message(out, id, &[], |writer| {
            writer.constructed(answer::SEARCH_REFERENCE, |writer| texts(writer, urls));
        });
    }

    fn message(
        &mut self,
        out: &mut Vec<u8>,
        id: i32,
        controls: &[Control],
        operation: impl FnOnce(&mut Writer),
    ) {
        self.writer.clear();
        write_message(&mut self.writer, id, controls, operation);
        out.extend_from_slice(self.writer.as_slice());
    }
}

fn result(writer: &mut Writer, outcome: &Outcome) {
    if !outcome.referral.is_empty() {
        writer.constructed(REFERRAL, |writer| texts(writer, &outcome.referral));
    }
    writer.octets(outcome.diagnostic.as_bytes());
    writer.octets(outcome.matched_dn.as_bytes());
    writer.enumerated(i64::from(outcome.code));
}

fn texts(writer: &mut Writer, texts: &[String]) {
    for text in texts.iter().rev() {
        writer.octets(text.as_bytes());
    }
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
        let control = Control::new("1.2", false).with_value(vec![5]);
        let mut bytes = Vec::new();
        Encoder::new().outcome(&mut bytes, 1, answer::SEARCH_DONE, &outcome, &[control]);
        assert_eq!(
            hex::encode(bytes),
            "302402010165130a010a04000400a30a04086c6461703a2f2f61a00a30080403312e32040105"
        );
    }
}
