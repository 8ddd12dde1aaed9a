//! Lets an agent in: client certificate, listener path and shared access signature are checked before the WebSocket opens (PR 7).

use std::sync::Arc;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::{HeaderMap, StatusCode};
use provlab_protocol::relay::{
    AUTHORIZATION_HEADER, LISTENER_HEADER, MAX_FRAME_BYTES, READ_BUFFER_BYTES, SUBPROTOCOL, WEBSOCKET_PATH,
};
use provlab_protocol::sas::{SasToken, listener_resource};

use super::hub::{Guest, Purpose};
use crate::his::signaling::{self, ACCESS_KEY_NAME};
use crate::his::{AgentIdentity, identify};
use crate::http::Caller;
use crate::shared::Shared;
use crate::sspr;

/// The routes of the role [`crate::http::Role::Relay`].
pub fn router(shared: &Arc<Shared>) -> Router {
    Router::new()
        .route(WEBSOCKET_PATH, get(listen))
        .with_state(Arc::clone(shared))
}

async fn listen(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let admitted = match admit(&shared, &caller, &headers) {
        Ok(admitted) => admitted,
        Err((status, text)) => return (status, text).into_response(),
    };
    let Admitted {
        identity,
        purpose,
        namespace,
        listener,
    } = admitted;
    upgrade
        .protocols([SUBPROTOCOL])
        .max_message_size(MAX_FRAME_BYTES)
        .max_frame_size(MAX_FRAME_BYTES)
        .read_buffer_size(READ_BUFFER_BYTES)
        .on_upgrade(move |socket| async move {
            shared.relay.admit(Guest {
                socket,
                tenant: identity.tenant,
                agent: identity.agent,
                purpose,
                namespace,
                listener,
            });
        })
}

struct Admitted {
    identity: AgentIdentity,
    purpose: Purpose,
    namespace: String,
    listener: String,
}

fn admit(shared: &Shared, caller: &Caller, headers: &HeaderMap) -> Result<Admitted, (StatusCode, String)> {
    let identity =
        identify(shared, caller).map_err(|refusal| (StatusCode::FORBIDDEN, refusal.to_string()))?;
    let header = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let offered = header("sec-websocket-protocol")
        .split(',')
        .any(|protocol| protocol.trim() == SUBPROTOCOL);
    if !offered {
        return Err((
            StatusCode::BAD_REQUEST,
            format!("the subprotocol must be '{SUBPROTOCOL}'"),
        ));
    }
    let listener = header(LISTENER_HEADER).to_owned();
    let namespace = caller.label.clone().unwrap_or_default();
    let tenant = identity.tenant;
    let for_provisioning = signaling::endpoint_of(shared, tenant, &namespace, &listener)
        .map(|endpoint| (Purpose::Provisioning, endpoint));
    let (purpose, endpoint) = for_provisioning
        .or_else(|| {
            sspr::endpoint_of(shared, tenant, &namespace, &listener)
                .map(|endpoint| (Purpose::PasswordReset, endpoint))
        })
        .ok_or_else(|| {
            (
                StatusCode::NOT_FOUND,
                "no such listener; take the service path from the bootstrap response".to_owned(),
            )
        })?;
    let unauthorized = |detail: String| (StatusCode::UNAUTHORIZED, detail);
    let token = SasToken::parse(header(AUTHORIZATION_HEADER)).map_err(|e| unauthorized(e.to_string()))?;
    let resource = listener_resource(&namespace, caller.environment.service_bus_domain, &listener);
    let now = u64::try_from(shared.now().unix_timestamp()).unwrap_or_default();
    token
        .verify(&resource, ACCESS_KEY_NAME, &endpoint.key, now)
        .map_err(|e| unauthorized(e.to_string()))?;
    Ok(Admitted {
        identity,
        purpose,
        namespace,
        listener,
    })
}
