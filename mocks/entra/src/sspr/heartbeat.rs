//! An agent shows every five minutes that it could write back; a key that is new is an onboarding (CS 8.2).

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use provlab_platform::{Part, event};
use provlab_protocol::writeback::{Heartbeat, HeartbeatAnswer, MAX_HEARTBEAT_BYTES, is_supported_by};

use super::state::{change, is_on};
use super::{HEARTBEAT_PERIOD, MAX_ONBOARDED, Onboarded};
use crate::his::identify;
use crate::http::Caller;
use crate::shared::Shared;
use crate::state::DbError;

/// POST, by client certificate.
pub(super) async fn beat(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Response {
    let identity = match identify(&shared, &caller) {
        Ok(identity) => identity,
        Err(refusal) => return (StatusCode::FORBIDDEN, refusal.to_string()).into_response(),
    };
    if body.len() > MAX_HEARTBEAT_BYTES {
        return (StatusCode::PAYLOAD_TOO_LARGE, "the heartbeat is too long").into_response();
    }
    let heartbeat: Heartbeat = match serde_json::from_slice(&body) {
        Ok(heartbeat) => heartbeat,
        Err(error) => return (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    };
    if !is_supported_by(&heartbeat.agent_version) {
        let text = "the agent is too old for password writeback; update it to 1.1.977.0 or later";
        return (StatusCode::BAD_REQUEST, text).into_response();
    }
    let (tenant, now) = (identity.tenant, shared.now());
    let environment = caller.environment;
    let answered = shared.db.write::<_, DbError>(|txn| {
        let period_ms = shared.period(HEARTBEAT_PERIOD).as_millis();
        let mut answer = HeartbeatAnswer {
            enabled: is_on(txn.cloud(), tenant),
            period_ms: u64::try_from(period_ms).unwrap_or(u64::MAX),
            new_key_wanted: false,
            relays: Vec::new(),
        };
        if !answer.enabled {
            return Ok((answer, false));
        }
        let environment = txn
            .cloud()
            .tenants
            .get(tenant, &tenant.to_string())
            .map_or(environment, |row| {
                provlab_protocol::environment::find(row.environment)
            });
        let onboarded = change(txn, tenant, |row| {
            let public_key = STANDARD.encode(&heartbeat.public_key);
            let known = row.agents.get(&identity.agent);
            let since = known
                .filter(|agent| agent.public_key == public_key)
                .map(|agent| agent.since);
            if known.is_none() && row.agents.len() >= MAX_ONBOARDED {
                return false;
            }
            let agent = Onboarded {
                public_key,
                since: since.unwrap_or(now),
                last_heartbeat: now,
            };
            answer.new_key_wanted = agent.is_too_old_at(now);
            row.agents.insert(identity.agent, agent);
            answer.relays = row.relays(&shared, environment);
            since.is_none()
        });
        Ok((answer, onboarded))
    });
    match answered {
        Ok((answer, onboarded)) => {
            event!(
                shared.platform.trace,
                Part::Cloud,
                "sspr.heartbeat",
                enabled = answer.enabled,
                onboarded = onboarded
            );
            Json(answer).into_response()
        }
        Err(failure) => (StatusCode::SERVICE_UNAVAILABLE, failure.to_string()).into_response(),
    }
}
