//! `synchronization/secrets`: the whole list at once, by known keys (CS 6.2).

use axum::Json;
use axum::extract::Path;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::request::{JsonBody, Request};
use super::super::{GraphError, applications};
use crate::engine::{Configuration, jobs};
use crate::state::{SecretText, ServicePrincipal, SynchronizationSecret};

/// Most secrets of a service principal: each key can appear once.
const MAX_SECRETS: usize = SECRET_KEYS.len();

/// Longest value of a secret, in bytes.
const MAX_SECRET_BYTES: usize = 16 * 1024;

/// The key enumeration of CS 6.2.
const SECRET_KEYS: [&str; 45] = [
    "None",
    "UserName",
    "Password",
    "SecretToken",
    "AppKey",
    "BaseAddress",
    "ClientIdentifier",
    "ClientSecret",
    "SingleSignOnType",
    "Sandbox",
    "Url",
    "Domain",
    "ConsumerKey",
    "ConsumerSecret",
    "TokenKey",
    "TokenExpiration",
    "Oauth2AccessToken",
    "Oauth2AccessTokenCreationTime",
    "Oauth2RefreshToken",
    "SyncAll",
    "InstanceName",
    "Oauth2ClientId",
    "Oauth2ClientSecret",
    "CompanyId",
    "UpdateKeyOnSoftDelete",
    "SynchronizationSchedule",
    "SystemOfRecord",
    "SandboxName",
    "EnforceDomain",
    "SyncNotificationSettings",
    "SkipOutOfScopeDeletions",
    "Oauth2AuthorizationCode",
    "Oauth2RedirectUri",
    "ApplicationTemplateIdentifier",
    "Oauth2TokenExchangeUri",
    "Oauth2AuthorizationUri",
    "AuthenticationType",
    "Server",
    "PerformInboundEntitlementGrants",
    "HardDeletesEnabled",
    "SyncAgentCompatibilityKey",
    "SyncAgentADContainer",
    "ValidateDomain",
    "TestReferences",
    "ConnectionString",
];

/// Keys whose values are settings and can be read back; the others answer `*`.
const READABLE_KEYS: [&str; 3] = ["Domain", "AppKey", "SyncNotificationSettings"];

pub(super) async fn list_secrets(
    request: Request,
    Path(principal): Path<String>,
) -> Result<Json<Value>, GraphError> {
    request.shared.db.read(|cloud| {
        let principal = applications::find(cloud, request.tenant, &principal)?;
        let all: Vec<Value> = principal
            .secrets
            .iter()
            .map(|secret| {
                let readable = READABLE_KEYS.contains(&secret.key.as_str());
                json!({"key": secret.key, "value": if readable { secret.value.expose() } else { "*" }})
            })
            .collect();
        Ok(Json(json!({
            "@odata.context": request.context("servicePrincipals/synchronization/secrets"),
            "value": all,
        })))
    })
}

#[derive(Deserialize)]
pub(super) struct Secrets {
    value: Vec<SynchronizationSecretBody>,
}

#[derive(Deserialize)]
struct SynchronizationSecretBody {
    key: String,
    value: String,
}

/// Replaces the whole list (CS 6.2).
pub(super) async fn put_secrets(
    request: Request,
    Path(principal): Path<String>,
    JsonBody(body): JsonBody<Secrets>,
) -> Result<StatusCode, GraphError> {
    if body.value.len() > MAX_SECRETS {
        return Err(GraphError::bad_request(format!(
            "At most {MAX_SECRETS} secrets can be set."
        )));
    }
    let mut secrets: Vec<SynchronizationSecret> = Vec::new();
    for secret in body.value {
        if !SECRET_KEYS.contains(&secret.key.as_str()) {
            return Err(GraphError::bad_request(format!(
                "The secret key '{}' is not known; keys are written as 'Domain' or 'AppKey'.",
                secret.key.chars().take(64).collect::<String>()
            )));
        }
        if secrets.iter().any(|known| known.key == secret.key) {
            return Err(GraphError::bad_request(format!(
                "The secret key '{}' appears twice.",
                secret.key
            )));
        }
        if secret.value.len() > MAX_SECRET_BYTES {
            return Err(GraphError::bad_request(format!(
                "The value of secret '{}' is longer than {MAX_SECRET_BYTES} bytes.",
                secret.key
            )));
        }
        secrets.push(SynchronizationSecret {
            key: secret.key,
            value: SecretText::new(secret.value),
        });
    }
    let configuration = Configuration::from_secrets(
        secrets
            .iter()
            .map(|secret| (secret.key.as_str(), secret.value.expose())),
    )
    .map_err(|error| GraphError::bad_request(error.to_string()))?;
    let now = request.shared.now();
    request.shared.db.write(|txn| {
        let id = applications::find(txn.cloud(), request.tenant, &principal)?.id;
        txn.update(request.tenant, &id.to_string(), |row: &mut ServicePrincipal| {
            row.secrets = secrets;
        });
        jobs::configure(txn, request.tenant, id, &configuration, now);
        Ok(StatusCode::NO_CONTENT)
    })
}
