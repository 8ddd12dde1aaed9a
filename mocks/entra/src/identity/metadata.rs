//! What clients read before they sign anyone in: OpenID Connect metadata, keys, cloud instances, user realms (PR 3.1, 3.2).

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use http::StatusCode;
use provlab_protocol::environment::{ENVIRONMENTS, Environment};
use serde_json::{Value, json};

use super::error::Failure;
use super::issue::Version;
use super::tenants::{self, Authority, environment};
use crate::graph::form_pairs;
use crate::http::Caller;
use crate::shared::Shared;

/// Stands for the tenant in the issuer of `common` and `organizations`.
const ANY_TENANT: &str = "{tenantid}";

pub(super) async fn openid_v1(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path(tenant): Path<String>,
    headers: http::HeaderMap,
) -> Response {
    openid(&shared, &caller, &tenant, Version::V1, &headers)
}

pub(super) async fn openid_v2(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path(tenant): Path<String>,
    headers: http::HeaderMap,
) -> Response {
    openid(&shared, &caller, &tenant, Version::V2, &headers)
}

fn openid(
    shared: &Arc<Shared>,
    caller: &Caller,
    segment: &str,
    version: Version,
    headers: &http::HeaderMap,
) -> Response {
    let found = shared.db.read(|cloud| tenants::authority(cloud, caller, segment));
    let (environment, name) = match found {
        Ok(Authority::Any) => (caller.environment, ANY_TENANT.to_owned()),
        Ok(Authority::One(tenant)) => (environment(&tenant), tenant.id.to_string()),
        Err(failure) => return failure.respond(shared, caller, headers),
    };
    Json(document(environment, segment, &name, version)).into_response()
}

/// The document with every field of PR 3.2. `segment` is what the client wrote, `issuer_name` the tenant id.
fn document(environment: &Environment, segment: &str, issuer_name: &str, version: Version) -> Value {
    let host = environment.login_host;
    // Endpoints of one tenant are written with its id, those of `common` with `common`.
    let place = if issuer_name == ANY_TENANT {
        segment
    } else {
        issuer_name
    };
    let (issuer, oauth, keys) = match version {
        Version::V1 => (
            environment.sts_issuer_pattern.replace("{tenantId}", issuer_name),
            format!("https://{host}/{place}/oauth2"),
            format!("https://{host}/{place}/discovery/keys"),
        ),
        Version::V2 => (
            environment.v2_issuer(issuer_name),
            format!("https://{host}/{place}/oauth2/v2.0"),
            format!("https://{host}/{place}/discovery/v2.0/keys"),
        ),
    };
    json!({
        "token_endpoint": format!("{oauth}/token"),
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "jwks_uri": keys,
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": issuer,
        "request_uri_parameter_supported": false,
        "userinfo_endpoint": format!("https://{}/oidc/userinfo", environment.graph_host),
        "authorization_endpoint": format!("{oauth}/authorize"),
        "device_authorization_endpoint": format!("{oauth}/devicecode"),
        "http_logout_supported": true,
        "frontchannel_logout_supported": true,
        "end_session_endpoint": format!("{oauth}/logout"),
        "claims_supported": [
            "sub", "iss", "cloud_instance_name", "cloud_instance_host_name", "cloud_graph_host_name", "msgraph_host",
            "aud", "exp", "iat", "auth_time", "acr", "nonce", "preferred_username", "name", "tid", "ver", "at_hash",
            "c_hash", "email",
        ],
        "kerberos_endpoint": format!("https://{host}/{place}/kerberos"),
        "tenant_region_scope": environment.tenant_region_scope,
        "tenant_region_sub_scope": environment.tenant_region_sub_scope,
        "cloud_instance_name": environment.cloud_instance_name,
        "cloud_graph_host_name": environment.cloud_graph_host_name,
        "msgraph_host": environment.graph_host,
        "rbac_url": environment.rbac_url,
    })
}

pub(super) async fn keys(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path(tenant): Path<String>,
    headers: http::HeaderMap,
) -> Response {
    let found = shared
        .db
        .read(|cloud| tenants::authority(cloud, &caller, &tenant));
    let issuer = match found {
        Ok(Authority::Any) => caller.environment.v2_issuer(ANY_TENANT),
        Ok(Authority::One(tenant)) => environment(&tenant).v2_issuer(&tenant.id.to_string()),
        Err(failure) => return failure.respond(&shared, &caller, &headers),
    };
    Json(json!({"keys": [shared.tokens.jwk(&issuer)]})).into_response()
}

/// Tells whether the host of `authorization_endpoint` is a sign-in host of Microsoft, and which hosts belong together.
pub(super) async fn instance_discovery(RawQuery(query): RawQuery) -> Response {
    let pairs = form_pairs(&query.unwrap_or_default());
    let endpoint = pairs
        .iter()
        .find(|(name, _)| name == "authorization_endpoint")
        .map_or("", |(_, value)| value);
    let rest = endpoint.strip_prefix("https://").unwrap_or_default();
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let known = ENVIRONMENTS
        .iter()
        .find(|environment| environment.login_host == host || environment.login_aliases.contains(&host));
    let Some(environment) = known else {
        let body = json!({
            "error": "invalid_instance",
            "error_description": "AADSTS50049: Unknown or invalid instance.",
            "error_codes": [50049],
        });
        return (StatusCode::BAD_REQUEST, Json(body)).into_response();
    };
    let tenant = path.split('/').next().unwrap_or("common");
    let mut clouds: Vec<Value> = Vec::new();
    for environment in &ENVIRONMENTS {
        let mut aliases = vec![environment.login_host];
        aliases.extend(environment.login_aliases);
        let cloud = json!({
            "preferred_network": environment.login_host,
            "preferred_cache": environment.login_aliases.first().copied().unwrap_or(environment.login_host),
            "aliases": aliases,
        });
        if !clouds.contains(&cloud) {
            clouds.push(cloud);
        }
    }
    Json(json!({
        "tenant_discovery_endpoint":
            format!("https://{}/{tenant}/v2.0/.well-known/openid-configuration", environment.login_host),
        "api-version": "1.1",
        "metadata": clouds,
    }))
    .into_response()
}

/// Tells a client whether the domain of a user name signs in here. No tenant of the lab is federated.
pub(super) async fn user_realm(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path(user): Path<String>,
    headers: http::HeaderMap,
) -> Response {
    let Some((_, domain)) = user.rsplit_once('@') else {
        return Failure::new(50059).respond(&shared, &caller, &headers);
    };
    let managed = shared
        .db
        .read(|cloud| tenants::tenant(cloud, &caller, domain).is_some());
    let body = if managed {
        json!({
            "ver": "1.0",
            "account_type": "Managed",
            "domain_name": domain,
            "cloud_instance_name": caller.environment.cloud_instance_name,
            "cloud_audience_urn": "urn:federation:MicrosoftOnline",
        })
    } else {
        json!({"ver": "1.0", "account_type": "Unknown", "cloud_instance_name": caller.environment.cloud_instance_name})
    };
    Json(body).into_response()
}
