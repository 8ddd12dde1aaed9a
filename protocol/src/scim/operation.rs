//! The closed list of things an agent can be asked, and the bounds of each.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::credential::{CredentialPage, CredentialQuery};
use super::discovery::{DirectorySchema, Discover};
use super::group::{DeleteGroup, GroupDeleted, GroupWritten, ListMembers, MemberPage, PutGroup};
use super::resource::{MAX_ATTRIBUTES_PER_RESOURCE, ReplicaToken, Resource, ResourceType};
use super::{CHANGE_QUERY_SCHEMA, LIST_RESPONSE_SCHEMA};
use crate::writeback::{ConfigureWriteback, SealedOutcome, SealedRequest, WritebackConfigured};

/// Most attribute names in one request.
pub const MAX_ATTRIBUTES: usize = 1_000;
/// Most resource types in one request.
pub const MAX_RESOURCE_TYPES: usize = 16;
/// Most resources in one page.
pub const MAX_COUNT: u32 = 10_000;
/// Longest watermark, in bytes; a forest with hundreds of domain controllers stays far below.
pub const MAX_WATERMARK_BYTES: usize = 64 * 1024;

/// A count or size in a message that is beyond its limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{what}' has {found}, the limit is {limit}")]
pub struct LimitExceeded {
    /// The member.
    pub what: &'static str,
    /// Its count or size.
    pub found: usize,
    /// The limit.
    pub limit: usize,
}

/// What the cloud asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Operation {
    /// Changes since a watermark, one page.
    Query(ChangeQuery),
    /// One object.
    Get(GetObject),
    /// Whether the agent reaches and can log on to a domain.
    Ping(DomainPing),
    /// How a group shall be.
    PutGroup(PutGroup),
    /// That a group shall not be there.
    DeleteGroup(DeleteGroup),
    /// The members of a group, one page.
    ListMembers(ListMembers),
    /// What the directory's schema lets objects have.
    Discover(Discover),
    /// Passwords that changed since a watermark, one page.
    QueryCredentials(CredentialQuery),
    /// Whether passwords are written back.
    ConfigureWriteback(ConfigureWriteback),
    /// A password, sealed for one agent.
    Writeback(Box<SealedRequest>),
    /// A kind that this version does not know. It is only ever read: whoever gets it says so and keeps the connection.
    #[serde(skip_serializing)]
    Unknown(String),
}

/// Asks for the objects that changed since a watermark; without one, for all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangeQuery {
    /// [`CHANGE_QUERY_SCHEMA`].
    pub schemas: Vec<String>,
    /// DNS name of the Active Directory domain.
    pub domain: String,
    /// Which kinds of object.
    pub resource_types: Vec<ResourceType>,
    /// Active Directory attribute names.
    pub attributes: Vec<String>,
    /// Where the last page ended; none for an initial cycle.
    pub cookie: Option<Watermark>,
    /// Most resources in the answer.
    pub count: u32,
}

impl ChangeQuery {
    /// A query with the right schema.
    #[must_use]
    pub fn new(
        domain: &str,
        resource_types: Vec<ResourceType>,
        attributes: Vec<String>,
        cookie: Option<Watermark>,
        count: u32,
    ) -> Self {
        Self {
            schemas: vec![CHANGE_QUERY_SCHEMA.to_owned()],
            domain: domain.to_owned(),
            resource_types,
            attributes,
            cookie,
            count,
        }
    }
}

/// Asks for one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetObject {
    /// DNS name of the Active Directory domain.
    pub domain: String,
    /// Kind of object.
    pub resource_type: ResourceType,
    /// Which one.
    pub id: ObjectId,
    /// Active Directory attribute names.
    pub attributes: Vec<String>,
}

/// Names one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ObjectId {
    /// By distinguished name.
    Dn(String),
    /// By objectGUID, in canonical text form.
    ObjectGuid(Uuid),
}

/// Asks whether a domain is reachable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainPing {
    /// DNS name of the Active Directory domain.
    pub domain: String,
}

/// What an agent answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OperationResult {
    /// To [`Operation::Query`].
    List(ListResponse),
    /// To [`Operation::Get`]; none if there is no such object.
    Resource(Option<Resource>),
    /// To [`Operation::Ping`].
    Pong(Pong),
    /// To [`Operation::PutGroup`].
    Group(GroupWritten),
    /// To [`Operation::DeleteGroup`].
    Deleted(GroupDeleted),
    /// To [`Operation::ListMembers`]; none if there is no such group.
    Members(Option<MemberPage>),
    /// To [`Operation::Discover`].
    Schema(DirectorySchema),
    /// To [`Operation::QueryCredentials`].
    Credentials(CredentialPage),
    /// To [`Operation::ConfigureWriteback`].
    WritebackConfigured(WritebackConfigured),
    /// To [`Operation::Writeback`].
    WrittenBack(SealedOutcome),
}

/// One page of changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListResponse {
    /// [`LIST_RESPONSE_SCHEMA`].
    pub schemas: Vec<String>,
    /// Resources in this page; a directory does not tell how many more there are.
    pub total_results: u32,
    /// Always 1: pages are told apart by the watermark.
    pub start_index: u32,
    /// Resources in this page.
    pub items_per_page: u32,
    /// The changed objects, in the order in which the directory gave them.
    #[serde(rename = "Resources")]
    pub resources: Vec<Resource>,
    /// Where this page ends.
    pub cookie: Watermark,
    /// Whether the next page can be asked for at once.
    pub more_results: bool,
    /// The domain controller that answered (PR 10.1): a watermark is good only for its invocation id.
    pub replica_token: ReplicaToken,
}

impl ListResponse {
    /// A page with its counts and schema set.
    #[must_use]
    pub fn new(
        resources: Vec<Resource>,
        cookie: Watermark,
        more_results: bool,
        replica_token: ReplicaToken,
    ) -> Self {
        let count = u32::try_from(resources.len()).unwrap_or(u32::MAX);
        Self {
            schemas: vec![LIST_RESPONSE_SCHEMA.to_owned()],
            total_results: count,
            start_index: 1,
            items_per_page: count,
            resources,
            cookie,
            more_results,
            replica_token,
        }
    }
}

/// The domain is reachable and the logon worked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pong {
    /// DNS name of the domain.
    pub domain: String,
    /// DNS name of the domain controller that answered.
    pub domain_controller: String,
}

/// Where a cycle stands: an opaque value of the directory (for Active Directory the DirSync cookie). Base64 on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Watermark(pub Vec<u8>);

impl Serialize for Watermark {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Watermark {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64
            .decode(&text)
            .map(Self)
            .map_err(|error| serde::de::Error::custom(format!("the watermark is not base64: {error}")))
    }
}

impl Operation {
    /// DNS name of the domain that the operation is about.
    #[must_use]
    pub fn domain(&self) -> &str {
        match self {
            Self::Query(query) => &query.domain,
            Self::Get(get) => &get.domain,
            Self::Ping(ping) => &ping.domain,
            Self::PutGroup(put) => &put.domain,
            Self::DeleteGroup(delete) => &delete.domain,
            Self::ListMembers(list) => &list.domain,
            Self::Discover(discover) => &discover.domain,
            Self::QueryCredentials(query) => &query.domain,
            Self::Writeback(sealed) => &sealed.binding.domain,
            Self::ConfigureWriteback(_) | Self::Unknown(_) => "",
        }
    }

    /// The kind as the wire spells it, for logs.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Query(_) => "query",
            Self::Get(_) => "get",
            Self::Ping(_) => "ping",
            Self::PutGroup(_) => "putGroup",
            Self::DeleteGroup(_) => "deleteGroup",
            Self::ListMembers(_) => "listMembers",
            Self::Discover(_) => "discover",
            Self::QueryCredentials(_) => "queryCredentials",
            Self::ConfigureWriteback(_) => "configureWriteback",
            Self::Writeback(_) => "writeback",
            Self::Unknown(_) => "unknown",
        }
    }

    /// Checks the counts of a request.
    ///
    /// # Errors
    /// The first limit that is exceeded.
    pub fn check_limits(&self) -> Result<(), LimitExceeded> {
        match self {
            Self::Query(query) => {
                within("resourceTypes", query.resource_types.len(), MAX_RESOURCE_TYPES)?;
                within("attributes", query.attributes.len(), MAX_ATTRIBUTES)?;
                within("count", to_usize(query.count), to_usize(MAX_COUNT))?;
                query.cookie.as_ref().map_or(Ok(()), |cookie| {
                    within("cookie", cookie.0.len(), MAX_WATERMARK_BYTES)
                })
            }
            Self::Get(get) => within("attributes", get.attributes.len(), MAX_ATTRIBUTES),
            // A package is bounded while it is read.
            Self::Ping(_) | Self::ConfigureWriteback(_) | Self::Writeback(_) | Self::Unknown(_) => Ok(()),
            Self::PutGroup(put) => put.check_limits(),
            Self::DeleteGroup(delete) => delete.check_limits(),
            Self::ListMembers(list) => list.check_limits(),
            Self::Discover(discover) => discover.check_limits(),
            Self::QueryCredentials(query) => query.check_limits(),
        }
    }
}

impl OperationResult {
    /// Checks the counts of an answer.
    ///
    /// # Errors
    /// The first limit that is exceeded.
    pub fn check_limits(&self) -> Result<(), LimitExceeded> {
        match self {
            Self::List(list) => {
                within("Resources", list.resources.len(), to_usize(MAX_COUNT))?;
                within("cookie", list.cookie.0.len(), MAX_WATERMARK_BYTES)?;
                list.resources.iter().try_for_each(resource_within)
            }
            Self::Resource(resource) => resource.as_ref().map_or(Ok(()), resource_within),
            Self::Pong(_) | Self::Deleted(_) | Self::WritebackConfigured(_) | Self::WrittenBack(_) => Ok(()),
            Self::Group(written) => written.check_limits(),
            Self::Members(page) => page.as_ref().map_or(Ok(()), MemberPage::check_limits),
            Self::Schema(schema) => schema.check_limits(),
            Self::Credentials(page) => page.check_limits(),
        }
    }
}

fn resource_within(resource: &Resource) -> Result<(), LimitExceeded> {
    within(
        "attributes",
        resource.attributes.len(),
        MAX_ATTRIBUTES_PER_RESOURCE,
    )?;
    within(
        "linksAdded",
        resource.links_added.len(),
        MAX_ATTRIBUTES_PER_RESOURCE,
    )?;
    within(
        "linksRemoved",
        resource.links_removed.len(),
        MAX_ATTRIBUTES_PER_RESOURCE,
    )
}

pub(super) fn within(what: &'static str, found: usize, limit: usize) -> Result<(), LimitExceeded> {
    if found > limit {
        return Err(LimitExceeded { what, found, limit });
    }
    Ok(())
}

pub(super) fn to_usize(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
