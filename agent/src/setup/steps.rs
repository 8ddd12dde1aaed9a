//! The steps of an installation, each safe to repeat: the wizard and the cmdlets are two ways to call them (CS 1.5).

use std::time::Duration;

use provlab_platform::{Part, event};
use provlab_protocol::dn::Dn;
use provlab_protocol::sid::Sid;
use time::OffsetDateTime;

use super::account::{
    Access, ServiceAccount, explained, prepare_custom, prove_access, without_managed_accounts,
};
use super::answers::{DomainAnswer, DomainCredential, ServiceAccountChoice};
use super::failure::{Failure, FailureKind, Logon, directory_failure};
use super::generation::Generation;
use crate::directory::ad::{self, Credential, GmsaError, LogonError, RightsError};
use crate::directory::ldap::LdapConnection;
use crate::host::{HostMachine, ServiceState};
use crate::product::{EVENT_SOURCE, SERVICE_NAME};
use crate::service::{ServiceLogon, last_bootstrap};
use crate::trust::TrustStore;

/// Tries of a step whose transport failed.
const ATTEMPTS: u32 = 3;
/// Pause between them.
const PAUSE: Duration = Duration::from_secs(2);
/// Wait for the service to start.
const START_LIMIT: Duration = Duration::from_secs(90);
/// Wait for the first bootstrap after the start.
const BOOTSTRAP_LIMIT: Duration = Duration::from_secs(120);
const BOOTSTRAP_POLL: Duration = Duration::from_secs(1);
/// Registry values: preferred domain controllers of a domain, best first, separated by commas (own name).
const PREFERRED_VALUE: &str = "PreferredDomainControllers.";
/// What failures on the page of the domains are about.
const ADD_DIRECTORY: &str = "add the directory";

/// Repeats a step as long as only its transport fails.
pub(crate) async fn retried<T, F>(host: &HostMachine, mut step: impl FnMut() -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    let mut tries = 1;
    loop {
        match step().await {
            Err(failure) if failure.transient && tries < ATTEMPTS => {
                tries += 1;
                host.pause(PAUSE).await;
            }
            result => return result,
        }
    }
}

fn credential_of(answer: &DomainCredential) -> Credential {
    Credential {
        user: answer.user.trim().to_owned(),
        password: answer.password.clone(),
    }
}

pub(super) fn logon_failure(logon: Logon<'_>, doing: &str, error: &LogonError) -> Failure {
    match error {
        LogonError::NoController { domain } => Failure::new(
            FailureKind::DirectoryUnreachable,
            format!(
                "Unable to {doing} in the domain '{domain}': the domain does not exist or no domain controller could be located. \
                 Check the name, and that this server resolves it."
            ),
            error,
        ),
        LogonError::Failed { server, error } => directory_failure(logon, server, doing, error),
        LogonError::Kerberos { server, error } => Failure::new(
            match error.code() {
                Some(_) => FailureKind::Credential,
                None => FailureKind::DirectoryUnreachable,
            },
            format!(
                "Unable to {doing} in the domain '{domain}' as '{account}': {error} (domain controller {server})",
                domain = logon.domain,
                account = logon.account,
            ),
            error,
        ),
    }
}

fn gmsa_failure(logon: Logon<'_>, error: &GmsaError) -> Failure {
    const DOING: &str = "create or use the group managed service account";
    match error {
        GmsaError::Logon(error) => logon_failure(logon, DOING, error),
        GmsaError::Ldap { server, error } => directory_failure(logon, server, DOING, error),
        GmsaError::Kds { detail } => Failure::new(FailureKind::Kds, error.to_string(), detail),
        GmsaError::NotInstallable { name, detail } => Failure::new(
            FailureKind::ServiceAccount,
            format!("{error} This computer could not retrieve the password of {name}: {detail}."),
            detail,
        ),
        _ => Failure::new(FailureKind::ServiceAccount, error.to_string(), error),
    }
}

/// Makes, finds or takes the account that will run the service, and proves that this host can use it.
pub(crate) async fn prepare_service_account(
    host: &HostMachine,
    generation: &Generation,
    choice: &ServiceAccountChoice,
) -> Result<ServiceAccount, Failure> {
    let domain = host.computer.domain.clone();
    let (account, outcome, user) = match choice {
        ServiceAccountChoice::CreateGmsa(create) => {
            let credential = credential_of(&create.credential);
            let logon = Logon {
                account: &credential.user,
                domain: &domain,
            };
            let name = generation.gmsa.ok_or_else(|| {
                Failure::new(
                    FailureKind::ServiceAccount,
                    "This version of the agent runs under a virtual account and makes no gMSA.",
                    "no gMSA in this generation",
                )
            })?;
            let made = async {
                let mut connection = ad::open(host, Part::Wizard, &domain, &[], &credential).await?;
                let made = ad::create_or_reuse(host, &mut connection, name).await;
                let made = explained(&mut connection, made).await;
                connection.unbind().await;
                made
            };
            let (account, outcome) = made.await.map_err(|error| gmsa_failure(logon, &error))?;
            (account, outcome.name(), credential.user.clone())
        }
        ServiceAccountChoice::CustomGmsa(custom) => {
            let credential = Credential::of_computer(host);
            let logon = Logon {
                account: &credential.user,
                domain: &domain,
            };
            let found = async {
                let mut connection = ad::open(host, Part::Wizard, &domain, &[], &credential).await?;
                let found = ad::find(&mut connection, &domain, &custom.name).await;
                let found = explained(&mut connection, found).await;
                connection.unbind().await;
                found
            };
            let account = found.await.map_err(|error| gmsa_failure(logon, &error))?;
            (account, "custom", credential.user.clone())
        }
        ServiceAccountChoice::CustomServiceAccount(custom) => {
            return prepare_custom(host, credential_of(&custom.credential)).await;
        }
    };
    event!(
        host.platform.trace,
        Part::Wizard,
        "gmsa.ready",
        account = account.name,
        outcome = outcome
    );
    let logon = Logon {
        account: &user,
        domain: &domain,
    };
    ad::prove(host, Part::Wizard, &account.name)
        .await
        .map_err(|error| gmsa_failure(logon, &error))?;
    Ok(ServiceAccount::Managed(account))
}

/// Who reads the directory: the account of the service, or the computer account behind a virtual account.
pub(crate) async fn service_identity(host: &HostMachine) -> Result<Access, Failure> {
    let entry = host.services.get(SERVICE_NAME).map_err(Failure::host)?;
    let name = match ServiceLogon::of(host, &entry).map_err(Failure::host)? {
        ServiceLogon::Computer => return computer_sid(host).await.map(Access::Grant),
        ServiceLogon::Stored(credential) => return Ok(Access::Prove(credential)),
        ServiceLogon::Managed(name) => name,
    };
    let credential = Credential::of_computer(host);
    let domain = &host.computer.domain;
    let logon = Logon {
        account: &credential.user,
        domain,
    };
    let found = async {
        let mut connection = ad::open(host, Part::Wizard, domain, &[], &credential).await?;
        let found = ad::find(&mut connection, domain, &name).await;
        connection.unbind().await;
        found
    };
    found
        .await
        .map(|account| Access::Grant(account.sid))
        .map_err(|error| gmsa_failure(logon, &error))
}

async fn computer_sid(host: &HostMachine) -> Result<Sid, Failure> {
    let credential = Credential::of_computer(host);
    let domain = &host.computer.domain;
    let logon = Logon {
        account: &credential.user,
        domain,
    };
    let found = async {
        let mut connection = ad::open(host, Part::Wizard, domain, &[], &credential).await?;
        let found = ad::computer_sid(&mut connection, domain, &host.computer.name).await;
        connection.unbind().await;
        found
    };
    found.await.map_err(|error| gmsa_failure(logon, &error))
}

/// Adds a domain: binds as its administrator, and grants the rights to the service's account (CS 1.5 steps 6 and 7), or
/// proves that it has them.
pub(crate) async fn add_directory(
    host: &HostMachine,
    answer: &DomainAnswer,
    access: &Access,
) -> Result<(), Failure> {
    let credential = credential_of(&answer.credential);
    let domain = answer.name.trim();
    let logon = Logon {
        account: &credential.user,
        domain,
    };
    let preferred = &answer.preferred_domain_controllers;
    let root = Dn::from_dns(domain).map_err(|error| {
        Failure::new(
            FailureKind::Directory,
            format!("'{domain}' is not the name of an Active Directory domain. Enter its DNS name, such as contoso.com."),
            error,
        )
    })?;
    let mut connection = ad::open(host, Part::Wizard, domain, preferred, &credential)
        .await
        .map_err(|error| logon_failure(logon, ADD_DIRECTORY, &error))?;
    let server = connection.endpoint().host.clone();
    let granted = match access {
        Access::Grant(trustee) => grant(logon, &mut connection, &root, trustee).await,
        Access::Prove(_) => without_managed_accounts(logon, ADD_DIRECTORY, &mut connection)
            .await
            .map(|()| 0),
    };
    connection.unbind().await;
    let granted = granted?;
    if let Access::Prove(account) = access {
        prove_access(host, domain, preferred, account).await?;
    }
    let value = preferred.join(",");
    host.registry
        .set(&[(&preferred_value(domain), &value)])
        .map_err(Failure::host)?;
    event!(
        host.platform.trace,
        Part::Wizard,
        "directory.added",
        domain = domain,
        server = server,
        rights = granted
    );
    Ok(())
}

async fn grant(
    logon: Logon<'_>,
    connection: &mut LdapConnection,
    root: &Dn,
    trustee: &Sid,
) -> Result<usize, Failure> {
    let server = connection.endpoint().host.clone();
    let granted = ad::grant_all(connection, root, trustee).await;
    granted.map_err(|error| match error {
        RightsError::Ldap(error) => directory_failure(logon, &server, ADD_DIRECTORY, &error),
        RightsError::Descriptor { .. } => Failure::new(
            FailureKind::AccessDenied,
            format!(
                "Unable to {ADD_DIRECTORY} in the domain '{}' as '{}': {error}. Use a member of Domain Admins or Enterprise Admins.",
                logon.domain, logon.account
            ),
            &error,
        ),
    })
}

fn preferred_value(domain: &str) -> String {
    format!("{PREFERRED_VALUE}{}", domain.to_ascii_lowercase())
}

/// Preferred domain controllers of a domain, as the wizard stored them.
pub(crate) fn preferred_controllers(host: &HostMachine, domain: &str) -> Vec<String> {
    let stored = host.registry.get(&preferred_value(domain)).ok().flatten();
    stored
        .unwrap_or_default()
        .split(',')
        .filter(|server| !server.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Restarts the service and waits until it runs.
///
/// Gives the moment of the restart: what the service does afterwards is news.
pub(crate) async fn restart_service(host: &HostMachine) -> Result<OffsetDateTime, Failure> {
    let services = &host.services;
    let moment = host.platform.clock.wall();
    services.restart(SERVICE_NAME).map_err(Failure::host)?;
    let entry = services
        .wait_for(SERVICE_NAME, START_LIMIT, |entry| {
            entry.state != ServiceState::StartPending
        })
        .await
        .map_err(Failure::host)?;
    if entry.state == ServiceState::Running {
        return Ok(moment);
    }
    Err(Failure::new(
        FailureKind::ServiceStart,
        format!(
            "Service '{}' ({SERVICE_NAME}) failed to start. Verify that you have sufficient privileges to start the system services. {}",
            entry.display_name, entry.last_error
        )
        .trim_end()
        .to_owned(),
        entry.last_error,
    ))
}

/// Waits until the restarted service has bootstrapped with the certificate in use: that is what "successfully verified" stands for (inferred).
pub(crate) async fn verify(host: &HostMachine, since: OffsetDateTime) -> Result<(), Failure> {
    let clock = &host.platform.clock;
    let trust = TrustStore::new(host.platform.files.clone())
        .load()
        .map_err(Failure::host)?
        .ok_or_else(|| Failure::host("the agent is not registered"))?;
    let started = clock.now();
    loop {
        let last = last_bootstrap(host).map_err(Failure::host)?;
        if last.is_some_and(|last| last.thumbprint == trust.thumbprint && last.at >= since) {
            return Ok(());
        }
        let entry = host.services.get(SERVICE_NAME).map_err(Failure::host)?;
        if entry.state == ServiceState::Stopped || clock.now() - started >= BOOTSTRAP_LIMIT {
            return Err(Failure::new(
                FailureKind::ServiceStart,
                format!(
                    "The agent is registered, but its service has not bootstrapped yet. Check that outbound TCP 443 is open, \
                     and look for event 5 of source \"{EVENT_SOURCE}\" and into the trace. {}",
                    entry.last_error
                )
                .trim_end()
                .to_owned(),
                entry.last_error,
            ));
        }
        host.pause(BOOTSTRAP_POLL).await;
    }
}
