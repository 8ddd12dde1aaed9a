//! *Password reset > On-premises integration*: the options, and whether the writeback client is up (CS 8.1, 8.4).

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use provlab_platform::{Part, event};
use provlab_protocol::oauth::{
    AUTHENTICATION_POLICY_ADMINISTRATOR, GLOBAL_ADMINISTRATOR, HYBRID_IDENTITY_ADMINISTRATOR,
};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::refusal::{NO_CONNECTION, NOT_CONFIGURED, UP};
use super::state::{FEATURE, capable, change as change_row, is_on, of};
use super::{deliver, heartbeat_grace};
use crate::his::registry_of;
use crate::http::Caller;
use crate::identity::Audience;
use crate::shared::Shared;
use crate::state::{DbError, Tenant};

/// Roles that may change the options (CS 8.1).
const ROLES: [Uuid; 3] = [
    GLOBAL_ADMINISTRATOR,
    HYBRID_IDENTITY_ADMINISTRATOR,
    AUTHENTICATION_POLICY_ADMINISTRATOR,
];

/// The options that a request changes; the others stay.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Options {
    /// *Self service password reset enabled*.
    #[serde(default)]
    self_service: Option<bool>,
    /// *Enable password write back for synced users*.
    #[serde(default)]
    write_back: Option<bool>,
    /// *Write back passwords with Microsoft Entra Cloud Sync*: only where an agent was detected.
    #[serde(default)]
    with_cloud_sync: Option<bool>,
    /// *Allow users to unlock accounts without resetting their password*.
    #[serde(default)]
    unlock_without_reset: Option<bool>,
}

/// GET.
pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
) -> Response {
    match tenant_of(&shared, &caller, &headers) {
        Ok(tenant) => Json(shown(&shared, tenant)).into_response(),
        Err(refused) => refused.into_response(),
    }
}

/// PATCH.
pub(super) async fn change(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    Json(options): Json<Options>,
) -> Response {
    let tenant = match tenant_of(&shared, &caller, &headers) {
        Ok(tenant) => tenant,
        Err(refused) => return refused.into_response(),
    };
    let detected = shared
        .db
        .read(|cloud| registry_of(cloud, tenant).is_some_and(|registry| capable(registry).next().is_some()));
    if options.with_cloud_sync == Some(true) && !detected {
        let text = "no agent of version 1.1.977.0 or later is registered; the option is not shown before";
        return Refused(StatusCode::BAD_REQUEST, "NotDetected", text.to_owned()).into_response();
    }
    let stored = shared.db.write::<_, DbError>(|txn| {
        if let Some(on) = options.write_back {
            txn.update(tenant, &tenant.to_string(), |row: &mut Tenant| {
                row.features.switches.insert(FEATURE.to_owned(), on);
            });
        }
        change_row(txn, tenant, |row| {
            row.self_service = options.self_service.unwrap_or(row.self_service);
            row.with_cloud_sync = options.with_cloud_sync.unwrap_or(row.with_cloud_sync);
            row.unlock_without_reset = options.unlock_without_reset.unwrap_or(row.unlock_without_reset);
        });
        Ok(())
    });
    if let Err(failure) = stored {
        return Refused(StatusCode::SERVICE_UNAVAILABLE, "NotStored", failure.to_string()).into_response();
    }
    shared.sspr.news.notify_one();
    event!(
        shared.platform.trace,
        Part::Cloud,
        "sspr.options",
        on = shared.db.read(|cloud| is_on(cloud, tenant))
    );
    Json(shown(&shared, tenant)).into_response()
}

/// The tenant of an administrator who may see and change the options. The wizard's token and Graph's are both good.
fn tenant_of(shared: &Shared, caller: &Caller, headers: &HeaderMap) -> Result<Uuid, Refused> {
    let access = shared
        .access(caller, headers, Audience::Graph)
        .or_else(|_| shared.access(caller, headers, Audience::Registration))
        .map_err(|error| {
            Refused(
                StatusCode::UNAUTHORIZED,
                "InvalidAuthenticationToken",
                error.to_string(),
            )
        })?;
    if ROLES.iter().any(|role| access.roles.contains(role)) {
        Ok(access.tenant)
    } else {
        let text = "the account needs the role Hybrid Identity Administrator, Authentication Policy Administrator or \
                    Global Administrator";
        Err(Refused(
            StatusCode::FORBIDDEN,
            "Authorization_RequestDenied",
            text.to_owned(),
        ))
    }
}

fn shown(shared: &Shared, tenant: Uuid) -> Value {
    let (now, grace) = (shared.now(), heartbeat_grace(shared));
    let connected = deliver::is_connected(shared, tenant);
    shared.db.read(|cloud| {
        let row = of(cloud, tenant);
        let detected = registry_of(cloud, tenant).is_some_and(|registry| capable(registry).next().is_some());
        let alive = row.is_some_and(|row| {
            row.agents
                .values()
                .any(|agent| now - agent.last_heartbeat <= grace)
        });
        let status = match (is_on(cloud, tenant), alive && connected) {
            (true, true) => UP,
            (true, false) => NO_CONNECTION,
            (false, _) => NOT_CONFIGURED,
        };
        let write_back = cloud
            .tenants
            .get(tenant, &tenant.to_string())
            .is_some_and(|row| row.features.is_on(FEATURE));
        let mut shown = json!({
            "selfService": row.is_some_and(|row| row.self_service),
            "writeBack": write_back,
            "unlockWithoutReset": row.is_some_and(|row| row.unlock_without_reset),
            "cloudSync": if detected { "Set up complete" } else { "Not detected" },
            "status": status,
        });
        if detected {
            shown["withCloudSync"] = json!(row.is_some_and(|row| row.with_cloud_sync));
        }
        shown
    })
}

/// A refusal of a call: status, code, text.
struct Refused(StatusCode, &'static str, String);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Self(status, code, message) = self;
        (
            status,
            Json(json!({ "error": { "code": code, "message": message } })),
        )
            .into_response()
    }
}
