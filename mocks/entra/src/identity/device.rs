//! The device code flow: a code for the client, a page for the person.

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use provlab_protocol::oauth::DeviceCodeResponse;
use secrecy::ExposeSecret as _;
use serde_json::json;
use time::Duration;

use super::clients::{Client, FIRST_PARTY_CLIENTS};
use super::error::{Failure, json_text};
use super::form::Form;
use super::issue::{Version, opaque};
use super::request::Requested;
use super::tenants::{self, Authority};
use super::token::check_password;
use super::{pages, tenants::environment};
use crate::http::Caller;
use crate::shared::Shared;
use crate::state::{GLOBAL, Grant, GrantKind};

/// Life of a device code (PR 3.3).
const DEVICE_CODE_LIFE: Duration = Duration::seconds(900);
/// Seconds between two polls (PR 3.3).
const POLL_INTERVAL_SECONDS: u64 = 5;
/// Letters and digits that a person does not mix up.
const USER_CODE_SIGNS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const USER_CODE_LENGTH: usize = 9;

/// The endpoint of the version that its route names.
pub(super) async fn endpoint(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Extension(version): Extension<Version>,
    Path(tenant): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    answer(&shared, &caller, &tenant, version, &headers, &body)
}

fn answer(
    shared: &Arc<Shared>,
    caller: &Caller,
    tenant: &str,
    version: Version,
    headers: &HeaderMap,
    body: &[u8],
) -> Response {
    match begin(shared, caller, tenant, version, &Form::read(headers, body)) {
        Ok(begun) if version == Version::V1 => json_text(
            StatusCode::OK,
            json!({
                "user_code": begun.user_code,
                "device_code": begun.device_code.expose_secret(),
                "verification_url": begun.verification_uri,
                "expires_in": begun.expires_in.to_string(),
                "interval": begun.interval.to_string(),
                "message": begun.message,
            })
            .to_string(),
        ),
        Ok(begun) => json_text(StatusCode::OK, json!(begun).to_string()),
        Err(failure) => failure.respond(shared, caller, headers),
    }
}

fn begin(
    shared: &Arc<Shared>,
    caller: &Caller,
    segment: &str,
    version: Version,
    form: &Form,
) -> Result<DeviceCodeResponse, Failure> {
    let client_id = form.need("client_id")?;
    let scope = match (version, form.text("resource")) {
        (Version::V1, Some(resource)) => format!("{resource}/.default openid offline_access"),
        _ => form.need("scope")?.to_owned(),
    };
    shared.db.write(|txn| {
        let id = match tenants::authority(txn.cloud(), caller, segment)? {
            Authority::One(tenant) => {
                Requested::parse(environment(&tenant), &tenant, None, &scope)?;
                Client::find(txn.cloud(), &tenant, client_id)?.id
            }
            // Without a tenant nothing but the form can be checked: the rest waits for the user.
            Authority::Any => client_id.parse().map_err(|_| {
                Failure::new(700_016).with("appId", tenants::shortened(client_id)).with("tenant", segment)
            })?,
        };
        let device_code = opaque(shared);
        let user_code = user_code(shared);
        txn.put(Grant {
            hash: Grant::hash(device_code.expose_secret()),
            client_id: id,
            authority: segment.to_owned(),
            scope: scope.clone(),
            subject: None,
            kind: GrantKind::DeviceCode {
                user_code: user_code.clone(),
                declined: false,
            },
            expires: shared.now() + DEVICE_CODE_LIFE,
        });
        let page = caller.environment.device_login_url;
        Ok(DeviceCodeResponse {
            message: format!(
                "To sign in, use a web browser to open the page {page} and enter the code {user_code} to authenticate."
            ),
            user_code,
            device_code,
            verification_uri: page.to_owned(),
            expires_in: DEVICE_CODE_LIFE.whole_seconds().unsigned_abs(),
            interval: POLL_INTERVAL_SECONDS,
        })
    })
}

fn user_code(shared: &Shared) -> String {
    (0..USER_CODE_LENGTH)
        .map(|_| {
            let index = shared.platform.entropy.below(USER_CODE_SIGNS.len() as u64);
            char::from(USER_CODE_SIGNS[usize::try_from(index).unwrap_or_default() % USER_CODE_SIGNS.len()])
        })
        .collect()
}

/// The page behind `https://microsoft.com/devicelogin`, which forwards to the sign-in host.
pub(super) async fn page() -> Response {
    pages::device_form(None)
}

/// Fields: `otc` (the user code), `login`, `passwd`, or `cancel`.
pub(super) async fn submit(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match complete(&shared, &caller, &Form::read(&headers, &body)) {
        Ok(None) => pages::notice("You declined the sign-in. You may now close this window."),
        Ok(Some(client)) => pages::notice(&format!(
            "You have signed in to the {client} application on your device. You may now close this window."
        )),
        Err(failure) => pages::device_form(Some(&failure.text())),
    }
}

/// Signs the user in for a waiting code; `None` when the user declined.
fn complete(shared: &Arc<Shared>, caller: &Caller, form: &Form) -> Result<Option<String>, Failure> {
    let code = form.need("otc")?.trim().to_uppercase();
    let now = shared.now();
    shared.db.write(|txn| {
        let grant = txn
            .cloud()
            .grants
            .find(GLOBAL, Grant::BY_USER_CODE, &code)
            .find(|grant| grant.subject.is_none() && grant.expires > now)
            .cloned()
            .ok_or_else(|| Failure::new(70018))?;
        if form.text("cancel").is_some() {
            txn.put(Grant {
                kind: GrantKind::DeviceCode {
                    user_code: code,
                    declined: true,
                },
                ..grant
            });
            return Ok::<_, Failure>(Ok(None));
        }
        let name = form.need("login")?;
        let password = form.secret("passwd").ok_or_else(|| Failure::missing("passwd"))?;
        let tenant = tenants::tenant_of_user(txn.cloud(), caller, &grant.authority, name)?;
        let client = Client::find(txn.cloud(), &tenant, &grant.client_id.to_string())?;
        let requested = Requested::parse(environment(&tenant), &tenant, None, &grant.scope)?;
        let user = match check_password(txn, &tenant, name, password, &requested.audience, now) {
            Ok(user) => user,
            Err(failure) => return Ok::<_, Failure>(Err(failure)),
        };
        requested.granted(&client)?;
        let shown = FIRST_PARTY_CLIENTS
            .iter()
            .find(|known| known.id == client.id)
            .map_or_else(|| client.name.clone(), |known| known.name.to_owned());
        txn.put(Grant {
            subject: Some((tenant.id, user.id)),
            ..grant
        });
        Ok(Ok(Some(shown)))
    })?
}
