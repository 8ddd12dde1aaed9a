//! The steps of the wizard as the cmdlets of `Microsoft.CloudSync.PowerShell.dll` (CS 4.1).

use ::http::Method;
use ::http::header::AUTHORIZATION;
use provlab_platform::{Part, event};
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::account::{ServiceAccount, change_service_credentials};
use super::answers::{CloudSignIn, DomainAnswer, ServiceAccountChoice};
use super::failure::{Failure, FailureKind};
use super::generation::{Generation, GenerationName};
use super::package::{GENERATION_VALUE, chosen_environment};
use super::steps;
use super::wizard::check_sign_in_page;
use crate::cloud::http::{self, CloudRequest, JSON};
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

/// `Set-AADCloudSyncPasswordWritebackConfiguration -Enable`: switches the tenant's options as the portal does (CS 8.1). The agents learn of it
/// from the cloud, this one too. Which of the options the product's cmdlet switches beside its own is not public.
///
/// # Errors
/// When the cloud cannot be reached, or refuses: no agent of version 1.1.977.0 or later, no administrator.
pub async fn set_password_writeback(
    host: &HostMachine,
    session: &Session,
    enable: bool,
) -> Result<(), Failure> {
    let environment = chosen_environment(host).map_err(Failure::host)?;
    let url = format!(
        "https://{}/onPremisesIntegration",
        environment.password_reset_host
    );
    let options = json!({ "writeBack": enable, "withCloudSync": enable }).to_string();
    let request = CloudRequest::new(Method::PATCH, url)
        .header(AUTHORIZATION, format!("Bearer {}", session.token.expose_secret()))
        .body(JSON, options.into_bytes());
    let answer = http::send(&host.platform, &request).await.map_err(|error| {
        Failure::new(
            FailureKind::CloudUnreachable,
            format!("Password writeback cannot be configured: {error}."),
            &error,
        )
    })?;
    if !answer.status.is_success() {
        let text: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let reason = text["error"]["message"].as_str().unwrap_or_default().to_owned();
        return Err(Failure::new(
            FailureKind::Role,
            format!(
                "Password writeback cannot be configured: HTTP {}: {reason}.",
                answer.status
            ),
            reason,
        ));
    }
    ran(host, "Set-AADCloudSyncPasswordWritebackConfiguration");
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
