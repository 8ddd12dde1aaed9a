//! OpenLDAP as a source of changes: refreshes, pages of what does not fit into one, single objects, a proof of life.

use std::collections::BTreeMap;

use async_trait::async_trait;
use provlab_protocol::dn::Dn;
use provlab_protocol::ldap_controls::{Control, PagedResults};
use provlab_protocol::oid;
use provlab_protocol::scim::{
    ChangeQuery, GetObject, LinkReference, ListResponse, MAX_COUNT, ObjectId, ReplicaToken, Resource,
    ResourceType, Watermark,
};
use provlab_protocol::syncrepl::SyncRequest;
use uuid::Uuid;

use super::attributes::{self, CHANGE_NUMBER, ID};
use super::csn::Csn;
use super::refresh::{Collector, Refresh};
use super::resource::{NamedLink, filter_of, id_of, kind_of, resource_of};
use super::watermark::{MAX_BOUNDS, Progress, Work};
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
    connection: LdapConnection,
    domain: String,
    root: Dn,
    replica: ReplicaToken,
}

/// One page of a reading.
enum Page {
    Whole(Vec<Entry>),
    TooMany,
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

    /// The objects of one page, if they are no more than `limit`.
    async fn page(
        &mut self,
        from: Option<Csn>,
        to: Option<Csn>,
        asked: &Asked<'_>,
        limit: usize,
    ) -> Result<Page, DirectoryError> {
        let size = u32::try_from(limit).unwrap_or(u32::MAX).saturating_add(1);
        let search = self.search(changed_between(asked.kinds, from, to), &asked.read);
        let paged = PagedResults {
            size,
            cookie: Vec::new(),
        };
        let control = Control::new(oid::control::PAGED_RESULTS, true).with_value(paged.to_value());
        let (entries, _) = self.connection.search_with(&search, &[control]).await?;
        Ok(if entries.len() > limit {
            Page::TooMany
        } else {
            Page::Whole(entries)
        })
    }

    /// Where to cut a reading that is too large for one page: looks at the change numbers alone.
    async fn bounds_between(
        &mut self,
        from: Option<Csn>,
        to: Option<Csn>,
        asked: &Asked<'_>,
        limit: usize,
    ) -> Result<Vec<Csn>, DirectoryError> {
        let search = self.search(
            changed_between(asked.kinds, from, to),
            &[CHANGE_NUMBER.to_owned()],
        );
        let (mut numbers, mut unnumbered) = (Vec::new(), false);
        let mut each = |entry: Entry| match entry.text(CHANGE_NUMBER).and_then(Csn::parse) {
            Some(number) => numbers.push(number),
            None => unnumbered = true,
        };
        self.connection.search_each(&search, &[], &mut each).await?;
        if unnumbered {
            return Err(
                self.nonsense("an object without entryCSN; the agent's account has to be allowed to read it")
            );
        }
        Ok(bounds(numbers, limit))
    }

    /// Reads the next page, cutting what is too large; gives the entries and where the reading goes on.
    async fn read(
        &mut self,
        mut from: Option<Csn>,
        mut bounds: Vec<Csn>,
        asked: &Asked<'_>,
        limit: usize,
    ) -> Result<(Vec<Entry>, Work), DirectoryError> {
        let mut limit = limit;
        loop {
            let to = bounds.first().copied();
            match self.page(from, to, asked, limit).await? {
                Page::TooMany => {
                    let mut cut = self.bounds_between(from, to, asked, limit).await?;
                    if cut.is_empty() {
                        // All have one change number: they come at once or not at all.
                        limit = self.whole_or_nothing(limit)?;
                    }
                    let room = MAX_BOUNDS.saturating_sub(cut.len());
                    bounds.truncate(room);
                    cut.append(&mut bounds);
                    bounds = cut;
                }
                Page::Whole(entries) => {
                    let Some(to) = to else {
                        return Ok((entries, Work::Idle));
                    };
                    bounds.remove(0);
                    from = Some(to.next());
                    if !entries.is_empty() {
                        return Ok((entries, Work::Reading { from, bounds }));
                    }
                }
            }
        }
    }

    fn whole_or_nothing(&self, limit: usize) -> Result<usize, DirectoryError> {
        let most = usize::try_from(MAX_COUNT).unwrap_or(usize::MAX);
        if limit < most {
            return Ok(most);
        }
        Err(self.nonsense(&format!("more than {most} objects with one entryCSN")))
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

    fn search(&self, filter: Filter, attributes: &[String]) -> Search {
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

    fn nonsense(&self, detail: &str) -> DirectoryError {
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
struct Asked<'a> {
    kinds: &'a [ResourceType],
    /// Attributes by the cloud's names.
    names: Vec<String>,
    /// Attributes by the server's names.
    read: Vec<String>,
}

impl<'a> Asked<'a> {
    fn new(kinds: &'a [ResourceType], names: &[String]) -> Self {
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

/// Objects of these kinds whose last change lies between two numbers, both included.
fn changed_between(kinds: &[ResourceType], from: Option<Csn>, to: Option<Csn>) -> Filter {
    let number = |number: Csn| number.to_string().into_bytes();
    let mut all = vec![filter_of(kinds)];
    all.extend(from.map(|from| Filter::AtLeast(CHANGE_NUMBER.to_owned(), number(from))));
    all.extend(to.map(|to| Filter::AtMost(CHANGE_NUMBER.to_owned(), number(to))));
    Filter::And(all)
}

/// The ends of pages of `limit` objects each but the last, which is open; larger ones where there would be too many.
fn bounds(mut numbers: Vec<Csn>, limit: usize) -> Vec<Csn> {
    numbers.sort_unstable();
    let stride = limit.max(numbers.len().div_ceil(MAX_BOUNDS)).max(1);
    let last = numbers.last().copied();
    let mut bounds: Vec<_> = numbers
        .chunks_exact(stride)
        .filter_map(|page| page.last().copied())
        .filter(|bound| Some(*bound) != last)
        .collect();
    bounds.dedup();
    bounds
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
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn numbers(count: u32) -> Vec<Csn> {
        let number = |count| Csn::parse(&format!("20261123054523.{count:06}Z#000000#000#000000"));
        (0..count).rev().map(|count| number(count).unwrap()).collect()
    }

    #[test]
    fn readings_are_cut_into_pages_of_the_asked_size() {
        assert_eq!(bounds(numbers(0), 2), []);
        assert_eq!(bounds(numbers(2), 2), []);
        let cut: Vec<_> = bounds(numbers(5), 2).iter().map(ToString::to_string).collect();
        assert_eq!(
            cut,
            [
                "20261123054523.000001Z#000000#000#000000",
                "20261123054523.000003Z#000000#000#000000"
            ]
        );
        let same = vec![numbers(1)[0]; 9];
        assert_eq!(bounds(same, 2), [], "what has one number cannot be cut");
    }

    #[test]
    fn more_pages_than_a_watermark_holds_become_larger_pages() {
        let many = numbers(u32::try_from(MAX_BOUNDS).unwrap() * 3);
        assert!(bounds(many.clone(), 1).len() <= MAX_BOUNDS);
        assert_eq!(bounds(many, 3).len(), MAX_BOUNDS - 1);
    }

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
