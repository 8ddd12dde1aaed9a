//! The agent's side of a directory: what the cloud may ask of it, and who answers.

pub mod ad;
mod dialect;
pub mod drsuapi;
pub mod kerberos;
pub mod ldap;
pub mod openldap;
mod schema;

use async_trait::async_trait;
use provlab_protocol::scim::{
    ChangeQuery, DeleteGroup, ErrorCode, GetObject, GroupDeleted, GroupWritten, LdapErrorDetail, ListMembers,
    ListResponse, MemberPage, PutGroup, Resource, ScimError,
};
use thiserror::Error;

pub use dialect::{Dialect, dialect_of, open_session, root_dse};
use ldap::LdapError;
pub use schema::{AttributeClass, ObjectClass, Schema};

/// One open, authenticated directory. Dialects of LDAP servers differ behind it.
#[async_trait]
pub trait Directory: Send {
    /// One page of changes since the query's watermark.
    async fn changes(&mut self, query: &ChangeQuery) -> Result<ListResponse, DirectoryError>;

    /// One object with the attributes asked for; `None` when there is none of that name.
    async fn object(&mut self, get: &GetObject) -> Result<Option<Resource>, DirectoryError>;

    /// Proves that the logon still works; gives the name of the server.
    async fn ping(&mut self) -> Result<String, DirectoryError>;

    /// Makes a group be as it shall be. Doing it again changes nothing.
    async fn put_group(&mut self, _put: &PutGroup) -> Result<GroupWritten, DirectoryError> {
        Err(DirectoryError::NoProvisionedGroups)
    }

    /// Makes a group not be there. Doing it again changes nothing.
    async fn delete_group(&mut self, _delete: &DeleteGroup) -> Result<GroupDeleted, DirectoryError> {
        Err(DirectoryError::NoProvisionedGroups)
    }

    /// One page of a group's members; `None` when there is no such group.
    async fn list_members(&mut self, _list: &ListMembers) -> Result<Option<MemberPage>, DirectoryError> {
        Err(DirectoryError::NoProvisionedGroups)
    }

    /// Whether its servers replicate passwords to those who may see them (DRSUAPI).
    fn replicates_passwords(&self) -> bool {
        false
    }

    /// What the schema lets objects have.
    async fn schema(&mut self) -> Result<Schema, DirectoryError> {
        Err(DirectoryError::NoDiscovery)
    }
}

/// A directory could not answer.
#[derive(Debug, Error)]
pub enum DirectoryError {
    /// The LDAP operation failed.
    #[error(transparent)]
    Ldap(#[from] LdapError),
    /// The server does not take the watermark: another domain controller, a restored database, or damage.
    #[error("{server} does not accept the watermark: {detail}")]
    WatermarkRefused {
        /// The server.
        server: String,
        /// Its own words, or what is wrong with the watermark.
        detail: String,
    },
    /// The server answered LDAP that makes no sense.
    #[error("{server} answered {detail}")]
    Nonsense {
        /// The server.
        server: String,
        /// What was wrong.
        detail: String,
    },
    /// The server is none that the agent can follow.
    #[error(
        "{server} is neither Active Directory nor a server with content synchronization (RFC 4533); \
         on OpenLDAP load the overlay syncprov for the domain's database"
    )]
    UnknownDialect {
        /// The server.
        server: String,
    },
    /// The name of a domain or object cannot be one.
    #[error("{0}")]
    Name(String),
    /// An object cannot be made what it shall be, for a documented reason or with the server's refusal.
    #[error("{message}")]
    Object {
        /// Code of PR 11.
        code: ErrorCode,
        /// What is wrong and how to mend it.
        message: String,
        /// What the server said.
        ldap: Option<LdapErrorDetail>,
    },
    /// The dialect has no groups of this kind.
    #[error(
        "groups are provisioned to Active Directory only: this directory has no universal security groups and no \
         msDS-ExternalDirectoryObjectId; take the configuration out of use"
    )]
    NoProvisionedGroups,
    /// The dialect's schema is not read.
    #[error(
        "the schema is discovered of Active Directory only; name the attributes in the configuration's schema yourself"
    )]
    NoDiscovery,
    /// The dialect replicates no password hashes.
    #[error(
        "password hashes are synchronized from Active Directory only; turn password hash synchronization off for this directory"
    )]
    NoCredentials,
}

impl DirectoryError {
    /// Whether the connection is of no further use.
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::Ldap(error) => error.is_fatal(),
            Self::Nonsense { .. } => true,
            Self::WatermarkRefused { .. }
            | Self::UnknownDialect { .. }
            | Self::Name(_)
            | Self::Object { .. }
            | Self::NoProvisionedGroups
            | Self::NoDiscovery
            | Self::NoCredentials => false,
        }
    }

    /// The error as the cloud gets it (CS 9.5, PR 11).
    pub fn to_scim(&self) -> ScimError {
        match self {
            Self::Ldap(error) => match error.refusal() {
                Some(refusal) => ScimError::from_ldap(refusal.code.0, &refusal.words()),
                None => ScimError::new(
                    ErrorCode::HybridSynchronizationActiveDirectoryInternalServerError,
                    &error.to_string(),
                ),
            },
            Self::Object { code, message, ldap } => ScimError {
                ldap: ldap.clone(),
                ..ScimError::new(code.clone(), message)
            },
            Self::WatermarkRefused { .. } => ScimError::new(ErrorCode::CookieRefused, &self.to_string()),
            _ => ScimError::new(
                ErrorCode::HybridSynchronizationActiveDirectoryInternalServerError,
                &self.to_string(),
            ),
        }
    }
}
