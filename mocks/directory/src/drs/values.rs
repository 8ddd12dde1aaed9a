//! Attribute values as replication carries them (PR 13.7): numbers as numbers, text as UTF-16, names of objects as DSNAMEs.

use provlab_protocol::drsuapi::DsName;
use provlab_protocol::filetime::FileTime;

use super::prefixes::Numbers;
use crate::directory::Directory;
use crate::model::{Dnt, Object, Value};
use crate::schema::{AttributeId, Syntax};

/// Which object, in every way that there is.
pub(super) fn name_of(directory: &Directory, object: &Object) -> DsName {
    DsName {
        guid: object.guid,
        sid: directory.sid(object),
        dn: directory.dn_text(object),
    }
}

/// The values of an attribute that is neither secret nor constructed. A value that has no form here is left out: those of the
/// syntaxes that tie bytes or text to a name.
pub(super) fn of(directory: &Directory, object: &Object, attribute: AttributeId) -> Vec<Vec<u8>> {
    let syntax = directory.schema().def(attribute).syntax;
    let database = directory.database();
    if syntax == Syntax::Dn {
        let targets = database.references(object, attribute).into_iter();
        return targets
            .filter_map(|target| reference(directory, target))
            .collect();
    }
    database
        .values(object, attribute, None)
        .iter()
        .filter_map(|value| convert(syntax, value))
        .collect()
}

fn reference(directory: &Directory, target: Dnt) -> Option<Vec<u8>> {
    Some(name_of(directory, directory.get(target)?).to_value())
}

fn convert(syntax: Syntax, value: &Value) -> Option<Vec<u8>> {
    let text = || std::str::from_utf8(value).ok();
    match syntax {
        Syntax::Unicode => Some(text()?.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        Syntax::Integer | Syntax::Enumeration => {
            let number = i32::try_from(syntax.number(value)?).ok()?;
            Some(number.to_le_bytes().to_vec())
        }
        Syntax::LargeInteger => Some(syntax.number(value)?.to_le_bytes().to_vec()),
        Syntax::Boolean => Some(u32::from(value.as_ref() == b"TRUE").to_le_bytes().to_vec()),
        Syntax::Oid => Some(Numbers::get().named(text()?)?.0.to_le_bytes().to_vec()),
        Syntax::GeneralizedTime | Syntax::UtcTime => {
            let seconds = FileTime::from_generalized_time(text()?).ok()?.seconds();
            Some(seconds.to_le_bytes().to_vec())
        }
        Syntax::CaseExact
        | Syntax::CaseIgnore
        | Syntax::Ia5
        | Syntax::Printable
        | Syntax::Numeric
        | Syntax::Octet
        | Syntax::SecurityDescriptor
        | Syntax::Sid => Some(value.to_vec()),
        Syntax::Dn | Syntax::DnBinary | Syntax::DnString => None,
    }
}
