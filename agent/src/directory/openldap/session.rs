//! OpenLDAP as a source of changes: refreshes, pages of what does not fit into one, single objects, a proof of life.

use std::collections::BTreeMap;

use async_trait::async_trait;
use provlab_protocol::dn::Dn;
use provlab_protocol::ldap_controls::Control;
use provlab_protocol::oid;
use provlab_protocol::scim::{
    ChangeQuery, GetObject, LinkReference, ListResponse, MAX_COUNT, ObjectId, ReplicaToken, Resource,
    ResourceType, Watermark,
};
use provlab_protocol::syncrepl::SyncRequest;
use uuid::Uuid;

use super::attributes::{self, ID};
use super::csn::Csn;
use super::pages::Ahead;
use super::refresh::{Collector, Refresh};
use super::resource::{NamedLink, filter_of, id_of, kind_of, resource_of};
use super::watermark::{Progress, Work};
use crate::directory::ad::resource::add_link;
use crate::directory::ldap::{Entry, Filter, LdapConnection, LdapError, ResultCode, Scope, Search};
use crate::directory::{Directory, DirectoryError};

/// Results by which a server refuses a cookie: it cannot tell what was deleted since (RFC 4533), or the cookie is newer than
/// the database, which was restored then.
const COOKIE_REFUSALS: [ResultCode; 3] = [
    ResultCode::SYNC_REFRESH_REQUIRED,
    ResultCode::UNWILLING_TO_PERFORM,
    ResultCode(2),
];
/// Names that are looked up by one search.
const NAMES_AT_ONCE: usize = 200;

/// An open session with one server.
pub struct OpenLdap {
    pub(super) connection: LdapConnection,
    domain: String,
    root: Dn,
    replica: ReplicaToken,
    pub(super) ahead: Ahead,
}

impl OpenLdap {
    /// Takes an authenticated connection and the server's root DSE.
    ///
    /// # Errors
    /// When the domain's name is none, the server does not hold the domain, or cannot be asked.
    pub async fn over(
        connection: LdapConnection,
        domain: &str,
        root_dse: &Entry,
    ) -> Result<Self, DirectoryError> {
        let root = Dn::from_dns(domain).map_err(|error| DirectoryError::Name(error.to_string()))?;
        let name = connection.endpoint().host.clone();
        let contexts = root_dse.values("namingContexts");
        let held = |context: &Vec<u8>| {
            std::str::from_utf8(context).is_ok_and(|text| text.parse::<Dn>().is_ok_and(|dn| dn == root))
        };
        if !contexts.is_empty() && !contexts.iter().any(held) {
            return Err(DirectoryError::Name(format!(
                "{name} has no naming context {root}; the suffix of its database has to be that of the domain"
            )));
        }
        let mut session = Self {
            connection,
            domain: domain.to_owned(),
            root,
            replica: ReplicaToken {
                invocation_id: Uuid::nil(),
                name,
            },
            ahead: Ahead::default(),
        };
        // The id of the suffix stands for that of the database; a server that hides it still works.
        let suffix = session.base_object(session.root.to_string(), &[ID]).await?;
        session.replica.invocation_id = suffix.as_ref().and_then(id_of).unwrap_or_default();
        Ok(session)
    }

    /// Name of the server.
    pub fn server(&self) -> &str {
        &self.connection.endpoint().host
    }

    async fn refresh(
        &mut self,
        search: &Search,
        cookie: Option<&[u8]>,
        keep: usize,
    ) -> Result<Refresh, DirectoryError> {
        let request = SyncRequest {
            cookie: cookie.map(<[u8]>::to_vec),
            reload_hint: true,
        };
        let control = Control::new(oid::control::SYNC_REQUEST, true).with_value(request.to_value());
        let mut collector = Collector::new(keep);
        let answered = self
            .connection
            .search_all(search, &[control], &mut |found| collector.take(found))
            .await;
        let controls = answered.map_err(|error| self.cookie_or(error, cookie.is_some()))?;
        let refresh = collector
            .finish(&controls)
            .map_err(|error| self.nonsense(&error.to_string()))?;
        if cookie.is_some() && !refresh.deletes_named {
            return Err(self.refused("it no longer knows what was deleted since then"));
        }
        Ok(refresh)
    }

    /// What changed since a cookie; keeps as many entries as fit into a page.
    async fn changed_since(
        &mut self,
        cookie: &[u8],
        asked: &Asked<'_>,
        keep: usize,
    ) -> Result<Refresh, DirectoryError> {
        let nothing = ["1.1".to_owned()];
        let attributes = if keep == 0 { &nothing[..] } else { &asked.read };
        let search = self.search(filter_of(asked.kinds), attributes);
        self.refresh(&search, Some(cookie), keep).await
    }

    /// A cookie for what is there now: whatever changes later is told by a refresh from it.
    async fn present_cookie(&mut self) -> Result<Vec<u8>, DirectoryError> {
        let mut search = self.search(Filter::present("objectClass"), &["1.1".to_owned()]);
        search.scope = Scope::Base;
        let refresh = self.refresh(&search, None, 0).await?;
        refresh
            .cookie
            .filter(|cookie| Csn::lowest_of(cookie).is_some())
            .ok_or_else(|| self.nonsense("no synchronization cookie with a change sequence number"))
    }

    /// Makes the resources of entries, with the ids of what they link to.
    async fn resources(
        &mut self,
        entries: &[Entry],
        asked: &Asked<'_>,
    ) -> Result<Vec<Resource>, DirectoryError> {
        let mut known = BTreeMap::new();
        let mut made = Vec::with_capacity(entries.len());
        for entry in entries {
            let id = id_of(entry).ok_or_else(|| self.nonsense("an object without entryUUID"))?;
            if let Ok(dn) = entry.dn.parse::<Dn>() {
                known.insert(dn, id);
            }
            if let Some(kind) = kind_of(entry).filter(|kind| asked.kinds.contains(kind)) {
                made.push(resource_of(entry, kind, id, &asked.names));
            }
        }
        let links: Vec<_> = made.iter().flat_map(|(_, links)| links).collect();
        self.look_up(&links, &mut known).await?;
        Ok(made
            .into_iter()
            .map(|(mut resource, links)| {
                for link in links {
                    let end = link.dn.parse::<Dn>().ok().and_then(|dn| known.get(&dn));
                    // A name that nothing has is no link: a group that must not be empty has such a member.
                    if let Some(id) = end {
                        let reference = LinkReference {
                            object_guid: *id,
                            dn: link.dn,
                        };
                        add_link(&mut resource, link.attribute, reference, true);
                    }
                }
                resource
            })
            .collect())
    }

    /// Adds the ids of names that are not known yet.
    async fn look_up(
        &mut self,
        links: &[&NamedLink],
        known: &mut BTreeMap<Dn, Uuid>,
    ) -> Result<(), DirectoryError> {
        let unknown: BTreeMap<Dn, &str> = links
            .iter()
            .filter_map(|link| Some((link.dn.parse::<Dn>().ok()?, link.dn.as_str())))
            .filter(|(dn, _)| !known.contains_key(dn) && dn.is_within(&self.root))
            .collect();
        let names: Vec<_> = unknown.into_values().collect();
        for some in names.chunks(NAMES_AT_ONCE) {
            let named = some.iter().map(|dn| Filter::equal("entryDN", dn)).collect();
            let search = self.search(Filter::Or(named), &[ID.to_owned()]);
            for entry in self.connection.search(&search).await? {
                if let (Ok(dn), Some(id)) = (entry.dn.parse::<Dn>(), id_of(&entry)) {
                    known.insert(dn, id);
                }
            }
        }
        Ok(())
    }

    async fn base_object(
        &mut self,
        base: String,
        attributes: &[&str],
    ) -> Result<Option<Entry>, DirectoryError> {
        let search = Search {
            base,
            scope: Scope::Base,
            filter: Filter::present("objectClass"),
            attributes: attributes.iter().map(|name| (*name).to_owned()).collect(),
        };
        match self.connection.search(&search).await {
            Ok(entries) => Ok(entries.into_iter().next()),
            Err(error) if error.is(ResultCode::NO_SUCH_OBJECT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn search(&self, filter: Filter, attributes: &[String]) -> Search {
        Search {
            base: self.root.to_string(),
            scope: Scope::Subtree,
            filter,
            attributes: attributes.to_vec(),
        }
    }

    fn cookie_or(&self, error: LdapError, had_cookie: bool) -> DirectoryError {
        match error.refusal() {
            Some(refusal) if had_cookie && COOKIE_REFUSALS.contains(&refusal.code) => {
                self.refused(&refusal.to_string())
            }
            _ => error.into(),
        }
    }

    fn refused(&self, detail: &str) -> DirectoryError {
        DirectoryError::WatermarkRefused {
            server: self.server().to_owned(),
            detail: detail.to_owned(),
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

/// What the cloud asks for.
pub(super) struct Asked<'a> {
    pub(super) kinds: &'a [ResourceType],
    /// Attributes by the cloud's names.
    names: Vec<String>,
    /// Attributes by the server's names.
    pub(super) read: Vec<String>,
}

impl<'a> Asked<'a> {
    pub(super) fn new(kinds: &'a [ResourceType], names: &[String]) -> Self {
        let names = if names.is_empty() {
            attributes::usual()
        } else {
            names.to_vec()
        };
        Self {
            kinds,
            read: attributes::to_read(&names),
            names,
        }
    }
}

/// One page of deletions behind `after`; true if there are more.
fn deletions(refresh: &Refresh, after: Uuid, limit: usize) -> (Vec<Uuid>, bool) {
    let mut left = refresh.deleted.iter().copied().filter(|id| *id > after);
    let page = left.by_ref().take(limit).collect();
    (page, left.next().is_some())
}

fn deleted(kind: ResourceType, id: Uuid) -> Resource {
    let mut resource = Resource::new(kind, id);
    resource.deleted = true;
    resource
}

#[async_trait]
impl Directory for OpenLdap {
    async fn changes(&mut self, query: &ChangeQuery) -> Result<ListResponse, DirectoryError> {
        self.own_domain(&query.domain)?;
        let asked = Asked::new(&query.resource_types, &query.attributes);
        let limit = usize::try_from(query.count.clamp(1, MAX_COUNT)).unwrap_or(1);
        let mut progress = match &query.cookie {
            Some(watermark) => {
                Progress::from_bytes(&watermark.0).map_err(|error| self.refused(&error.to_string()))?
            }
            None => Progress {
                // Taken first: what changes during the reading is told again by the refresh that follows.
                cookie: self.present_cookie().await?,
                work: Work::Reading {
                    from: None,
                    bounds: Vec::new(),
                },
            },
        };
        let mut gone = Vec::new();
        let mut entries = Vec::new();
        if progress.work == Work::Idle {
            let refresh = self.changed_since(&progress.cookie, &asked, limit).await?;
            let since = progress.cookie.clone();
            if let Some(cookie) = refresh.cookie.clone() {
                progress.cookie = cookie;
            }
            if refresh.len() <= limit {
                gone.extend(refresh.deleted);
                entries = refresh.entries;
            } else {
                let after = Uuid::nil();
                progress.work = Work::Deleted { since, after };
            }
        }
        if let Work::Deleted { since, after } = &progress.work {
            let refresh = self.changed_since(since, &asked, 0).await?;
            let (page, more) = deletions(&refresh, *after, limit);
            progress.work = match page.last() {
                Some(last) if more => Work::Deleted {
                    since: since.clone(),
                    after: *last,
                },
                _ => Work::Reading {
                    from: Csn::lowest_of(since),
                    bounds: Vec::new(),
                },
            };
            gone = page;
        }
        if let (Work::Reading { from, bounds }, true) = (&progress.work, gone.is_empty()) {
            let read = self.read(*from, bounds.clone(), &asked, limit).await;
            (entries, progress.work) = read?;
        }
        // The id alone says what is gone: the server does not tell what it was.
        let kind = query
            .resource_types
            .first()
            .copied()
            .unwrap_or(ResourceType::User);
        let mut resources: Vec<_> = gone.into_iter().map(|id| deleted(kind, id)).collect();
        resources.extend(self.resources(&entries, &asked).await?);
        let more = progress.work != Work::Idle;
        let watermark = Watermark(progress.to_bytes());
        Ok(ListResponse::new(
            resources,
            watermark,
            more,
            self.replica.clone(),
        ))
    }

    async fn object(&mut self, get: &GetObject) -> Result<Option<Resource>, DirectoryError> {
        self.own_domain(&get.domain)?;
        let kinds = [get.resource_type];
        let asked = Asked::new(&kinds, &get.attributes);
        let names: Vec<_> = asked.read.iter().map(String::as_str).collect();
        let entry = match &get.id {
            ObjectId::Dn(dn) => self.base_object(dn.clone(), &names).await?,
            ObjectId::ObjectGuid(id) => {
                let search = self.search(Filter::equal(ID, id.to_string()), &asked.read);
                self.connection.search(&search).await?.into_iter().next()
            }
        };
        let resources = self.resources(entry.as_slice(), &asked).await?;
        Ok(resources.into_iter().next())
    }

    async fn ping(&mut self) -> Result<String, DirectoryError> {
        // Proves at once that the account may read, and that the server tells what changes.
        self.present_cookie().await?;
        Ok(self.server().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn deletions_go_on_where_the_last_page_ended() {
        let ids: Vec<_> = (1..=5).map(Uuid::from_u128).collect();
        let refresh = Refresh {
            deleted: BTreeSet::from_iter(ids.clone()),
            ..Refresh::default()
        };
        assert_eq!(deletions(&refresh, Uuid::nil(), 2), (ids[..2].to_vec(), true));
        assert_eq!(deletions(&refresh, ids[2], 2), (ids[3..].to_vec(), false));
        assert_eq!(deletions(&refresh, ids[4], 2), (Vec::new(), false));
    }
}
