//! A connection to a domain: the first domain controller that answers, protected, and bound.

use provlab_platform::{Part, event};
use secrecy::SecretString;
use thiserror::Error;

use crate::directory::kerberos::{self, ErrorCode, Initiator, KerberosError, Principal, service_ticket};
use crate::directory::ldap::{LdapConnection, LdapError, Protection, ResultCode};
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

/// How a logon goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mechanism {
    /// Simple bind over LDAPS.
    Simple,
    /// By a Kerberos ticket of this account, on port 389, which the logon itself seals.
    Negotiate(Principal),
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
    /// The KDC on the last server that was tried gave no ticket.
    #[error("{server}: {error}")]
    Kerberos {
        /// The server.
        server: String,
        /// Why.
        error: KerberosError,
    },
}

/// One try on one server.
enum Failure {
    Ldap(LdapError),
    Kerberos(KerberosError),
}

impl From<LdapError> for Failure {
    fn from(error: LdapError) -> Self {
        Self::Ldap(error)
    }
}

impl From<KerberosError> for Failure {
    fn from(error: KerberosError) -> Self {
        Self::Kerberos(error)
    }
}

impl Failure {
    /// Word for the trace.
    fn outcome(&self) -> String {
        let code = match self {
            Self::Ldap(error) => error.refusal().map(|refusal| refusal.code.to_string()),
            Self::Kerberos(error) => error.code().map(|code| code.to_string()),
        };
        code.unwrap_or_else(|| "unreachable".to_owned())
    }

    fn at(self, server: String) -> LogonError {
        match self {
            Self::Ldap(error) => LogonError::Failed { server, error },
            Self::Kerberos(error) => LogonError::Kerberos { server, error },
        }
    }
}

impl LogonError {
    /// The server that was tried last.
    pub fn server(&self) -> Option<&str> {
        match self {
            Self::NoController { .. } => None,
            Self::Failed { server, .. } | Self::Kerberos { server, .. } => Some(server),
        }
    }

    /// Whether another server may do better, or the same one later: nobody refused the logon.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::NoController { .. } => false,
            Self::Failed { error, .. } => error.is_fatal(),
            Self::Kerberos { error, .. } => error.is_fatal(),
        }
    }

    /// Whether the password is not the account's.
    pub fn is_wrong_password(&self) -> bool {
        match self {
            Self::NoController { .. } => false,
            Self::Failed { error, .. } => error.is(ResultCode::INVALID_CREDENTIALS),
            Self::Kerberos { error, .. } => error.code() == Some(ErrorCode::PREAUTH_FAILED),
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
    open_by(host, part, domain, preferred, credential, &Mechanism::Simple).await
}

/// Logs on to a domain by a mechanism of choice, otherwise as [`open`] does.
///
/// # Errors
/// When no server is known or reachable, or the logon is refused.
pub(super) async fn open_by(
    host: &HostMachine,
    part: Part,
    domain: &str,
    preferred: &[String],
    credential: &Credential,
    mechanism: &Mechanism,
) -> Result<LdapConnection, LogonError> {
    let mut last = LogonError::NoController {
        domain: domain.to_owned(),
    };
    for server in host.controllers_of(domain, preferred) {
        let result = attempt(host, &server, credential, mechanism).await;
        let outcome = match &result {
            Ok(_) => "success".to_owned(),
            Err(failure) => failure.outcome(),
        };
        let trace = &host.platform.trace;
        let user = &credential.user;
        match mechanism {
            Mechanism::Simple => event!(
                trace,
                part,
                "ldap.logon",
                domain = domain,
                server = server,
                user = user,
                outcome = outcome
            ),
            Mechanism::Negotiate(_) => event!(
                trace,
                part,
                "ldap.logon",
                domain = domain,
                server = server,
                user = user,
                mechanism = kerberos::MECHANISM,
                outcome = outcome
            ),
        }
        match result {
            Ok(connection) => return Ok(connection),
            Err(failure) => {
                last = failure.at(server);
                if !last.is_transient() {
                    return Err(last);
                }
            }
        }
    }
    Err(last)
}

async fn attempt(
    host: &HostMachine,
    server: &str,
    credential: &Credential,
    mechanism: &Mechanism,
) -> Result<LdapConnection, Failure> {
    let platform = &host.platform;
    let timeout = host.registry.ldap_timeout();
    match mechanism {
        Mechanism::Simple => {
            let mut connection = LdapConnection::open(platform, server, Protection::Ldaps, timeout).await?;
            connection.bind(&credential.user, &credential.password).await?;
            Ok(connection)
        }
        Mechanism::Negotiate(account) => {
            let service = ["ldap", server];
            let ticket =
                service_ticket(platform, server, timeout, account, &credential.password, &service).await?;
            let initiator = Initiator::new(platform, &ticket)?;
            Ok(LdapConnection::open_negotiated(platform, server, initiator, timeout).await?)
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::directory::kerberos::stub::{self, DC, PASSWORD, answer, framed};
    use crate::directory::ldap::{Filter, Scope, Search};
    use crate::testing::{World, simulate};

    async fn logon(world: &World, password: &str) -> Result<LdapConnection, LogonError> {
        let credential = Credential {
            user: r"CONTOSO\provAgentgMSA$".to_owned(),
            password: SecretString::from(password),
        };
        let mechanism = Mechanism::Negotiate(Principal::of_domain("provAgentgMSA$", "contoso.com"));
        open_by(
            &world.host,
            Part::Agent,
            "contoso.com",
            &[],
            &credential,
            &mechanism,
        )
        .await
    }

    async fn kdc(world: &World) {
        let clock = world.doors(DC).clock;
        stub::kdc(world.doors(DC), move |request| {
            framed(&answer(request, clock.wall()))
        })
        .await;
    }

    /// Outcome and mechanism of every logon in the trace.
    fn logons(world: &World) -> Vec<(String, String)> {
        let text = |event: &provlab_platform::Event, name: &str| {
            event.fields[name].as_str().unwrap_or_default().to_owned()
        };
        let events = world.log.events();
        let logons = events.iter().filter(|event| event.name == "ldap.logon");
        logons
            .map(|event| (text(event, "outcome"), text(event, "mechanism")))
            .collect()
    }

    #[test]
    fn everything_behind_the_logon_is_sealed() {
        simulate(async {
            let world = World::new();
            kdc(&world).await;
            stub::directory(world.doors(DC), b"").await;
            let mut connection = logon(&world, PASSWORD).await.unwrap();
            let search = Search {
                base: String::new(),
                scope: Scope::Base,
                filter: Filter::present("objectClass"),
                attributes: Vec::new(),
            };
            for _ in 0..3 {
                assert_eq!(connection.search(&search).await.unwrap(), []);
            }
            assert_eq!(logons(&world), [("success".to_owned(), "GSS-SPNEGO".to_owned())]);
        });
    }

    #[test]
    fn words_in_clear_behind_the_logon_end_it() {
        simulate(async {
            let world = World::new();
            kdc(&world).await;
            stub::directory(world.doors(DC), b"0").await;
            let error = logon(&world, PASSWORD).await.err().unwrap();
            // The second domain controller is tried then, and is not there.
            assert!(error.is_transient(), "{error}");
            assert_eq!(error.server(), Some("dc2.contoso.com"));
        });
    }

    #[test]
    fn a_refusal_by_the_kdc_is_final_and_traced_with_its_code() {
        simulate(async {
            let world = World::new();
            kdc(&world).await;
            let error = logon(&world, "wrong").await.err().unwrap();
            assert!(error.is_wrong_password() && !error.is_transient(), "{error}");
            assert_eq!(error.server(), Some(DC));
            assert_eq!(
                logons(&world),
                [(
                    "KDC_ERR_PREAUTH_FAILED (0x18)".to_owned(),
                    "GSS-SPNEGO".to_owned()
                )]
            );
        });
    }

    #[test]
    fn without_any_kdc_every_server_is_tried() {
        simulate(async {
            let world = World::new();
            let error = logon(&world, PASSWORD).await.err().unwrap();
            assert!(error.is_transient() && !error.is_wrong_password());
            assert_eq!(logons(&world).len(), 2);
        });
    }
}
