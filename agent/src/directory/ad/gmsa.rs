//! The group managed service account: made, found, and shared with this host (CS 3, PR 14).

use provlab_protocol::dn::Dn;
use provlab_protocol::rights::MANAGED_SERVICE_ACCOUNTS_CONTAINER;
use provlab_protocol::security::{AccessMask, Ace, SecurityDescriptor};
use provlab_protocol::sid::{Sid, well_known};
use thiserror::Error;

use super::logon::LogonError;
use crate::directory::ldap::{
    Attribute, Change, ChangeKind, Entry, Filter, LdapConnection, LdapError, ResultCode, Scope, Search,
};
use crate::host::HostMachine;

/// Tries of a host to read the managed password, as the product's message counts them (CS 9.4).
pub const INSTALL_ATTEMPTS: u32 = 6;
/// `msDS-SupportedEncryptionTypes`: RC4, AES128, AES256 (PR 14.1).
const ENCRYPTION_TYPES: &str = "28";
/// `msDS-ManagedPasswordInterval` in days (CS 3.1).
const PASSWORD_INTERVAL_DAYS: &str = "30";
/// `userAccountControl` of a gMSA: WORKSTATION_TRUST (PR 14.1).
const WORKSTATION_TRUST: &str = "4096";
const MEMBERSHIP: &str = "msDS-GroupMSAMembership";

/// An account as the directory has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gmsa {
    /// sAMAccountName with `$`.
    pub name: String,
    /// Distinguished name.
    pub dn: String,
    /// SID, to which rights are granted.
    pub sid: Sid,
}

/// What **Create gMSA** did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// There was none: it was made, this host alone may use it.
    Created,
    /// It was there: this host was added.
    HostAdded,
    /// It was there and this host was allowed already.
    Reused,
}

impl Outcome {
    /// Word for the trace.
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::HostAdded => "host-added",
            Self::Reused => "reused",
        }
    }
}

/// The account cannot be had.
#[derive(Debug, Error)]
pub enum GmsaError {
    /// No logon.
    #[error(transparent)]
    Logon(#[from] LogonError),
    /// The directory refused or broke.
    #[error("{server}: {error}")]
    Ldap {
        /// The server.
        server: String,
        /// Why.
        error: LdapError,
    },
    /// No usable KDS root key.
    #[error(
        "Unable to create gMSA because KDS may not be running on domain controller. Please create/run KDS manually."
    )]
    Kds {
        /// The server's own words.
        detail: String,
    },
    /// The Managed Service Accounts container is not among `otherWellKnownObjects` (0x80072030).
    #[error(
        "Error while creating group managed service account (gMSA). Error: There is no such object on the server."
    )]
    NoContainer,
    /// The host's computer account is not in the directory.
    #[error("the computer account {0} is not in the domain; join the server to the domain again")]
    NoComputer(String),
    /// The server is of another family.
    #[error(
        "{server} is {dialect}, which has no managed service accounts. Prepare an account that may read the directory, \
         and choose Use custom service account."
    )]
    NotOffered {
        /// The server.
        server: String,
        /// What it is.
        dialect: &'static str,
    },
    /// No account of that name.
    #[error("there is no managed service account '{0}' in the domain")]
    NotFound(String),
    /// The host may not read the password, or nothing usable came.
    #[error(
        "Error while creating group managed service account (gMSA). Error: Unable to install service account {name} after {INSTALL_ATTEMPTS} retries."
    )]
    NotInstallable {
        /// The account.
        name: String,
        /// Why the last try failed.
        detail: String,
    },
    /// A descriptor or name in the directory cannot be used.
    #[error("the account cannot be used: {0}")]
    Unusable(String),
}

pub(super) fn ldap(connection: &LdapConnection) -> impl Fn(LdapError) -> GmsaError + use<> {
    let server = connection.endpoint().host.clone();
    move |error| GmsaError::Ldap {
        server: server.clone(),
        error,
    }
}

pub(super) fn root_of(domain: &str) -> Result<String, GmsaError> {
    Dn::from_dns(domain)
        .map(|dn| dn.to_string())
        .map_err(|error| GmsaError::Unusable(error.to_string()))
}

fn sid_of(entry: &Entry) -> Result<Sid, GmsaError> {
    let bytes = entry
        .first("objectSid")
        .ok_or_else(|| GmsaError::Unusable(format!("{} has no objectSid", entry.dn)))?;
    Sid::from_bytes(bytes).map_err(|error| GmsaError::Unusable(error.to_string()))
}

/// `name`, `name$` and `DOMAIN\name$` name the same account.
pub(super) fn account_name(name: &str) -> String {
    let name = name.rsplit_once('\\').map_or(name, |(_, name)| name).trim();
    if name.ends_with('$') {
        name.to_owned()
    } else {
        format!("{name}$")
    }
}

async fn by_name(
    connection: &mut LdapConnection,
    root: &str,
    name: &str,
    class: &str,
    attributes: &[&str],
) -> Result<Option<Entry>, GmsaError> {
    let fail = ldap(connection);
    let search = named(root, name, class, attributes);
    let entries = connection.search(&search).await.map_err(fail)?;
    Ok(entries.into_iter().next())
}

pub(super) fn named(root: &str, name: &str, class: &str, attributes: &[&str]) -> Search {
    Search {
        base: root.to_owned(),
        scope: Scope::Subtree,
        filter: Filter::And(vec![
            Filter::equal("objectClass", class),
            Filter::equal("sAMAccountName", name),
        ]),
        attributes: attributes.iter().map(|name| (*name).to_owned()).collect(),
    }
}

/// Finds an account of the connection's domain.
///
/// # Errors
/// When the directory cannot be asked, or there is no such account.
pub async fn find(connection: &mut LdapConnection, domain: &str, name: &str) -> Result<Gmsa, GmsaError> {
    let root = root_of(domain)?;
    let name = account_name(name);
    let class = "msDS-GroupManagedServiceAccount";
    let entry = by_name(connection, &root, &name, class, &["sAMAccountName", "objectSid"])
        .await?
        .ok_or_else(|| GmsaError::NotFound(name.clone()))?;
    Ok(Gmsa {
        sid: sid_of(&entry)?,
        dn: entry.dn,
        name,
    })
}

/// SID of a computer account of the connection's domain.
///
/// # Errors
/// When the directory cannot be asked, or there is no such account.
pub async fn computer_sid(
    connection: &mut LdapConnection,
    domain: &str,
    name: &str,
) -> Result<Sid, GmsaError> {
    let root = root_of(domain)?;
    let entry = by_name(connection, &root, name, "computer", &["objectSid"])
        .await?
        .ok_or_else(|| GmsaError::NoComputer(name.to_owned()))?;
    sid_of(&entry)
}

/// Makes the account, or finds it and adds this host to those who may use it. Nobody is ever removed.
///
/// `connection` is bound as a domain administrator of the host's domain.
///
/// # Errors
/// As [`GmsaError`] tells.
pub async fn create_or_reuse(
    host: &HostMachine,
    connection: &mut LdapConnection,
    name: &str,
) -> Result<(Gmsa, Outcome), GmsaError> {
    let domain = &host.computer.domain;
    let root = root_of(domain)?;
    let computer = computer_sid(connection, domain, &host.computer.name).await?;
    let class = "msDS-GroupManagedServiceAccount";
    let attributes = ["sAMAccountName", "objectSid", MEMBERSHIP];
    let outcome = match by_name(connection, &root, name, class, &attributes).await? {
        Some(entry) => allow_host(connection, &entry, &computer).await?,
        None => {
            create(host, connection, &root, name, &computer).await?;
            Outcome::Created
        }
    };
    Ok((find(connection, domain, name).await?, outcome))
}

async fn allow_host(
    connection: &mut LdapConnection,
    entry: &Entry,
    host: &Sid,
) -> Result<Outcome, GmsaError> {
    let unusable = |detail: String| GmsaError::Unusable(format!("{MEMBERSHIP} of {}: {detail}", entry.dn));
    let mut membership = match entry.first(MEMBERSHIP) {
        Some(bytes) => SecurityDescriptor::from_bytes(bytes).map_err(|error| unusable(error.to_string()))?,
        None => SecurityDescriptor::with_dacl(well_known::BUILTIN_ADMINISTRATORS, Vec::new()),
    };
    if !membership.add_ace(host_entry(host)) {
        return Ok(Outcome::Reused);
    }
    let change = Change {
        kind: ChangeKind::Replace,
        attribute: MEMBERSHIP.to_owned(),
        values: vec![
            membership
                .to_bytes()
                .map_err(|error| unusable(error.to_string()))?,
        ],
    };
    let fail = ldap(connection);
    connection.modify(&entry.dn, &[change], &[]).await.map_err(fail)?;
    Ok(Outcome::HostAdded)
}

/// The entry that PowerShell writes for a principal (PR 14.1).
fn host_entry(host: &Sid) -> Ace {
    Ace::allow(*host, AccessMask::FULL_CONTROL)
}

async fn create(
    host: &HostMachine,
    connection: &mut LdapConnection,
    root: &str,
    name: &str,
    computer: &Sid,
) -> Result<(), GmsaError> {
    let container = container(connection, root).await?;
    let membership =
        SecurityDescriptor::with_dacl(well_known::BUILTIN_ADMINISTRATORS, vec![host_entry(computer)])
            .to_bytes()
            .map_err(|error| GmsaError::Unusable(error.to_string()))?;
    let common_name = name.trim_end_matches('$');
    let attributes = [
        Attribute::text("objectClass", &["msDS-GroupManagedServiceAccount"]),
        Attribute::text("sAMAccountName", &[name]),
        Attribute::text("userAccountControl", &[WORKSTATION_TRUST]),
        Attribute::text(
            "dNSHostName",
            &[&format!("{common_name}.{}", host.computer.domain)],
        ),
        Attribute::text("msDS-ManagedPasswordInterval", &[PASSWORD_INTERVAL_DAYS]),
        Attribute::text("msDS-SupportedEncryptionTypes", &[ENCRYPTION_TYPES]),
        Attribute::binary(MEMBERSHIP, membership),
    ];
    let fail = ldap(connection);
    match connection
        .add(&format!("CN={common_name},{container}"), &attributes)
        .await
    {
        Ok(()) => Ok(()),
        // Two agents at once: the other one was faster, and its account is ours too.
        Err(error) if error.is(ResultCode::ENTRY_ALREADY_EXISTS) => {
            let entry = by_name(
                connection,
                root,
                name,
                "msDS-GroupManagedServiceAccount",
                &["sAMAccountName", "objectSid", MEMBERSHIP],
            )
            .await?;
            match entry {
                Some(entry) => allow_host(connection, &entry, computer).await.map(drop),
                None => Err(fail(error)),
            }
        }
        Err(error) => match error.refusal() {
            Some(refusal) if lacks_root_key(refusal.code, &refusal.diagnostic) => Err(GmsaError::Kds {
                detail: refusal.to_string(),
            }),
            _ => Err(fail(error)),
        },
    }
}

/// `NTE_NO_KEY` in Windows' text, or a domain controller that will not make an account whose password it cannot derive.
fn lacks_root_key(code: ResultCode, diagnostic: &str) -> bool {
    let text = diagnostic.to_ascii_lowercase();
    code == ResultCode::UNWILLING_TO_PERFORM
        || text.contains("8009000d")
        || text.contains("root key")
        || text.contains("kds")
}

/// The Managed Service Accounts container, by its well-known GUID and not by its name (CS 3.1).
async fn container(connection: &mut LdapConnection, root: &str) -> Result<String, GmsaError> {
    let search = Search {
        base: root.to_owned(),
        scope: Scope::Base,
        filter: Filter::present("objectClass"),
        attributes: vec!["otherWellKnownObjects".to_owned()],
    };
    let fail = ldap(connection);
    let entries = connection.search(&search).await.map_err(fail)?;
    entries
        .iter()
        .flat_map(|entry| entry.values("otherWellKnownObjects"))
        .filter_map(|value| std::str::from_utf8(value).ok())
        .find_map(container_of)
        .map(str::to_owned)
        .ok_or(GmsaError::NoContainer)
}

/// The DN of `B:32:<GUID>:<DN>` when the GUID is the container's.
fn container_of(value: &str) -> Option<&str> {
    let (guid, dn) = value.strip_prefix("B:32:")?.split_once(':')?;
    guid.eq_ignore_ascii_case(MANAGED_SERVICE_ACCOUNTS_CONTAINER)
        .then_some(dn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_container_is_found_by_its_guid() {
        assert_eq!(
            container_of(
                "B:32:1eb93889e40c45df9f0c64d23bbb6237:CN=Managed Service Accounts,DC=contoso,DC=com"
            ),
            Some("CN=Managed Service Accounts,DC=contoso,DC=com")
        );
        assert_eq!(
            container_of("B:32:683A24E2E8164BD3AF86AC3C2CF3F981:CN=Keys,DC=contoso,DC=com"),
            None
        );
        assert_eq!(container_of("nonsense"), None);
    }

    #[test]
    fn account_names_are_taken_in_every_form() {
        for form in ["provAPP1gMSA", "provAPP1gMSA$", r"CONTOSO\provAPP1gMSA$"] {
            assert_eq!(account_name(form), "provAPP1gMSA$");
        }
    }

    #[test]
    fn the_documented_messages_are_word_for_word() {
        let failed = GmsaError::NotInstallable {
            name: "provAgentgMSA$".to_owned(),
            detail: String::new(),
        };
        assert_eq!(
            failed.to_string(),
            "Error while creating group managed service account (gMSA). Error: Unable to install service account provAgentgMSA$ after 6 retries."
        );
        let kds = GmsaError::Kds {
            detail: String::new(),
        };
        assert_eq!(
            kds.to_string(),
            "Unable to create gMSA because KDS may not be running on domain controller. Please create/run KDS manually."
        );
    }
}
