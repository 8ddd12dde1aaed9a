//! Issues agent certificates for registration and renewal (PR 4.3, 4.4).

use provlab_protocol::certificate::{
    AgentCertificate, CertificateError, CertificateRequest, DEFAULT_LIFETIME, IssueParameters, issue,
};
use provlab_protocol::environment::Environment;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::registry::IssuedCertificate;
use crate::shared::Shared;

/// A certificate request that was read and whose signature is right.
pub(super) struct CheckedRequest {
    spki: Vec<u8>,
}

impl CheckedRequest {
    /// Reads a request and checks that the requester holds the key.
    pub(super) fn read(csr: &[u8]) -> Result<Self, CertificateError> {
        let request = CertificateRequest::parse(csr)?;
        request.verify()?;
        Ok(Self {
            spki: request.spki_der()?,
        })
    }

    /// SHA-256 over the public key, in hex.
    pub(super) fn key_digest(&self) -> String {
        hex::encode(Sha256::digest(&self.spki))
    }

    /// Issues the certificate that makes the requester agent `agent` of `tenant`; 180 days from now.
    pub(super) fn issue(
        &self,
        shared: &Shared,
        environment: &Environment,
        tenant: Uuid,
        agent: Uuid,
        feature: &str,
    ) -> Result<(Vec<u8>, IssuedCertificate), CertificateError> {
        let mut serial = [0; 16];
        shared.platform.entropy.fill(&mut serial);
        let parameters = IssueParameters {
            tenant_id: tenant,
            agent_id: agent,
            serial,
            issuer_common_name: environment.agent_ca_common_name,
            not_before: shared.now(),
            lifetime: DEFAULT_LIFETIME,
            feature,
        };
        let der = issue(&parameters, &self.spki, &|message| {
            shared.agent_ca.sign_sha256(message)
        })?;
        let certificate = AgentCertificate::parse(&der)?;
        let issued = IssuedCertificate {
            thumbprint: certificate.thumbprint(),
            key_digest: self.key_digest(),
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
            revoked: false,
        };
        Ok((der, issued))
    }
}
