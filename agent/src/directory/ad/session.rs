//! Active Directory as a source of changes: DirSync pages, single objects, a proof of life.

use async_trait::async_trait;
use provlab_protocol::dirsync::{DirSyncFlags, DirSyncRequest, DirSyncResponse};
use provlab_protocol::dn::Dn;
use provlab_protocol::guid::Guid;
use provlab_protocol::ldap_controls::{Control, ExtendedDn};
use provlab_protocol::oid;
use provlab_protocol::scim::{
    ChangeQuery, DeleteGroup, GetObject, GroupDeleted, GroupWritten, LinkReference, ListMembers,
    ListResponse, MAX_COUNT, MemberPage, ObjectId, PutGroup, ReplicaToken, Resource, ResourceType, Watermark,
};
use uuid::Uuid;

use super::pages::Page;
use super::resource::{Unresolved, add_link, guid_of_entry, resource_of, split_option};
use super::watermark::{MAX_COOKIE_BYTES, Position, Positions, TYPES};
use crate::directory::ldap::{Entry, Filter, LdapConnection, LdapError, ResultCode, Scope, Search};
use crate::directory::{Directory, DirectoryError, Schema};

/// Bytes asked of the server per object wanted: a user with the documented attributes has about 1 KiB.
const BYTES_PER_OBJECT: u32 = 2048;
/// Attributes that the agent needs itself. By `name` a rename or move shows, also where nothing that the cloud asks for changes.
const NEEDED: [&str; 3] = ["objectGUID", "isDeleted", "name"];
/// Least bytes asked for, so that one large object always fits.
const LEAST_PAGE_BYTES: u32 = 64 * 1024;
/// Most values that range retrieval collects of one attribute; a group may have 50,000 members (CS 2.6).
const MAX_RANGE_VALUES: usize = 500_000;
/// Results by which a server refuses a cookie: Windows 53, Samba 12 (PR 20), and the protocol's own.
const COOKIE_REFUSALS: [ResultCode; 3] = [
    ResultCode::UNWILLING_TO_PERFORM,
    ResultCode::UNAVAILABLE_CRITICAL_EXTENSION,
    ResultCode(2),
];

/// An open session with one domain controller.
pub struct ActiveDirectory {
    pub(super) connection: LdapConnection,
    domain: String,
    pub(super) root: Dn,
    replica: ReplicaToken,
}

impl ActiveDirectory {
    /// Takes an authenticated connection and the server's root DSE, and asks the server who it is.
    ///
    /// # Errors
    /// When the domain's name is none, or the server cannot be asked.
    pub async fn over(
        mut connection: LdapConnection,
        domain: &str,
        root_dse: &Entry,
    ) -> Result<Self, DirectoryError> {
        let root = Dn::from_dns(domain).map_err(|error| DirectoryError::Name(error.to_string()))?;
        let replica = replica_of(&mut connection, root_dse).await;
        Ok(Self {
            connection,
            domain: domain.to_owned(),
            root,
            replica,
        })
    }

    /// Name of the server.
    pub fn server(&self) -> &str {
        &self.connection.endpoint().host
    }

    async fn page_of(
        &mut self,
        kind: ResourceType,
        position: &Position,
        attributes: &[String],
        wanted: u32,
        room: usize,
    ) -> Result<(Vec<Resource>, Position, bool), DirectoryError> {
        let request = DirSyncRequest {
            flags: DirSyncFlags::INCREMENTAL_VALUES.with(DirSyncFlags::ANCESTORS_FIRST_ORDER),
            max_bytes: wanted.saturating_mul(BYTES_PER_OBJECT).max(LEAST_PAGE_BYTES),
            cookie: position.cookie.clone(),
        };
        let controls = [
            Control::new(oid::control::DIRSYNC, true).with_value(request.to_value()),
            Control::new(oid::control::EXTENDED_DN, false).with_value(ExtendedDn::Text.to_value()),
        ];
        let search = Search {
            base: self.root.to_string(),
            scope: Scope::Subtree,
            filter: filter_of(kind),
            attributes: attributes_for(attributes),
        };
        let mut page = Page::new(room, position.cut.as_ref().map(|cut| cut.after));
        let answered = self
            .connection
            .search_each(&search, &controls, &mut |entry| page.take(entry))
            .await
            .map_err(|error| self.cookie_or(error, !position.cookie.is_empty()))?;
        let response = answered
            .iter()
            .find(|control| control.oid == oid::control::DIRSYNC)
            .and_then(|control| control.value.as_deref())
            .ok_or_else(|| self.nonsense("no DirSync control"))?;
        let response =
            DirSyncResponse::from_value(response).map_err(|error| self.nonsense(&error.to_string()))?;
        if response.cookie.len() > MAX_COOKIE_BYTES {
            return Err(self.nonsense("a DirSync cookie that is too long"));
        }
        let taken = page.finish();
        if taken.nameless {
            return Err(self.nonsense("an object without objectGUID"));
        }
        let mut resources = Vec::with_capacity(taken.entries.len());
        for (guid, entry) in &taken.entries {
            let (mut resource, unresolved) =
                resource_of(entry, kind, *guid, attributes, !position.enumerating);
            self.resolve(&mut resource, unresolved).await?;
            resources.push(resource);
        }
        let (next, more) = position.after(response, taken.cut_at);
        Ok((resources, next, more))
    }

    /// Looks up the GUIDs of links that came as plain names; an end that is gone is no link any more.
    async fn resolve(
        &mut self,
        resource: &mut Resource,
        unresolved: Vec<Unresolved>,
    ) -> Result<(), DirectoryError> {
        for link in unresolved {
            if let Some(guid) = self.guid_at(&link.dn).await? {
                let reference = LinkReference {
                    object_guid: guid.as_uuid(),
                    dn: link.dn,
                };
                add_link(resource, &link.attribute, reference, link.added);
            }
        }
        Ok(())
    }

    pub(super) async fn guid_at(&mut self, dn: &str) -> Result<Option<Guid>, DirectoryError> {
        let attributes = vec!["objectGUID".to_owned()];
        let entry = self.base_object(dn.to_owned(), attributes).await?;
        Ok(entry.as_ref().and_then(guid_of_entry))
    }

    pub(super) async fn base_object(
        &mut self,
        base: String,
        attributes: Vec<String>,
    ) -> Result<Option<Entry>, DirectoryError> {
        let search = Search {
            base,
            scope: Scope::Base,
            filter: Filter::present("objectClass"),
            attributes,
        };
        let controls =
            [Control::new(oid::control::EXTENDED_DN, false).with_value(ExtendedDn::Text.to_value())];
        match self.connection.search_with(&search, &controls).await {
            Ok((entries, _)) => Ok(entries.into_iter().next()),
            Err(error) if error.is(ResultCode::NO_SUCH_OBJECT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Fetches the rest of attributes that came as `name;range=0-1499` (PR 15.3).
    async fn complete_ranges(&mut self, base: &str, entry: &mut Entry) -> Result<(), DirectoryError> {
        while let Some(index) = entry
            .attributes
            .iter()
            .position(|attribute| open_range(&attribute.name).is_some())
        {
            let name = split_option(&entry.attributes[index].name).0.to_owned();
            let next = entry.attributes[index].values.len();
            if next > MAX_RANGE_VALUES {
                return Err(self.nonsense("an attribute with too many values"));
            }
            let wanted = format!("{name};range={next}-*");
            let more = self.base_object(base.to_owned(), vec![wanted]).await?;
            let part = more
                .into_iter()
                .flat_map(|entry| entry.attributes)
                .find(|attribute| split_option(&attribute.name).0.eq_ignore_ascii_case(&name));
            let attribute = &mut entry.attributes[index];
            let last = part
                .as_ref()
                .is_none_or(|part| part.values.is_empty() || open_range(&part.name).is_none());
            attribute
                .values
                .extend(part.map(|part| part.values).unwrap_or_default());
            if last {
                attribute.name = name;
            }
        }
        Ok(())
    }

    fn cookie_or(&self, error: LdapError, had_cookie: bool) -> DirectoryError {
        match error.refusal() {
            Some(refusal) if had_cookie && COOKIE_REFUSALS.contains(&refusal.code) => {
                DirectoryError::WatermarkRefused {
                    server: self.server().to_owned(),
                    detail: refusal.to_string(),
                }
            }
            _ => error.into(),
        }
    }

    pub(super) fn nonsense(&self, detail: &str) -> DirectoryError {
        DirectoryError::Nonsense {
            server: self.server().to_owned(),
            detail: detail.to_owned(),
        }
    }

    fn own_domain(&self, domain: &str) -> Result<(), DirectoryError> {
        if domain.eq_ignore_ascii_case(&self.domain) {
            return Ok(());
        }
        Err(DirectoryError::Name(format!(
            "the session is of the domain {}, not of {domain}",
            self.domain
        )))
    }
}

#[async_trait]
impl Directory for ActiveDirectory {
    async fn changes(&mut self, query: &ChangeQuery) -> Result<ListResponse, DirectoryError> {
        self.own_domain(&query.domain)?;
        let mut positions = match &query.cookie {
            Some(watermark) => {
                Positions::from_bytes(&watermark.0).map_err(|error| DirectoryError::WatermarkRefused {
                    server: self.server().to_owned(),
                    detail: error.to_string(),
                })?
            }
            None => Positions::default(),
        };
        let kinds: Vec<_> = TYPES
            .into_iter()
            .filter(|kind| query.resource_types.contains(kind))
            .collect();
        let most = usize::try_from(MAX_COUNT).unwrap_or(usize::MAX);
        let limit = usize::try_from(query.count.max(1))
            .unwrap_or(usize::MAX)
            .min(most);
        let mut resources: Vec<Resource> = Vec::new();
        let mut more_results = false;
        for (index, kind) in kinds.iter().enumerate() {
            let position = positions.get(*kind).cloned().unwrap_or_else(Position::start);
            let left = u32::try_from(limit.saturating_sub(resources.len())).unwrap_or(u32::MAX);
            let room = most.saturating_sub(resources.len()).max(1);
            let (page, next, more) = self
                .page_of(*kind, &position, &query.attributes, left, room)
                .await?;
            resources.extend(page);
            positions.set(*kind, next);
            if more || (resources.len() >= limit && index + 1 < kinds.len()) {
                more_results = true;
                break;
            }
        }
        Ok(ListResponse::new(
            resources,
            Watermark(positions.to_bytes()),
            more_results,
            self.replica.clone(),
        ))
    }

    async fn object(&mut self, get: &GetObject) -> Result<Option<Resource>, DirectoryError> {
        self.own_domain(&get.domain)?;
        let base = match &get.id {
            ObjectId::Dn(dn) => dn.clone(),
            ObjectId::ObjectGuid(guid) => format!("<GUID={guid}>"),
        };
        let Some(mut entry) = self
            .base_object(base.clone(), attributes_for(&get.attributes))
            .await?
        else {
            return Ok(None);
        };
        self.complete_ranges(&base, &mut entry).await?;
        let guid = guid_of_entry(&entry).ok_or_else(|| self.nonsense("an object without objectGUID"))?;
        let (mut resource, unresolved) = resource_of(&entry, get.resource_type, guid, &get.attributes, false);
        self.resolve(&mut resource, unresolved).await?;
        Ok(Some(resource))
    }

    async fn ping(&mut self) -> Result<String, DirectoryError> {
        let root = self.root.to_string();
        self.base_object(root, vec!["objectGUID".to_owned()]).await?;
        Ok(self.server().to_owned())
    }

    async fn put_group(&mut self, put: &PutGroup) -> Result<GroupWritten, DirectoryError> {
        self.own_domain(&put.domain)?;
        super::groups::put(self, put).await
    }

    async fn delete_group(&mut self, delete: &DeleteGroup) -> Result<GroupDeleted, DirectoryError> {
        self.own_domain(&delete.domain)?;
        super::groups::delete(self, delete).await
    }

    async fn list_members(&mut self, list: &ListMembers) -> Result<Option<MemberPage>, DirectoryError> {
        self.own_domain(&list.domain)?;
        super::members::list(self, list).await
    }

    fn replicates_passwords(&self) -> bool {
        true
    }

    async fn schema(&mut self) -> Result<Schema, DirectoryError> {
        super::schema::read(self).await
    }
}

/// `range=0-1499` is open, `range=1500-*` is the last, and DirSync's `1-1` and `0-0` are no ranges at all.
pub(super) fn open_range(name: &str) -> Option<()> {
    let (low, high) = split_option(name).1?.strip_prefix("range=")?.split_once('-')?;
    let (low, high): (usize, usize) = (low.parse().ok()?, high.parse().ok()?);
    (high > low).then_some(())
}

fn filter_of(kind: ResourceType) -> Filter {
    let class = |name| Filter::equal("objectClass", name);
    match kind {
        // Computers and managed accounts are users by class; `inetOrgPerson` is one rightly.
        ResourceType::User => Filter::And(vec![class("user"), Filter::Not(Box::new(class("computer")))]),
        ResourceType::Group => class("group"),
        ResourceType::Contact => class("contact"),
    }
}

/// What the query needs besides what the cloud asked for.
fn attributes_for(asked: &[String]) -> Vec<String> {
    let mut attributes = asked.to_vec();
    if asked.is_empty() {
        return attributes;
    }
    for needed in NEEDED {
        if !attributes
            .iter()
            .any(|attribute| attribute.eq_ignore_ascii_case(needed))
        {
            attributes.push(needed.to_owned());
        }
    }
    attributes
}

/// Name and invocation id of the server: what `originatingReplicaToken` tells (PR 10.1).
async fn replica_of(connection: &mut LdapConnection, root_dse: &Entry) -> ReplicaToken {
    let name = root_dse
        .text("dnsHostName")
        .map_or_else(|| connection.endpoint().host.clone(), str::to_owned);
    let mut invocation_id = Uuid::nil();
    if let Some(service) = root_dse.text("dsServiceName") {
        let search = Search {
            base: service.to_owned(),
            scope: Scope::Base,
            filter: Filter::present("objectClass"),
            attributes: vec!["invocationId".to_owned()],
        };
        // The id is for people and for the cloud's records; a server that hides it still works.
        if let Ok(found) = connection.search(&search).await
            && let Some(bytes) = found.first().and_then(|entry| entry.first("invocationId"))
            && let Ok(bytes) = <[u8; 16]>::try_from(bytes)
        {
            invocation_id = Guid::from_le_bytes(bytes).as_uuid();
        }
    }
    ReplicaToken { invocation_id, name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_real_ranges_are_continued() {
        assert!(open_range("member;range=0-1499").is_some());
        for closed in [
            "member",
            "member;range=1500-*",
            "member;range=1-1",
            "member;range=0-0",
        ] {
            assert!(open_range(closed).is_none(), "{closed}");
        }
    }
}
