//! This domain controller's table of prefixes, and the numbers that it gives attributes and classes.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use provlab_protocol::drsuapi::{AttrTyp, Prefix, PrefixTable};

use crate::schema::{AttributeId, Schema};

/// The prefixes that every domain controller has, in their places (MS-DRSR 5.12.3), as BER in hexadecimal.
const WELL_KNOWN: [&str; 10] = [
    "5504",
    "5506",
    "2a864886f7140102",
    "2a864886f7140103",
    "6086480165020201",
    "6086480165020203",
    "6086480165020105",
    "6086480165020104",
    "5505",
    "2a864886f7140104",
];

/// Numbers of everything in the schema.
pub(super) struct Numbers {
    table: PrefixTable,
    attributes: BTreeMap<AttributeId, AttrTyp>,
    classes: BTreeMap<&'static str, AttrTyp>,
}

static NUMBERS: LazyLock<Numbers> = LazyLock::new(Numbers::read);

impl Numbers {
    pub(super) fn get() -> &'static Self {
        &NUMBERS
    }

    fn read() -> Self {
        let schema = Schema::get();
        let mut table = PrefixTable::default();
        for (index, bytes) in (0..).zip(WELL_KNOWN) {
            let bytes = hex::decode(bytes).unwrap_or_default();
            table.entries.push(Prefix { index, bytes });
        }
        let attributes = schema
            .attributes()
            .filter_map(|(id, def)| Some((id, table.add(def.oid)?)))
            .collect();
        let classes = schema
            .classes()
            .filter_map(|def| Some((def.name, table.add(def.oid)?)))
            .collect();
        table.push_schema_info();
        Self {
            table,
            attributes,
            classes,
        }
    }

    /// The table that comes with a reply.
    pub(super) fn table(&self) -> &PrefixTable {
        &self.table
    }

    pub(super) fn attribute(&self, id: AttributeId) -> Option<AttrTyp> {
        self.attributes.get(&id).copied()
    }

    pub(super) fn class(&self, name: &str) -> Option<AttrTyp> {
        let def = Schema::get().class(name)?;
        self.classes.get(def.name).copied()
    }

    /// The number of an attribute or class that a value names, by name or object identifier.
    pub(super) fn named(&self, name: &str) -> Option<AttrTyp> {
        self.class(name)
            .or_else(|| self.attribute(Schema::get().attribute(name)?))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_that_windows_has() {
        let schema = Schema::get();
        let numbers = Numbers::get();
        let number = |name| numbers.attribute(schema.attribute(name).unwrap()).unwrap();
        for (name, expected) in [
            ("unicodePwd", 0x9_005A),
            ("objectSid", 0x9_0092),
            ("sAMAccountName", 0x9_00DD),
            ("pwdLastSet", 0x9_0060),
            ("objectClass", 0),
            ("cn", 3),
        ] {
            assert_eq!(number(name), AttrTyp(expected), "{name}");
        }
    }

    #[test]
    fn every_number_leads_back() {
        let numbers = Numbers::get();
        for (id, def) in Schema::get().attributes() {
            let number = numbers.attribute(id).unwrap();
            assert_eq!(numbers.table().oid(number).as_deref(), Some(def.oid));
        }
        let person = numbers.class("inetOrgPerson").unwrap();
        assert_eq!(
            numbers.table().oid(person).as_deref(),
            Some("2.16.840.1.113730.3.2.2")
        );
        assert_eq!(numbers.named("2.5.6.6"), numbers.class("person"));
    }
}
