//! Requests as they come off the wire (RFC 4511 section 4), each part bounded before it is taken in.
//!
//! Values, assertion values and passwords stay bytes: `(objectGUID=\33\22…)` and binary attributes are
//! everyday requests to AD, so nothing here assumes that a value is text.

use provlab_protocol::ber::{self, BerError, Reader};
use provlab_protocol::ldap::{self, request};
use provlab_protocol::ldap_controls::Control;
use thiserror::Error;
use zeroize::Zeroizing;

use super::filter_codec;
use crate::filter::Filter;
use crate::model::{Attribute, Modification, ModifyOperation, Scope};

/// Most controls on one request.
pub const MAX_CONTROLS: usize = 64;
/// Most attributes in one add, or attribute names in one search.
pub const MAX_ATTRIBUTES: usize = 4_096;
/// Most values in one request, counted over its attributes.
pub const MAX_VALUES: usize = 100_000;
/// Most changes in one modify.
pub const MAX_CHANGES: usize = 4_096;
/// Longest name (DN, attribute, OID) in a request, in bytes.
pub const MAX_NAME_BYTES: usize = 32 * 1_024;

/// Why a request cannot be understood.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum DecodeError {
    /// Not the BER that the protocol has at this place.
    #[error("{what}: {source}")]
    Ber {
        /// The part of the request.
        what: &'static str,
        /// What is wrong with it.
        source: BerError,
    },
    /// More of something than this server takes in.
    #[error("{what}: more than {limit} are not accepted in one request")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The most that is accepted.
        limit: usize,
    },
    /// A name that is not UTF-8.
    #[error("{0} is not UTF-8")]
    NotText(&'static str),
    /// A message id outside 0 to 2147483647, or 0 on a request.
    #[error("message id {0} is not between 1 and 2147483647")]
    MessageId(i64),
    /// An operation that no LDAP client sends.
    #[error("{0:#04x} is no request")]
    Operation(u8),
    /// A value outside an enumeration.
    #[error("{what} cannot be {value}")]
    Choice {
        /// The field.
        what: &'static str,
        /// The value it has.
        value: i64,
    },
}

/// Names the part of the request in which BER went wrong.
pub(crate) trait Within<T> {
    fn within(self, what: &'static str) -> Result<T, DecodeError>;
}

impl<T> Within<T> for Result<T, BerError> {
    fn within(self, what: &'static str) -> Result<T, DecodeError> {
        self.map_err(|source| DecodeError::Ber { what, source })
    }
}

/// One request.
#[derive(PartialEq)]
pub struct Message {
    /// The number that its answers carry.
    pub id: i32,
    /// What is asked for.
    pub operation: Operation,
    /// What modifies it.
    pub controls: Vec<Control>,
}

/// How a bind proves who it is.
#[derive(PartialEq, Eq)]
pub enum Credentials {
    /// A password in the clear of its transport.
    Simple(Zeroizing<Vec<u8>>),
    /// A SASL mechanism, by name.
    Sasl(String),
    /// A choice this server does not know, such as Windows' Sicily.
    Unknown(u8),
}

/// What is asked for. Adds and modifies may carry passwords, so nothing here can be printed.
#[derive(PartialEq)]
pub enum Operation {
    /// Become somebody.
    Bind {
        /// Protocol version; 3 alone is served.
        version: i64,
        /// The name, in any of the forms of PR 16.3.
        name: String,
        /// The proof.
        credentials: Credentials,
    },
    /// Close the connection.
    Unbind,
    /// Read entries.
    Search {
        /// Where to begin.
        base: String,
        /// How far to go.
        scope: Scope,
        /// Most entries to return; 0 for no limit by the client.
        size_limit: u32,
        /// Whether values are left out.
        types_only: bool,
        /// Which entries.
        filter: Filter,
        /// Which attributes; empty for all ordinary ones.
        attributes: Vec<String>,
    },
    /// Change one entry.
    Modify {
        /// Its name.
        dn: String,
        /// The changes, in order.
        changes: Vec<Modification>,
    },
    /// Create one entry.
    Add {
        /// Its name.
        dn: String,
        /// What it begins with.
        attributes: Vec<Attribute>,
    },
    /// Delete one entry.
    Delete {
        /// Its name.
        dn: String,
    },
    /// Rename or move one entry.
    ModifyDn {
        /// Its name.
        dn: String,
        /// Its new first component.
        new_rdn: String,
        /// Whether the old naming value goes.
        delete_old: bool,
        /// Its new parent, if it moves.
        new_superior: Option<String>,
    },
    /// Ask whether an entry has a value.
    Compare {
        /// Its name.
        dn: String,
        /// The attribute.
        attribute: String,
        /// The value.
        value: Vec<u8>,
    },
    /// Give up an earlier request.
    Abandon {
        /// Its message id.
        id: i64,
    },
    /// An extended operation.
    Extended {
        /// Which one.
        oid: String,
        /// Its value.
        value: Option<Vec<u8>>,
    },
}

/// Decodes one whole message.
///
/// # Errors
/// [`DecodeError`] names the part that is malformed or too large; the connection cannot go on after it,
/// since nothing is known of what the client meant.
pub fn decode(bytes: &[u8]) -> Result<Message, DecodeError> {
    let mut outer = Reader::new(bytes);
    let mut message = outer.sequence().within("message")?;
    outer.finish().within("message")?;
    let id = message.integer().within("message id")?;
    let id = i32::try_from(id)
        .ok()
        .filter(|id| *id > 0)
        .ok_or(DecodeError::MessageId(id))?;
    let (tag, contents) = message.element().within("operation")?;
    let operation = operation(tag, contents)?;
    let controls = ldap::read_controls(&mut message, MAX_CONTROLS).within("controls")?;
    message.finish().within("message")?;
    Ok(Message {
        id,
        operation,
        controls,
    })
}

fn operation(tag: u8, contents: &[u8]) -> Result<Operation, DecodeError> {
    let body = Reader::new(contents);
    match tag {
        request::BIND => bind(body),
        request::UNBIND => Ok(Operation::Unbind),
        request::SEARCH => search(body),
        request::MODIFY => modify(body),
        request::ADD => add(body),
        request::DELETE => Ok(Operation::Delete {
            dn: text(contents, "name to delete")?,
        }),
        request::MODIFY_DN => modify_dn(body),
        request::COMPARE => compare(body),
        request::ABANDON => Ok(Operation::Abandon {
            id: ber::number(contents).within("abandon")?,
        }),
        request::EXTENDED => extended(body),
        other => Err(DecodeError::Operation(other)),
    }
}

fn bind(mut body: Reader<'_>) -> Result<Operation, DecodeError> {
    let version = body.integer().within("bind version")?;
    let name = name(&mut body, "bind name")?;
    let (tag, contents) = body.element().within("bind credentials")?;
    let credentials = match tag {
        ldap::SIMPLE => Credentials::Simple(Zeroizing::new(contents.to_vec())),
        0xa3 => {
            let mut sasl = Reader::new(contents);
            Credentials::Sasl(self::name(&mut sasl, "SASL mechanism")?)
        }
        other => Credentials::Unknown(other),
    };
    body.finish().within("bind")?;
    Ok(Operation::Bind {
        version,
        name,
        credentials,
    })
}

fn search(mut body: Reader<'_>) -> Result<Operation, DecodeError> {
    let base = name(&mut body, "search base")?;
    let scope = match body.enumerated().within("search scope")? {
        0 => Scope::Base,
        1 => Scope::OneLevel,
        2 => Scope::Subtree,
        value => {
            return Err(DecodeError::Choice {
                what: "search scope",
                value,
            });
        }
    };
    body.enumerated().within("alias dereferencing")?;
    let size_limit = limit(&mut body, "size limit")?;
    limit(&mut body, "time limit")?;
    let types_only = body.boolean().within("typesOnly")?;
    let filter = filter_codec::decode(&mut body)?;
    let mut names = body.sequence().within("attribute selection")?;
    let mut attributes = Vec::new();
    while !names.is_empty() {
        bounded(attributes.len(), MAX_ATTRIBUTES, "selected attributes")?;
        attributes.push(name(&mut names, "selected attribute")?);
    }
    body.finish().within("search")?;
    Ok(Operation::Search {
        base,
        scope,
        size_limit,
        types_only,
        filter,
        attributes,
    })
}

fn modify(mut body: Reader<'_>) -> Result<Operation, DecodeError> {
    let dn = name(&mut body, "name to modify")?;
    let mut list = body.sequence().within("changes")?;
    let mut changes = Vec::new();
    let mut room = MAX_VALUES;
    while !list.is_empty() {
        bounded(changes.len(), MAX_CHANGES, "changes")?;
        let mut change = list.sequence().within("change")?;
        let operation = match change.enumerated().within("change")? {
            0 => ModifyOperation::Add,
            1 => ModifyOperation::Delete,
            2 => ModifyOperation::Replace,
            value => {
                return Err(DecodeError::Choice {
                    what: "change",
                    value,
                });
            }
        };
        let attribute = attribute(&mut change, &mut room)?;
        change.finish().within("change")?;
        changes.push(Modification { operation, attribute });
    }
    body.finish().within("modify")?;
    Ok(Operation::Modify { dn, changes })
}

fn add(mut body: Reader<'_>) -> Result<Operation, DecodeError> {
    let dn = name(&mut body, "name to add")?;
    let mut list = body.sequence().within("attributes")?;
    let mut attributes = Vec::new();
    let mut room = MAX_VALUES;
    while !list.is_empty() {
        bounded(attributes.len(), MAX_ATTRIBUTES, "attributes")?;
        attributes.push(attribute(&mut list, &mut room)?);
    }
    body.finish().within("add")?;
    Ok(Operation::Add { dn, attributes })
}

fn modify_dn(mut body: Reader<'_>) -> Result<Operation, DecodeError> {
    let dn = name(&mut body, "name to rename")?;
    let new_rdn = name(&mut body, "new name")?;
    let delete_old = body.boolean().within("deleteOldRDN")?;
    let new_superior = body
        .optional(0x80)
        .within("new parent")?
        .map(|bytes| text(bytes, "new parent"))
        .transpose()?;
    body.finish().within("rename")?;
    Ok(Operation::ModifyDn {
        dn,
        new_rdn,
        delete_old,
        new_superior,
    })
}

fn compare(mut body: Reader<'_>) -> Result<Operation, DecodeError> {
    let dn = name(&mut body, "name to compare")?;
    let mut assertion = body.sequence().within("assertion")?;
    let attribute = name(&mut assertion, "compared attribute")?;
    let value = assertion.octets().within("compared value")?.to_vec();
    assertion.finish().within("assertion")?;
    body.finish().within("compare")?;
    Ok(Operation::Compare { dn, attribute, value })
}

fn extended(mut body: Reader<'_>) -> Result<Operation, DecodeError> {
    let oid = text(
        body.expect(0x80).within("extended operation")?,
        "extended operation",
    )?;
    let value = body.optional(0x81).within("extended value")?.map(<[u8]>::to_vec);
    body.finish().within("extended operation")?;
    Ok(Operation::Extended { oid, value })
}

fn attribute(list: &mut Reader<'_>, room: &mut usize) -> Result<Attribute, DecodeError> {
    let mut body = list.sequence().within("attribute")?;
    let name = name(&mut body, "attribute")?;
    let mut set = body.nested(ber::SET).within("values")?;
    let mut values = Vec::new();
    while !set.is_empty() {
        *room = room.checked_sub(1).ok_or(DecodeError::TooMany {
            what: "values",
            limit: MAX_VALUES,
        })?;
        values.push(set.octets().within("value")?.to_vec());
    }
    body.finish().within("attribute")?;
    Ok(Attribute { name, values })
}

pub(crate) fn bounded(have: usize, limit: usize, what: &'static str) -> Result<(), DecodeError> {
    if have < limit {
        Ok(())
    } else {
        Err(DecodeError::TooMany { what, limit })
    }
}

pub(crate) fn name(body: &mut Reader<'_>, what: &'static str) -> Result<String, DecodeError> {
    text(body.octets().within(what)?, what)
}

pub(crate) fn text(bytes: &[u8], what: &'static str) -> Result<String, DecodeError> {
    if bytes.len() > MAX_NAME_BYTES {
        return Err(DecodeError::TooMany {
            what,
            limit: MAX_NAME_BYTES,
        });
    }
    std::str::from_utf8(bytes)
        .map(str::to_owned)
        .map_err(|_| DecodeError::NotText(what))
}

fn limit(body: &mut Reader<'_>, what: &'static str) -> Result<u32, DecodeError> {
    let value = body.integer().within(what)?;
    u32::try_from(value)
        .ok()
        .filter(|limit| *limit <= i32::MAX as u32)
        .ok_or(DecodeError::Choice { what, value })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use proptest::prelude::*;
    use provlab_protocol::ber::Writer;
    use provlab_protocol::unicode_pwd;

    use super::*;
    use crate::filter::{MAX_FILTER_DEPTH, MAX_FILTER_TERMS};
    use crate::testing::ldap_request as message;

    fn search_with_filter(filter: impl FnOnce(&mut Writer)) -> Vec<u8> {
        message(request::SEARCH, |writer| {
            writer.element(ber::SEQUENCE, &[]);
            filter(writer);
            writer.boolean(false);
            writer.integer(0);
            writer.integer(0);
            writer.enumerated(0);
            writer.enumerated(2);
            writer.octets(b"DC=contoso,DC=com");
        })
    }

    fn filter_of(bytes: &[u8]) -> Filter {
        match decode(bytes).unwrap().operation {
            Operation::Search { filter, .. } => filter,
            _ => panic!("not a search"),
        }
    }

    #[test]
    fn the_reference_password_reset_is_read() {
        let bytes = hex::decode(
            "3074020105664b041a434e3d416c6963652c44433d6c61622c44433d6578616d706c65302d302b0a01023026\
             040a756e69636f64655077643118041622004e00330077002d00500040007300730021002200a02230200417\
             312e322e3834302e3131333535362e312e342e3232333904053003020101",
        )
        .unwrap();
        let Message {
            id,
            operation,
            controls,
        } = decode(&bytes).unwrap();
        assert_eq!(id, 5);
        assert_eq!(controls.len(), 1);
        assert_eq!(controls[0].oid, "1.2.840.113556.1.4.2239");
        assert!(!controls[0].critical);
        let Operation::Modify { dn, changes } = operation else {
            panic!("not a modify")
        };
        assert_eq!(dn, "CN=Alice,DC=lab,DC=example");
        assert_eq!(changes.len(), 1);
        assert_eq!(changes[0].operation, ModifyOperation::Replace);
        assert_eq!(
            changes[0].attribute.values,
            [unicode_pwd::encode("N3w-P@ss!").to_vec()]
        );
    }

    #[test]
    fn the_reference_password_change_is_read() {
        let bytes = hex::decode(
            "307d0201066678041a434e3d416c6963652c44433d6c61622c44433d6578616d706c65305a302b0a01013026\
             040a756e69636f64655077643118041622004f006c0064002d00500040007300730031002200302b0a010030\
             26040a756e69636f64655077643118041622004e00330077002d00500040007300730021002200",
        )
        .unwrap();
        let Operation::Modify { changes, .. } = decode(&bytes).unwrap().operation else {
            panic!("not a modify")
        };
        let kinds: Vec<_> = changes.iter().map(|change| change.operation).collect();
        assert_eq!(kinds, [ModifyOperation::Delete, ModifyOperation::Add]);
    }

    #[test]
    fn filter_values_are_bytes() {
        let guid = [0x33, 0x22, 0x11, 0xff, 0x00, 0xfe];
        let bytes = search_with_filter(|writer| {
            let mark = writer.mark();
            writer.octets(&guid);
            writer.octets(b"objectGUID");
            writer.wrap(0xa3, mark);
        });
        assert_eq!(
            filter_of(&bytes),
            Filter::Equality {
                attribute: "objectGUID".to_owned(),
                value: guid.to_vec()
            }
        );
    }

    #[test]
    fn filters_are_bounded_in_depth() {
        let nested = |depth: usize| {
            search_with_filter(|writer| {
                let mark = writer.mark();
                writer.element(0x87, b"cn");
                (1..depth).for_each(|_| writer.wrap(0xa2, mark));
            })
        };
        assert!(decode(&nested(MAX_FILTER_DEPTH)).is_ok());
        assert!(matches!(
            decode(&nested(MAX_FILTER_DEPTH + 1)),
            Err(DecodeError::TooMany {
                limit: MAX_FILTER_DEPTH,
                ..
            })
        ));
    }

    #[test]
    fn filters_are_bounded_in_terms() {
        let wide = |terms: usize| {
            search_with_filter(|writer| {
                let mark = writer.mark();
                (1..terms).for_each(|_| writer.element(0x87, b"cn"));
                writer.wrap(0xa1, mark);
            })
        };
        assert!(decode(&wide(MAX_FILTER_TERMS)).is_ok());
        assert!(decode(&wide(MAX_FILTER_TERMS + 1)).is_err());
    }

    #[test]
    fn values_controls_and_names_are_bounded() {
        let modify = |values: usize| {
            message(request::MODIFY, |writer| {
                let list = writer.mark();
                (0..values).for_each(|_| writer.octets(b""));
                writer.wrap(ber::SET, list);
                writer.octets(b"member");
                writer.wrap(ber::SEQUENCE, list);
                writer.enumerated(0);
                writer.wrap(ber::SEQUENCE, list);
                writer.wrap(ber::SEQUENCE, list);
                writer.octets(b"CN=G,DC=contoso,DC=com");
            })
        };
        assert!(decode(&modify(MAX_VALUES)).is_ok());
        assert!(decode(&modify(MAX_VALUES + 1)).is_err());

        let delete = |length: usize| {
            let mut writer = Writer::new();
            let name = "x".repeat(length);
            ldap::write_message(&mut writer, 1, &[], |out| {
                out.element(request::DELETE, name.as_bytes());
            });
            writer.as_slice().to_vec()
        };
        assert!(decode(&delete(MAX_NAME_BYTES)).is_ok());
        assert!(decode(&delete(MAX_NAME_BYTES + 1)).is_err());

        let with_controls = |count: usize| {
            let controls = vec![Control::new("1.2.3", false); count];
            let mut writer = Writer::new();
            ldap::write_message(&mut writer, 1, &controls, |out| {
                out.element(request::UNBIND, &[]);
            });
            writer.as_slice().to_vec()
        };
        assert!(decode(&with_controls(MAX_CONTROLS)).is_ok());
        assert!(decode(&with_controls(MAX_CONTROLS + 1)).is_err());
    }

    #[test]
    fn message_ids_are_positive() {
        for (bytes, good) in [
            ("30050201014200", true),
            ("30050201004200", false),
            ("30050201ff4200", false),
            ("300802047fffffff4200", true),
            ("30090205008000000042 00", false),
        ] {
            let bytes = hex::decode(bytes.replace(' ', "")).unwrap();
            assert_eq!(decode(&bytes).is_ok(), good, "{bytes:02x?}");
        }
    }

    #[test]
    fn bind_credentials_are_kept_as_they_are() {
        let bytes = message(request::BIND, |writer| {
            writer.element(0x80, &[0xff, 0x00, 0x41]);
            writer.octets(b"CONTOSO\\alice");
            writer.integer(3);
        });
        let Operation::Bind {
            version,
            name,
            credentials: Credentials::Simple(password),
        } = decode(&bytes).unwrap().operation
        else {
            panic!("not a simple bind")
        };
        assert_eq!((version, name.as_str()), (3, "CONTOSO\\alice"));
        assert_eq!(password.as_slice(), [0xff, 0x00, 0x41]);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
        }

        #[test]
        fn damaged_requests_are_survived(at in 0_usize..118, bit in 0_u8..8) {
            let mut bytes = hex::decode(
                "3074020105664b041a434e3d416c6963652c44433d6c61622c44433d6578616d706c65302d302b0a01023026\
                 040a756e69636f64655077643118041622004e00330077002d00500040007300730021002200a02230200417\
                 312e322e3834302e3131333535362e312e342e3232333904053003020101",
            ).unwrap();
            bytes[at] ^= 1 << bit;
            let _ = decode(&bytes);
            let _ = decode(&bytes[..at]);
        }
    }
}
