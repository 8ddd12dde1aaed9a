//! Active Directory's schema, read from its naming context: one object for every class and attribute.

use provlab_protocol::scim::AttributeType;

use super::ActiveDirectory;
use crate::directory::ldap::{Entry, Filter, Scope, Search};
use crate::directory::{AttributeClass, DirectoryError, ObjectClass, Schema};

/// Bit of `systemFlags`: computed when it is asked for (MS-ADTS 2.2.9).
const CONSTRUCTED: i64 = 0x4;

/// `attributeSyntax` of the values that are no text (MS-ADTS 3.1.1.2.2.2). How Graph's words fit them is (inferred).
const SYNTAXES: [(&str, AttributeType); 9] = [
    ("2.5.5.1", AttributeType::Reference),
    ("2.5.5.7", AttributeType::Binary),
    ("2.5.5.8", AttributeType::Boolean),
    ("2.5.5.9", AttributeType::Integer),
    ("2.5.5.10", AttributeType::Binary),
    ("2.5.5.11", AttributeType::DateTime),
    ("2.5.5.15", AttributeType::Binary),
    ("2.5.5.16", AttributeType::Integer),
    ("2.5.5.17", AttributeType::Binary),
];

const INCLUDES: [&str; 3] = ["subClassOf", "systemAuxiliaryClass", "auxiliaryClass"];
const MUST: [&str; 2] = ["systemMustContain", "mustContain"];
const MAY: [&str; 2] = ["systemMayContain", "mayContain"];
const ATTRIBUTE: [&str; 6] = [
    "lDAPDisplayName",
    "attributeSyntax",
    "isSingleValued",
    "systemOnly",
    "systemFlags",
    "linkID",
];

/// Reads the whole schema.
pub(super) async fn read(directory: &mut ActiveDirectory) -> Result<Schema, DirectoryError> {
    let mut search = Search {
        base: String::new(),
        scope: Scope::Base,
        filter: Filter::present("objectClass"),
        attributes: vec!["schemaNamingContext".to_owned()],
    };
    let root = directory.connection.search(&search).await?;
    let context = root.first().and_then(|root| root.text("schemaNamingContext"));
    search = Search {
        base: context
            .ok_or_else(|| directory.nonsense("a root DSE without schemaNamingContext"))?
            .to_owned(),
        scope: Scope::OneLevel,
        filter: Filter::equal("objectClass", "classSchema"),
        attributes: ["lDAPDisplayName"]
            .into_iter()
            .chain(INCLUDES)
            .chain(MUST)
            .chain(MAY)
            .map(str::to_owned)
            .collect(),
    };
    let classes = directory.connection.search_paged(&search, &[]).await?;
    search.filter = Filter::equal("objectClass", "attributeSchema");
    search.attributes = ATTRIBUTE.map(str::to_owned).to_vec();
    let attributes = directory.connection.search_paged(&search, &[]).await?;
    Ok(Schema::new(
        classes.iter().filter_map(class_of),
        attributes.iter().filter_map(attribute_of),
    ))
}

fn class_of(entry: &Entry) -> Option<ObjectClass> {
    Some(ObjectClass {
        name: entry.text("lDAPDisplayName")?.to_owned(),
        includes: texts(entry, &INCLUDES),
        must: texts(entry, &MUST),
        may: texts(entry, &MAY),
    })
}

fn attribute_of(entry: &Entry) -> Option<AttributeClass> {
    let is = |name: &str| entry.text(name) == Some("TRUE");
    let number = |name: &str| entry.text(name).and_then(|text| text.parse::<i64>().ok());
    let syntax = entry.text("attributeSyntax")?;
    let kind = SYNTAXES.iter().find(|(oid, _)| *oid == syntax);
    let constructed = number("systemFlags").is_some_and(|flags| flags & CONSTRUCTED != 0);
    let back_link = number("linkID").is_some_and(|link| link % 2 != 0);
    Some(AttributeClass {
        name: entry.text("lDAPDisplayName")?.to_owned(),
        kind: kind.map_or(AttributeType::String, |(_, kind)| *kind),
        multivalued: !is("isSingleValued"),
        read_only: is("systemOnly") || constructed || back_link,
    })
}

fn texts(entry: &Entry, attributes: &[&str]) -> Vec<String> {
    let values = attributes.iter().flat_map(|name| entry.values(name));
    values
        .map(|value| String::from_utf8_lossy(value).into_owned())
        .collect()
}
