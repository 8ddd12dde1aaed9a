//! Who an agent is: its client certificate against the registry (PR 5.1). The transport has proved only that it holds the key.

use http::StatusCode;
use provlab_protocol::certificate::AgentCertificate;
use provlab_protocol::his::HisXmlError;
use uuid::Uuid;

use super::registry::CertificateRefusal;
use crate::http::Caller;
use crate::shared::Shared;

/// An agent that authenticated with a certificate of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentIdentity {
    /// Its tenant.
    pub tenant: Uuid,
    /// Its agent id.
    pub agent: Uuid,
    /// Thumbprint of the certificate it used.
    pub thumbprint: String,
}

/// Why a connection does not authenticate an agent: HTTP 403.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No client certificate was shown.
    #[error("a client certificate is required; connect with the certificate of the registration")]
    NoCertificate,
    /// It has not the layout of PR 4.4.
    #[error(
        "the client certificate is not one of an agent; connect with the certificate of the registration"
    )]
    NotOfAnAgent,
    /// Its tenant does not live behind this host.
    #[error("the tenant of the client certificate is not served at this address")]
    OtherTenant,
    /// The registry does not accept it.
    #[error(transparent)]
    Registry(#[from] CertificateRefusal),
}

/// Identifies the agent behind a connection.
///
/// # Errors
/// See [`Refusal`].
pub fn identify(shared: &Shared, caller: &Caller) -> Result<AgentIdentity, Refusal> {
    let leaf = caller.certificates.first().ok_or(Refusal::NoCertificate)?;
    let certificate = AgentCertificate::parse(leaf.as_ref()).map_err(|_| Refusal::NotOfAnAgent)?;
    let (tenant, agent, thumbprint) = (
        certificate.tenant_id(),
        certificate.agent_id(),
        certificate.thumbprint(),
    );
    let issuer = shared.agent_ca.spki_der();
    certificate
        .verify_signed_by(&issuer)
        .map_err(|_| CertificateRefusal::UnknownCertificate)?;
    // A tenant in the host name (registration, bootstrap) must be the one in the certificate.
    let named = caller
        .label
        .as_deref()
        .and_then(|label| label.parse::<Uuid>().ok());
    if named.is_some_and(|named| named != tenant) {
        return Err(Refusal::OtherTenant);
    }
    let now = shared.now();
    shared
        .db
        .read(|cloud| {
            let row = cloud
                .tenants
                .get(tenant, &tenant.to_string())
                .filter(|row| caller.serves(row));
            row.ok_or(Refusal::OtherTenant)?;
            let registry = super::registry_of(cloud, tenant).ok_or(CertificateRefusal::UnknownAgent)?;
            registry.authenticate(agent, &thumbprint, now)?;
            Ok(())
        })
        .map(|()| AgentIdentity {
            tenant,
            agent,
            thumbprint,
        })
}

/// The agent behind a call and what it asks for; or the status and text to refuse the call with.
pub(super) fn authenticated<T>(
    shared: &Shared,
    caller: &Caller,
    body: &str,
    read: fn(&str) -> Result<T, HisXmlError>,
) -> Result<(AgentIdentity, T), (StatusCode, String)> {
    let identity =
        identify(shared, caller).map_err(|refusal| (StatusCode::FORBIDDEN, refusal.to_string()))?;
    let request = read(body).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
    Ok((identity, request))
}
