//! The root DN's connection to a slapd, through the stock `ldap3` client.

use std::collections::HashSet;

use ldap3::{Ldap, LdapError, LdapResult, Mod, Scope, SearchEntry, controls::RawControl};
use provlab_protocol::dn::Dn;

use super::{
    super::reader::{ReadError, Reader, connect},
    names::Names,
};

/// Relax Rules (draft-zeilenga-ldap-relax): the root DN may write operational attributes such as `pwdChangedTime`.
const RELAX: &str = "1.3.6.1.4.1.4203.666.5.12";
/// What is so already, or is not there any more.
const NO_SUCH_ATTRIBUTE: u32 = 16;
const VALUE_EXISTS: u32 = 20;
const ENTRY_EXISTS: u32 = 68;

/// Why the administrator did not get what it wanted.
#[derive(Debug, thiserror::Error)]
pub(super) enum AdminError {
    /// No connection.
    #[error(transparent)]
    Connect(Box<ReadError>),
    /// The server refused, or the connection broke.
    #[error("{what}: {error}")]
    Ldap {
        /// What was attempted.
        what: String,
        /// Why not.
        error: Box<LdapError>,
    },
    /// Nothing has that name.
    #[error("`{0}` names no object; use a uid, the cn of a group, a DN, a UPN or DOMAIN\\name")]
    Unknown(String),
    /// OpenLDAP has nothing of the kind.
    #[error("{0}")]
    NotHere(String),
}

/// Attributes with the values that they are to have.
pub(super) type Values<'a> = Vec<(&'a str, Vec<String>)>;

/// A bound connection.
pub(super) struct Admin {
    ldap: Ldap,
    names: Names,
}

fn named<T>(what: impl Into<String>, result: Result<T, LdapError>) -> Result<T, AdminError> {
    result.map_err(|error| AdminError::Ldap {
        what: what.into(),
        error: Box::new(error),
    })
}

/// Accepts success, and the codes that say that nothing is left to do.
fn accepted(
    what: &str,
    dn: &str,
    result: Result<LdapResult, LdapError>,
    also: &[u32],
) -> Result<(), AdminError> {
    let result = result.and_then(|result| {
        if also.contains(&result.rc) {
            Ok(())
        } else {
            result.success().map(drop)
        }
    });
    named(format!("{what} {dn}"), result)
}

fn bytes(values: &[String]) -> HashSet<Vec<u8>> {
    values.iter().map(|value| value.clone().into_bytes()).collect()
}

impl Admin {
    /// Logs on as the reader's account.
    pub(super) async fn log_on(reader: &Reader, names: &Names) -> Result<Self, AdminError> {
        Ok(Self {
            ldap: connect(reader)
                .await
                .map_err(|error| AdminError::Connect(Box::new(error)))?,
            names: names.clone(),
        })
    }

    /// Says good-bye.
    pub(super) async fn log_off(mut self) {
        let _ = self.ldap.unbind().await;
    }

    /// The names of the suffix.
    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    /// The DN of what `name` stands for.
    pub(super) async fn find(&mut self, name: &str) -> Result<String, AdminError> {
        if name.parse::<Dn>().is_ok() && name.contains('=') {
            return Ok(name.to_owned());
        }
        let plain = name.rsplit_once('\\').map_or(name, |(_, account)| account);
        let value = ldap3::ldap_escape(plain).into_owned();
        // A person may have the name of a group as `cn`: whoever has it as `uid` comes first.
        for filter in [
            format!("(|(uid={value})(userPrincipalName={value}))"),
            format!("(&(|(objectClass=groupOfNames)(objectClass=simpleSecurityObject))(cn={value}))"),
        ] {
            if let Some(entry) = self.search(&filter, &["1.1"]).await?.into_iter().next() {
                return Ok(entry.dn);
            }
        }
        Err(AdminError::Unknown(name.to_owned()))
    }

    /// Objects of the suffix.
    pub(super) async fn search(
        &mut self,
        filter: &str,
        attributes: &[&str],
    ) -> Result<Vec<SearchEntry>, AdminError> {
        self.search_below(&self.names.suffix(), Scope::Subtree, filter, attributes)
            .await
    }

    async fn search_below(
        &mut self,
        base: &str,
        scope: Scope,
        filter: &str,
        attributes: &[&str],
    ) -> Result<Vec<SearchEntry>, AdminError> {
        let found = self.ldap.search(base, scope, filter, attributes).await;
        let found = found.and_then(ldap3::SearchResult::success);
        let (entries, _) = named(format!("search {filter}"), found)?;
        let entries = entries.into_iter().filter(|entry| !entry.is_ref());
        Ok(entries.map(SearchEntry::construct).collect())
    }

    /// Adds an object, unless it is there.
    pub(super) async fn add(&mut self, dn: &str, attributes: &Values<'_>) -> Result<(), AdminError> {
        let all = attributes
            .iter()
            .filter(|(_, values)| !values.is_empty())
            .map(|(name, values)| (name.as_bytes().to_vec(), bytes(values)));
        let added = self.ldap.add(dn, all.collect()).await;
        accepted("add", dn, added, &[ENTRY_EXISTS])
    }

    /// Gives attributes of an object exactly these values.
    pub(super) async fn replace(&mut self, dn: &str, set: &Values<'_>) -> Result<(), AdminError> {
        let changes = set
            .iter()
            .map(|(name, values)| Mod::Replace(name.as_bytes().to_vec(), bytes(values)));
        let modified = self.ldap.modify(dn, changes.collect()).await;
        accepted("modify", dn, modified, &[])
    }

    /// The same for attributes that only the server writes otherwise.
    pub(super) async fn replace_operational(&mut self, dn: &str, set: &Values<'_>) -> Result<(), AdminError> {
        self.ldap.with_controls(vec![RawControl {
            ctype: RELAX.to_owned(),
            crit: true,
            val: None,
        }]);
        self.replace(dn, set).await
    }

    /// Puts a member into a group or takes it out; what is so already stays.
    pub(super) async fn member(&mut self, group: &str, member: &str, comes: bool) -> Result<(), AdminError> {
        let (name, values) = (b"member".to_vec(), bytes(&[member.to_owned()]));
        let change = if comes {
            Mod::Add(name, values)
        } else {
            Mod::Delete(name, values)
        };
        let modified = self.ldap.modify(group, vec![change]).await;
        accepted("modify", group, modified, &[NO_SUCH_ATTRIBUTE, VALUE_EXISTS])
    }

    /// Deletes an object, or a whole tree.
    pub(super) async fn delete(&mut self, dn: &str, tree: bool) -> Result<(), AdminError> {
        let mut all = vec![dn.to_owned()];
        if tree {
            let below = self
                .search_below(dn, Scope::Subtree, "(objectClass=*)", &["1.1"])
                .await?;
            all = below.into_iter().map(|entry| entry.dn).collect();
            // Children have longer names than their parents.
            all.sort_by_key(|dn| std::cmp::Reverse(dn.len()));
        }
        for dn in all {
            let deleted = self.ldap.delete(&dn).await;
            accepted("delete", &dn, deleted, &[])?;
        }
        Ok(())
    }

    /// Renames or moves an object. A name of another kind, such as `CN=…` for one that is named by `uid`, leaves the old one as an
    /// attribute: it is the account's.
    pub(super) async fn rename(
        &mut self,
        dn: &str,
        to: Option<&str>,
        below: Option<&str>,
    ) -> Result<(), AdminError> {
        let parsed: Dn = dn.parse().map_err(|_| AdminError::Unknown(dn.to_owned()))?;
        let kept = parsed.rdn().map(ToString::to_string).unwrap_or_default();
        let to = to.unwrap_or(&kept);
        let kind = |rdn: &str| rdn.split_once('=').map(|(attribute, _)| attribute.to_lowercase());
        let renamed = self.ldap.modifydn(dn, to, kind(to) == kind(&kept), below).await;
        accepted("rename", dn, renamed, &[])
    }
}
