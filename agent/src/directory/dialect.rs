//! Which family of servers this is, by what its root DSE says and never by a name that somebody configured.

use provlab_protocol::oid;

use super::ad::ActiveDirectory;
use super::ldap::{Entry, Filter, LdapConnection, LdapError, Scope, Search};
use super::openldap::OpenLdap;
use super::{Directory, DirectoryError};

/// What the agent asks the root DSE for: the marks of the dialects, and what their sessions need to begin.
const ROOT_DSE: [&str; 5] = [
    "dnsHostName",
    "dsServiceName",
    "namingContexts",
    "supportedCapabilities",
    "supportedControl",
];

/// A family of directory servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Active Directory and Samba: DirSync, objectGUID, managed accounts, access control lists.
    ActiveDirectory,
    /// OpenLDAP: content synchronization (RFC 4533), entryUUID, accounts that administrators keep.
    OpenLdap,
}

/// What tells a dialect, and what its directories have.
struct Row {
    dialect: Dialect,
    name: &'static str,
    /// Attribute of the root DSE, and the value that only this dialect has.
    mark: (&'static str, &'static str),
    managed_accounts: bool,
}

/// In the order in which they are tried.
const ROWS: [Row; 2] = [
    Row {
        dialect: Dialect::ActiveDirectory,
        name: "Active Directory",
        mark: ("supportedCapabilities", oid::capability::ACTIVE_DIRECTORY),
        managed_accounts: true,
    },
    Row {
        dialect: Dialect::OpenLdap,
        name: "OpenLDAP",
        mark: ("supportedControl", oid::control::SYNC_REQUEST),
        managed_accounts: false,
    },
];

impl Dialect {
    /// The dialect of a server with this root DSE; none for one that the agent cannot follow.
    pub fn of(root_dse: &Entry) -> Option<Self> {
        let has = |(attribute, value): (&str, &str)| {
            root_dse
                .values(attribute)
                .iter()
                .any(|found| found == value.as_bytes())
        };
        ROWS.iter().find(|row| has(row.mark)).map(|row| row.dialect)
    }

    fn row(self) -> &'static Row {
        ROWS.iter().find(|row| row.dialect == self).unwrap_or(&ROWS[0])
    }

    /// What people call it.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Whether its directories have group managed service accounts, to which rights are granted by access control lists.
    pub fn has_managed_accounts(self) -> bool {
        self.row().managed_accounts
    }
}

/// Reads the root DSE.
///
/// # Errors
/// The server's refusal, or loss of the connection.
pub async fn root_dse(connection: &mut LdapConnection) -> Result<Entry, LdapError> {
    let search = Search {
        base: String::new(),
        scope: Scope::Base,
        filter: Filter::present("objectClass"),
        attributes: ROOT_DSE.map(str::to_owned).to_vec(),
    };
    let found = connection.search(&search).await?;
    Ok(found.into_iter().next().unwrap_or_default())
}

/// The dialect of the server at the other end.
///
/// # Errors
/// When it cannot be asked, or speaks no dialect that the agent knows.
pub async fn dialect_of(connection: &mut LdapConnection) -> Result<Dialect, DirectoryError> {
    let root = root_dse(connection).await?;
    known(connection, &root)
}

fn known(connection: &LdapConnection, root: &Entry) -> Result<Dialect, DirectoryError> {
    Dialect::of(root).ok_or_else(|| DirectoryError::UnknownDialect {
        server: connection.endpoint().host.clone(),
    })
}

/// Opens a session in the server's own dialect over an authenticated connection.
///
/// # Errors
/// When the server speaks no known dialect, does not hold the domain, or cannot be asked.
pub async fn open_session(
    mut connection: LdapConnection,
    domain: &str,
) -> Result<Box<dyn Directory>, DirectoryError> {
    let root = root_dse(&mut connection).await?;
    Ok(match known(&connection, &root)? {
        Dialect::ActiveDirectory => Box::new(ActiveDirectory::over(connection, domain, &root).await?),
        Dialect::OpenLdap => Box::new(OpenLdap::over(connection, domain, &root).await?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::ldap::Attribute;

    fn root(attribute: &str, values: &[&str]) -> Entry {
        Entry {
            dn: String::new(),
            attributes: vec![Attribute::text(attribute, values)],
        }
    }

    #[test]
    fn servers_are_told_apart_by_their_root_dse() {
        let samba = root(
            "supportedCapabilities",
            &["1.2.840.113556.1.4.1670", "1.2.840.113556.1.4.800"],
        );
        assert_eq!(Dialect::of(&samba), Some(Dialect::ActiveDirectory));
        let openldap = root("supportedControl", &["1.3.6.1.1.12", "1.3.6.1.4.1.4203.1.9.1.1"]);
        assert_eq!(Dialect::of(&openldap), Some(Dialect::OpenLdap));
        let without_syncprov = root("supportedControl", &["1.3.6.1.1.12"]);
        assert_eq!(Dialect::of(&without_syncprov), None);
    }

    #[test]
    fn only_active_directory_has_managed_accounts() {
        assert!(Dialect::ActiveDirectory.has_managed_accounts());
        assert!(!Dialect::OpenLdap.has_managed_accounts());
    }
}
