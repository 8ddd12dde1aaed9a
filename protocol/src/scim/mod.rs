//! What the cloud asks an agent to do and what the agent answers, as SCIM-shaped JSON.
//!
//! That SCIM requests and responses travel here is documented; their content is not public (PR 11). This is the project's own design,
//! described in `docs/wire.md`: a SCIM 2.0 list response, a resource whose attributes keep their Active Directory names, and a watermark.

mod credential;
mod discovery;
mod error;
mod group;
mod kind;
mod operation;
mod resource;
#[cfg(test)]
mod tests;

pub use credential::{Credential, CredentialPage, CredentialQuery, MAX_CREDENTIALS, NOT_FIPS_VALIDATED};
pub use discovery::{
    AttributeDefinition, AttributeType, DirectorySchema, Discover, MAX_DISCOVERED_ATTRIBUTES,
    MAX_DISCOVERED_CLASSES, MAX_SCHEMA_NAME_BYTES, ObjectDefinition,
};
pub use error::{ErrorCode, LdapErrorDetail, ScimError, ldap_result_name};
pub use group::{
    DeleteGroup, EXTERNAL_ID_ATTRIBUTE, GroupAction, GroupDeleted, GroupWritten, ListMembers,
    MAX_GROUP_ATTRIBUTES, MAX_GROUP_VALUE_BYTES, MAX_GROUP_VALUES, MAX_MEMBER_CHANGES, MAX_MEMBERS_PER_PAGE,
    MemberPage, NAME_ATTRIBUTE, PARENT_ATTRIBUTE, PutGroup,
};
pub use operation::{
    ChangeQuery, DomainPing, GetObject, LimitExceeded, ListResponse, MAX_ATTRIBUTES, MAX_COUNT,
    MAX_RESOURCE_TYPES, MAX_WATERMARK_BYTES, ObjectId, Operation, OperationResult, Pong, Watermark,
};
pub use resource::{
    LinkReference, MAX_ATTRIBUTES_PER_RESOURCE, ReplicaToken, Resource, ResourceMeta, ResourceType,
};

/// Schema of a change query.
pub const CHANGE_QUERY_SCHEMA: &str = "urn:provlab:params:scim:api:messages:1.0:ChangeQuery";
/// Schema of a query for password hashes.
pub const CREDENTIAL_QUERY_SCHEMA: &str = "urn:provlab:params:scim:api:messages:1.0:CredentialQuery";
/// Schema of what a group shall be.
pub const GROUP_WRITE_SCHEMA: &str = "urn:provlab:params:scim:api:messages:1.0:GroupWrite";
/// Schema of a list response (RFC 7644).
pub const LIST_RESPONSE_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
/// Prefix of the core schemas (RFC 7643); the resource type follows.
pub const CORE_SCHEMA_PREFIX: &str = "urn:ietf:params:scim:schemas:core:2.0:";
/// Extension under which Active Directory attributes travel.
pub const DIRECTORY_OBJECT_SCHEMA: &str =
    "urn:provlab:params:scim:schemas:extension:activeDirectory:1.0:Object";
