//! How a request ended: success, or one of the documented codes (CS 8.5).

use serde::{Deserialize, Serialize};

/// Longest explanation beside a code, in bytes.
pub const MAX_DETAIL_BYTES: usize = 256;
/// "A restriction prevents the password from being changed to the current one specified." (CS 8.5)
pub const RESTRICTION: &str = "80230619";

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// The directory holds what was asked for.
    Success,
    /// It does not, as far as the agent can tell.
    Failed(Failure),
}

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// Number of the documented event.
    pub code: FailureCode,
    /// `hr` of the sync engine, where one is documented.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hr: Option<String>,
    /// For a log: what the directory said. Never a part of a password.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident = $number:literal, $name:literal;)*) => {
        /// What went wrong, by number and name of the product's event (CS 8.5, PR 17.3).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum FailureCode {
            $($(#[$doc])* $code,)*
        }

        impl FailureCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$code),*];

            /// The number.
            #[must_use]
            pub const fn number(self) -> u32 {
                match self { $(Self::$code => $number,)* }
            }

            /// The name, spelled as published.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$code => $name,)* }
            }
        }
    };
}

codes! {
    /// Anything else.
    Unknown = 32000, "UnknownError";
    /// What was asked for cannot be read or is out of bounds.
    InputValidation = 32003, "InPutValidationError";
    /// The package was sealed for another key, or is not whole.
    Decryption = 32004, "DecryptionError";
    /// The message is too old, or for another tenant. That its expiry comes under this code is inferred.
    Validation = 32008, "ValidationError";
    /// The directory failed, or it is not known what became of the request.
    AdUnknown = 33001, "ADUnKnownError";
    /// No user has the source anchor.
    UserNotFound = 33002, "ADUserNotFoundError";
    /// Several have it.
    MultipleMatches = 33003, "ADMutliMatchError";
    /// The service's account may not; also for accounts that AdminSDHolder protects.
    Permissions = 33004, "ADPermissionsError";
    /// The account is disabled.
    AccountDisabled = 33005, "ADUserAccountDisabled";
    /// The account is locked out.
    AccountLockedOut = 33006, "ADUserAccountLockedOut";
    /// The present password is another one.
    IncorrectPassword = 33007, "ADUserIncorrectPassword";
    /// The password policy refuses the new password.
    PasswordPolicy = 33008, "ADPasswordPolicyError";
    /// The directory cannot be reached or is not set up for it.
    AdConfiguration = 33009, "ADConfigurationError";
}

impl FailureCode {
    /// The code with this number.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.number() == number)
    }
}

impl std::fmt::Display for FailureCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.number(), self.name())
    }
}

impl Serialize for FailureCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.number())
    }
}

impl<'de> Deserialize<'de> for FailureCode {
    /// A number that is not known is an unknown error, so that codes may be added.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u32::deserialize(deserializer)?;
        Ok(Self::from_number(number).unwrap_or(Self::Unknown))
    }
}

impl Failure {
    /// A failure with its explanation, cut to [`MAX_DETAIL_BYTES`].
    #[must_use]
    pub fn new(code: FailureCode, detail: impl Into<String>) -> Self {
        let mut detail = detail.into();
        let mut end = detail.len().min(MAX_DETAIL_BYTES);
        while !detail.is_char_boundary(end) {
            end -= 1;
        }
        detail.truncate(end);
        let hr = (code == FailureCode::PasswordPolicy).then(|| RESTRICTION.to_owned());
        Self { code, hr, detail }
    }
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Outcome {
    /// Number of the failure, for a log.
    #[must_use]
    pub fn number(&self) -> Option<u32> {
        match self {
            Self::Success => None,
            Self::Failed(failure) => Some(failure.code.number()),
        }
    }
}
