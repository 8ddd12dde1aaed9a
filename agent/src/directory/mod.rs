//! The agent's side of a directory: what the cloud may ask of it, and who answers.

pub mod ad;
mod dialect;
pub mod kerberos;
pub mod ldap;
pub mod openldap;

use async_trait::async_trait;
use provlab_protocol::scim::{ChangeQuery, ErrorCode, GetObject, ListResponse, Resource, ScimError};
use thiserror::Error;

pub use dialect::{Dialect, dialect_of, open_session, root_dse};
use ldap::LdapError;

/// One open, authenticated directory. Dialects of LDAP servers differ behind it.
#[async_trait]
pub trait Directory: Send {
    /// One page of changes since the query's watermark.
    async fn changes(&mut self, query: &ChangeQuery) -> Result<ListResponse, DirectoryError>;

    /// One object with the attributes asked for; `None` when there is none of that name.
    async fn object(&mut self, get: &GetObject) -> Result<Option<Resource>, DirectoryError>;

    /// Proves that the logon still works; gives the name of the server.
    async fn ping(&mut self) -> Result<String, DirectoryError>;
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
    /// More than fits into one answer.
    #[error("{server} returned {found} objects at once; one answer to the cloud holds {limit}")]
    TooMany {
        /// The server.
        server: String,
        /// How many.
        found: usize,
        /// The limit.
        limit: usize,
    },
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
            | Self::TooMany { .. } => false,
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
            Self::WatermarkRefused { .. } => ScimError::new(ErrorCode::CookieRefused, &self.to_string()),
            _ => ScimError::new(
                ErrorCode::HybridSynchronizationActiveDirectoryInternalServerError,
                &self.to_string(),
            ),
        }
    }
}
