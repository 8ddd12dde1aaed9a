//! Why the cloud gets no password hashes.

use provlab_platform::crypto::Md5Error;
use provlab_protocol::drsuapi::DrsError;
use provlab_protocol::drsuapi::secret::SecretError;
use provlab_protocol::scim::{ErrorCode, ScimError};
use thiserror::Error;

use crate::directory::ad::GmsaError;
use crate::directory::drsuapi::{Damaged, DrsuapiError, NotByNtlm};

/// A query for password hashes failed.
#[derive(Debug, Error)]
pub enum PasswordError {
    /// The host's FIPS policy refuses MD5.
    #[error(transparent)]
    Md5(#[from] Md5Error),
    /// The service's account has no password that it could be logged on with.
    #[error(transparent)]
    Account(#[from] GmsaError),
    /// Its name cannot be used.
    #[error(transparent)]
    Name(#[from] NotByNtlm),
    /// The domain controller did not answer, or refused.
    #[error(transparent)]
    Drsuapi(#[from] DrsuapiError),
    /// The watermark is none.
    #[error(transparent)]
    Watermark(#[from] Damaged),
    /// The domain controller says that the watermark is ahead of it.
    #[error("{server} does not accept the watermark: its database was put back to an earlier state")]
    WatermarkRefused {
        /// The server.
        server: String,
    },
    /// A hash cannot be opened.
    #[error("the password hash of {account} cannot be read: {error}")]
    Secret {
        /// Distinguished name of the account.
        account: String,
        /// Why.
        error: SecretError<Md5Error>,
    },
}

impl PasswordError {
    /// Whether the session with the domain controller is of no further use.
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::Drsuapi(error) => error.is_fatal(),
            // Another session key than the domain controller's.
            Self::Secret { .. } => true,
            _ => false,
        }
    }

    /// The error as the cloud gets it (CS 9.5).
    pub fn to_scim(&self) -> ScimError {
        let code = match self {
            Self::Md5(Md5Error::NotFipsValidated)
            | Self::Secret {
                error: SecretError::Md5(Md5Error::NotFipsValidated),
                ..
            } => return ScimError::not_fips_validated(),
            Self::Watermark(_) | Self::WatermarkRefused { .. } => ErrorCode::CookieRefused,
            Self::Drsuapi(error) if error.replication_error() == Some(DrsError::DRA_ACCESS_DENIED) => {
                ErrorCode::HybridSynchronizationActiveDirectoryInsufficientAccessRights
            }
            _ => ErrorCode::HybridSynchronizationActiveDirectoryInternalServerError,
        };
        ScimError::new(code, &self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cloud_hears_the_products_own_words() {
        let fips = PasswordError::from(Md5Error::NotFipsValidated).to_scim();
        assert_eq!(fips, ScimError::not_fips_validated());
        assert_eq!(fips.message, provlab_platform::crypto::NOT_FIPS_VALIDATED);
        assert!(fips.is_not_fips_validated());
        let denied = PasswordError::from(DrsuapiError::Failed {
            server: "dc1.contoso.com".to_owned(),
            call: "IDL_DRSGetNCChanges",
            error: DrsError::DRA_ACCESS_DENIED,
        });
        assert_eq!(
            denied.to_scim().code,
            ErrorCode::HybridSynchronizationActiveDirectoryInsufficientAccessRights
        );
        assert_eq!(
            PasswordError::from(Damaged).to_scim().code,
            ErrorCode::CookieRefused
        );
    }
}
