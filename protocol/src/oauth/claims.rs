//! The claims that the lab's services issue and check, and that a client may look at (PR 3.4).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::roles::{GLOBAL_ADMINISTRATOR, HYBRID_IDENTITY_ADMINISTRATOR};

/// Longest token that is looked at, in bytes. Entra keeps tokens below header limits of about 16 KiB.
pub const MAX_TOKEN_BYTES: usize = 64 * 1024;

/// Claims of an access token, v1 or v2. Absent claims are not written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AccessTokenClaims {
    /// Audience: the resource's URI (v1) or application id (v2).
    pub aud: String,
    /// Issuer.
    pub iss: String,
    /// Issued at, unix seconds.
    pub iat: i64,
    /// Not valid before, unix seconds.
    pub nbf: i64,
    /// Not valid from, unix seconds.
    pub exp: i64,
    /// Authentication context class, `1` for a user (v1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// Authentication methods, for example `pwd`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// Client's application id (v1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub appid: Option<String>,
    /// How the client authenticated: 0 public, 1 secret, 2 certificate (v1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub appidacr: Option<String>,
    /// Client's application id (v2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub azp: Option<String>,
    /// How the client authenticated (v2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub azpacr: Option<String>,
    /// `user` or `app`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idtyp: Option<String>,
    /// Display name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Object id of the user or service principal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oid: Option<Uuid>,
    /// Sign-in name (v2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferred_username: Option<String>,
    /// Application permissions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// Delegated permissions, separated by blanks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scp: Option<String>,
    /// Subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// Tenant id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tid: Option<Uuid>,
    /// Name for display (v1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unique_name: Option<String>,
    /// User principal name (v1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upn: Option<String>,
    /// Token id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uti: Option<String>,
    /// `1.0` or `2.0`.
    pub ver: String,
    /// Template ids of the user's directory roles.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wids: Vec<Uuid>,
}

/// A token whose claims cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the access token cannot be read: {0}")]
pub struct ClaimsError(&'static str);

impl AccessTokenClaims {
    /// Reads the claims of a JSON Web Token **without checking its signature**: enough for a client that looks at its own token, never for a
    /// service that decides by it.
    ///
    /// # Errors
    /// Too long, or not a token. The message never repeats the token.
    pub fn peek(token: &str) -> Result<Self, ClaimsError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(ClaimsError("it is longer than 65536 bytes"));
        }
        let mut parts = token.split('.');
        let (Some(_), Some(claims), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(ClaimsError(
                "it does not have the three parts of a JSON Web Token",
            ));
        };
        let json = URL_SAFE_NO_PAD
            .decode(claims)
            .map_err(|_| ClaimsError("its second part is not base64url"))?;
        serde_json::from_slice(&json).map_err(|_| ClaimsError("its second part is not a set of claims"))
    }

    /// Whether the user holds a directory role.
    #[must_use]
    pub fn has_role(&self, template_id: &Uuid) -> bool {
        self.wids.contains(template_id)
    }

    /// Whether the user may register an agent: Hybrid Identity Administrator or Global Administrator (PR 3.4).
    #[must_use]
    pub fn may_register_agents(&self) -> bool {
        self.has_role(&HYBRID_IDENTITY_ADMINISTRATOR) || self.has_role(&GLOBAL_ADMINISTRATOR)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use proptest::prelude::*;
    use uuid::uuid;

    use super::{AccessTokenClaims, MAX_TOKEN_BYTES};
    use crate::oauth::roles::HYBRID_IDENTITY_ADMINISTRATOR;

    fn token(claims: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn the_registration_token_of_the_reference_is_read() {
        let claims = AccessTokenClaims::peek(&token(
            r#"{"aud":"https://proxy.cloudwebappproxy.net/registerapp","iss":"https://sts.windows.net/aaaaaaaa-0000-0000-0000-000000000001/",
                "iat":1,"nbf":1,"exp":3600,"acr":"1","amr":["pwd"],"appid":"55747057-9b5d-4bd4-b387-abf52a8bd489","upn":"a@b",
                "tid":"aaaaaaaa-0000-0000-0000-000000000001","wids":["8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2"],"ver":"1.0","new":{"x":1}}"#,
        ))
        .unwrap();
        assert_eq!(claims.tid, Some(uuid!("aaaaaaaa-0000-0000-0000-000000000001")));
        assert!(claims.has_role(&HYBRID_IDENTITY_ADMINISTRATOR) && claims.may_register_agents());
        assert_eq!(
            AccessTokenClaims::peek(&token(&serde_json::to_string(&claims).unwrap())).unwrap(),
            claims
        );
    }

    #[test]
    fn other_roles_may_not_register() {
        let claims = AccessTokenClaims {
            wids: vec![crate::oauth::DEFAULT_USER_WID],
            ..AccessTokenClaims::default()
        };
        assert!(!claims.may_register_agents());
    }

    #[test]
    fn what_is_not_a_token_is_refused_without_being_repeated() {
        let long = "a".repeat(MAX_TOKEN_BYTES + 1);
        for text in [
            "",
            "secretsecret",
            "a.b",
            "a.b.c.d",
            "a.!.c",
            "e30.bm90.c2ln",
            long.as_str(),
        ] {
            let message = AccessTokenClaims::peek(text).unwrap_err().to_string();
            assert!(!message.contains("secretsecret"), "{message}");
        }
        let claims = "{}".to_owned() + &" ".repeat((MAX_TOKEN_BYTES - 9) / 4 * 3 - 2);
        assert!(AccessTokenClaims::peek(&token(&claims)).is_ok());
    }

    proptest! {
        #[test]
        fn arbitrary_tokens_are_survived(text in ".{0,100}", claims in ".{0,100}") {
            let _ = AccessTokenClaims::peek(&text);
            let _ = AccessTokenClaims::peek(&token(&claims));
        }
    }
}
