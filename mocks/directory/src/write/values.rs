//! Values as clients send them, checked against the schema and made into what is stored.

use super::win32;
use crate::database::reference;
use crate::directory::Directory;
use crate::model::{Dnt, LdapError, ResultCode, Value};
use crate::schema::{AttributeDef, AttributeId, Syntax};

/// A checked value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    /// A value of the object's row.
    Value(Value),
    /// A link to another object.
    Link(Dnt),
}

/// Checks one value and makes it into what is stored.
///
/// # Errors
/// The value does not have its attribute's syntax (21, names 34) or length (19), or names no object (32 for a member,
/// else 19).
pub(crate) fn read_value(directory: &Directory, id: AttributeId, value: &[u8]) -> Result<Stored, LdapError> {
    let def = directory.schema().def(id);
    match def.syntax {
        Syntax::Dn => {
            let target = target(directory, def, value)?;
            Ok(if def.link_id == 0 {
                Stored::Value(reference(target, &[]))
            } else {
                Stored::Link(target)
            })
        }
        Syntax::DnBinary => dn_binary(directory, def, value).map(Stored::Value),
        syntax => {
            if value.is_empty() && syntax != Syntax::Octet {
                return Err(bad_syntax(def));
            }
            let stored = syntax.store(value).ok_or_else(|| bad_syntax(def))?;
            check_range(def, &stored)?;
            Ok(Stored::Value(Value::from(stored)))
        }
    }
}

fn target(directory: &Directory, def: &AttributeDef, value: &[u8]) -> Result<Dnt, LdapError> {
    let text = std::str::from_utf8(value).map_err(|_| bad_syntax(def))?;
    if text.is_empty() {
        return Err(bad_syntax(def));
    }
    if def.name == "objectCategory" && !text.contains('=') {
        return directory
            .schema()
            .class(text)
            .and_then(|class| category_of(directory, class.default_category))
            .ok_or_else(|| bad_syntax(def));
    }
    let dn = directory.read_name(text).map_err(|error| match error.code {
        ResultCode::NoSuchObject => missing_target(def),
        _ => LdapError::bad_name(text),
    })?;
    directory
        .by_dn(&dn)
        .map(|object| object.dnt)
        .ok_or_else(|| missing_target(def))
}

/// Whether two values of an attribute are the same by its syntax.
pub(super) fn same(def: &AttributeDef, one: &Stored, other: &Stored) -> bool {
    match (one, other) {
        (Stored::Value(one), Stored::Value(other)) if !def.syntax.is_reference() => {
            def.syntax.key(one) == def.syntax.key(other)
        }
        _ => one == other,
    }
}

/// The class object that a category names.
pub(super) fn category_of(directory: &Directory, common_name: &str) -> Option<Dnt> {
    let name = format!("CN={common_name},{}", directory.identity().schema_dn());
    directory.by_dn(&name.parse().ok()?).map(|object| object.dnt)
}

fn dn_binary(directory: &Directory, def: &AttributeDef, value: &[u8]) -> Result<Value, LdapError> {
    let text = std::str::from_utf8(value).map_err(|_| bad_syntax(def))?;
    let mut parts = text.splitn(4, ':');
    let (Some("B"), Some(length), Some(digits), Some(dn)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(bad_syntax(def));
    };
    if length.parse() != Ok(digits.len()) {
        return Err(bad_syntax(def));
    }
    let binary = hex::decode(digits).map_err(|_| bad_syntax(def))?;
    Ok(reference(target(directory, def, dn.as_bytes())?, &binary))
}

fn check_range(def: &AttributeDef, value: &[u8]) -> Result<(), LdapError> {
    let measured = match def.syntax {
        Syntax::Integer | Syntax::Enumeration | Syntax::LargeInteger => def.syntax.number(value),
        Syntax::Unicode => std::str::from_utf8(value)
            .ok()
            .and_then(|text| i64::try_from(text.encode_utf16().count()).ok()),
        Syntax::Boolean | Syntax::GeneralizedTime | Syntax::UtcTime => None,
        _ => i64::try_from(value.len()).ok(),
    };
    let Some(measured) = measured else {
        return Ok(());
    };
    let below = def.range_lower.is_some_and(|lower| measured < lower);
    let above = def.range_upper.is_some_and(|upper| measured > upper);
    if below || above {
        return Err(LdapError::attribute(
            ResultCode::ConstraintViolation,
            win32::RANGE_CONSTRAINT,
            "1005 (CONSTRAINT_ATT_TYPE)",
            def.name,
        ));
    }
    Ok(())
}

fn bad_syntax(def: &AttributeDef) -> LdapError {
    LdapError::attribute(
        ResultCode::InvalidAttributeSyntax,
        win32::INVALID_PARAMETER,
        "1004 (INVALID_ATT_SYNTAX)",
        def.name,
    )
}

/// A member has to be there; any other name that leads nowhere is a bad value.
fn missing_target(def: &AttributeDef) -> LdapError {
    if def.name != "member" {
        return LdapError::attribute(
            ResultCode::ConstraintViolation,
            win32::NAME_REFERENCE_INVALID,
            "1005 (CONSTRAINT_ATT_TYPE)",
            def.name,
        );
    }
    LdapError::new(
        ResultCode::NoSuchObject,
        format!(
            "{:08X}: NameErr: DSID-031A0F4F, problem 2001 (NO_OBJECT), data 0, best match of:\n\t''\n",
            win32::NO_SUCH_OBJECT
        ),
    )
}
