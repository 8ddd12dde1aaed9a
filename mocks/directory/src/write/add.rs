//! Adding an object.

use provlab_protocol::dn::Dn;
use provlab_protocol::guid::Guid;
use provlab_protocol::security::SecurityDescriptor;
use provlab_protocol::sid::{Sid, rid};

use super::draft::Draft;
use super::rules;
use super::values::{category_of, read_value, same};
use super::{apply, win32};
use crate::access::{self, Right, TokenKind};
use crate::account::password::{self, PasswordWrite};
use crate::account::rules::settle;
use crate::directory::Directory;
use crate::model::{
    AddRequest, Attribute, Context, Dnt, LdapError, Name, Object, ResultCode, Value, integer, text,
};
use crate::schema::{ClassDef, Schema};
use crate::search::constructed::may_be_below;

/// Longest relative name, in UTF-16 units (`rangeUpper` of `cn` and `ou`).
const MAX_NAME_UNITS: usize = 64;
/// A global security group: what a group is when nothing is said.
const GLOBAL_SECURITY_GROUP: i64 = -0x7FFF_FFFE;

/// Adds an object and returns its tag.
pub(crate) fn add(
    directory: &mut Directory,
    context: &Context,
    request: &AddRequest,
) -> Result<Dnt, LdapError> {
    let system = context.token.kind == TokenKind::System;
    let class = class_of(directory, request)?;
    if class.system_only && !system {
        return Err(LdapError::unwilling(win32::CANT_ADD_SYSTEM_ONLY));
    }
    let name = place(directory, context, &request.dn, class)?;
    let mut draft = Draft::new(blank(directory, context, name)?);
    let chain = directory.schema().class_chain(class);
    let known = &directory.schema().known;
    let classes = chain.iter().map(|class| text(class.name)).collect();
    draft.set(directory, known.object_class, classes);
    draft.set(directory, known.instance_type, vec![integer(4)]);

    let mut initial_password = None;
    for attribute in &request.attributes {
        if attribute.name.eq_ignore_ascii_case("unicodePwd") {
            rules::check_class_allows(directory, &draft.object, known.unicode_pwd)?;
            initial_password = attribute.values.first();
            continue;
        }
        add_attribute(directory, context, &mut draft, attribute, system)?;
    }
    complete(directory, context, &mut draft, class)?;
    if let Some(new) = initial_password {
        let updates = password::write(
            directory,
            context,
            &draft.object,
            PasswordWrite::Initial { new },
            false,
        )?;
        let timed = draft.object.first(known.pwd_last_set).is_some();
        for (name, values) in updates {
            if !(timed && name == "pwdLastSet") {
                apply(directory, &mut draft, context.now, name, values)?;
            }
        }
    }
    for (name, values) in settle(directory, context, None, &draft.object)? {
        apply(directory, &mut draft, context.now, name, values)?;
    }
    if let Some(kind) = rules::account_type(directory, &draft.object) {
        draft.set(directory, known.sam_account_type, vec![kind]);
    }
    rules::check_account_name(directory, &draft.object)?;
    rules::check_group_type(directory, None, &draft.object)?;
    rules::check_unique(directory, &draft.object)?;
    rules::check_required(directory, &draft.object)?;
    let dnt = draft.object.dnt;
    draft.finish(directory, context.now);
    Ok(dnt)
}

/// The most specific structural class that the request names.
fn class_of(directory: &Directory, request: &AddRequest) -> Result<&'static ClassDef, LdapError> {
    let violation = || {
        LdapError::update(
            ResultCode::ObjectClassViolation,
            win32::OBJ_CLASS_VIOLATION,
            "6002 (OBJ_CLASS_VIOLATION)",
        )
    };
    let schema = directory.schema();
    let named = request
        .attributes
        .iter()
        .find(|attribute| attribute.name.eq_ignore_ascii_case("objectClass"))
        .ok_or_else(violation)?;
    let mut classes = Vec::new();
    for value in &named.values {
        let name = std::str::from_utf8(value).map_err(|_| violation())?;
        classes.push(
            schema
                .class(name)
                .ok_or_else(|| LdapError::undefined_attribute(name))?,
        );
    }
    let specific = classes
        .iter()
        .copied()
        .filter(|class| class.is_structural())
        .max_by_key(|class| schema.class_chain(class).len())
        // Abstract and auxiliary classes alone make no object.
        .ok_or_else(|| LdapError::unwilling(win32::UNWILLING))?;
    // Everything else has to be an ancestor or an auxiliary class.
    let fits = classes.iter().all(|class| {
        schema.derives_from(specific, class.name)
            || matches!(class.category, crate::schema::ClassCategory::Auxiliary)
    });
    if fits { Ok(specific) } else { Err(violation()) }
}

/// Where the new object goes, and under which name.
fn place(directory: &Directory, context: &Context, dn: &Dn, class: &ClassDef) -> Result<Name, LdapError> {
    let (Some(rdn), Some(parent_dn)) = (dn.rdn(), dn.parent()) else {
        return Err(LdapError::unwilling(win32::NAMING_VIOLATION));
    };
    let parent = directory.locate(&parent_dn)?;
    if parent.deleted && context.token.kind != TokenKind::System {
        return Err(LdapError::no_such_object(String::new()));
    }
    let system = context.token.kind == TokenKind::System;
    let schema = directory.schema();
    let naming = schema.attribute(class.naming_attribute);
    let fits = schema
        .class(directory.class_name(parent))
        .is_some_and(|above| may_be_below(schema, class, above));
    if schema.attribute(rdn.attribute()) != naming || !(fits || system) {
        return Err(naming_violation(dn));
    }
    check_length(rdn.value(), class.naming_attribute)?;
    if !access::allowed(directory, &context.token, parent, Right::CreateChild(class.guid)) {
        return Err(LdapError::access_denied());
    }
    if directory.database().child(parent.dnt, rdn).is_some() {
        return Err(already_exists());
    }
    let attribute = naming.ok_or_else(|| naming_violation(dn))?;
    Ok(Name::Child {
        parent: parent.dnt,
        attribute,
        value: rdn.value().into(),
    })
}

pub(super) fn naming_violation(dn: &Dn) -> LdapError {
    LdapError::new(
        ResultCode::NamingViolation,
        format!(
            "{:08X}: NameErr: DSID-03050F78, problem 2005 (NAMING_VIOLATION), data 0, best match of:\n\t'{dn}'\n",
            win32::NAMING_VIOLATION
        ),
    )
}

pub(super) fn already_exists() -> LdapError {
    LdapError::update(
        ResultCode::EntryAlreadyExists,
        win32::OBJ_STRING_NAME_EXISTS,
        "6005 (ENTRY_EXISTS)",
    )
}

pub(super) fn check_length(value: &str, attribute: &str) -> Result<(), LdapError> {
    if value.encode_utf16().count() > MAX_NAME_UNITS {
        return Err(LdapError::attribute(
            ResultCode::ConstraintViolation,
            win32::RANGE_CONSTRAINT,
            "1005 (CONSTRAINT_ATT_TYPE)",
            attribute,
        ));
    }
    Ok(())
}

fn blank(directory: &mut Directory, context: &Context, name: Name) -> Result<Object, LdapError> {
    let dnt = directory.database.next_dnt().ok_or_else(|| {
        LdapError::new(
            ResultCode::UnwillingToPerform,
            "the database has used up its object tags",
        )
    })?;
    let usn = directory.database.next_usn();
    let guid = Guid::from(context.entropy.uuid());
    Ok(Object::new(dnt, guid, name, usn, context.now))
}

fn add_attribute(
    directory: &mut Directory,
    context: &Context,
    draft: &mut Draft,
    attribute: &Attribute,
    system: bool,
) -> Result<(), LdapError> {
    let id = directory.attribute(&attribute.name)?;
    let schema = directory.schema();
    let known = &schema.known;
    let def = schema.def(id);
    // These follow from the name and the class; a client may repeat them.
    if [
        known.object_class,
        known.distinguished_name,
        known.name,
        known.instance_type,
    ]
    .contains(&id)
    {
        return Ok(());
    }
    if let Name::Child {
        attribute: naming,
        value,
        ..
    } = &draft.object.name
        && *naming == id
    {
        return check_repeated_name(&attribute.values, value);
    }
    if !system {
        rules::check_writable(def, true)?;
    }
    rules::check_class_allows(directory, &draft.object, id)?;
    if def.single_valued && attribute.values.len() > 1 {
        return Err(LdapError::attribute(
            ResultCode::ConstraintViolation,
            win32::SINGLE_VALUE_CONSTRAINT,
            "1005 (CONSTRAINT_ATT_TYPE)",
            def.name,
        ));
    }
    if attribute.values.is_empty() {
        return Err(LdapError::attribute(
            ResultCode::InvalidAttributeSyntax,
            win32::INVALID_PARAMETER,
            "1004 (INVALID_ATT_SYNTAX)",
            def.name,
        ));
    }
    if id == known.security_descriptor {
        return add_descriptor(directory, draft, &attribute.values);
    }
    let mut stored = Vec::new();
    for value in &attribute.values {
        let value = read_value(directory, id, value)?;
        if stored.iter().any(|known| same(def, known, &value)) {
            return Err(LdapError::attribute(
                ResultCode::AttributeOrValueExists,
                win32::ATT_VAL_ALREADY_EXISTS,
                "1006 (ATT_OR_VALUE_EXISTS)",
                def.name,
            ));
        }
        stored.push(value);
    }
    draft.replace(directory, context.now, id, stored);
    Ok(())
}

/// The naming attribute may be repeated among the attributes, but with no other value.
fn check_repeated_name(values: &[Vec<u8>], name: &str) -> Result<(), LdapError> {
    let same = |value: &Vec<u8>| {
        std::str::from_utf8(value).is_ok_and(|value| value.to_lowercase() == name.to_lowercase())
    };
    match values.iter().find(|value| !same(value)) {
        Some(other) => Err(LdapError::bad_name(&String::from_utf8_lossy(other))),
        None => Ok(()),
    }
}

fn add_descriptor(directory: &Directory, draft: &mut Draft, values: &[Vec<u8>]) -> Result<(), LdapError> {
    let id = directory.schema().known.security_descriptor;
    let value = values.first().map(Vec::as_slice).unwrap_or_default();
    let explicit = SecurityDescriptor::from_bytes(value)
        .map(access::explicit_part)
        .and_then(|descriptor| descriptor.to_bytes())
        .map_err(|_| {
            LdapError::attribute(
                ResultCode::InvalidAttributeSyntax,
                win32::INVALID_PARAMETER,
                "1004 (INVALID_ATT_SYNTAX)",
                "nTSecurityDescriptor",
            )
        })?;
    draft.set(directory, id, vec![Value::from(explicit)]);
    Ok(())
}

/// Sets what every object of a class has and the request did not give.
fn complete(
    directory: &mut Directory,
    context: &Context,
    draft: &mut Draft,
    class: &ClassDef,
) -> Result<(), LdapError> {
    let schema = Schema::get();
    let known = &schema.known;
    let domain = directory.identity().domain_sid;
    if draft.object.first(known.security_descriptor).is_none() {
        let owner = owner_of(context, &domain);
        if let Ok(bytes) = access::default_descriptor(&domain, class, &owner).to_bytes() {
            draft.set(directory, known.security_descriptor, vec![Value::from(bytes)]);
        }
    }
    if draft.object.first(known.object_category).is_none()
        && let Some(category) = category_of(directory, class.default_category)
    {
        let value = crate::database::reference(category, &[]);
        draft.set(directory, known.object_category, vec![value]);
    }
    let is_principal = schema.derives_from(class, "user") || schema.derives_from(class, "group");
    if !is_principal {
        return Ok(());
    }
    if draft.object.first(known.object_sid).is_none() {
        let rid = directory.database.next_rid().ok_or_else(|| {
            LdapError::new(
                ResultCode::UnwillingToPerform,
                "the domain has used up its relative identifiers",
            )
        })?;
        let sid = domain.with_rid(rid).to_bytes();
        draft.set(directory, known.object_sid, vec![Value::from(sid)]);
    }
    let missing = |draft: &Draft, id| draft.object.first(id).is_none();
    if missing(draft, known.sam_account_name) {
        let name = generated_account_name(context);
        draft.set(directory, known.sam_account_name, vec![text(&name)]);
    }
    if schema.derives_from(class, "group") {
        if missing(draft, known.group_type) {
            draft.set(directory, known.group_type, vec![integer(GLOBAL_SECURITY_GROUP)]);
        }
        return Ok(());
    }
    let is_computer = schema.derives_from(class, "computer");
    let group = integer(i64::from(if is_computer {
        rid::DOMAIN_COMPUTERS
    } else {
        rid::DOMAIN_USERS
    }));
    if missing(draft, known.primary_group_id) {
        draft.set(directory, known.primary_group_id, vec![group]);
    } else if !is_computer
        && context.token.kind != TokenKind::System
        && draft.object.first(known.primary_group_id) != Some(&group)
    {
        // Nobody is a member of a group before they exist (MS-SAMR 3.1.1.8.3).
        return Err(LdapError::unwilling(win32::MEMBER_NOT_IN_GROUP));
    }
    Ok(())
}

/// Members of Domain Admins make objects that the group owns, as on a domain controller.
fn owner_of(context: &Context, domain: &Sid) -> Sid {
    let admins = domain.with_rid(rid::DOMAIN_ADMINS);
    if context.token.kind == TokenKind::System || context.token.groups.contains(&admins) {
        admins
    } else {
        context.token.user
    }
}

/// An account name as a domain controller makes one up: `$` and two groups of hexadecimal digits.
fn generated_account_name(context: &Context) -> String {
    let bits = context.entropy.u64();
    format!(
        "${:06X}-{:012X}",
        bits >> 40,
        context.entropy.u64() & 0xFFFF_FFFF_FFFF
    )
}
