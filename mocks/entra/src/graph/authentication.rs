//! `/users/{id}/authentication`: the reset of a password by an administrator (Graph reference of `authenticationMethod`).

use std::time::Duration;

use axum::Json;
use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::{LOCATION, RETRY_AFTER};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use super::GraphError;
use super::request::{JsonBody, Request};
use super::users::find;
use crate::sspr::{self, PASSWORD_METHOD, Status};

/// How long a client is told to wait before it asks after an operation.
const ASK_AFTER: Duration = Duration::from_secs(5);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ResetPassword {
    /// Cloud sync users need one: only for accounts of the cloud Graph makes one itself.
    #[serde(default)]
    new_password: Option<SecretString>,
}

/// POST `methods/{method}/resetPassword`: 202 with the place to ask after it.
pub(super) async fn reset_password(
    request: Request,
    Path((id, method)): Path<(String, String)>,
    JsonBody(body): JsonBody<ResetPassword>,
) -> Result<Response, GraphError> {
    if method.parse() != Ok(PASSWORD_METHOD) {
        return Err(GraphError::not_found(&method));
    }
    let user = request
        .shared
        .db
        .read(|cloud| find(cloud, request.tenant, &id).cloned())?;
    let password = body
        .new_password
        .ok_or_else(|| GraphError::bad_request("The property 'newPassword' is required."))?;
    let operation = sspr::reset_password(&request.shared, &user, password)
        .map_err(|refusal| GraphError::bad_request(refusal.told(true).1))?;
    let place = format!(
        "{}/users/{}/authentication/operations/{operation}",
        request.root, user.id
    );
    let wait = request.shared.period(ASK_AFTER).as_secs();
    let context = request.context("microsoft.graph.passwordResetResponse");
    let answer = json!({ "@odata.context": context, "newPassword": null });
    Ok((
        StatusCode::ACCEPTED,
        [(LOCATION, place), (RETRY_AFTER, wait.max(1).to_string())],
        Json(answer),
    )
        .into_response())
}

/// GET `operations/{operation}`: a `longRunningOperation`.
pub(super) async fn operation(
    request: Request,
    Path((id, operation)): Path<(String, Uuid)>,
) -> Result<Json<Value>, GraphError> {
    let user = request
        .shared
        .db
        .read(|cloud| find(cloud, request.tenant, &id).map(|user| user.id))?;
    let found = sspr::operation(&request.shared, request.tenant, user, operation)
        .ok_or_else(|| GraphError::not_found(&operation.to_string()))?;
    let (status, detail) = match &found.status {
        Status::Running => ("running", Value::Null),
        Status::Succeeded => ("succeeded", Value::Null),
        Status::Failed(refusal) => {
            let (code, message) = refusal.told(true);
            ("failed", json!(format!("{code}: {message}")))
        }
    };
    let time = |moment: OffsetDateTime| moment.format(&Rfc3339).unwrap_or_default();
    Ok(Json(json!({
        "@odata.context": request.context(&format!("users('{user}')/authentication/operations/$entity")),
        "id": operation,
        "createdDateTime": time(found.created),
        "lastActionDateTime": time(found.last_action),
        "status": status,
        "statusDetail": detail,
        "resourceLocation": format!("{}/users/{user}/authentication/methods/{PASSWORD_METHOD}", request.root),
    })))
}
