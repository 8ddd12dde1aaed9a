//! `RegisterConnector`: an administrator's token and a certificate request become an agent (PR 4).

use std::sync::Arc;

use axum::Router;
use axum::extract::{Extension, OriginalUri, State};
use axum::response::Response;
use axum::routing::post;
use http::StatusCode;
use provlab_platform::{Part, event};
use provlab_protocol::his::FEATURE_SYNC_FABRIC;
use provlab_protocol::his::registration::{RegistrationRequest, RegistrationResult};
use provlab_protocol::oauth::{GLOBAL_ADMINISTRATOR, HYBRID_IDENTITY_ADMINISTRATOR};
use secrecy::ExposeSecret as _;
use uuid::Uuid;

use super::issue::CheckedRequest;
use super::registry::{AD_ADMINISTRATION, Agent, PROVISIONING, RegistryError};
use super::{change_registry, xml};
use crate::http::Caller;
use crate::identity::{Access, Audience};
use crate::shared::Shared;
use crate::state::DbError;

/// The path, which is compared without case (PR 4.1).
const PATH: &str = "/register/RegisterConnector";

/// The routes of the role [`crate::http::Role::Registration`].
pub fn router(shared: &Arc<Shared>) -> Router {
    Router::new().fallback_service(post(register).with_state(Arc::clone(shared)))
}

/// Whether a token's holder may administer agents (PR 3.4).
pub(super) fn may_register(access: &Access) -> bool {
    [GLOBAL_ADMINISTRATOR, HYBRID_IDENTITY_ADMINISTRATOR]
        .iter()
        .any(|role| access.roles.contains(role))
}

/// A refusal that travels in `ErrorMessage`.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(
        "the tenant '{0}' is not served at this address; check ENVIRONMENTNAME and the address of the registration"
    )]
    Tenant(Uuid),
    #[error("the access token was refused: {0}")]
    Token(#[from] crate::identity::AccessError),
    #[error("the account must be a Hybrid Identity Administrator or a Global Administrator")]
    Role,
    #[error("the feature '{0}' cannot be registered here, only '{FEATURE_SYNC_FABRIC}'")]
    Feature(String),
    #[error("the certificate request was refused: {0}")]
    Certificate(#[from] provlab_protocol::certificate::CertificateError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Db(#[from] DbError),
}

async fn register(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    OriginalUri(uri): OriginalUri,
    body: String,
) -> Response {
    if !uri.path().eq_ignore_ascii_case(PATH) {
        return xml::refuse(StatusCode::NOT_FOUND, &"there is no such operation");
    }
    let request = match RegistrationRequest::from_xml(&body) {
        Ok(request) => request,
        Err(error) => return xml::refuse(StatusCode::BAD_REQUEST, &error),
    };
    let result = accept(&shared, &caller, &request);
    let error = result.as_ref().err().map(ToString::to_string);
    event!(
        shared.platform.trace,
        Part::Cloud,
        "his.registration",
        machine = request.system_settings.machine_name,
        successful = result.is_ok(),
        error = error,
    );
    match result {
        Ok(certificate) => xml::document(RegistrationResult::success(certificate).to_xml()),
        Err(Failure::Db(failure)) => xml::refuse(StatusCode::SERVICE_UNAVAILABLE, &failure),
        // A logical failure is an answer like any other (inferred, PR 4.2).
        Err(failure) => xml::document(RegistrationResult::failure(&failure.to_string()).to_xml()),
    }
}

fn accept(shared: &Shared, caller: &Caller, request: &RegistrationRequest) -> Result<Vec<u8>, Failure> {
    let tenant = request.tenant_id;
    let environment = shared
        .environment(tenant)
        .filter(|known| caller.environments.iter().any(|e| e.name == known.name))
        .filter(|_| {
            caller
                .label
                .as_deref()
                .is_some_and(|label| label.eq_ignore_ascii_case(&tenant.to_string()))
        })
        .ok_or(Failure::Tenant(tenant))?;
    let access = shared.access_token(
        caller,
        request.authentication_token.expose_secret(),
        Audience::Registration,
    )?;
    if access.tenant != tenant {
        return Err(Failure::Tenant(tenant));
    }
    if !may_register(&access) {
        return Err(Failure::Role);
    }
    if request.feature_string != FEATURE_SYNC_FABRIC {
        return Err(Failure::Feature(request.feature_string.clone()));
    }
    let csr = CheckedRequest::read(&request.csr)?;
    let machine = &request.system_settings.machine_name;
    shared.db.write(|txn| {
        change_registry(txn, tenant, |registry| {
            let known = registry.with_key(machine, &csr.key_digest()).map(|a| a.id);
            let id = known.unwrap_or_else(|| shared.uuid());
            let (der, issued) = csr.issue(shared, environment, tenant, id, FEATURE_SYNC_FABRIC)?;
            match known {
                Some(id) => registry.add_certificate(id, issued)?,
                None => registry.register(Agent {
                    id,
                    machine_name: machine.clone(),
                    external_ip: caller.remote.host.clone(),
                    version: None,
                    service_account_name: None,
                    is_gmsa: None,
                    updater_status: None,
                    certificates: vec![issued],
                    registered: shared.now(),
                    last_bootstrap: None,
                    supported_publishing_types: vec![PROVISIONING.to_owned(), AD_ADMINISTRATION.to_owned()],
                    agent_groups: std::collections::BTreeSet::new(),
                })?,
            }
            Ok(der)
        })
    })
}
