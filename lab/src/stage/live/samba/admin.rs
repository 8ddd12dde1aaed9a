//! An administrator's connection to a Samba domain controller, through the stock `ldap3` client.

use std::collections::HashSet;

use ldap3::{Ldap, LdapError, LdapResult, Mod, Scope, SearchEntry, controls::RawControl};
use provlab_directory::control::Attributes;
use provlab_protocol::{dn::Dn, unicode_pwd};
use secrecy::{ExposeSecret as _, SecretString};

use super::super::reader::{ReadError, Reader, connect};

/// LDAP_SERVER_PERMISSIVE_MODIFY (PR 15): adding what is there and deleting what is not are no errors.
const PERMISSIVE_MODIFY: &str = "1.2.840.113556.1.4.1413";
/// LDAP_SERVER_TREE_DELETE (PR 15).
const TREE_DELETE: &str = "1.2.840.113556.1.4.805";

/// Why the administrator did not get what it wanted.
#[derive(Debug, thiserror::Error)]
pub(super) enum AdminError {
    /// No connection.
    #[error(transparent)]
    Connect(#[from] ReadError),
    /// The server refused, or the connection broke.
    #[error("{what}: {error}")]
    Ldap {
        /// What was attempted.
        what: String,
        /// Why not.
        error: Box<LdapError>,
    },
    /// Nothing has that name.
    #[error("`{0}` names no object; use a sAMAccountName, a DN, a UPN or DOMAIN\\name")]
    Unknown(String),
    /// The name of the domain or of an object cannot be one.
    #[error("`{0}` is no name")]
    Name(String),
    /// It was done, but does not take effect.
    #[error("{0}")]
    NoEffect(String),
}

/// A bound connection.
pub(super) struct Admin {
    ldap: Ldap,
    base: String,
}

fn named<T>(what: impl Into<String>, result: Result<T, LdapError>) -> Result<T, AdminError> {
    result.map_err(|error| AdminError::Ldap {
        what: what.into(),
        error: Box::new(error),
    })
}

fn accepted(what: &str, dn: &str, result: Result<LdapResult, LdapError>) -> Result<(), AdminError> {
    named(format!("{what} {dn}"), result.and_then(LdapResult::success)).map(drop)
}

fn control(oid: &str) -> RawControl {
    RawControl {
        ctype: oid.to_owned(),
        crit: true,
        val: None,
    }
}

/// `unicodePwd` as the server wants it (PR 16.1).
pub(super) fn password_value(password: &SecretString) -> Vec<u8> {
    unicode_pwd::encode(password.expose_secret()).to_vec()
}

impl Admin {
    /// Logs on as the reader's account.
    pub(super) async fn log_on(reader: &Reader) -> Result<Self, AdminError> {
        let base = Dn::from_dns(&reader.domain).map_err(|_| AdminError::Name(reader.domain.clone()))?;
        Ok(Self {
            ldap: connect(reader).await?,
            base: base.to_string(),
        })
    }

    /// The head of the domain.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// Says good-bye.
    pub(super) async fn log_off(mut self) {
        let _ = self.ldap.unbind().await;
    }

    /// The DN of what `name` stands for.
    pub(super) async fn find(&mut self, name: &str) -> Result<String, AdminError> {
        if name.contains('=') {
            return Ok(name.to_owned());
        }
        let plain = name.rsplit_once('\\').map_or(name, |(_, account)| account);
        let value = ldap3::ldap_escape(plain).into_owned();
        let filter = format!("(|(sAMAccountName={value})(userPrincipalName={value}))");
        let base = self.base.clone();
        let found = self.search(&base, Scope::Subtree, &filter, "1.1").await?;
        found
            .into_iter()
            .next()
            .map(|entry| entry.dn)
            .ok_or_else(|| AdminError::Unknown(name.to_owned()))
    }

    /// Objects with one attribute.
    pub(super) async fn search(
        &mut self,
        base: &str,
        scope: Scope,
        filter: &str,
        attribute: &str,
    ) -> Result<Vec<SearchEntry>, AdminError> {
        let found = self.ldap.search(base, scope, filter, [attribute]).await;
        let (entries, _) = named(
            format!("search {filter}"),
            found.and_then(ldap3::SearchResult::success),
        )?;
        Ok(entries
            .into_iter()
            .filter(|entry| !entry.is_ref())
            .map(SearchEntry::construct)
            .collect())
    }

    /// A number of an object; 0 where the attribute is absent.
    pub(super) async fn number(&mut self, dn: &str, attribute: &str) -> Result<i64, AdminError> {
        let found = self.search(dn, Scope::Base, "(objectClass=*)", attribute).await?;
        Ok(found
            .first()
            .and_then(|entry| entry.attrs.get(attribute)?.first()?.parse().ok())
            .unwrap_or(0))
    }

    /// Adds an object.
    pub(super) async fn add(
        &mut self,
        dn: &str,
        attributes: &Attributes,
        password: Option<&SecretString>,
    ) -> Result<(), AdminError> {
        let mut all: Vec<(Vec<u8>, HashSet<Vec<u8>>)> = attributes
            .iter()
            .filter(|(_, values)| !values.is_empty())
            .map(|(name, values)| {
                let values = values.iter().map(|value| value.clone().into_bytes()).collect();
                (name.clone().into_bytes(), values)
            })
            .collect();
        if let Some(password) = password {
            all.push((b"unicodePwd".to_vec(), HashSet::from([password_value(password)])));
        }
        let added = self.ldap.add(dn, all).await;
        accepted("add", dn, added)
    }

    /// Gives attributes of an object exactly these values.
    pub(super) async fn replace(&mut self, dn: &str, set: &[(&str, Vec<Vec<u8>>)]) -> Result<(), AdminError> {
        let changes = set
            .iter()
            .map(|(name, values)| {
                Mod::Replace(
                    name.as_bytes().to_vec(),
                    values.iter().cloned().collect::<HashSet<_>>(),
                )
            })
            .collect();
        let modified = self.ldap.modify(dn, changes).await;
        accepted("modify", dn, modified)
    }

    /// Gives an attribute of an object one textual value.
    pub(super) async fn set(&mut self, dn: &str, attribute: &str, value: &str) -> Result<(), AdminError> {
        self.replace(dn, &[(attribute, vec![value.as_bytes().to_vec()])])
            .await
    }

    /// Puts members into a group or takes them out; what is so already stays.
    pub(super) async fn members(
        &mut self,
        group: &str,
        members: &[String],
        come: bool,
    ) -> Result<(), AdminError> {
        let name = b"member".to_vec();
        let values: HashSet<Vec<u8>> = members.iter().map(|dn| dn.clone().into_bytes()).collect();
        let change = if come {
            Mod::Add(name, values)
        } else {
            Mod::Delete(name, values)
        };
        let modified = self
            .ldap
            .with_controls(vec![control(PERMISSIVE_MODIFY)])
            .modify(group, vec![change])
            .await;
        accepted("modify", group, modified)
    }

    /// Deletes an object, or a whole tree.
    pub(super) async fn delete(&mut self, dn: &str, tree: bool) -> Result<(), AdminError> {
        if tree {
            self.ldap.with_controls(vec![control(TREE_DELETE)]);
        }
        let deleted = self.ldap.delete(dn).await;
        accepted("delete", dn, deleted)
    }

    /// Renames or moves an object.
    pub(super) async fn rename(
        &mut self,
        dn: &str,
        to: Option<&str>,
        below: Option<&str>,
    ) -> Result<(), AdminError> {
        let parsed: Dn = dn.parse().map_err(|_| AdminError::Name(dn.to_owned()))?;
        let kept = parsed.rdn().map(ToString::to_string).unwrap_or_default();
        let renamed = self.ldap.modifydn(dn, to.unwrap_or(&kept), true, below).await;
        accepted("rename", dn, renamed)
    }
}
