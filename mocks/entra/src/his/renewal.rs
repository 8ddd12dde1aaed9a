//! `RenewTrustCertificate`: a new key and certificate for an agent that authenticates with its old one (PR 6).

use std::sync::Arc;

use axum::Router;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use http::StatusCode;
use provlab_platform::{Part, event};
use provlab_protocol::his::FEATURE_SYNC_FABRIC;
use provlab_protocol::his::trust_renewal::{TrustRenewalRequest, TrustRenewalResult};

use super::identity::authenticated;
use super::issue::CheckedRequest;
use super::registry::RegistryError;
use super::{AgentIdentity, change_registry, xml};
use crate::http::Caller;
use crate::shared::Shared;
use crate::state::DbError;

/// `TrustRenewEndpoint` ends in `/renewTrust`; the operation follows (PR 6).
const PATH: &str = "/renewTrust/RenewTrustCertificate";

/// The routes of the role [`crate::http::Role::TrustRenewal`].
pub fn router(shared: &Arc<Shared>) -> Router {
    Router::new()
        .route(PATH, post(renew))
        .with_state(Arc::clone(shared))
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the certificate request was refused: {0}")]
    Certificate(#[from] provlab_protocol::certificate::CertificateError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Db(#[from] DbError),
}

async fn renew(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    body: String,
) -> Response {
    let (identity, request) = match authenticated(&shared, &caller, &body, TrustRenewalRequest::from_xml) {
        Ok(call) => call,
        Err(refusal) => return refusal.into_response(),
    };
    let result = accept(&shared, &caller, &identity, &request);
    event!(
        shared.platform.trace,
        Part::Cloud,
        "his.trust-renewal",
        machine = request.system_settings.machine_name,
        successful = result.is_ok(),
    );
    match result {
        Ok(certificate) => xml::document(TrustRenewalResult::success(certificate).to_xml()),
        Err(Failure::Db(failure)) => xml::refuse(StatusCode::SERVICE_UNAVAILABLE, &failure),
        Err(failure) => xml::document(TrustRenewalResult::failure(&failure.to_string()).to_xml()),
    }
}

fn accept(
    shared: &Shared,
    caller: &Caller,
    identity: &AgentIdentity,
    request: &TrustRenewalRequest,
) -> Result<Vec<u8>, Failure> {
    let csr = CheckedRequest::read(&request.csr)?;
    let environment = shared.environment(identity.tenant).unwrap_or(caller.environment);
    shared.db.write(|txn| {
        change_registry(txn, identity.tenant, |registry| {
            let (der, issued) = csr.issue(
                shared,
                environment,
                identity.tenant,
                identity.agent,
                FEATURE_SYNC_FABRIC,
            )?;
            registry.add_certificate(identity.agent, issued)?;
            Ok(der)
        })
    })
}
