//! What a directory's schema lets objects have, for Graph's `schema/directories/{id}/discover` (CS 6.3).

use serde::{Deserialize, Serialize};

use super::operation::{LimitExceeded, within};

/// Most classes in one request.
pub const MAX_DISCOVERED_CLASSES: usize = 16;
/// Most attributes of a class; a forest with Exchange has about 3,000 altogether.
pub const MAX_DISCOVERED_ATTRIBUTES: usize = 10_000;
/// Longest name of a class or attribute, in bytes.
pub const MAX_SCHEMA_NAME_BYTES: usize = 256;

/// Asks which attributes objects of some classes can have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Discover {
    /// DNS name of the Active Directory domain.
    pub domain: String,
    /// LDAP names of classes.
    pub object_classes: Vec<String>,
}

impl Discover {
    pub(super) fn check_limits(&self) -> Result<(), LimitExceeded> {
        within("objectClasses", self.object_classes.len(), MAX_DISCOVERED_CLASSES)?;
        let longest = self.object_classes.iter().map(String::len).max();
        within(
            "name of an objectClass",
            longest.unwrap_or_default(),
            MAX_SCHEMA_NAME_BYTES,
        )
    }
}

/// The classes that the directory has, of those that were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectorySchema {
    /// In the order of the request.
    pub objects: Vec<ObjectDefinition>,
}

/// One class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectDefinition {
    /// Its LDAP name.
    pub name: String,
    /// Its attributes, those of its super classes and auxiliary classes included, by name.
    pub attributes: Vec<AttributeDefinition>,
}

/// One attribute of a class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttributeDefinition {
    /// Its LDAP name.
    pub name: String,
    /// What its values are.
    #[serde(rename = "type")]
    pub kind: AttributeType,
    /// Whether it can have several values.
    pub multivalued: bool,
    /// Whether an object cannot be without it.
    pub required: bool,
    /// Whether only the directory itself writes it.
    pub read_only: bool,
}

/// What the values of an attribute are, in Graph's words (`attributeType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the words are Graph's own")]
pub enum AttributeType {
    String,
    Integer,
    Reference,
    Binary,
    Boolean,
    DateTime,
}

impl DirectorySchema {
    pub(super) fn check_limits(&self) -> Result<(), LimitExceeded> {
        within("objects", self.objects.len(), MAX_DISCOVERED_CLASSES)?;
        self.objects.iter().try_for_each(|object| {
            within(
                "attributes of an object",
                object.attributes.len(),
                MAX_DISCOVERED_ATTRIBUTES,
            )
        })
    }
}
