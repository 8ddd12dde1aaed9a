//! What a user does: reset a forgotten password, change one, unlock the account (CS 8.2).
//!
//! Before the reset the product has the user prove who it is by other methods. That part is left out: whoever calls has passed it.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, State};
use provlab_protocol::writeback::Action;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};

use super::state::of;
use super::{MAX_REQUEST_BYTES, Refusal, deliver};
use crate::http::Caller;
use crate::shared::Shared;
use crate::state::{CredentialState, DbError, PasswordVerifier, User};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Reset {
    user: String,
    new_password: SecretString,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Change {
    user: String,
    old_password: SecretString,
    new_password: SecretString,
    /// The user had to: the password has expired.
    #[serde(default)]
    forced: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Unlock {
    user: String,
}

type Answer = Result<Json<Value>, Refusal>;

/// Self-service reset.
pub(super) async fn reset(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Answer {
    let Reset { user, new_password } = read(&body)?;
    let user = find(&shared, &caller, &user)?;
    self_service(&shared, &user)?;
    if is_synchronized(&user) {
        let action = Action::SelfServiceReset { new: new_password };
        deliver::write_back(&shared, &user, action).await?;
    } else {
        keep(&shared, &user, &new_password)?;
    }
    Ok(done())
}

/// Voluntary and forced change. Neither needs self-service reset.
pub(super) async fn change(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Answer {
    let Change {
        user,
        old_password: old,
        new_password: new,
        forced,
    } = read(&body)?;
    let user = find(&shared, &caller, &user)?;
    if is_synchronized(&user) {
        let action = if forced {
            Action::ForcedChange { old, new }
        } else {
            Action::VoluntaryChange { old, new }
        };
        deliver::write_back(&shared, &user, action).await?;
        return Ok(done());
    }
    let knows = |state: &CredentialState| state.verifier.accepts(&old);
    if !user.credential.as_ref().is_some_and(knows) {
        return Err(Refusal::WrongPassword);
    }
    keep(&shared, &user, &new)?;
    Ok(done())
}

/// Unlock without reset.
pub(super) async fn unlock(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Answer {
    let Unlock { user } = read(&body)?;
    let user = find(&shared, &caller, &user)?;
    self_service(&shared, &user)?;
    let allowed = shared
        .db
        .read(|cloud| of(cloud, user.tenant).is_some_and(|row| row.unlock_without_reset));
    if !allowed {
        return Err(Refusal::UnlockNotAllowed);
    }
    if !is_synchronized(&user) {
        return Err(Refusal::NotVerified);
    }
    deliver::write_back(&shared, &user, Action::Unlock).await?;
    Ok(done())
}

fn done() -> Json<Value> {
    Json(json!({ "outcome": "success" }))
}

/// The parser's own words could quote a password.
fn read<T: serde::de::DeserializeOwned>(body: &Bytes) -> Result<T, Refusal> {
    if body.len() > MAX_REQUEST_BYTES {
        return Err(Refusal::BadPassword);
    }
    serde_json::from_slice(body).map_err(|_| Refusal::BadPassword)
}

fn find(shared: &Shared, caller: &Caller, name: &str) -> Result<User, Refusal> {
    let domain = name.rsplit_once('@').map_or("", |(_, domain)| domain);
    shared.db.read(|cloud| {
        cloud
            .tenants
            .all()
            .filter(|tenant| caller.serves(tenant) && tenant.owns_domain(domain))
            .find_map(|tenant| cloud.user_named(tenant.id, name))
            .filter(|user| user.account_enabled)
            .cloned()
            .ok_or(Refusal::NotVerified)
    })
}

pub(super) fn is_synchronized(user: &User) -> bool {
    user.on_premises
        .as_ref()
        .is_some_and(|origin| origin.sync_enabled)
}

fn self_service(shared: &Shared, user: &User) -> Result<(), Refusal> {
    let on = shared
        .db
        .read(|cloud| of(cloud, user.tenant).is_some_and(|row| row.self_service));
    on.then_some(()).ok_or(Refusal::SelfServiceDisabled)
}

/// Sets the password of an account that lives in the cloud.
pub(super) fn keep(shared: &Shared, user: &User, password: &SecretString) -> Result<(), Refusal> {
    let verifier = PasswordVerifier::new(password, &shared.platform.entropy);
    shared.db.write::<_, DbError>(|txn| {
        txn.update(user.tenant, &user.id.to_string(), |user: &mut User| {
            let before = user.credential.take();
            user.credential = Some(CredentialState {
                verifier,
                expired: false,
                multi_factor: before.as_ref().is_some_and(|state| state.multi_factor),
                blocked: before.as_ref().is_some_and(|state| state.blocked),
            });
        });
        Ok(())
    })?;
    Ok(())
}
