//! Constructed attributes: made when asked for by name, never stored (MS-ADTS 3.1.1.4.5).

use super::View;
use crate::access::Right;
use crate::account::computed;
use crate::model::{LdapError, Object, Value, generalized_time, integer, text};
use crate::schema::{AttributeDef, AttributeId, ClassDef, Schema, Syntax};

/// What `+` asks for.
pub(super) const OPERATIONAL: &[&str] = &[
    "canonicalName",
    "createTimeStamp",
    "modifyTimeStamp",
    "structuralObjectClass",
    "subSchemaSubEntry",
];

/// The values of a constructed attribute; empty where it has none.
pub(super) fn values(
    view: &View<'_>,
    object: &Object,
    attribute: AttributeId,
) -> Result<Vec<Value>, LdapError> {
    let directory = view.directory;
    let schema = directory.schema();
    let values = match schema.def(attribute).name {
        "canonicalName" => directory
            .dn(object)
            .canonical_name()
            .map(|name| text(&name))
            .into_iter()
            .collect(),
        "createTimeStamp" => vec![generalized_time(object.when_created)],
        "modifyTimeStamp" => vec![generalized_time(object.when_changed)],
        "structuralObjectClass" => structural_classes(view, object),
        "subSchemaSubEntry" => vec![text(&format!(
            "CN=Aggregate,{}",
            directory.identity().schema_dn()
        ))],
        "parentGUID" => directory
            .parent(object)
            .map(|parent| Value::from(parent.guid.to_le_bytes()))
            .into_iter()
            .collect(),
        "primaryGroupToken" if directory.is_a(object, "group") => directory
            .sid(object)
            .map(|sid| integer(i64::from(sid.rid())))
            .into_iter()
            .collect(),
        "msDS-PrincipalName" => principal_name(view, object).into_iter().collect(),
        "allowedAttributes" => allowed_attributes(view, object, false),
        "allowedAttributesEffective" => allowed_attributes(view, object, true),
        "allowedChildClasses" => allowed_children(view, object, false),
        "allowedChildClassesEffective" => allowed_children(view, object, true),
        "sDRightsEffective" => vec![integer(descriptor_rights(view, object))],
        "attributeTypes" if directory.is_a(object, "subSchema") => schema
            .attributes()
            .map(|(_, def)| text(&attribute_type(def)))
            .collect(),
        "objectClasses" if directory.is_a(object, "subSchema") => {
            schema.classes().map(|class| text(&object_class(class))).collect()
        }
        name => computed::attribute(directory, view.context, object, name)?
            .unwrap_or_default()
            .into_iter()
            .map(Value::from)
            .collect(),
    };
    Ok(values)
}

/// The object's class and those that it derives from, without auxiliary ones.
fn structural_classes(view: &View<'_>, object: &Object) -> Vec<Value> {
    let schema = view.directory.schema();
    let class = schema.class(view.directory.class_name(object));
    class.map_or_else(Vec::new, |class| {
        let chain = schema.class_chain(class);
        chain.iter().map(|class| text(class.name)).collect()
    })
}

fn principal_name(view: &View<'_>, object: &Object) -> Option<Value> {
    let account = object.first(view.directory.schema().known.sam_account_name)?;
    let account = std::str::from_utf8(account).ok()?;
    Some(text(&format!(
        "{}\\{account}",
        view.directory.identity().netbios_name
    )))
}

fn allowed_attributes(view: &View<'_>, object: &Object, effective: bool) -> Vec<Value> {
    let schema = view.directory.schema();
    let Some(class) = schema.class(view.directory.class_name(object)) else {
        return Vec::new();
    };
    class
        .required()
        .iter()
        .chain(class.optional())
        .filter(|id| {
            let def = schema.def(**id);
            !effective
                || (!def.system_only
                    && !def.is_constructed()
                    && view.allowed(object, Right::WriteProperty(**id)))
        })
        .map(|id| text(schema.def(*id).name))
        .collect()
}

fn allowed_children(view: &View<'_>, object: &Object, effective: bool) -> Vec<Value> {
    let schema = view.directory.schema();
    let Some(parent) = schema.class(view.directory.class_name(object)) else {
        return Vec::new();
    };
    schema
        .classes()
        .filter(|class| class.is_structural() && may_be_below(schema, class, parent))
        .filter(|class| {
            !effective || (!class.system_only && view.allowed(object, Right::CreateChild(class.guid)))
        })
        .map(|class| text(class.name))
        .collect()
}

/// Whether an object of `class` may stand below one of `parent`: it, or a class that it derives from, says so.
pub(crate) fn may_be_below(schema: &Schema, class: &ClassDef, parent: &ClassDef) -> bool {
    let parents = schema.class_chain(parent);
    schema.class_chain(class).iter().any(|class| {
        class
            .superiors
            .iter()
            .any(|superior| parents.iter().any(|parent| parent.name == *superior))
    })
}

fn descriptor_rights(view: &View<'_>, object: &Object) -> i64 {
    let mut rights = 0;
    if view.allowed(object, Right::WriteOwner) {
        rights |= 3;
    }
    if view.allowed(object, Right::WriteDac) {
        rights |= 4;
    }
    rights
}

/// An attribute as RFC 4512 describes it, in Active Directory's abridged form.
fn attribute_type(def: &AttributeDef) -> String {
    let syntax = match def.syntax {
        Syntax::Dn => "1.3.6.1.4.1.1466.115.121.1.12",
        Syntax::DnBinary => "1.2.840.113556.1.4.903",
        Syntax::DnString => "1.2.840.113556.1.4.904",
        Syntax::Oid => "1.3.6.1.4.1.1466.115.121.1.38",
        Syntax::CaseExact => "1.2.840.113556.1.4.1362",
        Syntax::CaseIgnore => "1.2.840.113556.1.4.905",
        Syntax::Ia5 => "1.3.6.1.4.1.1466.115.121.1.26",
        Syntax::Printable => "1.3.6.1.4.1.1466.115.121.1.44",
        Syntax::Numeric => "1.3.6.1.4.1.1466.115.121.1.36",
        Syntax::Unicode => "1.3.6.1.4.1.1466.115.121.1.15",
        Syntax::Boolean => "1.3.6.1.4.1.1466.115.121.1.7",
        Syntax::Integer | Syntax::Enumeration => "1.3.6.1.4.1.1466.115.121.1.27",
        Syntax::LargeInteger => "1.2.840.113556.1.4.906",
        Syntax::Octet | Syntax::Sid => "1.3.6.1.4.1.1466.115.121.1.40",
        Syntax::UtcTime => "1.3.6.1.4.1.1466.115.121.1.53",
        Syntax::GeneralizedTime => "1.3.6.1.4.1.1466.115.121.1.24",
        Syntax::SecurityDescriptor => "1.2.840.113556.1.4.907",
    };
    let single = if def.single_valued { " SINGLE-VALUE" } else { "" };
    let locked = if def.system_only {
        " NO-USER-MODIFICATION"
    } else {
        ""
    };
    format!(
        "( {} NAME '{}' SYNTAX '{syntax}'{single}{locked} )",
        def.oid, def.name
    )
}

/// A class as RFC 4512 describes it.
fn object_class(class: &ClassDef) -> String {
    use crate::schema::ClassCategory;
    let kind = match class.category {
        ClassCategory::Structural | ClassCategory::Class88 => "STRUCTURAL",
        ClassCategory::Abstract => "ABSTRACT",
        ClassCategory::Auxiliary => "AUXILIARY",
    };
    let list = |word: &str, names: &[&str]| {
        if names.is_empty() {
            String::new()
        } else {
            format!(" {word} ({} )", names.join(" $ "))
        }
    };
    format!(
        "( {} NAME '{}' SUP {} {kind}{}{} )",
        class.oid,
        class.name,
        class.super_class,
        list("MUST", &class.must),
        list("MAY", &class.may),
    )
}
