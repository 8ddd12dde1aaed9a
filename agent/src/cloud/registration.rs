//! Registration and trust renewal: a key, a request, and the certificate that makes the host an agent (PR 4, 6).

use provlab_platform::{Part, RsaKeyPair, event};
use provlab_protocol::certificate::{CertificateRequest, RequestDetails};
use provlab_protocol::environment::Environment;
use provlab_protocol::his::registration::{RegistrationRequest, RegistrationResult};
use provlab_protocol::his::trust_renewal::{RENEW_PATH, TrustRenewalRequest, TrustRenewalResult};
use thiserror::Error;

use super::http::{self, CloudError, CloudRequest, XML};
use super::sign_in::Session;
use super::system_settings;
use crate::host::HostMachine;
use crate::product::{FEATURE, SERVICE_PROCESS, WIZARD_PROCESS};
use crate::setup::failure::{Failure, FailureKind};
use crate::trust::{Trust, TrustError, TrustStore};

/// A renewal that did not come about; the old trust stays in use.
#[derive(Debug, Error)]
pub enum RenewalError {
    /// The cloud could not be asked.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// Key or certificate failed.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The cloud refused.
    #[error("the trust renewal was refused: {0}")]
    Refused(String),
}

/// Registers the agent, or keeps a registration that is still good for this tenant.
///
/// # Errors
/// When the cloud cannot be reached or refuses, or the trust cannot be stored.
pub async fn register(
    host: &HostMachine,
    environment: &Environment,
    session: &Session,
) -> Result<Trust, Failure> {
    let store = TrustStore::new(host.platform.files.clone());
    // A damaged store is no obstacle: registering anew is the remedy.
    if let Ok(Some(trust)) = store.load()
        && trust.tenant == session.tenant
        && trust.is_valid_at(host.platform.clock.wall())
    {
        event!(
            host.platform.trace,
            Part::Wizard,
            "registration.kept",
            tenant = trust.tenant
        );
        return Ok(trust);
    }
    if !host.policies.execution_policy.allows_registration() {
        return Err(Failure::new(
            FailureKind::Registration,
            format!(
                "The agent cannot be registered: a security error occurred, because the PowerShell execution policy of this server is {}. \
                 Set it to Undefined or RemoteSigned and run the configuration wizard again.",
                host.policies.execution_policy.name()
            ),
            "execution policy",
        ));
    }
    let key = store
        .pending_key(&host.platform.crypto)
        .await
        .map_err(Failure::host)?;
    let request = RegistrationRequest {
        csr: certificate_request(host, &key, WIZARD_PROCESS).map_err(Failure::host)?,
        authentication_token: session.token.clone(),
        feature_string: FEATURE.to_owned(),
        system_settings: system_settings(host),
        ps_module_version: host.agent_version(),
        tenant_id: session.tenant,
        user_agent: format!("SyncFabricConnector/{}", host.agent_version()),
    };
    let url = environment.registration_url(&session.tenant);
    let call = CloudRequest::post(url, XML, request.to_xml().into_bytes());
    let answer = http::send(&host.platform, &call).await.map_err(|error| {
        Failure::new(
            FailureKind::CloudUnreachable,
            format!(
                "The agent cannot be registered: time out or no connection to the registration service ({error}). \
                 Check outbound TCP 443 to *.{}, the proxy settings in the configuration file, and that TLS is not inspected.",
                domain_of(&environment.registration_host(&session.tenant))
            ),
            &error,
        )
        .transient()
    })?;
    let refused = |reason: String, cause: String| {
        Failure::new(
            FailureKind::Registration,
            format!("The agent cannot be registered: {reason}"),
            cause,
        )
    };
    if !answer.status.is_success() {
        return Err(refused(
            format!("the registration service answered HTTP {}.", answer.status),
            answer.text().chars().take(500).collect(),
        ));
    }
    let result = RegistrationResult::from_xml(&answer.text()).map_err(|error| {
        refused(
            "the registration service gave an answer that cannot be read.".to_owned(),
            error.to_string(),
        )
    })?;
    let certificate = result
        .certificate
        .filter(|_| result.is_successful)
        .ok_or_else(|| refused(result.error_message.clone(), "IsSuccessful is false".to_owned()))?;
    let trust = store
        .commit(&host.platform.host, key, &certificate, false)
        .map_err(Failure::host)?;
    event!(
        host.platform.trace,
        Part::Wizard,
        "registration.done",
        tenant = trust.tenant,
        not_after = trust.certificate.not_after().to_string()
    );
    Ok(trust)
}

/// Renews the trust with a new key; the old certificate authenticates the call (PR 6).
///
/// # Errors
/// When the cloud cannot be reached or refuses; the old trust stays.
pub async fn renew(host: &HostMachine, trust: &Trust, endpoint: &str) -> Result<Trust, RenewalError> {
    let store = TrustStore::new(host.platform.files.clone());
    let key = store.pending_key(&host.platform.crypto).await?;
    let request = TrustRenewalRequest {
        csr: certificate_request(host, &key, SERVICE_PROCESS)?,
        system_settings: system_settings(host),
        connector_version: host.agent_version(),
    };
    let url = format!("{}{RENEW_PATH}", endpoint.trim_end_matches('/'));
    let call = CloudRequest::post(url, XML, request.to_xml().into_bytes()).with_identity(trust.identity());
    let answer = http::send(&host.platform, &call).await?;
    if !answer.status.is_success() {
        return Err(RenewalError::Refused(format!("HTTP {}", answer.status)));
    }
    let result = TrustRenewalResult::from_xml(&answer.text())
        .map_err(|error| RenewalError::Refused(error.to_string()))?;
    let certificate = result
        .certificate
        .filter(|_| result.is_successful)
        .ok_or(RenewalError::Refused(result.error_message))?;
    Ok(store.commit(&host.platform.host, key, &certificate, true)?)
}

fn certificate_request(host: &HostMachine, key: &RsaKeyPair, process: &str) -> Result<Vec<u8>, TrustError> {
    let details = RequestDetails {
        os_version: format!("{}.2", host.facts.os_version),
        machine_name: host.platform.host.clone(),
        user_name: host.computer.logon_name(),
        process_name: process.to_owned(),
    };
    CertificateRequest::build(&key.spki_der(), &details, &|bytes| key.sign_sha256(bytes))
        .map_err(|error| TrustError::Key(error.to_string()))
}

/// `x.registration.msappproxy.net` is of `msappproxy.net`.
fn domain_of(host: &str) -> String {
    let labels: Vec<_> = host.rsplitn(3, '.').collect();
    match labels.as_slice() {
        [top, second, _] => format!("{second}.{top}"),
        _ => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::domain_of;

    #[test]
    fn the_message_names_the_domain_to_open() {
        assert_eq!(domain_of("aaaa.registration.msappproxy.us"), "msappproxy.us");
    }
}
