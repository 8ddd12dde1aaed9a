//! `ConnectorBootstrap`: an agent shows that it lives and learns where to listen (PR 5).

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use http::StatusCode;
use provlab_platform::{Part, event};
use provlab_protocol::environment::Environment;
use provlab_protocol::his::bootstrap::{
    BOOTSTRAP_PATH, BootstrapRequest, BootstrapResponse, RetryStrategy, SignalingListenerEndpoint,
};

use super::identity::authenticated;
use super::registry::{Bootstrapped, RegistryError};
use super::{AgentIdentity, bootstrap_period, change_registry, signaling, xml};
use crate::http::Caller;
use crate::shared::Shared;
use crate::state::DbError;

/// The routes of the role [`crate::http::Role::Bootstrap`].
pub fn router(shared: &Arc<Shared>) -> Router {
    Router::new()
        .route(BOOTSTRAP_PATH, post(bootstrap))
        .with_state(Arc::clone(shared))
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Db(#[from] DbError),
}

async fn bootstrap(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    body: String,
) -> Response {
    let (identity, request) = match authenticated(&shared, &caller, &body, BootstrapRequest::from_xml) {
        Ok(call) => call,
        Err(refusal) => return refusal.into_response(),
    };
    if request.connector_id != identity.agent || request.subscription_id != identity.tenant {
        return xml::refuse(
            StatusCode::FORBIDDEN,
            &"ConnectorId and SubscriptionId must be those of the client certificate",
        );
    }
    match accept(&shared, &caller, &identity, &request) {
        Ok(endpoints) => {
            event!(
                shared.platform.trace,
                Part::Cloud,
                "his.bootstrap",
                machine = request.machine_name,
                version = request.agent_version,
                initial = request.initial_bootstrap,
            );
            xml::document(answer(&shared, caller.environment, endpoints).to_xml())
        }
        Err(Failure::Db(failure)) => xml::refuse(StatusCode::SERVICE_UNAVAILABLE, &failure),
        Err(failure) => xml::refuse(StatusCode::FORBIDDEN, &failure),
    }
}

fn accept(
    shared: &Shared,
    caller: &Caller,
    identity: &AgentIdentity,
    request: &BootstrapRequest,
) -> Result<Vec<SignalingListenerEndpoint>, Failure> {
    let told = |text: &str| Some(text.to_owned()).filter(|t| !t.is_empty());
    let seen = Bootstrapped {
        at: shared.now(),
        machine_name: told(&request.machine_name),
        external_ip: caller.remote.host.clone(),
        version: request.agent_version.clone(),
        service_account_name: told(&request.agent_service_account_name),
        is_gmsa: Some(request.is_agent_service_account_gmsa),
        updater_status: told(&request.updater_status),
    };
    shared.db.write(|txn| {
        change_registry(txn, identity.tenant, |registry| {
            registry.bootstrapped(identity.agent, &identity.thumbprint, seen)?;
            Ok(signaling::endpoints(
                shared,
                caller.environment,
                identity.tenant,
                registry,
            ))
        })
    })
}

fn answer(
    shared: &Shared,
    environment: &Environment,
    endpoints: Vec<SignalingListenerEndpoint>,
) -> BootstrapResponse {
    let product = BootstrapResponse::default();
    let strategy = product.periodic_bootstrap_retry_strategy.clone();
    // Minutes are the unit on the wire, so a fast clock cannot ask for less than one.
    let renew_check = shared
        .period(Duration::from_secs(
            60 * product.check_for_trust_renew_period_in_minutes,
        ))
        .as_secs()
        / 60;
    BootstrapResponse {
        check_for_trust_renew_period_in_minutes: renew_check.max(1),
        periodic_bootstrap_interval_milliseconds: u64::try_from(bootstrap_period(shared).as_millis())
            .unwrap_or(u64::MAX),
        periodic_bootstrap_retry_strategy: RetryStrategy {
            first_interval: shared.period(strategy.first_interval),
            backoff_min_delay: shared.period(strategy.backoff_min_delay),
            backoff_max_delay: shared.period(strategy.backoff_max_delay),
            last_interval: shared.period(strategy.last_interval),
            ..strategy
        },
        signaling_listener_endpoints: endpoints,
        trust_renew_endpoint: environment.trust_renew_endpoint(),
        ..product
    }
}
