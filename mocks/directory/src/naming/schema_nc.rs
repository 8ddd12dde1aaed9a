//! The Schema naming context: one object for every attribute and class, as clients look them up.

use super::Builder;
use crate::model::{Dnt, LdapError, Value, boolean, integer, text};
use crate::schema::{AttributeDef, ClassCategory, ClassDef, Schema};

/// Makes the objects of the schema.
pub(super) fn fill(builder: &mut Builder<'_>, head: Dnt) -> Result<(), LdapError> {
    for class in Schema::get().classes() {
        class_object(builder, head, class)?;
    }
    for (_, def) in Schema::get().attributes() {
        attribute_object(builder, head, def)?;
    }
    builder.child(head, "subSchema", "Aggregate", &[])?;
    Ok(())
}

fn class_object(builder: &mut Builder<'_>, head: Dnt, class: &ClassDef) -> Result<(), LdapError> {
    let mut object = builder.draft(head, "classSchema", class.common_name)?;
    let category = match class.category {
        ClassCategory::Class88 => 0,
        ClassCategory::Structural => 1,
        ClassCategory::Abstract => 2,
        ClassCategory::Auxiliary => 3,
    };
    let mut row = vec![
        ("lDAPDisplayName", text(class.name)),
        ("governsID", text(class.oid)),
        ("subClassOf", text(class.super_class)),
        ("objectClassCategory", integer(category)),
        ("rDNAttID", text(class.naming_attribute)),
        ("schemaIDGUID", Value::from(class.guid.to_le_bytes())),
        ("adminDisplayName", text(class.common_name)),
        ("systemOnly", boolean(class.system_only)),
    ];
    if !class.default_descriptor.is_empty() {
        row.push(("defaultSecurityDescriptor", text(class.default_descriptor)));
    }
    for (name, value) in row {
        builder.add(&mut object, name, value)?;
    }
    for (name, list) in [
        ("systemAuxiliaryClass", &class.auxiliary),
        ("systemPossSuperiors", &class.superiors),
        ("systemMustContain", &class.must),
        ("systemMayContain", &class.may),
    ] {
        let values = list.iter().map(|value| text(value)).collect();
        builder.set(&mut object, name, values)?;
    }
    builder.keep(object);
    Ok(())
}

fn attribute_object(builder: &mut Builder<'_>, head: Dnt, def: &AttributeDef) -> Result<(), LdapError> {
    let mut object = builder.draft(head, "attributeSchema", def.common_name)?;
    let (syntax, om_syntax) = def.syntax.numbers();
    let mut row = vec![
        ("lDAPDisplayName", text(def.name)),
        ("attributeID", text(def.oid)),
        ("attributeSyntax", text(syntax)),
        ("oMSyntax", integer(om_syntax)),
        ("isSingleValued", boolean(def.single_valued)),
        ("systemOnly", boolean(def.system_only)),
        ("searchFlags", integer(i64::from(def.search_flags))),
        ("systemFlags", integer(i64::from(def.system_flags))),
        ("adminDisplayName", text(def.common_name)),
    ];
    row.extend(
        def.guid
            .map(|guid| ("schemaIDGUID", Value::from(guid.to_le_bytes()))),
    );
    row.extend(
        def.property_set
            .map(|guid| ("attributeSecurityGUID", Value::from(guid.to_le_bytes()))),
    );
    row.extend((def.link_id != 0).then(|| ("linkID", integer(i64::from(def.link_id)))));
    row.extend(def.range_lower.map(|lower| ("rangeLower", integer(lower))));
    row.extend(def.range_upper.map(|upper| ("rangeUpper", integer(upper))));
    row.extend(
        def.in_global_catalog
            .then(|| ("isMemberOfPartialAttributeSet", boolean(true))),
    );
    for (name, value) in row {
        builder.add(&mut object, name, value)?;
    }
    builder.keep(object);
    Ok(())
}
