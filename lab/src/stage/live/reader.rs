//! Reads a directory with the stock `ldap3` client, so that what a run claims about it is not judged by code of
//! our own.
//!
//! The form is that of `Command::Dump`: the same on every stage and in every run.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ldap3::{
    Ldap, LdapConnAsync, LdapConnSettings, LdapError, ResultEntry, Scope, StdStream,
    adapters::{Adapter, EntriesOnly, PagedResults},
};
use provlab_directory::control::{Attributes, DumpedEntry, NOISE};
use provlab_protocol::{dn::Dn, security::SecurityDescriptor, sid::Sid};
use rustls::{ClientConfig, RootCertStore};
use secrecy::ExposeSecret as _;

use crate::world::{Credential, WorldError};

/// Entries that are asked for at once; Active Directory gives 1,000 at most.
const PAGE: i32 = 500;
/// How long one operation may take.
const OPERATION_LIMIT: Duration = Duration::from_secs(60);

/// Leaves out what every domain has: the critical objects, and containers that hold no scenario's objects.
const OWN_OBJECTS: &str = "(!(|(isCriticalSystemObject=TRUE)(objectClass=container)(objectClass=builtinDomain)\
     (objectClass=foreignSecurityPrincipal)(objectClass=domainDNS)(objectClass=lostAndFound)\
     (objectClass=msDS-PasswordSettingsContainer)))";

/// A domain controller and who reads it.
pub(super) struct Reader {
    /// DNS name of the domain.
    pub(super) domain: String,
    /// Name of the server, which its certificate must carry.
    pub(super) server: String,
    /// Where its LDAPS port really is.
    pub(super) address: SocketAddr,
    /// Whose certificates are believed.
    pub(super) roots: Arc<RootCertStore>,
    /// The account that reads.
    pub(super) credential: Credential,
}

impl Reader {
    /// A refusal of the directory as the runner tells it.
    pub(super) fn refused(&self, error: &ReadError) -> WorldError {
        WorldError::Refused {
            by: format!("the directory of {}", self.domain),
            message: error.to_string(),
        }
    }
}

/// Why a directory cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// The server is not reached, or TLS is not established.
    #[error("cannot connect: {0}")]
    Connect(#[from] std::io::Error),
    /// No TLS configuration.
    #[error("cannot use TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The server refused, or the client did not understand it.
    #[error(transparent)]
    Ldap(#[from] LdapError),
    /// The domain's name is none.
    #[error("`{0}` is no DNS name of a domain")]
    Domain(String),
    /// An answer that is not an entry.
    #[error("the server sent something that is no entry")]
    Malformed,
}

/// An entry as it came: attributes in the server's spelling, values as bytes.
struct Raw {
    dn: String,
    attributes: BTreeMap<String, Vec<Vec<u8>>>,
}

/// Everything in the domain but what every domain has, parents before children and otherwise by name.
pub(super) async fn dump(reader: &Reader) -> Result<Vec<DumpedEntry>, ReadError> {
    let base = Dn::from_dns(&reader.domain)
        .map_err(|_| ReadError::Domain(reader.domain.clone()))?
        .to_string();
    let mut session = Session {
        ldap: connect(reader).await?,
        base,
        names: BTreeMap::new(),
    };
    let mut found = Vec::new();
    for raw in session.everything().await? {
        let key = sort_key(&raw.dn);
        found.push((key, session.shown(raw).await?));
    }
    let _ = session.ldap.unbind().await;
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found.into_iter().map(|(_, entry)| entry).collect())
}

pub(super) async fn connect(reader: &Reader) -> Result<Ldap, ReadError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(Arc::clone(&reader.roots))
        .with_no_client_auth();
    // A connected stream: the client would look the server's name up in DNS.
    let stream = tokio::net::TcpStream::connect(reader.address).await?.into_std()?;
    let settings = LdapConnSettings::new()
        .set_conn_timeout(OPERATION_LIMIT)
        .set_config(Arc::new(tls))
        .set_std_stream(StdStream::Tcp(stream));
    let url = format!("ldaps://{}:636", reader.server);
    let (connection, mut ldap) = LdapConnAsync::with_settings(settings, &url).await?;
    tokio::spawn(async move {
        // Whoever waits for an answer on the connection is told of its failure.
        let _ = connection.drive().await;
    });
    let (name, password) = (
        &reader.credential.name,
        reader.credential.password.expose_secret(),
    );
    ldap.with_timeout(OPERATION_LIMIT)
        .simple_bind(name, password)
        .await?
        .success()?;
    Ok(ldap)
}

struct Session {
    ldap: Ldap,
    base: String,
    /// Account names by SID, as far as they were asked for.
    names: BTreeMap<Sid, String>,
}

impl Session {
    async fn everything(&mut self) -> Result<Vec<Raw>, ReadError> {
        let adapters: Vec<Box<dyn Adapter<'_, &str, [&str; 1]>>> =
            vec![Box::new(EntriesOnly::new()), Box::new(PagedResults::new(PAGE))];
        let mut stream = self
            .ldap
            .with_timeout(OPERATION_LIMIT)
            .streaming_search_with(adapters, &self.base, Scope::Subtree, OWN_OBJECTS, ["*"])
            .await?;
        let mut found = Vec::new();
        while let Some(entry) = stream.next().await? {
            found.push(raw(entry).ok_or(ReadError::Malformed)?);
        }
        stream.finish().await.success()?;
        Ok(found)
    }

    /// The one entry of a name, or nothing.
    async fn one(
        &mut self,
        base: &str,
        scope: Scope,
        filter: &str,
        attribute: &str,
    ) -> Result<Option<Raw>, ReadError> {
        let search = self
            .ldap
            .with_timeout(OPERATION_LIMIT)
            .search(base, scope, filter, [attribute]);
        let (entries, _) = search.await?.success()?;
        Ok(entries.into_iter().filter(|entry| !entry.is_ref()).find_map(raw))
    }

    async fn shown(&mut self, entry: Raw) -> Result<DumpedEntry, ReadError> {
        let mut attributes = Attributes::new();
        for (name, values) in entry.attributes {
            let (name, values) = self.whole(&entry.dn, name, values).await?;
            if NOISE.iter().any(|noise| noise.eq_ignore_ascii_case(&name)) {
                continue;
            }
            let mut shown = Vec::new();
            for value in values {
                shown.push(self.text_of(&name, &value).await?);
            }
            shown.sort();
            attributes.insert(name, shown);
        }
        attributes.sort_by(|a, _, b, _| a.to_lowercase().cmp(&b.to_lowercase()));
        Ok(DumpedEntry {
            dn: entry.dn,
            attributes,
        })
    }

    /// All values of an attribute of which the server gives a range at a time.
    async fn whole(
        &mut self,
        dn: &str,
        name: String,
        mut values: Vec<Vec<u8>>,
    ) -> Result<(String, Vec<Vec<u8>>), ReadError> {
        let Some((plain, mut next)) = range_of(&name) else {
            return Ok((name, values));
        };
        let plain = plain.to_owned();
        while let Some(from) = next {
            let attribute = format!("{plain};range={from}-*");
            let part = self.one(dn, Scope::Base, "(objectClass=*)", &attribute).await?;
            let Some((name, more)) = part.and_then(|part| part.attributes.into_iter().next()) else {
                break;
            };
            values.extend(more);
            // A server that begins again has no more to say.
            next = range_of(&name)
                .and_then(|(_, then)| then)
                .filter(|then| *then > from);
        }
        Ok((plain, values))
    }

    async fn text_of(&mut self, name: &str, value: &[u8]) -> Result<String, ReadError> {
        if name.eq_ignore_ascii_case("msDS-GroupMSAMembership")
            && let Ok(descriptor) = SecurityDescriptor::from_bytes(value)
        {
            return self.principals(&descriptor).await;
        }
        Ok(match std::str::from_utf8(value) {
            Ok(text) if !text.contains('\0') => text.to_owned(),
            _ => STANDARD.encode(value),
        })
    }

    /// The names of those whom a descriptor speaks about: their SIDs differ between runs.
    async fn principals(&mut self, descriptor: &SecurityDescriptor) -> Result<String, ReadError> {
        let mut names = Vec::new();
        for ace in descriptor.dacl_aces() {
            names.push(self.account(&ace.trustee).await?);
        }
        names.sort();
        Ok(names.join(" "))
    }

    async fn account(&mut self, sid: &Sid) -> Result<String, ReadError> {
        if let Some(known) = self.names.get(sid) {
            return Ok(known.clone());
        }
        let bytes: String = sid
            .to_bytes()
            .iter()
            .map(|byte| format!("\\{byte:02x}"))
            .collect();
        let base = self.base.clone();
        let found = self
            .one(
                &base,
                Scope::Subtree,
                &format!("(objectSid={bytes})"),
                "sAMAccountName",
            )
            .await?;
        let name = found
            .and_then(|entry| entry.attributes.into_values().flatten().next())
            .and_then(|name| String::from_utf8(name).ok())
            .unwrap_or_else(|| sid.to_string());
        self.names.insert(*sid, name.clone());
        Ok(name)
    }
}

/// Takes a result apart without the panics of `SearchEntry::construct` on what is no entry.
fn raw(entry: ResultEntry) -> Option<Raw> {
    let mut parts = entry.0.match_id(4)?.expect_constructed()?.into_iter();
    let dn = String::from_utf8(parts.next()?.expect_primitive()?).ok()?;
    let mut attributes = BTreeMap::new();
    for attribute in parts.next()?.expect_constructed()? {
        let mut parts = attribute.expect_constructed()?.into_iter();
        let name = String::from_utf8(parts.next()?.expect_primitive()?).ok()?;
        let values: Option<Vec<_>> = parts
            .next()?
            .expect_constructed()?
            .into_iter()
            .map(|value| value.expect_primitive())
            .collect();
        attributes.insert(name, values?);
    }
    Some(Raw { dn, attributes })
}

/// The plain name of `member;range=0-1499` and where the next range begins, if there is one.
fn range_of(name: &str) -> Option<(&str, Option<u64>)> {
    let (plain, bounds) = name.split_once(";range=")?;
    let (_, last) = bounds.split_once('-')?;
    Some((
        plain,
        last.parse::<u64>().ok().and_then(|last| last.checked_add(1)),
    ))
}

/// Parents sort before their children: the components from the root downwards.
fn sort_key(dn: &str) -> Vec<String> {
    let parsed: Dn = dn.parse().unwrap_or_default();
    parsed
        .rdns()
        .iter()
        .rev()
        .map(|rdn| rdn.to_string().to_lowercase())
        .collect()
}
