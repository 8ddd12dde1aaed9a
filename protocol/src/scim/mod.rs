//! What the cloud asks an agent to do and what the agent answers, as SCIM-shaped JSON.
//!
//! That SCIM requests and responses travel here is documented; their content is not public (PR 11). This is the project's own design,
//! described in `docs/wire.md`: a SCIM 2.0 list response, a resource whose attributes keep their Active Directory names, and a watermark.

mod error;
mod operation;
mod resource;
#[cfg(test)]
mod tests;

pub use error::{ErrorCode, LdapErrorDetail, ScimError, ldap_result_name};
pub use operation::{
    ChangeQuery, DomainPing, GetObject, LimitExceeded, ListResponse, MAX_ATTRIBUTES, MAX_COUNT,
    MAX_RESOURCE_TYPES, MAX_WATERMARK_BYTES, ObjectId, Operation, OperationResult, Pong, Watermark,
};
pub use resource::{
    LinkReference, MAX_ATTRIBUTES_PER_RESOURCE, ReplicaToken, Resource, ResourceMeta, ResourceType,
};

/// Schema of a change query.
pub const CHANGE_QUERY_SCHEMA: &str = "urn:provlab:params:scim:api:messages:1.0:ChangeQuery";
/// Schema of a list response (RFC 7644).
pub const LIST_RESPONSE_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
/// Prefix of the core schemas (RFC 7643); the resource type follows.
pub const CORE_SCHEMA_PREFIX: &str = "urn:ietf:params:scim:schemas:core:2.0:";
/// Extension under which Active Directory attributes travel.
pub const DIRECTORY_OBJECT_SCHEMA: &str =
    "urn:provlab:params:scim:schemas:extension:activeDirectory:1.0:Object";
