//! The schema: what attributes and classes there are, and the rules that come with them.
//!
//! The rows are those of Windows Server 2016 as Microsoft publishes them for implementers, cut down to the
//! classes that a provisioning agent meets, with the mail attributes that Exchange adds (CS 5.10). Object identifiers and link numbers of
//! those Exchange rows are (inferred); clients go by their names.

mod attribute;
mod class;
mod syntax;

use std::collections::BTreeMap;
use std::sync::LazyLock;

pub use attribute::{AttributeDef, AttributeId, search_flags};
pub use class::{ClassCategory, ClassDef, ClassId};
pub(crate) use syntax::fold;
pub use syntax::{Comparable, Syntax};

/// Attribute rows: name, OID, syntax, flags (S single, O system-only, G in the global catalog), searchFlags,
/// systemFlags, linkID, rangeLower, rangeUpper, schemaIDGUID, attributeSecurityGUID, common name.
const ATTRIBUTES: &str = include_str!("attributes.tsv");
/// Class rows: name, OID, super class, category, naming attribute, flags (O system-only), schemaIDGUID, default
/// category, common name, auxiliary classes, possible superiors, must, may, default descriptor in SDDL.
const CLASSES: &str = include_str!("classes.tsv");

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema::read(ATTRIBUTES, CLASSES));

/// Declares the identifiers of attributes that the code itself names.
macro_rules! named_attributes {
    ($($field:ident = $name:literal),* $(,)?) => {
        /// Identifiers of the attributes that the directory's own rules speak of.
        #[derive(Clone, Copy, Debug)]
        #[expect(missing_docs, reason = "each field is the attribute of the same name")]
        pub struct Known { $(pub $field: AttributeId),* }

        impl Known {
            fn find(by_name: &BTreeMap<String, AttributeId>) -> Self {
                Self { $($field: *by_name.get(&$name.to_ascii_lowercase())
                    .expect("the attribute table holds every attribute that the code names")),* }
            }
        }
    };
}

named_attributes! {
    admin_count = "adminCount",
    cn = "cn",
    created = "whenCreated",
    changed = "whenChanged",
    distinguished_name = "distinguishedName",
    group_type = "groupType",
    given_name = "givenName",
    instance_type = "instanceType",
    is_critical_system_object = "isCriticalSystemObject",
    is_deleted = "isDeleted",
    is_recycled = "isRecycled",
    last_known_parent = "lastKnownParent",
    member = "member",
    name = "name",
    object_category = "objectCategory",
    object_class = "objectClass",
    object_guid = "objectGUID",
    object_sid = "objectSid",
    ou = "ou",
    parent_guid = "parentGUID",
    primary_group_id = "primaryGroupID",
    pwd_last_set = "pwdLastSet",
    sam_account_name = "sAMAccountName",
    sam_account_type = "sAMAccountType",
    security_descriptor = "nTSecurityDescriptor",
    service_principal_name = "servicePrincipalName",
    sn = "sn",
    unicode_pwd = "unicodePwd",
    user_account_control = "userAccountControl",
    user_principal_name = "userPrincipalName",
    usn_changed = "uSNChanged",
    usn_created = "uSNCreated",
}

/// Every attribute and class, with look-ups by name and OID.
#[derive(Debug)]
pub struct Schema {
    attributes: Vec<AttributeDef>,
    classes: Vec<ClassDef>,
    attributes_by_name: BTreeMap<String, AttributeId>,
    attributes_by_oid: BTreeMap<String, AttributeId>,
    attributes_by_link: BTreeMap<u32, AttributeId>,
    classes_by_name: BTreeMap<String, ClassId>,
    /// The attributes that the directory's own rules speak of.
    pub known: Known,
}

impl Schema {
    /// The one schema that every lab directory has.
    #[must_use]
    pub fn get() -> &'static Self {
        &SCHEMA
    }

    fn read(attributes: &'static str, classes: &'static str) -> Self {
        let attributes: Vec<AttributeDef> = attributes.lines().map(AttributeDef::read).collect();
        let mut attributes_by_name = BTreeMap::new();
        let mut attributes_by_oid = BTreeMap::new();
        let mut attributes_by_link = BTreeMap::new();
        for (at, def) in attributes.iter().enumerate() {
            let id = AttributeId::at(at);
            attributes_by_name.insert(def.name.to_ascii_lowercase(), id);
            attributes_by_oid.insert(def.oid.to_owned(), id);
            if def.link_id != 0 {
                attributes_by_link.insert(def.link_id, id);
            }
        }
        let classes: Vec<ClassDef> = classes.lines().map(ClassDef::read).collect();
        let classes_by_name = classes
            .iter()
            .enumerate()
            .flat_map(|(at, def)| {
                [def.name.to_ascii_lowercase(), def.oid.to_owned()].map(|name| (name, ClassId::at(at)))
            })
            .collect();
        let known = Known::find(&attributes_by_name);
        let mut schema = Self {
            attributes,
            classes,
            attributes_by_name,
            attributes_by_oid,
            attributes_by_link,
            classes_by_name,
            known,
        };
        for at in 0..schema.classes.len() {
            let (must, may) = schema.allowed_attributes(ClassId::at(at));
            schema.classes[at].all_must = must;
            schema.classes[at].all_may = may;
        }
        schema
    }

    /// Finds an attribute by its LDAP name, in any case, or its OID (with or without the prefix `OID.`).
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<AttributeId> {
        if name.starts_with(|first: char| first.is_ascii_digit()) {
            return self.attributes_by_oid.get(name).copied();
        }
        let name = name.to_ascii_lowercase();
        match name.strip_prefix("oid.") {
            Some(oid) => self.attributes_by_oid.get(oid).copied(),
            None => self.attributes_by_name.get(&name).copied(),
        }
    }

    /// The row of an attribute.
    #[must_use]
    pub fn def(&self, id: AttributeId) -> &AttributeDef {
        &self.attributes[id.index()]
    }

    /// Every attribute in the order of the table.
    pub fn attributes(&self) -> impl Iterator<Item = (AttributeId, &AttributeDef)> {
        self.attributes
            .iter()
            .enumerate()
            .map(|(at, def)| (AttributeId::at(at), def))
    }

    /// The other end of a linked attribute: `memberOf` for `member`, and the other way round.
    #[must_use]
    pub fn link_partner(&self, id: AttributeId) -> Option<AttributeId> {
        let link = self.def(id).link_id;
        (link != 0)
            .then(|| self.attributes_by_link.get(&(link ^ 1)).copied())
            .flatten()
    }

    /// Finds a class by its LDAP name, in any case, or its OID.
    #[must_use]
    pub fn class(&self, name: &str) -> Option<&ClassDef> {
        self.classes_by_name
            .get(&name.to_ascii_lowercase())
            .map(|id| &self.classes[id.index()])
    }

    /// Every class in the order of the table.
    pub fn classes(&self) -> impl Iterator<Item = &ClassDef> {
        self.classes.iter()
    }

    /// The class and its super classes, `top` first: the values of `objectClass`.
    #[must_use]
    pub fn class_chain(&self, class: &ClassDef) -> Vec<&ClassDef> {
        let mut chain = Vec::new();
        let mut next = self.class(class.name);
        while let Some(class) = next {
            chain.push(class);
            next = (class.name != "top")
                .then(|| self.class(class.super_class))
                .flatten();
        }
        chain.reverse();
        chain
    }

    /// Whether `class` is `ancestor` or derives from it.
    #[must_use]
    pub fn derives_from(&self, class: &ClassDef, ancestor: &str) -> bool {
        self.class_chain(class)
            .iter()
            .any(|link| link.name.eq_ignore_ascii_case(ancestor))
    }

    fn allowed_attributes(&self, class: ClassId) -> (Vec<AttributeId>, Vec<AttributeId>) {
        let mut must = Vec::new();
        let mut may = Vec::new();
        let mut open: Vec<&ClassDef> = vec![&self.classes[class.index()]];
        let mut seen: Vec<&str> = Vec::new();
        while let Some(class) = open.pop() {
            if seen.contains(&class.name) {
                continue;
            }
            seen.push(class.name);
            must.extend(class.must.iter().filter_map(|name| self.attribute(name)));
            may.extend(class.may.iter().filter_map(|name| self.attribute(name)));
            open.extend(self.class(class.super_class));
            open.extend(class.auxiliary.iter().filter_map(|name| self.class(name)));
        }
        for list in [&mut must, &mut may] {
            list.sort_unstable();
            list.dedup();
        }
        (must, may)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed look-up fails the test")]
mod tests {
    use super::*;

    #[test]
    fn looks_up_by_name_in_any_case_and_by_oid() {
        let schema = Schema::get();
        let id = schema.attribute("SAMACCOUNTNAME").unwrap();
        assert_eq!(schema.def(id).name, "sAMAccountName");
        assert_eq!(schema.attribute("1.2.840.113556.1.4.221"), Some(id));
        assert_eq!(schema.attribute("OID.1.2.840.113556.1.4.221"), Some(id));
        assert_eq!(schema.attribute("noSuchThing"), None);
    }

    #[test]
    fn linked_attributes_know_their_other_end() {
        let schema = Schema::get();
        for (forward, back) in [
            ("member", "memberOf"),
            ("manager", "directReports"),
            ("managedBy", "managedObjects"),
            ("msDS-PSOAppliesTo", "msDS-PSOApplied"),
        ] {
            let forward = schema.attribute(forward).unwrap();
            let back = schema.attribute(back).unwrap();
            assert_eq!(schema.link_partner(forward), Some(back));
            assert_eq!(schema.link_partner(back), Some(forward));
            assert!(schema.def(forward).is_forward_link());
            assert!(schema.def(back).is_back_link());
        }
    }

    #[test]
    fn the_class_chain_of_a_gmsa_is_the_documented_one() {
        let schema = Schema::get();
        let class = schema.class("msDS-GroupManagedServiceAccount").unwrap();
        let names: Vec<_> = schema.class_chain(class).iter().map(|class| class.name).collect();
        assert_eq!(
            names,
            [
                "top",
                "person",
                "organizationalPerson",
                "user",
                "computer",
                "msDS-GroupManagedServiceAccount"
            ]
        );
    }

    #[test]
    fn classes_allow_what_their_ancestors_and_auxiliaries_allow() {
        let schema = Schema::get();
        let user = schema.class("user").unwrap();
        for name in [
            "sAMAccountName",
            "mail",
            "mailNickname",
            "extensionAttribute15",
            "givenName",
            "objectSid",
            "description",
            "mS-DS-ConsistencyGuid",
        ] {
            assert!(user.allows(schema.attribute(name).unwrap()), "{name}");
        }
        assert!(!user.allows(schema.attribute("member").unwrap()));
        assert!(
            schema
                .class("group")
                .unwrap()
                .allows(schema.attribute("member").unwrap())
        );
    }

    #[test]
    fn every_name_in_a_class_row_exists() {
        let schema = Schema::get();
        for class in schema.classes() {
            for name in class.must.iter().chain(&class.may) {
                assert!(schema.attribute(name).is_some(), "{}: {name}", class.name);
            }
            for name in class.auxiliary.iter().chain([&class.super_class]) {
                assert!(schema.class(name).is_some(), "{}: {name}", class.name);
            }
            assert!(
                schema.attribute(class.naming_attribute).is_some(),
                "{}",
                class.name
            );
        }
    }
}
