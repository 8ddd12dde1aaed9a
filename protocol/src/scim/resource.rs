//! A directory object as it travels: whole, or only what changed.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{CORE_SCHEMA_PREFIX, DIRECTORY_OBJECT_SCHEMA};

/// Most attributes of one resource.
pub const MAX_ATTRIBUTES_PER_RESOURCE: usize = 2_000;

/// Kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ResourceType {
    /// `user` and `inetOrgPerson`.
    User,
    /// `group`.
    Group,
    /// `contact`.
    Contact,
}

impl ResourceType {
    /// The name as text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
            Self::Contact => "Contact",
        }
    }
}

impl std::fmt::Display for ResourceType {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.as_str())
    }
}

/// One directory object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// Core schema of the type and [`DIRECTORY_OBJECT_SCHEMA`].
    pub schemas: Vec<String>,
    /// objectGUID in canonical text form.
    pub id: Uuid,
    /// SCIM metadata.
    pub meta: ResourceMeta,
    /// Whether the object is gone.
    #[serde(default)]
    pub deleted: bool,
    /// Whether only changed attributes are here; what is absent then keeps its value.
    #[serde(default)]
    pub partial: bool,
    /// Values by Active Directory attribute name, binary ones as base64. An empty list: the attribute was cleared.
    #[serde(default)]
    pub attributes: IndexMap<String, Vec<String>>,
    /// Link values that were added, by attribute name.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub links_added: IndexMap<String, Vec<LinkReference>>,
    /// Link values that were removed, by attribute name.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub links_removed: IndexMap<String, Vec<LinkReference>>,
}

impl Resource {
    /// A whole object without attributes.
    #[must_use]
    pub fn new(resource_type: ResourceType, id: Uuid) -> Self {
        Self {
            schemas: vec![
                format!("{CORE_SCHEMA_PREFIX}{resource_type}"),
                DIRECTORY_OBJECT_SCHEMA.to_owned(),
            ],
            id,
            meta: ResourceMeta { resource_type },
            deleted: false,
            partial: false,
            attributes: IndexMap::new(),
            links_added: IndexMap::new(),
            links_removed: IndexMap::new(),
        }
    }

    /// Kind of object.
    #[must_use]
    pub fn resource_type(&self) -> ResourceType {
        self.meta.resource_type
    }

    /// Values of an attribute, found without regard to letter case; none if it is not in the message.
    #[must_use]
    pub fn values(&self, attribute: &str) -> Option<&[String]> {
        self.attributes
            .get(attribute)
            .or_else(|| {
                self.attributes
                    .iter()
                    .find(|(name, _)| name.eq_ignore_ascii_case(attribute))
                    .map(|(_, values)| values)
            })
            .map(Vec::as_slice)
    }

    /// First value of an attribute.
    #[must_use]
    pub fn first(&self, attribute: &str) -> Option<&str> {
        self.values(attribute)?.first().map(String::as_str)
    }
}

/// SCIM `meta`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceMeta {
    /// Kind of object.
    pub resource_type: ResourceType,
}

/// The object at the other end of a link.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkReference {
    /// Its objectGUID.
    pub object_guid: Uuid,
    /// Its distinguished name when it was read; for people.
    pub dn: String,
}

/// `originatingReplicaToken` of PR 10.1: which replica a watermark belongs to. Member names are the product's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ReplicaToken {
    /// Invocation id of the domain controller's database.
    pub invocation_id: Uuid,
    /// DNS name of the domain controller.
    pub name: String,
}
