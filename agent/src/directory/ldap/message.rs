//! LDAP messages, as far as a client writes requests and reads answers (RFC 4511).

use super::ber::{self, BerError, Reader, put, put_boolean, put_bytes, put_integer};
use super::error::ResultCode;
use super::filter::Filter;

/// Most controls that are read from one answer.
pub(crate) const MAX_CONTROLS: usize = 32;
/// Most attributes that are read from one entry.
pub(crate) const MAX_ATTRIBUTES: usize = 10_000;

/// A control on a request or an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// Object identifier in dotted form.
    pub oid: String,
    /// Whether the server must refuse the request when it does not know the control.
    pub critical: bool,
    /// The control's own BER.
    pub value: Option<Vec<u8>>,
}

impl Control {
    /// A critical control.
    pub fn critical(oid: &str, value: Option<Vec<u8>>) -> Self {
        Self {
            oid: oid.to_owned(),
            critical: true,
            value,
        }
    }

    /// A control that the server may ignore.
    pub fn optional(oid: &str, value: Option<Vec<u8>>) -> Self {
        Self {
            oid: oid.to_owned(),
            critical: false,
            value,
        }
    }
}

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
}

/// The protocol operation of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Entry(Entry),
    Reference,
    Intermediate,
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

/// Tags of the answers that end an operation.
pub(crate) mod tag {
    pub(crate) const BIND: u8 = 0x61;
    pub(crate) const SEARCH_DONE: u8 = 0x65;
    pub(crate) const MODIFY: u8 = 0x67;
    pub(crate) const ADD: u8 = 0x69;
    pub(crate) const EXTENDED: u8 = 0x78;
}

const SEARCH_ENTRY: u8 = 0x64;
const SEARCH_REFERENCE: u8 = 0x73;
const INTERMEDIATE: u8 = 0x79;
const CONTROLS: u8 = 0xa0;
/// The StartTLS extended operation (RFC 4511 section 4.14).
const START_TLS_OID: &[u8] = b"1.3.6.1.4.1.1466.20037";

/// Writes a request.
pub(crate) fn encode(id: i32, request: &Request<'_>, controls: &[Control]) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    put(&mut out, ber::SEQUENCE, |out| {
        put_integer(out, ber::INTEGER, id.into());
        encode_operation(out, request);
        if !controls.is_empty() {
            put(out, CONTROLS, |out| {
                controls.iter().for_each(|control| encode_control(out, control));
            });
        }
    });
    out
}

fn encode_operation(out: &mut Vec<u8>, request: &Request<'_>) {
    match request {
        Request::Bind { name, password } => put(out, 0x60, |out| {
            put_integer(out, ber::INTEGER, 3);
            put_bytes(out, ber::OCTET_STRING, name.as_bytes());
            put_bytes(out, 0x80, password.as_bytes());
        }),
        Request::Unbind => put_bytes(out, 0x42, &[]),
        Request::Search(search) => put(out, 0x63, |out| {
            put_bytes(out, ber::OCTET_STRING, search.base.as_bytes());
            let scope = match search.scope {
                Scope::Base => 0,
                Scope::OneLevel => 1,
                Scope::Subtree => 2,
            };
            put_integer(out, ber::ENUMERATED, scope);
            put_integer(out, ber::ENUMERATED, 0); // never dereference aliases: AD has none
            put_integer(out, ber::INTEGER, 0);
            put_integer(out, ber::INTEGER, 0);
            put_boolean(out, false);
            search.filter.encode(out);
            put(out, ber::SEQUENCE, |out| {
                for attribute in &search.attributes {
                    put_bytes(out, ber::OCTET_STRING, attribute.as_bytes());
                }
            });
        }),
        Request::Modify { dn, changes } => put(out, 0x66, |out| {
            put_bytes(out, ber::OCTET_STRING, dn.as_bytes());
            put(out, ber::SEQUENCE, |out| {
                for change in *changes {
                    put(out, ber::SEQUENCE, |out| {
                        put_integer(out, ber::ENUMERATED, change.kind as i64);
                        encode_attribute(out, &change.attribute, &change.values);
                    });
                }
            });
        }),
        Request::Add { dn, attributes } => put(out, 0x68, |out| {
            put_bytes(out, ber::OCTET_STRING, dn.as_bytes());
            put(out, ber::SEQUENCE, |out| {
                for attribute in *attributes {
                    encode_attribute(out, &attribute.name, &attribute.values);
                }
            });
        }),
        Request::StartTls => put(out, 0x77, |out| put_bytes(out, 0x80, START_TLS_OID)),
    }
}

fn encode_attribute(out: &mut Vec<u8>, name: &str, values: &[Vec<u8>]) {
    put(out, ber::SEQUENCE, |out| {
        put_bytes(out, ber::OCTET_STRING, name.as_bytes());
        put(out, ber::SET, |out| {
            for value in values {
                put_bytes(out, ber::OCTET_STRING, value);
            }
        });
    });
}

fn encode_control(out: &mut Vec<u8>, control: &Control) {
    put(out, ber::SEQUENCE, |out| {
        put_bytes(out, ber::OCTET_STRING, control.oid.as_bytes());
        if control.critical {
            put_boolean(out, true);
        }
        if let Some(value) = &control.value {
            put_bytes(out, ber::OCTET_STRING, value);
        }
    });
}

/// Reads one whole answer (the frame with its outer SEQUENCE header).
pub(crate) fn decode(frame: &[u8]) -> Result<Message, BerError> {
    let mut message = Reader::new(frame).enter(ber::SEQUENCE)?;
    let id = i32::try_from(message.integer(ber::INTEGER)?).map_err(|_| BerError::Integer)?;
    let (tag, contents) = message.next()?;
    let answer = match tag {
        SEARCH_ENTRY => Answer::Entry(decode_entry(contents)?),
        SEARCH_REFERENCE => Answer::Reference,
        INTERMEDIATE => Answer::Intermediate,
        _ => Answer::Outcome(tag, decode_outcome(contents)?),
    };
    let controls = if message.peek() == Some(CONTROLS) {
        decode_controls(message.enter(CONTROLS)?)?
    } else {
        Vec::new()
    };
    Ok(Message { id, answer, controls })
}

fn decode_entry(contents: &[u8]) -> Result<Entry, BerError> {
    let mut reader = Reader::new(contents);
    let dn = reader.text(ber::OCTET_STRING)?.to_owned();
    let mut list = reader.enter(ber::SEQUENCE)?;
    let mut attributes = Vec::new();
    while !list.is_empty() && attributes.len() < MAX_ATTRIBUTES {
        let mut attribute = list.enter(ber::SEQUENCE)?;
        let name = attribute.text(ber::OCTET_STRING)?.to_owned();
        let mut set = attribute.enter(ber::SET)?;
        let mut values = Vec::new();
        while !set.is_empty() {
            values.push(set.expect(ber::OCTET_STRING)?.to_vec());
        }
        attributes.push(Attribute { name, values });
    }
    if !list.is_empty() {
        return Err(BerError::Length);
    }
    Ok(Entry { dn, attributes })
}

fn decode_outcome(contents: &[u8]) -> Result<Outcome, BerError> {
    let mut reader = Reader::new(contents);
    let code = u32::try_from(reader.integer(ber::ENUMERATED)?).map_err(|_| BerError::Integer)?;
    Ok(Outcome {
        code: ResultCode(code),
        matched_dn: reader.text(ber::OCTET_STRING)?.to_owned(),
        // Diagnostics are for people: a server that sends another encoding is still understood.
        diagnostic: String::from_utf8_lossy(reader.expect(ber::OCTET_STRING)?)
            .trim_end_matches('\0')
            .to_owned(),
    })
}

fn decode_controls(mut list: Reader<'_>) -> Result<Vec<Control>, BerError> {
    let mut controls = Vec::new();
    while !list.is_empty() {
        if controls.len() == MAX_CONTROLS {
            return Err(BerError::Length);
        }
        let mut control = list.enter(ber::SEQUENCE)?;
        let oid = control.text(ber::OCTET_STRING)?.to_owned();
        let critical = if control.peek() == Some(ber::BOOLEAN) {
            control
                .expect(ber::BOOLEAN)?
                .first()
                .is_some_and(|byte| *byte != 0)
        } else {
            false
        };
        let value = if control.is_empty() {
            None
        } else {
            Some(control.expect(ber::OCTET_STRING)?.to_vec())
        };
        controls.push(Control { oid, critical, value });
    }
    Ok(controls)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
        let hints = Control::optional(
            "1.2.840.113556.1.4.2239",
            Some(vec![0x30, 0x03, 0x02, 0x01, 0x01]),
        );
        assert_eq!(
            hex::encode(encode(5, &request, &[hints])),
            "3074020105664b041a434e3d416c6963652c44433d6c61622c44433d6578616d706c65302d302b0a01023026\
             040a756e69636f64655077643118041622004e00330077002d00500040007300730021002200a02230200417\
             312e322e3834302e3131333535362e312e342e3232333904053003020101"
                .replace(char::is_whitespace, "")
        );
    }

    #[test]
    fn a_refused_bind_is_read_with_its_diagnostic() {
        let mut frame = Vec::new();
        put(&mut frame, ber::SEQUENCE, |out| {
            put_integer(out, ber::INTEGER, 1);
            put(out, tag::BIND, |out| {
                put_integer(out, ber::ENUMERATED, 49);
                put_bytes(out, ber::OCTET_STRING, b"");
                put_bytes(out, ber::OCTET_STRING, b"80090308: data 532\0");
            });
        });
        let message = decode(&frame).unwrap();
        let Answer::Outcome(tag::BIND, outcome) = message.answer else {
            unreachable!("a bind answer")
        };
        assert_eq!(outcome.code, ResultCode::INVALID_CREDENTIALS);
        assert_eq!(outcome.diagnostic, "80090308: data 532");
    }

    #[test]
    fn too_many_controls_are_refused() {
        let answer = |count: usize| {
            let mut frame = Vec::new();
            put(&mut frame, ber::SEQUENCE, |out| {
                put_integer(out, ber::INTEGER, 1);
                put(out, tag::SEARCH_DONE, |out| {
                    put_integer(out, ber::ENUMERATED, 0);
                    put_bytes(out, ber::OCTET_STRING, b"");
                    put_bytes(out, ber::OCTET_STRING, b"");
                });
                put(out, CONTROLS, |out| {
                    (0..count).for_each(|_| encode_control(out, &Control::optional("1.2", None)));
                });
            });
            decode(&frame)
        };
        assert_eq!(answer(MAX_CONTROLS).unwrap().controls.len(), MAX_CONTROLS);
        assert_eq!(answer(MAX_CONTROLS + 1), Err(BerError::Length));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = decode(&bytes);
            let mut framed = Vec::new();
            put(&mut framed, ber::SEQUENCE, |out| {
                put_integer(out, ber::INTEGER, 1);
                put_bytes(out, SEARCH_ENTRY, &bytes);
            });
            let _ = decode(&framed);
        }
    }
}
