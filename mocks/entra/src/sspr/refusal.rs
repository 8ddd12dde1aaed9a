//! What a user or administrator is told: the documented codes and texts where there are some (CS 8.4, 8.5).

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use provlab_protocol::writeback::{Failure, FailureCode, RESTRICTION};
use serde_json::json;

const CONFIGURATION: &str =
    "We are unable to reset your password due to an error in your on-premises configuration.";
const RESTRICTED: &str =
    "A restriction prevents the password from being changed to the current one specified.";
const RESTRICTED_FOR_ADMIN: &str =
    "Unfortunately, you cannot reset this user's password because your on-premises policy does not allow it.";
const NOT_VERIFIED: &str = "We could not verify your account";
/// Texts of the portal (CS 8.4), shown before a password is asked for.
pub(super) const UP: &str = "Your on-premises writeback client is up and running.";
pub(super) const NO_CONNECTION: &str =
    "Unfortunately, it looks like we can't connect to your on-premises writeback client right now.";
pub(super) const NOT_CONFIGURED: &str = "Unfortunately, we can't connect to your on-premises writeback client because password \
     writeback has not been properly configured";

/// Why a password was not set, as far as the cloud is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// SSPR_009: self-service reset is not enabled for the user.
    SelfServiceDisabled,
    /// There is no such user, or the user cannot sign in.
    NotVerified,
    /// The tenant does not let users unlock without a reset.
    UnlockNotAllowed,
    /// The present password is not the one of the cloud account.
    WrongPassword,
    /// Passwords of synchronized users are not written back.
    NotConfigured,
    /// No agent can write back now: told before anything is sent.
    NotConnected,
    /// A password is empty or longer than a message holds.
    BadPassword,
    /// The request expired without an outcome.
    Expired,
    /// The agent was lost, or its answer could not be trusted.
    Unanswered,
    /// The agent says why.
    Failed(Failure),
    /// The state of the cloud was not stored.
    State,
}

impl Refusal {
    /// Code and text for a user, or for an administrator who resets a user's password.
    ///
    /// A failure that has no documented user code goes by the number of its event.
    #[must_use]
    pub fn told(&self, to_admin: bool) -> (String, &'static str) {
        let (code, text) = match self {
            Self::SelfServiceDisabled => ("SSPR_009", "Self-service password reset is not enabled for you."),
            Self::NotVerified => ("NotVerified", NOT_VERIFIED),
            Self::UnlockNotAllowed => (
                "UnlockNotAllowed",
                "Your organization does not let you unlock your account without resetting your password.",
            ),
            Self::WrongPassword => ("33007", "Your current password is incorrect."),
            Self::NotConfigured => ("NotConfigured", NOT_CONFIGURED),
            Self::NotConnected => ("NotConnected", NO_CONNECTION),
            Self::BadPassword => ("32003", "The password is empty or too long."),
            Self::Expired | Self::Unanswered | Self::State => ("SSPR_0029", CONFIGURATION),
            Self::Failed(failure) => match failure.code {
                FailureCode::PasswordPolicy if to_admin => (RESTRICTION, RESTRICTED_FOR_ADMIN),
                FailureCode::PasswordPolicy => (RESTRICTION, RESTRICTED),
                FailureCode::UserNotFound | FailureCode::AccountDisabled => ("NotVerified", NOT_VERIFIED),
                FailureCode::AccountLockedOut => ("33006", "Your account is locked."),
                FailureCode::IncorrectPassword => ("33007", "Your current password is incorrect."),
                _ => ("SSPR_0029", CONFIGURATION),
            },
        };
        (code.to_owned(), text)
    }

    /// Number of the agent's event, where an agent said why.
    #[must_use]
    pub fn event(&self) -> Option<u32> {
        match self {
            Self::Failed(failure) => Some(failure.code.number()),
            _ => None,
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::SelfServiceDisabled | Self::UnlockNotAllowed => StatusCode::FORBIDDEN,
            Self::NotVerified => StatusCode::NOT_FOUND,
            Self::NotConfigured | Self::NotConnected | Self::State => StatusCode::SERVICE_UNAVAILABLE,
            Self::Expired | Self::Unanswered => StatusCode::GATEWAY_TIMEOUT,
            Self::WrongPassword | Self::BadPassword | Self::Failed(_) => StatusCode::BAD_REQUEST,
        }
    }
}

impl From<crate::state::DbError> for Refusal {
    fn from(_: crate::state::DbError) -> Self {
        Self::State
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (code, message) = self.told(false);
        let event = match &self {
            Self::Failed(failure) => json!({ "id": failure.code.number(), "name": failure.code.name() }),
            _ => serde_json::Value::Null,
        };
        let body = json!({ "error": { "code": code, "message": message, "event": event } });
        (self.status(), Json(body)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_have_their_documented_codes() {
        for (code, user) in [
            (FailureCode::PasswordPolicy, "80230619"),
            (FailureCode::Permissions, "SSPR_0029"),
            (FailureCode::AdConfiguration, "SSPR_0029"),
            (FailureCode::AdUnknown, "SSPR_0029"),
            (FailureCode::MultipleMatches, "SSPR_0029"),
            (FailureCode::Decryption, "SSPR_0029"),
            (FailureCode::UserNotFound, "NotVerified"),
            (FailureCode::AccountDisabled, "NotVerified"),
            (FailureCode::IncorrectPassword, "33007"),
        ] {
            let refusal = Refusal::Failed(Failure::new(code, "0000052D"));
            assert_eq!(refusal.told(false).0, user, "{code}");
            assert_eq!(refusal.event(), Some(code.number()));
        }
        assert_eq!(Refusal::SelfServiceDisabled.told(false).0, "SSPR_009");
        let policy = Refusal::Failed(Failure::new(FailureCode::PasswordPolicy, ""));
        assert_ne!(policy.told(true).1, policy.told(false).1);
    }
}
