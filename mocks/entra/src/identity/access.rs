//! What a valid access token allows; every API asks here before it does anything.

use std::collections::BTreeSet;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use provlab_protocol::environment::{Environment, find};
use provlab_protocol::oauth::AccessTokenClaims;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::request::GRAPH_APP_ID;
use crate::http::Caller;
use crate::shared::Shared;

/// Clock difference that is forgiven between who issues and who checks a token.
const CLOCK_SKEW: Duration = Duration::minutes(5);

/// Which service a token must be for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Microsoft Graph.
    Graph,
    /// Agent registration and the admin service (PR 2).
    Registration,
}

/// Who calls, after every check of the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The tenant the token is for.
    pub tenant: Uuid,
    /// The client.
    pub app_id: Uuid,
    /// The user who signed in; `None` for an application by itself.
    pub user: Option<Uuid>,
    /// Role template ids of the user (`wids`).
    pub roles: BTreeSet<Uuid>,
    /// Delegated permissions (`scp`).
    pub scopes: BTreeSet<String>,
    /// Application permissions (`roles`).
    pub app_roles: BTreeSet<String>,
}

/// Why a token is not accepted, in the words of Graph's 401 answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// No bearer token.
    #[error("Access token is empty.")]
    Missing,
    /// Not a token of this cloud.
    #[error("Access token validation failure. Invalid token or signature.")]
    Invalid,
    /// Too old.
    #[error("Lifetime validation failed, the token is expired.")]
    Expired,
    /// Not valid yet: the clocks differ.
    #[error("Lifetime validation failed, the token is not valid yet; check the clock.")]
    NotYetValid,
    /// For another service.
    #[error("Access token validation failure. Invalid audience.")]
    Audience,
    /// For a tenant that does not live behind the requested host.
    #[error("Access token validation failure. Invalid issuer: the tenant does not live in this environment.")]
    Issuer,
}

impl Shared {
    /// Checks the bearer token of a request.
    ///
    /// # Errors
    /// See [`AccessError`].
    pub fn access(
        &self,
        caller: &Caller,
        headers: &HeaderMap,
        audience: Audience,
    ) -> Result<Access, AccessError> {
        let token = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| {
                let (scheme, token) = value.split_once(' ')?;
                scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim())
            })
            .ok_or(AccessError::Missing)?;
        self.access_token(caller, token, audience)
    }

    /// Checks a token that came by another way than the `Authorization` header.
    ///
    /// # Errors
    /// See [`AccessError`].
    pub fn access_token(
        &self,
        caller: &Caller,
        token: &str,
        audience: Audience,
    ) -> Result<Access, AccessError> {
        if token.is_empty() {
            return Err(AccessError::Missing);
        }
        let claims = self.tokens.verified_claims(token).ok_or(AccessError::Invalid)?;
        let tenant = claims.tid.ok_or(AccessError::Invalid)?;
        let environment = self
            .db
            .read(|cloud| {
                let row = cloud.tenants.get(tenant, &tenant.to_string())?;
                caller.serves(row).then(|| find(row.environment))
            })
            .ok_or(AccessError::Issuer)?;
        judge(&claims, tenant, environment, audience, self.now())
    }
}

fn judge(
    claims: &AccessTokenClaims,
    tenant: Uuid,
    environment: &Environment,
    audience: Audience,
    now: OffsetDateTime,
) -> Result<Access, AccessError> {
    let issuers = [
        environment.v1_issuer(&tenant),
        environment.v2_issuer(&tenant.to_string()),
    ];
    if !issuers.contains(&claims.iss) {
        return Err(AccessError::Issuer);
    }
    let bare = claims.aud.trim_end_matches('/');
    let meant = match audience {
        Audience::Graph => {
            bare.eq_ignore_ascii_case(&format!("https://{}", environment.graph_host)) || bare == GRAPH_APP_ID
        }
        Audience::Registration => bare == environment.registration_audience,
    };
    if !meant {
        return Err(AccessError::Audience);
    }
    let seconds = now.unix_timestamp();
    if claims.exp.saturating_add(CLOCK_SKEW.whole_seconds()) <= seconds {
        return Err(AccessError::Expired);
    }
    if claims.nbf.saturating_sub(CLOCK_SKEW.whole_seconds()) > seconds {
        return Err(AccessError::NotYetValid);
    }
    let words = |text: Option<&str>| {
        text.unwrap_or_default()
            .split_whitespace()
            .map(str::to_owned)
            .collect()
    };
    let of_user = claims.idtyp.as_deref() != Some("app");
    Ok(Access {
        tenant,
        app_id: claims
            .appid
            .as_deref()
            .and_then(|id| id.parse().ok())
            .ok_or(AccessError::Invalid)?,
        user: claims.oid.filter(|_| of_user),
        roles: claims.wids.iter().copied().collect(),
        scopes: words(claims.scp.as_deref()),
        app_roles: claims.roles.iter().cloned().collect(),
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use provlab_protocol::environment::EnvironmentName;
    use time::macros::datetime;

    use super::*;

    const TENANT: Uuid = Uuid::from_u128(7);
    const NOW: OffsetDateTime = datetime!(2026-01-02 03:04:05 UTC);

    fn claims(change: impl FnOnce(&mut AccessTokenClaims)) -> AccessTokenClaims {
        let environment = find(EnvironmentName::AzureCloud);
        let mut claims = AccessTokenClaims {
            aud: "https://graph.microsoft.com/".to_owned(),
            iss: environment.v1_issuer(&TENANT),
            nbf: NOW.unix_timestamp(),
            exp: NOW.unix_timestamp() + 3600,
            appid: Some(Uuid::from_u128(1).to_string()),
            oid: Some(Uuid::from_u128(2)),
            tid: Some(TENANT),
            scp: Some("User.Read Group.Read.All".to_owned()),
            ..AccessTokenClaims::default()
        };
        change(&mut claims);
        claims
    }

    fn judged(claims: &AccessTokenClaims, now: OffsetDateTime) -> Result<Access, AccessError> {
        judge(
            claims,
            TENANT,
            find(EnvironmentName::AzureCloud),
            Audience::Graph,
            now,
        )
    }

    #[test]
    fn a_good_token_tells_who_calls() {
        let access = judged(&claims(|_| ()), NOW).unwrap();
        assert_eq!(access.user, Some(Uuid::from_u128(2)));
        assert!(access.scopes.contains("Group.Read.All"));
    }

    #[test]
    fn each_check_refuses_by_its_own_name() {
        let expired = NOW + Duration::seconds(3600 + 300);
        assert_eq!(judged(&claims(|_| ()), expired), Err(AccessError::Expired));
        assert!(judged(&claims(|_| ()), expired - Duration::seconds(1)).is_ok());
        assert_eq!(
            judged(&claims(|_| ()), NOW - Duration::seconds(301)),
            Err(AccessError::NotYetValid)
        );
        let other = claims(|claims| claims.aud = "https://graph.microsoft.us".to_owned());
        assert_eq!(judged(&other, NOW), Err(AccessError::Audience));
        let other = claims(|claims| claims.iss = "https://sts.windows.net/x/".to_owned());
        assert_eq!(judged(&other, NOW), Err(AccessError::Issuer));
    }
}
