//! The schema of a directory as far as a configuration needs it: which attributes objects of a class can have.

use std::collections::{BTreeMap, BTreeSet};

use provlab_protocol::scim::{
    AttributeDefinition, AttributeType, DirectorySchema, MAX_DISCOVERED_ATTRIBUTES, ObjectDefinition,
};

/// Classes and attributes by their LDAP names.
#[derive(Debug, Default)]
pub struct Schema {
    classes: BTreeMap<String, ObjectClass>,
    attributes: BTreeMap<String, AttributeClass>,
}

/// A class as the directory defines it: names of other classes and of attributes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectClass {
    /// Its LDAP name.
    pub name: String,
    /// Classes whose attributes it has too: its super class and its auxiliary classes.
    pub includes: Vec<String>,
    /// Attributes that an object has to have.
    pub must: Vec<String>,
    /// Attributes that an object may have.
    pub may: Vec<String>,
}

/// An attribute as the directory defines it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeClass {
    /// Its LDAP name.
    pub name: String,
    /// What its values are.
    pub kind: AttributeType,
    /// Whether it can have several values.
    pub multivalued: bool,
    /// Whether only the directory writes it.
    pub read_only: bool,
}

/// Names compare without regard to case.
fn key(name: &str) -> String {
    name.to_ascii_lowercase()
}

impl Schema {
    /// Out of the definitions that the directory gave.
    pub fn new(
        classes: impl IntoIterator<Item = ObjectClass>,
        attributes: impl IntoIterator<Item = AttributeClass>,
    ) -> Self {
        Self {
            classes: classes
                .into_iter()
                .map(|class| (key(&class.name), class))
                .collect(),
            attributes: attributes
                .into_iter()
                .map(|attribute| (key(&attribute.name), attribute))
                .collect(),
        }
    }

    /// The definitions of some classes, each once; one that the directory does not have is left out.
    pub fn define(&self, names: &[String]) -> DirectorySchema {
        let mut seen = BTreeSet::new();
        let known = names.iter().filter_map(|name| self.classes.get(&key(name)));
        let objects = known
            .filter(|class| seen.insert(key(&class.name)))
            .map(|class| ObjectDefinition {
                name: class.name.clone(),
                attributes: self.attributes_of(class),
            })
            .collect();
        DirectorySchema { objects }
    }

    fn attributes_of(&self, class: &ObjectClass) -> Vec<AttributeDefinition> {
        let mut found: BTreeMap<String, bool> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        let mut open = vec![class];
        while let Some(class) = open.pop() {
            if !seen.insert(key(&class.name)) {
                continue;
            }
            for (list, required) in [(&class.may, false), (&class.must, true)] {
                for name in list {
                    *found.entry(key(name)).or_default() |= required;
                }
            }
            open.extend(
                class
                    .includes
                    .iter()
                    .filter_map(|name| self.classes.get(&key(name))),
            );
        }
        let defined = found.into_iter().filter_map(|(name, required)| {
            let attribute = self.attributes.get(&name)?;
            Some(AttributeDefinition {
                name: attribute.name.clone(),
                kind: attribute.kind,
                multivalued: attribute.multivalued,
                required,
                read_only: attribute.read_only,
            })
        });
        defined.take(MAX_DISCOVERED_ATTRIBUTES).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(name: &str, includes: &[&str], must: &[&str], may: &[&str]) -> ObjectClass {
        let owned = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect();
        ObjectClass {
            name: name.to_owned(),
            includes: owned(includes),
            must: owned(must),
            may: owned(may),
        }
    }

    fn attribute(name: &str) -> AttributeClass {
        AttributeClass {
            name: name.to_owned(),
            kind: AttributeType::String,
            multivalued: false,
            read_only: false,
        }
    }

    fn names(schema: &Schema, class: &str) -> Vec<(String, bool)> {
        let found = schema.define(&[class.to_owned()]);
        let attributes = found.objects.into_iter().flat_map(|object| object.attributes);
        attributes
            .map(|attribute| (attribute.name, attribute.required))
            .collect()
    }

    #[test]
    fn a_class_has_what_its_ancestors_and_auxiliaries_have() {
        let classes = [
            class("top", &["top"], &["objectClass"], &["cn", "description"]),
            class("group", &["TOP", "mailRecipient"], &["groupType"], &["member"]),
            class("mailRecipient", &["top"], &["cn"], &["mail", "unheardOf"]),
        ];
        let attributes = ["cn", "description", "groupType", "mail", "member", "objectClass"].map(attribute);
        let schema = Schema::new(classes, attributes);
        let expected = [
            ("cn", true),
            ("description", false),
            ("groupType", true),
            ("mail", false),
            ("member", false),
            ("objectClass", true),
        ];
        assert_eq!(
            names(&schema, "Group"),
            expected.map(|(name, required)| (name.to_owned(), required))
        );
    }

    #[test]
    fn unknown_classes_are_left_out_and_repeated_ones_told_once() {
        let schema = Schema::new([class("top", &[], &[], &[])], []);
        let asked = ["nothing", "top", "TOP"].map(str::to_owned);
        assert_eq!(schema.define(&asked).objects.len(), 1);
    }

    #[test]
    fn the_number_of_attributes_is_bounded() {
        let count = MAX_DISCOVERED_ATTRIBUTES + 1;
        let all: Vec<String> = (0..count).map(|number| format!("a{number}")).collect();
        let class = ObjectClass {
            name: "top".to_owned(),
            may: all.clone(),
            ..ObjectClass::default()
        };
        let schema = Schema::new([class], all.iter().map(|name| attribute(name)));
        assert_eq!(names(&schema, "top").len(), MAX_DISCOVERED_ATTRIBUTES);
    }
}
