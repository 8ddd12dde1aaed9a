//! A connection to a domain: the first domain controller that answers, protected, and bound.

use provlab_platform::{Part, event};
use secrecy::SecretString;
use thiserror::Error;

use crate::directory::ldap::{LdapConnection, LdapError, Protection};
use crate::host::HostMachine;

/// Who logs on.
#[derive(Clone)]
pub struct Credential {
    /// DN, UPN or `DOMAIN\name`.
    pub user: String,
    /// Password.
    pub password: SecretString,
}

impl Credential {
    /// The host's own computer account.
    pub fn of_computer(host: &HostMachine) -> Self {
        Self {
            user: host.computer.logon_name(),
            password: host.computer.password.clone(),
        }
    }
}

/// No logon.
#[derive(Debug, Error)]
pub enum LogonError {
    /// The DC locator knows no server of that domain.
    #[error("the specified domain either does not exist or could not be contacted: {domain}")]
    NoController {
        /// The domain.
        domain: String,
    },
    /// The last server that was tried.
    #[error("{server}: {error}")]
    Failed {
        /// The server.
        server: String,
        /// Why.
        error: LdapError,
    },
}

impl LogonError {
    /// The server that was tried last.
    pub fn server(&self) -> Option<&str> {
        match self {
            Self::NoController { .. } => None,
            Self::Failed { server, .. } => Some(server),
        }
    }
}

/// Logs on to a domain over LDAPS. A server that cannot be reached gives way to the next; a refused logon is final.
///
/// # Errors
/// When no server is known or reachable, or the logon is refused.
pub async fn open(
    host: &HostMachine,
    part: Part,
    domain: &str,
    preferred: &[String],
    credential: &Credential,
) -> Result<LdapConnection, LogonError> {
    let timeout = host.registry.ldap_timeout();
    let mut last = LogonError::NoController {
        domain: domain.to_owned(),
    };
    for server in host.controllers_of(domain, preferred) {
        let opened = async {
            let mut connection =
                LdapConnection::open(&host.platform, &server, Protection::Ldaps, timeout).await?;
            connection.bind(&credential.user, &credential.password).await?;
            Ok::<_, LdapError>(connection)
        };
        let result = opened.await;
        let outcome = match &result {
            Ok(_) => "success".to_owned(),
            Err(error) => error
                .refusal()
                .map_or_else(|| "unreachable".to_owned(), |refusal| refusal.code.to_string()),
        };
        event!(
            host.platform.trace,
            part,
            "ldap.logon",
            domain = domain,
            server = server,
            user = credential.user,
            outcome = outcome
        );
        match result {
            Ok(connection) => return Ok(connection),
            Err(error) => {
                let goes_on = error.is_fatal();
                last = LogonError::Failed { server, error };
                if !goes_on {
                    return Err(last);
                }
            }
        }
    }
    Err(last)
}
