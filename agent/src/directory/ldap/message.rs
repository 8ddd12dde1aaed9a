//! LDAP messages, as far as a client writes requests and reads answers (RFC 4511).

use provlab_protocol::ber::{self, BerError, Reader, Writer};
use provlab_protocol::ldap::{self, answer, request};
use provlab_protocol::ldap_controls::Control;

use super::error::ResultCode;
use super::filter::Filter;

/// Most controls that are read from one answer.
pub(crate) const MAX_CONTROLS: usize = 32;
/// Most attributes that are read from one entry.
pub(crate) const MAX_ATTRIBUTES: usize = 10_000;

/// Which part of the tree a search covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The base object alone.
    Base,
    /// Its children.
    OneLevel,
    /// The base and everything below.
    Subtree,
}

/// A search request.
#[derive(Debug, Clone)]
pub struct Search {
    /// Where to start, a DN or AD's `<GUID=…>`/`<WKGUID=…>` forms.
    pub base: String,
    /// How far.
    pub scope: Scope,
    /// Which objects.
    pub filter: Filter,
    /// Which attributes; empty asks for all user attributes.
    pub attributes: Vec<String>,
}

/// One change of a modify request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What to do.
    pub kind: ChangeKind,
    /// Which attribute.
    pub attribute: String,
    /// With which values.
    pub values: Vec<Vec<u8>>,
}

/// Operation codes of a modify (PR 16.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// Add values.
    Add = 0,
    /// Remove values.
    Delete = 1,
    /// Replace all values.
    Replace = 2,
}

/// A request that is sent to the server.
pub(crate) enum Request<'a> {
    Bind {
        name: &'a str,
        password: &'a str,
    },
    /// SASL bind.
    Negotiate {
        mechanism: &'a str,
        token: &'a [u8],
    },
    Unbind,
    Search(&'a Search),
    Modify {
        dn: &'a str,
        changes: &'a [Change],
    },
    Add {
        dn: &'a str,
        attributes: &'a [Attribute],
    },
    Delete {
        dn: &'a str,
    },
    /// Renames an object, and moves it where a new superior is named. The old name is always dropped.
    ModifyDn {
        dn: &'a str,
        new_rdn: &'a str,
        new_superior: Option<&'a str>,
    },
    StartTls,
}

/// An attribute with its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Name with options, e.g. `member;range=1-1`.
    pub name: String,
    /// Values as they came.
    pub values: Vec<Vec<u8>>,
}

impl Attribute {
    /// An attribute of text values.
    pub fn text(name: &str, values: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            values: values.iter().map(|value| value.as_bytes().to_vec()).collect(),
        }
    }

    /// An attribute of one binary value.
    pub fn binary(name: &str, value: Vec<u8>) -> Self {
        Self {
            name: name.to_owned(),
            values: vec![value],
        }
    }
}

/// An object that a search found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub dn: String,
    /// Its attributes in the server's order.
    pub attributes: Vec<Attribute>,
}

impl Entry {
    /// The values of an attribute, by its name without regard to case; empty when it is absent.
    pub fn values(&self, name: &str) -> &[Vec<u8>] {
        self.attributes
            .iter()
            .find(|attribute| attribute.name.eq_ignore_ascii_case(name))
            .map_or(&[], |attribute| &attribute.values)
    }

    /// The first value of an attribute.
    pub fn first(&self, name: &str) -> Option<&[u8]> {
        self.values(name).first().map(Vec::as_slice)
    }

    /// The first value of an attribute as text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.first(name).and_then(|value| std::str::from_utf8(value).ok())
    }
}

/// The common part of every answer that ends an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) code: ResultCode,
    pub(crate) matched_dn: String,
    pub(crate) diagnostic: String,
    /// `serverSaslCreds` of a bind; empty otherwise.
    pub(crate) server_credentials: Vec<u8>,
}

/// A message between the entries of a search (RFC 4511 section 4.13).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Intermediate {
    /// Which, an OID in text form; empty when the server does not say.
    pub name: String,
    /// Its own value.
    pub value: Vec<u8>,
}

/// The protocol operation of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Entry(Entry),
    Reference,
    Intermediate(Intermediate),
    /// Bind, search done, modify, add, extended: anything that ends an operation; the tag tells which.
    Outcome(u8, Outcome),
}

/// An answer with its envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) id: i32,
    pub(crate) answer: Answer,
    pub(crate) controls: Vec<Control>,
}

/// `[3] sasl` of a bind's credentials.
const SASL: u8 = 0xa3;
/// `[3] referral` of an outcome.
const REFERRAL: u8 = 0xa3;
/// `[7] serverSaslCreds` of a bind's answer.
const SERVER_SASL_CREDENTIALS: u8 = 0x87;

/// The StartTLS extended operation (RFC 4511 section 4.14).
const START_TLS_OID: &[u8] = b"1.3.6.1.4.1.1466.20037";

/// `[0] newSuperior` of a modify DN request.
const NEW_SUPERIOR: u8 = 0x80;
/// `[0] requestName` of an extended request.
const REQUEST_NAME: u8 = 0x80;
/// `[0] responseName` of an intermediate response.
const RESPONSE_NAME: u8 = 0x80;
/// `[1] responseValue` of an intermediate response.
const RESPONSE_VALUE: u8 = 0x81;

/// Writes a request.
pub(crate) fn encode(id: i32, request: &Request<'_>, controls: &[Control]) -> Vec<u8> {
    let mut writer = Writer::new();
    ldap::write_message(&mut writer, id, controls, |out| encode_operation(out, request));
    writer.as_slice().to_vec()
}

/// Like everything that goes through a [`Writer`], the last field comes first.
fn encode_operation(out: &mut Writer, request: &Request<'_>) {
    match request {
        Request::Bind { name, password } => out.constructed(request::BIND, |out| {
            out.element(ldap::SIMPLE, password.as_bytes());
            out.octets(name.as_bytes());
            out.integer(3);
        }),
        Request::Negotiate { mechanism, token } => out.constructed(request::BIND, |out| {
            out.constructed(SASL, |out| {
                out.octets(token);
                out.octets(mechanism.as_bytes());
            });
            out.octets(b""); // the token tells who it is
            out.integer(3);
        }),
        Request::Unbind => out.element(request::UNBIND, &[]),
        Request::Search(search) => out.constructed(request::SEARCH, |out| {
            out.constructed(ber::SEQUENCE, |out| {
                for attribute in search.attributes.iter().rev() {
                    out.octets(attribute.as_bytes());
                }
            });
            search.filter.encode(out);
            out.boolean(false); // values too, not only types
            out.integer(0); // no time limit
            out.integer(0); // no size limit
            out.enumerated(0); // never dereference aliases: AD has none
            out.enumerated(match search.scope {
                Scope::Base => 0,
                Scope::OneLevel => 1,
                Scope::Subtree => 2,
            });
            out.octets(search.base.as_bytes());
        }),
        Request::Modify { dn, changes } => out.constructed(request::MODIFY, |out| {
            out.constructed(ber::SEQUENCE, |out| {
                for change in changes.iter().rev() {
                    out.constructed(ber::SEQUENCE, |out| {
                        encode_attribute(out, &change.attribute, &change.values);
                        out.enumerated(change.kind as i64);
                    });
                }
            });
            out.octets(dn.as_bytes());
        }),
        Request::Add { dn, attributes } => out.constructed(request::ADD, |out| {
            out.constructed(ber::SEQUENCE, |out| {
                for attribute in attributes.iter().rev() {
                    encode_attribute(out, &attribute.name, &attribute.values);
                }
            });
            out.octets(dn.as_bytes());
        }),
        Request::Delete { dn } => out.element(request::DELETE, dn.as_bytes()),
        Request::ModifyDn {
            dn,
            new_rdn,
            new_superior,
        } => out.constructed(request::MODIFY_DN, |out| {
            if let Some(superior) = new_superior {
                out.element(NEW_SUPERIOR, superior.as_bytes());
            }
            out.boolean(true); // delete the old name
            out.octets(new_rdn.as_bytes());
            out.octets(dn.as_bytes());
        }),
        Request::StartTls => out.constructed(request::EXTENDED, |out| {
            out.element(REQUEST_NAME, START_TLS_OID);
        }),
    }
}

fn encode_attribute(out: &mut Writer, name: &str, values: &[Vec<u8>]) {
    out.constructed(ber::SEQUENCE, |out| {
        out.constructed(ber::SET, |out| {
            values.iter().rev().for_each(|value| out.octets(value));
        });
        out.octets(name.as_bytes());
    });
}

/// Reads one whole answer (the frame with its outer SEQUENCE header).
pub(crate) fn decode(frame: &[u8]) -> Result<Message, BerError> {
    let mut message = Reader::new(frame).sequence()?;
    let id = i32::try_from(message.integer()?).map_err(|_| BerError::Number)?;
    let (tag, contents) = message.element()?;
    let answer = match tag {
        answer::SEARCH_ENTRY => Answer::Entry(decode_entry(contents)?),
        answer::SEARCH_REFERENCE => Answer::Reference,
        answer::INTERMEDIATE => Answer::Intermediate(decode_intermediate(contents)?),
        _ => Answer::Outcome(tag, decode_outcome(contents)?),
    };
    let controls = ldap::read_controls(&mut message, MAX_CONTROLS)?;
    Ok(Message { id, answer, controls })
}

fn decode_entry(contents: &[u8]) -> Result<Entry, BerError> {
    let mut reader = Reader::new(contents);
    let dn = reader.text()?.to_owned();
    let mut list = reader.sequence()?;
    let mut attributes = Vec::new();
    while !list.is_empty() {
        if attributes.len() == MAX_ATTRIBUTES {
            return Err(BerError::TooMany {
                limit: MAX_ATTRIBUTES,
            });
        }
        let mut attribute = list.sequence()?;
        let name = attribute.text()?.to_owned();
        let mut set = attribute.nested(ber::SET)?;
        let mut values = Vec::new();
        while !set.is_empty() {
            values.push(set.octets()?.to_vec());
        }
        attributes.push(Attribute { name, values });
    }
    Ok(Entry { dn, attributes })
}

fn decode_intermediate(contents: &[u8]) -> Result<Intermediate, BerError> {
    let mut reader = Reader::new(contents);
    let name = reader.optional(RESPONSE_NAME)?.unwrap_or_default();
    let value = reader.optional(RESPONSE_VALUE)?.unwrap_or_default();
    Ok(Intermediate {
        name: std::str::from_utf8(name).map_err(|_| BerError::Text)?.to_owned(),
        value: value.to_vec(),
    })
}

fn decode_outcome(contents: &[u8]) -> Result<Outcome, BerError> {
    let mut reader = Reader::new(contents);
    let code = u32::try_from(reader.enumerated()?).map_err(|_| BerError::Number)?;
    let matched_dn = reader.text()?.to_owned();
    // Diagnostics are for people: a server that sends another encoding is still understood.
    let diagnostic = String::from_utf8_lossy(reader.octets()?)
        .trim_end_matches('\0')
        .to_owned();
    reader.optional(REFERRAL)?;
    let server_credentials = reader.optional(SERVER_SASL_CREDENTIALS)?.unwrap_or_default();
    Ok(Outcome {
        code: ResultCode(code),
        matched_dn,
        diagnostic,
        server_credentials: server_credentials.to_vec(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;
    use provlab_protocol::ldap_controls::PolicyHints;
    use provlab_protocol::oid;

    use super::*;

    /// An answer that is nothing but its outcome.
    fn outcome(tag: u8, code: i64, diagnostic: &[u8], controls: &[Control]) -> Vec<u8> {
        let mut writer = Writer::new();
        ldap::write_message(&mut writer, 1, controls, |out| {
            out.constructed(tag, |out| {
                out.octets(diagnostic);
                out.octets(b"");
                out.enumerated(code);
            });
        });
        writer.as_slice().to_vec()
    }

    /// An entry of this many attributes.
    fn entry(attributes: usize) -> Vec<u8> {
        let mut writer = Writer::new();
        ldap::write_message(&mut writer, 1, &[], |out| {
            out.constructed(answer::SEARCH_ENTRY, |out| {
                out.constructed(ber::SEQUENCE, |out| {
                    (0..attributes).for_each(|_| encode_attribute(out, "cn", &[b"a".to_vec()]));
                });
                out.octets(b"CN=a");
            });
        });
        writer.as_slice().to_vec()
    }

    #[test]
    fn a_password_reset_has_the_bytes_of_the_reference() {
        // PR 16.1: reset with policy hints, message id 5.
        let changes = [Change {
            kind: ChangeKind::Replace,
            attribute: "unicodePwd".to_owned(),
            values: vec![hex::decode("22004e00330077002d00500040007300730021002200").unwrap()],
        }];
        let request = Request::Modify {
            dn: "CN=Alice,DC=lab,DC=example",
            changes: &changes,
        };
        let hints = Control::new(oid::control::POLICY_HINTS, false)
            .with_value(PolicyHints::ENFORCE_HISTORY.to_value());
        assert_eq!(
            hex::encode(encode(5, &request, &[hints])),
            "3074020105664b041a434e3d416c6963652c44433d6c61622c44433d6578616d706c65302d302b0a01023026\
             040a756e69636f64655077643118041622004e00330077002d00500040007300730021002200a02230200417\
             312e322e3834302e3131333535362e312e342e3232333904053003020101"
                .replace(char::is_whitespace, "")
        );
    }

    #[test]
    fn renames_and_deletions_are_laid_out_as_rfc_4511_demands() {
        let rename = |new_superior| Request::ModifyDn {
            dn: "CN=a",
            new_rdn: "CN=b",
            new_superior,
        };
        let written = |request: &Request<'_>| hex::encode(encode(1, request, &[]));
        assert_eq!(
            written(&Request::Delete { dn: "CN=a" }),
            "3009020101 4a04434e3d61".replace(' ', "")
        );
        assert_eq!(
            written(&rename(None)),
            "3014020101 6c0f 0404434e3d61 0404434e3d62 0101ff".replace(' ', "")
        );
        assert_eq!(
            written(&rename(Some("DC=c"))),
            "301a020101 6c15 0404434e3d61 0404434e3d62 0101ff 800444433d63".replace(' ', "")
        );
    }

    #[test]
    fn a_refused_bind_is_read_with_its_diagnostic() {
        let message = decode(&outcome(answer::BIND, 49, b"80090308: data 532\0", &[])).unwrap();
        let Answer::Outcome(answer::BIND, outcome) = message.answer else {
            unreachable!("a bind answer")
        };
        assert_eq!(outcome.code, ResultCode::INVALID_CREDENTIALS);
        assert_eq!(outcome.diagnostic, "80090308: data 532");
    }

    #[test]
    fn too_many_controls_are_refused() {
        let answer = |count: usize| {
            let controls = vec![Control::new("1.2", false); count];
            decode(&outcome(answer::SEARCH_DONE, 0, b"", &controls))
        };
        assert_eq!(answer(MAX_CONTROLS).unwrap().controls.len(), MAX_CONTROLS);
        let limit = MAX_CONTROLS;
        assert_eq!(answer(MAX_CONTROLS + 1), Err(BerError::TooMany { limit }));
    }

    #[test]
    fn too_many_attributes_are_refused() {
        let Answer::Entry(most) = decode(&entry(MAX_ATTRIBUTES)).unwrap().answer else {
            unreachable!("an entry")
        };
        assert_eq!(most.attributes.len(), MAX_ATTRIBUTES);
        let limit = MAX_ATTRIBUTES;
        assert_eq!(
            decode(&entry(MAX_ATTRIBUTES + 1)),
            Err(BerError::TooMany { limit })
        );
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = decode(&bytes);
            let mut writer = Writer::new();
            ldap::write_message(&mut writer, 1, &[], |out| out.element(answer::SEARCH_ENTRY, &bytes));
            let _ = decode(writer.as_slice());
        }
    }
}
