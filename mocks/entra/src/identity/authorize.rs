//! The authorization code flow's page: who signs in here gets a code sent to the client's address.

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use http::header::LOCATION;
use http::{HeaderMap, HeaderValue, StatusCode};
use secrecy::ExposeSecret as _;
use time::Duration;

use super::clients::Client;
use super::error::Failure;
use super::form::Form;
use super::issue::opaque;
use super::pages;
use super::request::Requested;
use super::tenants::{self, Authority, environment};
use super::token::check_password;
use crate::graph::form_pairs;
use crate::http::Caller;
use crate::shared::Shared;
use crate::state::{Cloud, Grant, GrantKind, Tenant};

/// Life of an authorization code.
const CODE_LIFE: Duration = Duration::minutes(10);

/// What the client sent in the address.
struct Query(Vec<(String, String)>);

impl Query {
    fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, value)| known == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    fn need(&self, name: &str) -> Result<&str, Failure> {
        self.get(name).ok_or_else(|| Failure::missing(name))
    }

    /// `scope` (v2), or `resource` (v1) written as one.
    fn scope(&self) -> String {
        match (self.get("scope"), self.get("resource")) {
            (None, Some(resource)) => format!("{resource}/.default openid offline_access"),
            (scope, _) => scope.unwrap_or("openid").to_owned(),
        }
    }
}

pub(super) async fn page(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path(tenant): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Query(form_pairs(&query.unwrap_or_default()));
    let checked = shared
        .db
        .read(|cloud| match tenants::authority(cloud, &caller, &tenant)? {
            Authority::One(tenant) => check_client(cloud, &tenant, &query).map(|_| ()),
            Authority::Any => query
                .need("client_id")
                .and(query.need("redirect_uri"))
                .map(|_| ()),
        });
    match checked {
        Ok(()) => pages::sign_in_form(query.get("login_hint").unwrap_or_default(), None),
        Err(failure) => pages::notice(&failure.text()),
    }
}

/// Fields: `login`, `passwd`.
pub(super) async fn submit(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    Path(tenant): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let query = Query(form_pairs(&query.unwrap_or_default()));
    let form = Form::read(&headers, &body);
    match sign_in(&shared, &caller, &tenant, &query, &form) {
        Ok(code) => deliver(&query, &code),
        Err(failure) => pages::sign_in_form(form.text("login").unwrap_or_default(), Some(&failure.text())),
    }
}

/// Checks that the code may go where the client wants it.
fn check_client(cloud: &Cloud, tenant: &Tenant, query: &Query) -> Result<(Client, Requested), Failure> {
    let client = Client::find(cloud, tenant, query.need("client_id")?)?;
    let uri = query.need("redirect_uri")?;
    if !client.may_redirect_to(uri) {
        return Err(Failure::new(50011)
            .with("redirectUri", tenants::shortened(uri))
            .with("appId", client.id.to_string()));
    }
    match query.need("response_type")? {
        "code" => {}
        _ => return Err(Failure::new(70000).with("parameter", "response_type")),
    }
    match (query.get("code_challenge"), query.get("code_challenge_method")) {
        (None, None) | (Some(_), Some("S256")) => {}
        _ => return Err(Failure::new(70000).with("parameter", "code_challenge_method")),
    }
    let requested = Requested::parse(environment(tenant), tenant, None, &query.scope())?;
    Ok((client, requested))
}

fn sign_in(
    shared: &Arc<Shared>,
    caller: &Caller,
    segment: &str,
    query: &Query,
    form: &Form,
) -> Result<String, Failure> {
    let name = form.need("login")?;
    let password = form.secret("passwd").ok_or_else(|| Failure::missing("passwd"))?;
    let now = shared.now();
    shared.db.write(|txn| {
        let tenant = tenants::tenant_of_user(txn.cloud(), caller, segment, name)?;
        let (client, requested) = check_client(txn.cloud(), &tenant, query)?;
        let user = match check_password(txn, &tenant, name, password, &requested.audience, now) {
            Ok(user) => user,
            Err(failure) => return Ok::<_, Failure>(Err(failure)),
        };
        requested.granted(&client)?;
        let code = opaque(shared);
        txn.put(Grant {
            hash: Grant::hash(code.expose_secret()),
            client_id: client.id,
            authority: tenant.id.to_string(),
            scope: requested.scope,
            subject: Some((tenant.id, user.id)),
            kind: GrantKind::AuthorizationCode {
                redirect_uri: query.need("redirect_uri")?.to_owned(),
                challenge: query.get("code_challenge").map(str::to_owned),
                nonce: query.get("nonce").map(str::to_owned),
            },
            expires: now + CODE_LIFE,
        });
        Ok(Ok(code.expose_secret().to_owned()))
    })?
}

fn deliver(query: &Query, code: &str) -> Response {
    let (Some(uri), state) = (query.get("redirect_uri"), query.get("state")) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let mut fields = vec![("code", code)];
    fields.extend(state.map(|state| ("state", state)));
    let sign = match query.get("response_mode") {
        Some("form_post") => return pages::form_post(uri, &fields),
        Some("fragment") => '#',
        _ if uri.contains('?') => '&',
        _ => '?',
    };
    let pairs: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", crate::graph::percent_encode(value)))
        .collect();
    match HeaderValue::from_str(&format!("{uri}{sign}{}", pairs.join("&"))) {
        Ok(location) => (StatusCode::FOUND, [(LOCATION, location)]).into_response(),
        Err(_) => pages::notice(&Failure::new(9_002_313).text()),
    }
}
