//! Password hashes on their way to the cloud: what `ProvisionCredentials` carries for the full client (PR 12.3), page by page.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::operation::{LimitExceeded, MAX_WATERMARK_BYTES, Watermark, to_usize, within};
use super::resource::ReplicaToken;
use super::{CREDENTIAL_QUERY_SCHEMA, ErrorCode, LIST_RESPONSE_SCHEMA, ScimError};
use crate::password_hash::PasswordHash;

/// Most credentials in one page. The product sends 1 to 50 at a time (CS 7.1); a domain controller may give more than it is asked for.
pub const MAX_CREDENTIALS: u32 = 1_000;

/// What .NET says where the FIPS policy refuses MD5 (CS 7.4).
pub const NOT_FIPS_VALIDATED: &str =
    "This implementation is not part of the Windows Platform FIPS validated cryptographic algorithms.";

/// Asks for the passwords that changed since a watermark; without one, for all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CredentialQuery {
    /// [`CREDENTIAL_QUERY_SCHEMA`].
    pub schemas: Vec<String>,
    /// DNS name of the Active Directory domain.
    pub domain: String,
    /// Where the last page ended; none for all passwords. Not the watermark of changes: the two are told apart by their places.
    pub cookie: Option<Watermark>,
    /// How many credentials are wanted in the answer.
    pub count: u32,
    /// objectGUIDs of the users whose present password is asked for, in place of changes; then the answer is one page, and its watermark
    /// says nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<Uuid>,
}

impl CredentialQuery {
    /// A query with the right schema.
    #[must_use]
    pub fn new(domain: &str, cookie: Option<Watermark>, count: u32) -> Self {
        Self {
            schemas: vec![CREDENTIAL_QUERY_SCHEMA.to_owned()],
            domain: domain.to_owned(),
            cookie,
            count,
            ids: Vec::new(),
        }
    }

    /// A query for the passwords of these users.
    #[must_use]
    pub fn of(domain: &str, ids: Vec<Uuid>) -> Self {
        let count = u32::try_from(ids.len()).unwrap_or(u32::MAX);
        Self {
            ids,
            ..Self::new(domain, None, count)
        }
    }

    pub(super) fn check_limits(&self) -> Result<(), LimitExceeded> {
        within_count("count", self.count)?;
        within("ids", self.ids.len(), to_usize(MAX_CREDENTIALS))?;
        self.cookie.as_ref().map_or(Ok(()), |cookie| {
            within("cookie", cookie.0.len(), MAX_WATERMARK_BYTES)
        })
    }
}

/// One page of password hashes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CredentialPage {
    /// [`LIST_RESPONSE_SCHEMA`].
    pub schemas: Vec<String>,
    /// In the order in which the domain controller gave them, which is that of the changes. Accounts without a password are not there.
    #[serde(rename = "Resources")]
    pub resources: Vec<Credential>,
    /// Where this page ends.
    pub cookie: Watermark,
    /// Whether the next page can be asked for at once. A page may be empty and more may follow.
    pub more_results: bool,
    /// The domain controller that answered.
    pub replica_token: ReplicaToken,
}

impl CredentialPage {
    /// A page with its schema set.
    #[must_use]
    pub fn new(
        resources: Vec<Credential>,
        cookie: Watermark,
        more_results: bool,
        replica_token: ReplicaToken,
    ) -> Self {
        Self {
            schemas: vec![LIST_RESPONSE_SCHEMA.to_owned()],
            resources,
            cookie,
            more_results,
            replica_token,
        }
    }

    pub(super) fn check_limits(&self) -> Result<(), LimitExceeded> {
        within_count(
            "Resources",
            u32::try_from(self.resources.len()).unwrap_or(u32::MAX),
        )?;
        within("cookie", self.cookie.0.len(), MAX_WATERMARK_BYTES)
    }
}

/// The password of one user: a `SyncCredentialsChangeItem` (PR 12.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Credential {
    /// objectGUID of the user in canonical text form.
    pub id: Uuid,
    /// What a sign-in is verified against.
    pub credential_data: PasswordHash,
    /// When the password was set; none where the domain controller does not tell.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub change_date: Option<OffsetDateTime>,
    /// The user has to choose another password first (`pwdLastSet` is 0): `ForcePasswordChangeOnLogon`, where the tenant takes such
    /// passwords at all (CS 7.2).
    pub must_change_at_logon: bool,
}

impl ScimError {
    /// The error of a [`CredentialQuery`] on a host whose FIPS policy refuses MD5: the product's exception in its own words (CS 7.4).
    #[must_use]
    pub fn not_fips_validated() -> Self {
        Self {
            code: ErrorCode::HybridSynchronizationActiveDirectoryInternalServerError,
            message: NOT_FIPS_VALIDATED.to_owned(),
            ldap: None,
        }
    }

    /// Whether it is that one.
    #[must_use]
    pub fn is_not_fips_validated(&self) -> bool {
        self.message == NOT_FIPS_VALIDATED
    }
}

fn within_count(what: &'static str, count: u32) -> Result<(), LimitExceeded> {
    within(what, to_usize(count), to_usize(MAX_CREDENTIALS))
}
