//! What a client holds between two calls of a sign-in: device codes, authorization codes, refresh tokens.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{GLOBAL, Row};

/// One outstanding code or refresh token. Only its hash is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Grant {
    /// SHA-256 of the code or token, in hex.
    pub hash: String,
    /// The client it was given to.
    pub client_id: Uuid,
    /// Tenant segment of the request that made it: `common`, `organizations`, a domain or an id.
    pub authority: String,
    /// Scopes asked for, with spaces between.
    pub scope: String,
    /// The user who has signed in, with the tenant; `None` while a device code waits.
    pub subject: Option<(Uuid, Uuid)>,
    /// What kind it is.
    pub kind: GrantKind,
    /// When it stops to work.
    #[serde(with = "time::serde::rfc3339")]
    pub expires: OffsetDateTime,
}

/// The kinds of [`Grant`] with what is checked when it is redeemed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GrantKind {
    /// Device code flow; the user types `user_code`.
    DeviceCode {
        /// Nine characters shown to the user.
        user_code: String,
        /// The user pressed Cancel.
        declined: bool,
    },
    /// Authorization code flow.
    AuthorizationCode {
        /// Where the code was sent.
        redirect_uri: String,
        /// `code_challenge` (S256) if the client sent one.
        challenge: Option<String>,
        /// `nonce` for the id token.
        nonce: Option<String>,
    },
    /// A refresh token.
    RefreshToken,
}

impl Grant {
    /// Index of waiting device codes by user code.
    pub const BY_USER_CODE: &'static str = "user-code";

    /// The row id of a code or token.
    #[must_use]
    pub fn hash(code: &str) -> String {
        hex::encode(Sha256::digest(code.as_bytes()))
    }
}

impl Row for Grant {
    const TABLE: &'static str = "grants";
    fn tenant(&self) -> Uuid {
        GLOBAL
    }
    fn id(&self) -> String {
        self.hash.clone()
    }
    fn keys(&self) -> Vec<(&'static str, String)> {
        match &self.kind {
            GrantKind::DeviceCode { user_code, .. } => vec![(Self::BY_USER_CODE, user_code.clone())],
            GrantKind::AuthorizationCode { .. } | GrantKind::RefreshToken => Vec::new(),
        }
    }
}
