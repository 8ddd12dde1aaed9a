//! Sign-in: OpenID Connect metadata, tokens, the sign-in pages, and the check of tokens by every API.

mod access;
mod authorize;
mod clients;
mod device;
mod error;
mod form;
mod issue;
mod metadata;
mod pages;
mod request;
mod sign_in;
mod signer;
mod tenants;
mod token;

use std::sync::Arc;

use axum::routing::{get, post};
use axum::{Extension, Router};

pub use access::{Access, AccessError, Audience};
pub use clients::{DELEGATED_PERMISSIONS, FIRST_PARTY_CLIENTS, FirstPartyClient};
pub use signer::{SignError, TokenSigner};

use crate::shared::Shared;
use issue::Version;

/// The sign-in host's routes (PR 3.1).
pub fn router(shared: &Arc<Shared>) -> Router {
    Router::new()
        .route("/common/discovery/instance", get(metadata::instance_discovery))
        .route("/common/userrealm/{user}", get(metadata::user_realm))
        .route("/common/UserRealm/{user}", get(metadata::user_realm))
        .route(
            "/common/oauth2/deviceauth",
            get(device::page).post(device::submit),
        )
        .route(
            "/{tenant}/.well-known/openid-configuration",
            get(metadata::openid_v1),
        )
        .route(
            "/{tenant}/v2.0/.well-known/openid-configuration",
            get(metadata::openid_v2),
        )
        .route("/{tenant}/discovery/keys", get(metadata::keys))
        .route("/{tenant}/discovery/v2.0/keys", get(metadata::keys))
        .route(
            "/{tenant}/oauth2/authorize",
            get(authorize::page).post(authorize::submit),
        )
        .route(
            "/{tenant}/oauth2/v2.0/authorize",
            get(authorize::page).post(authorize::submit),
        )
        .route("/{tenant}/oauth2/logout", get(pages::logout))
        .route("/{tenant}/oauth2/v2.0/logout", get(pages::logout))
        .route(
            "/{tenant}/oauth2/token",
            post(token::endpoint).layer(Extension(Version::V1)),
        )
        .route(
            "/{tenant}/oauth2/v2.0/token",
            post(token::endpoint).layer(Extension(Version::V2)),
        )
        .route(
            "/{tenant}/oauth2/devicecode",
            post(device::endpoint).layer(Extension(Version::V1)),
        )
        .route(
            "/{tenant}/oauth2/v2.0/devicecode",
            post(device::endpoint).layer(Extension(Version::V2)),
        )
        .with_state(Arc::clone(shared))
}
