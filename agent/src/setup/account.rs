//! The account that runs the service: a gMSA, to which the wizard grants rights, or one that an administrator prepared.

use provlab_platform::{Part, event};
use provlab_protocol::sid::Sid;

use super::failure::{Failure, FailureKind, Logon, directory_failure};
use super::steps::logon_failure;
use crate::directory::ad::{self, Credential, Gmsa, GmsaError};
use crate::directory::ldap::{LdapConnection, ResultCode};
use crate::directory::{DirectoryError, dialect_of, open_session};
use crate::host::{EventLevel, HostMachine};
use crate::product::SERVICE_NAME;

/// The account of the service.
#[derive(Clone)]
pub(crate) enum ServiceAccount {
    /// A group managed service account.
    Managed(Gmsa),
    /// An account with a password that the host keeps.
    Stored(Credential),
}

/// How the account comes to read a domain.
#[derive(Clone)]
pub(crate) enum Access {
    /// The wizard grants rights to this SID.
    Grant(Sid),
    /// An administrator has granted them; the wizard proves it by reading as the account.
    Prove(Credential),
}

impl ServiceAccount {
    /// Its name as the Services console shows it.
    pub(crate) fn name(&self, host: &HostMachine) -> String {
        match self {
            Self::Managed(gmsa) => format!(r"{}\{}", host.computer.netbios, gmsa.name),
            Self::Stored(credential) => credential.user.clone(),
        }
    }

    /// How it comes to read a domain.
    pub(crate) fn access(&self) -> Access {
        match self {
            Self::Managed(gmsa) => Access::Grant(gmsa.sid),
            Self::Stored(credential) => Access::Prove(credential.clone()),
        }
    }
}

/// Changes the service's logon to the account.
pub(crate) fn change_service_credentials(
    host: &HostMachine,
    account: &ServiceAccount,
) -> Result<(), Failure> {
    const TEXT: &str =
        "Failed changing Windows service credentials to gMSA. Please check the logs for more details.";
    let fail = |error: &dyn std::fmt::Display| Failure::new(FailureKind::ServiceCredentials, TEXT, error);
    let name = account.name(host);
    if host.policies.deny_service_logon {
        host.event_log(Part::Wizard).write(
            7041,
            "Service Control Manager",
            EventLevel::Error,
            &format!(
                "The {SERVICE_NAME} service was unable to log on as {name} because the account lacks the right \"Log on as a service\"."
            ),
        );
        return Err(fail(&"event 7041"));
    }
    let (managed, password) = match account {
        ServiceAccount::Managed(_) => (true, None),
        ServiceAccount::Stored(credential) => (false, Some(&credential.password)),
    };
    // The secret comes first: a service that names the account can always log on.
    host.secrets
        .set_service_password(SERVICE_NAME, password)
        .map_err(|error| fail(&error))?;
    host.services
        .update(SERVICE_NAME, |entry| {
            entry.account.clone_from(&name);
            entry.managed_account = managed;
        })
        .map_err(|error| fail(&error))
}

/// Proves that an account which an administrator prepared can log on to the host's domain.
pub(crate) async fn prepare_custom(
    host: &HostMachine,
    credential: Credential,
) -> Result<ServiceAccount, Failure> {
    const DOING: &str = "use the custom service account";
    let domain = &host.computer.domain;
    let logon = Logon {
        account: &credential.user,
        domain,
    };
    let mut connection = ad::open(host, Part::Wizard, domain, &[], &credential)
        .await
        .map_err(|error| logon_failure(logon, DOING, &error))?;
    let without = without_managed_accounts(logon, DOING, &mut connection).await;
    connection.unbind().await;
    without?;
    event!(
        host.platform.trace,
        Part::Wizard,
        "service-account.ready",
        account = credential.user,
        outcome = "custom"
    );
    Ok(ServiceAccount::Stored(credential))
}

/// Refuses a directory that has managed accounts: the product takes no other there.
pub(crate) async fn without_managed_accounts(
    logon: Logon<'_>,
    doing: &str,
    connection: &mut LdapConnection,
) -> Result<(), Failure> {
    let server = connection.endpoint().host.clone();
    let dialect = dialect_of(connection)
        .await
        .map_err(|error| read_failure(logon, doing, &server, &error))?;
    if !dialect.has_managed_accounts() {
        return Ok(());
    }
    Err(Failure::new(
        FailureKind::ServiceAccount,
        format!(
            "The domain '{}' is one of {}, where the agent runs under a group managed service account. \
             Choose Create gMSA or Use custom gMSA, then run the configuration wizard again.",
            logon.domain,
            dialect.name()
        ),
        format!("{server} has managed accounts"),
    ))
}

/// What making or finding a gMSA came to, told as what it is where the directory has none.
pub(crate) async fn explained<T>(
    connection: &mut LdapConnection,
    result: Result<T, GmsaError>,
) -> Result<T, GmsaError> {
    let Err(error) = result else {
        return result;
    };
    let refused = match &error {
        GmsaError::Ldap { error, .. } => !error.is_fatal(),
        GmsaError::Logon(_) => false,
        _ => true,
    };
    if refused
        && let Ok(dialect) = dialect_of(connection).await
        && !dialect.has_managed_accounts()
    {
        return Err(GmsaError::NotOffered {
            server: connection.endpoint().host.clone(),
            dialect: dialect.name(),
        });
    }
    Err(error)
}

/// Proves that the account can read a domain and follow its changes.
pub(crate) async fn prove_access(
    host: &HostMachine,
    domain: &str,
    preferred: &[String],
    credential: &Credential,
) -> Result<(), Failure> {
    const DOING: &str = "read the directory";
    let logon = Logon {
        account: &credential.user,
        domain,
    };
    let connection = ad::open(host, Part::Wizard, domain, preferred, credential)
        .await
        .map_err(|error| logon_failure(logon, DOING, &error))?;
    let server = connection.endpoint().host.clone();
    let proved = async { open_session(connection, domain).await?.ping().await };
    proved
        .await
        .map(drop)
        .map_err(|error| read_failure(logon, DOING, &server, &error))
}

fn read_failure(logon: Logon<'_>, doing: &str, server: &str, error: &DirectoryError) -> Failure {
    let hidden = |code| [ResultCode::NO_SUCH_OBJECT, ResultCode::INSUFFICIENT_ACCESS_RIGHTS].contains(&code);
    match error {
        DirectoryError::Ldap(error) if !error.refusal().is_some_and(|refusal| hidden(refusal.code)) => {
            directory_failure(logon, server, doing, error)
        }
        error => Failure::new(
            FailureKind::AccessDenied,
            format!(
                "Unable to {doing} in the domain '{}' as '{}': {error}. Allow the account to read the domain's objects with their \
                 operational attributes, then run the configuration wizard again. (server {server})",
                logon.domain, logon.account
            ),
            error,
        ),
    }
}
