//! Makes the tokens of a successful sign-in (PR 3.3, 3.4).

use axum::response::Response;
use http::StatusCode;
use provlab_protocol::oauth::{AccessTokenClaims, DEFAULT_USER_WID, TokenResponse, V1TokenFields};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::clients::{Client, Proof};
use super::error::{Failure, json_text};
use super::request::Requested;
use crate::shared::Shared;
use crate::state::{Grant, GrantKind, ServicePrincipal, Tenant, Txn, User};

/// Life of an access token.
pub(super) const ACCESS_TOKEN_LIFE: Duration = Duration::hours(1);
/// Tokens count as issued a little ago, so that a client or service whose clock is slow accepts them.
const BACKDATED: Duration = Duration::minutes(5);
/// Life of a refresh token without use.
pub(super) const REFRESH_TOKEN_LIFE: Duration = Duration::days(90);

/// The version of the endpoint that was called: it decides the form of answer and id token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    V2,
}

/// What tokens are made from.
pub(super) struct Issue<'a> {
    pub(super) shared: &'a Shared,
    pub(super) tenant: &'a Tenant,
    pub(super) client: &'a Client,
    pub(super) proof: Proof,
    pub(super) requested: &'a Requested,
    pub(super) version: Version,
    pub(super) now: OffsetDateTime,
}

impl Issue<'_> {
    /// Tokens of a user. The refresh token is `refresh` if there was one, else a new one that is stored in `txn`.
    pub(super) fn for_user(
        &self,
        txn: &mut Txn<'_>,
        user: &User,
        nonce: Option<&str>,
        refresh: Option<SecretString>,
    ) -> Result<TokenResponse, Failure> {
        let permissions = self.requested.granted(self.client)?;
        let mut wids: Vec<Uuid> = user.roles.iter().copied().collect();
        wids.push(DEFAULT_USER_WID);
        let claims = AccessTokenClaims {
            acr: Some("1".to_owned()),
            amr: vec!["pwd".to_owned()],
            idtyp: Some("user".to_owned()),
            name: user.display_name.clone(),
            oid: Some(user.id),
            scp: Some(permissions),
            sub: Some(pairwise(user.id, &self.requested.audience)),
            unique_name: Some(user.user_principal_name.clone()),
            upn: Some(user.user_principal_name.clone()),
            wids,
            ..self.common()
        };
        let access_token = self.shared.tokens.sign(&claims)?;
        let wants_id = self.requested.openid || self.version == Version::V1;
        let id_token = if wants_id {
            Some(self.id_token(user, nonce)?)
        } else {
            None
        };
        let wants_refresh = self.requested.offline_access || self.version == Version::V1;
        let refresh_token = match refresh {
            Some(token) => Some(token),
            None if wants_refresh => Some(opaque(self.shared)),
            None => None,
        };
        if let Some(token) = &refresh_token {
            txn.put(Grant {
                hash: Grant::hash(token.expose_secret()),
                client_id: self.client.id,
                authority: self.tenant.id.to_string(),
                scope: self.requested.scope.clone(),
                subject: Some((self.tenant.id, user.id)),
                kind: GrantKind::RefreshToken,
                expires: self.now + REFRESH_TOKEN_LIFE,
            });
        }
        Ok(TokenResponse {
            refresh_token,
            id_token,
            ..self.response(access_token)
        })
    }

    /// A token of an application by itself.
    pub(super) fn for_application(
        &self,
        principal: Option<&ServicePrincipal>,
    ) -> Result<TokenResponse, Failure> {
        let id = principal.map_or(self.client.id, |principal| principal.id);
        let claims = AccessTokenClaims {
            idtyp: Some("app".to_owned()),
            oid: Some(id),
            sub: Some(id.to_string()),
            roles: self.client.application_permissions(),
            ..self.common()
        };
        Ok(TokenResponse {
            scope: None,
            ..self.response(self.shared.tokens.sign(&claims)?)
        })
    }

    /// Graph and the registration service take v1 tokens, whichever endpoint issues them.
    fn common(&self) -> AccessTokenClaims {
        let issued = (self.now - BACKDATED).unix_timestamp();
        AccessTokenClaims {
            aud: self.requested.audience.clone(),
            iss: super::tenants::environment(self.tenant).v1_issuer(&self.tenant.id),
            iat: issued,
            nbf: issued,
            exp: (self.now + ACCESS_TOKEN_LIFE).unix_timestamp(),
            appid: Some(self.client.id.to_string()),
            appidacr: Some(if self.proof == Proof::Secret { "1" } else { "0" }.to_owned()),
            tid: Some(self.tenant.id),
            uti: Some(self.shared.uuid().simple().to_string()),
            ver: "1.0".to_owned(),
            ..AccessTokenClaims::default()
        }
    }

    fn id_token(&self, user: &User, nonce: Option<&str>) -> Result<SecretString, Failure> {
        let environment = super::tenants::environment(self.tenant);
        let issued = (self.now - BACKDATED).unix_timestamp();
        let (issuer, version) = match self.version {
            Version::V1 => (environment.v1_issuer(&self.tenant.id), "1.0"),
            Version::V2 => (environment.v2_issuer(&self.tenant.id.to_string()), "2.0"),
        };
        let mut claims = json!({
            "aud": self.client.id,
            "iss": issuer,
            "iat": issued,
            "nbf": issued,
            "exp": (self.now + ACCESS_TOKEN_LIFE).unix_timestamp(),
            "name": user.display_name,
            "oid": user.id,
            "preferred_username": user.user_principal_name,
            "upn": user.user_principal_name,
            "sub": pairwise(user.id, &self.client.id.to_string()),
            "tid": self.tenant.id,
            "ver": version,
        });
        if let Some(nonce) = nonce {
            claims["nonce"] = json!(nonce);
        }
        Ok(self.shared.tokens.sign(&claims)?.into())
    }

    fn response(&self, access_token: String) -> TokenResponse {
        let life = u64::try_from(ACCESS_TOKEN_LIFE.whole_seconds()).unwrap_or_default() - 1;
        let v1 = (self.version == Version::V1).then(|| V1TokenFields {
            expires_on: (self.now + ACCESS_TOKEN_LIFE).unix_timestamp(),
            not_before: (self.now - BACKDATED).unix_timestamp(),
            resource: self.requested.audience.clone(),
        });
        TokenResponse {
            scope: Some(self.requested.scope.clone()),
            expires_in: life,
            ext_expires_in: Some(life),
            access_token: access_token.into(),
            refresh_token: None,
            id_token: None,
            v1,
        }
    }
}

/// A subject that differs by audience (`subject_types_supported`: `pairwise`).
fn pairwise(user: Uuid, audience: &str) -> String {
    use base64::Engine as _;
    use sha2::Digest as _;
    let digest = sha2::Sha256::new()
        .chain_update(user.as_bytes())
        .chain_update(audience.as_bytes())
        .finalize();
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest)
}

/// A code or token that means nothing to its holder.
pub(super) fn opaque(shared: &Shared) -> SecretString {
    use base64::Engine as _;
    let mut bytes = [0_u8; 48];
    shared.platform.entropy.fill(&mut bytes);
    format!(
        "0.{}",
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
    )
    .into()
}

pub(super) fn respond(tokens: &TokenResponse) -> Response {
    json_text(StatusCode::OK, tokens.to_json().expose_secret().to_owned())
}
