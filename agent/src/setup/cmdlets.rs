//! The steps of the wizard as the cmdlets of `Microsoft.CloudSync.PowerShell.dll` (CS 4.1).

use provlab_platform::{Part, event};

use super::account::{ServiceAccount, change_service_credentials};
use super::answers::{CloudSignIn, DomainAnswer, ServiceAccountChoice};
use super::failure::Failure;
use super::generation::{Generation, GenerationName};
use super::package::{GENERATION_VALUE, chosen_environment};
use super::steps;
use super::wizard::check_sign_in_page;
use crate::cloud::sign_in::{Session, sign_in};
use crate::cloud::{admin, registration};
use crate::host::HostMachine;

fn generation(host: &HostMachine) -> &'static Generation {
    let name = host.registry.get(GENERATION_VALUE).ok().flatten();
    let known = super::generation::GENERATIONS
        .iter()
        .find(|generation| name.as_deref() == Some(&format!("{:?}", generation.name)));
    known.unwrap_or_else(|| Generation::find(GenerationName::default()))
}

fn ran(host: &HostMachine, cmdlet: &str) {
    event!(host.platform.trace, Part::Wizard, "cmdlet.done", cmdlet = cmdlet);
}

/// `Connect-AADCloudSyncAzureAD`: signs in; the session serves the cmdlets that follow.
///
/// # Errors
/// As the wizard's sign-in page.
pub async fn connect_azure_ad(host: &HostMachine, answer: &CloudSignIn) -> Result<Session, Failure> {
    check_sign_in_page(host)?;
    let environment = chosen_environment(host).map_err(Failure::host)?;
    let session = steps::retried(host, || sign_in(&host.platform, environment, answer)).await?;
    session.require_role(generation(host))?;
    ran(host, "Connect-AADCloudSyncAzureAD");
    Ok(session)
}

/// `Add-AADCloudSyncGMSA`: makes, reuses or takes the account, and changes the service's logon to it. Gives the account's name.
///
/// # Errors
/// As the wizard's service account page.
pub async fn add_gmsa(host: &HostMachine, choice: &ServiceAccountChoice) -> Result<String, Failure> {
    let generation = generation(host);
    let prepare = || steps::prepare_service_account(host, generation, choice);
    let account = steps::retried(host, prepare).await?;
    change_service_credentials(host, &account)?;
    ran(host, "Add-AADCloudSyncGMSA");
    Ok(match account {
        ServiceAccount::Managed(gmsa) => gmsa.name,
        ServiceAccount::Stored(credential) => credential.user,
    })
}

/// `Add-AADCloudSyncADDomain`: adds one domain; registers the agent if that has not happened yet (which cmdlet registers is inferred).
///
/// # Errors
/// As the wizard's directory and confirm pages.
pub async fn add_ad_domain(
    host: &HostMachine,
    session: &Session,
    answer: &DomainAnswer,
) -> Result<(), Failure> {
    let environment = chosen_environment(host).map_err(Failure::host)?;
    let access = steps::retried(host, || steps::service_identity(host)).await?;
    steps::retried(host, || steps::add_directory(host, answer, &access)).await?;
    let trust = steps::retried(host, || registration::register(host, environment, session)).await?;
    let domain = answer.name.trim();
    steps::retried(host, || {
        admin::assign(host, environment, session, trust.agent, domain)
    })
    .await?;
    ran(host, "Add-AADCloudSyncADDomain");
    Ok(())
}

/// `Restart-Service -Name AADConnectProvisioningAgent`, waiting until it runs.
///
/// # Errors
/// When the service is not installed or does not come up.
pub async fn restart_service(host: &HostMachine) -> Result<(), Failure> {
    steps::restart_service(host).await?;
    ran(host, "Restart-Service");
    Ok(())
}
