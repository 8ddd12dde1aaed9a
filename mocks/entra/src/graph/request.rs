//! What nearly every handler needs from a request, taken out once.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, OriginalUri};
use http::request::Parts;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::GraphError;
use super::query::QueryOptions;
use crate::http::Caller;
use crate::identity::Access;
use crate::shared::Shared;

/// The tenant, the query and the addresses of one request.
pub(super) struct Request {
    pub(super) shared: Arc<Shared>,
    pub(super) access: Access,
    pub(super) tenant: Uuid,
    pub(super) options: QueryOptions,
    /// `https://graph.microsoft.com/v1.0`.
    pub(super) root: String,
    /// Address of the request without the query.
    pub(super) address: String,
}

impl Request {
    /// `@odata.context` of a type or collection.
    pub(super) fn context(&self, what: &str) -> String {
        format!("{}/$metadata#{what}", self.root)
    }
}

impl FromRequestParts<Arc<Shared>> for Request {
    type Rejection = GraphError;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, GraphError> {
        let missing = || GraphError::unauthenticated("Access token is empty.");
        let caller = parts.extensions.get::<Caller>().cloned().ok_or_else(missing)?;
        let access = parts.extensions.get::<Access>().cloned().ok_or_else(missing)?;
        let path = parts
            .extensions
            .get::<OriginalUri>()
            .map_or_else(|| parts.uri.path().to_owned(), |uri| uri.path().to_owned());
        let version = path.split('/').nth(1).unwrap_or("v1.0");
        Ok(Self {
            options: QueryOptions::parse(parts.uri.query(), &parts.headers)?,
            tenant: access.tenant,
            root: format!("https://{}/{version}", caller.host),
            address: format!("https://{}{path}", caller.host),
            shared: Arc::clone(shared),
            access,
        })
    }
}

/// A JSON body; one that cannot be read is refused in Graph's words.
pub(super) struct JsonBody<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = GraphError;

    async fn from_request(request: axum::extract::Request, state: &S) -> Result<Self, GraphError> {
        let unreadable = |detail: &dyn std::fmt::Display| {
            GraphError::bad_request(format!("Unable to read JSON request payload: {detail}."))
        };
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|error| unreadable(&error))?;
        serde_json::from_slice(&body)
            .map(Self)
            .map_err(|error| unreadable(&error))
    }
}
