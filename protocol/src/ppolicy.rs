//! Directories other than AD tell why a bind failed in a response control (draft-behera-ldap-password-policy-11).

use crate::ber::{self, BerError, Reader};
use crate::ldap_controls::{ControlError, read_fields};

const NAME: &str = "password policy response";
/// `warning [0]`, a CHOICE in an explicit tag.
const WARNING: u8 = 0xa0;
/// `error [1]`, an ENUMERATED with an implicit tag.
const ERROR: u8 = 0x81;
/// `timeBeforeExpiration [0]`.
const TIME_BEFORE_EXPIRATION: u8 = 0x80;
/// `graceAuthNsRemaining [1]`.
const GRACE_LOGONS: u8 = 0x81;

/// Why the policy refuses, or what it demands (section 6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PolicyError {
    /// 0: the password has expired.
    PasswordExpired,
    /// 1: the account is locked, for a time or for good.
    AccountLocked,
    /// 2: the password was reset and has to be changed before anything else.
    ChangeAfterReset,
    /// 3: the user may not change the password.
    PasswordModNotAllowed,
    /// 4: a change has to give the old password.
    MustSupplyOldPassword,
    /// 5: the new password is too simple.
    InsufficientPasswordQuality,
    /// 6: the new password is too short.
    PasswordTooShort,
    /// 7: the password was changed a moment ago.
    PasswordTooYoung,
    /// 8: the new password was used before.
    PasswordInHistory,
}

/// In the order of their numbers.
const ERRORS: [(PolicyError, &str); 9] = [
    (PolicyError::PasswordExpired, "passwordExpired"),
    (PolicyError::AccountLocked, "accountLocked"),
    (PolicyError::ChangeAfterReset, "changeAfterReset"),
    (PolicyError::PasswordModNotAllowed, "passwordModNotAllowed"),
    (PolicyError::MustSupplyOldPassword, "mustSupplyOldPassword"),
    (
        PolicyError::InsufficientPasswordQuality,
        "insufficientPasswordQuality",
    ),
    (PolicyError::PasswordTooShort, "passwordTooShort"),
    (PolicyError::PasswordTooYoung, "passwordTooYoung"),
    (PolicyError::PasswordInHistory, "passwordInHistory"),
];

impl PolicyError {
    /// The error of a number; none for one that the draft does not have.
    pub fn from_number(number: i64) -> Option<Self> {
        let index = usize::try_from(number).ok()?;
        ERRORS.get(index).map(|(error, _)| *error)
    }

    /// The draft's own name, such as `passwordExpired`.
    pub fn name(self) -> &'static str {
        ERRORS
            .iter()
            .find(|(error, _)| *error == self)
            .map_or("", |(_, name)| name)
    }
}

impl std::fmt::Display for PolicyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// What will happen soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyWarning {
    /// The password expires in so many seconds.
    TimeBeforeExpiration(i64),
    /// The password has expired, and so many logons are left.
    GraceLogons(i64),
}

/// The value of the response control.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PasswordPolicyResponse {
    /// A warning, if there is one.
    pub warning: Option<PolicyWarning>,
    /// An error, if there is one; none also for a number that nobody knows.
    pub error: Option<PolicyError>,
}

impl PasswordPolicyResponse {
    /// `SEQUENCE { warning [0] CHOICE { timeBeforeExpiration [0], graceAuthNsRemaining [1] } OPTIONAL, error [1] ENUMERATED OPTIONAL }`.
    pub fn to_value(&self) -> Vec<u8> {
        ber::sequence(|out| {
            // An INTEGER's contents under another tag: written whole, its first byte replaced.
            let number = |out: &mut ber::Writer, tag: u8, value: i64| {
                let mut inner = ber::Writer::new();
                inner.integer(value);
                out.element(tag, inner.as_slice().get(2..).unwrap_or_default());
            };
            if let Some(error) = self.error {
                let index = ERRORS.iter().position(|(known, _)| *known == error);
                number(
                    out,
                    ERROR,
                    index.and_then(|i| i64::try_from(i).ok()).unwrap_or_default(),
                );
            }
            if let Some(warning) = self.warning {
                out.constructed(WARNING, |out| match warning {
                    PolicyWarning::TimeBeforeExpiration(seconds) => {
                        number(out, TIME_BEFORE_EXPIRATION, seconds);
                    }
                    PolicyWarning::GraceLogons(left) => number(out, GRACE_LOGONS, left),
                });
            }
        })
    }

    /// Reads the control's value.
    ///
    /// # Errors
    /// Malformed, or too long for a control.
    pub fn from_value(value: &[u8]) -> Result<Self, ControlError> {
        read_fields(NAME, value, |fields| {
            let warning = match fields.optional(WARNING)? {
                Some(contents) => Some(read_warning(contents)?),
                None => None,
            };
            let error = match fields.optional(ERROR)? {
                Some(contents) => PolicyError::from_number(ber::number(contents)?),
                None => None,
            };
            Ok(Self { warning, error })
        })
    }
}

fn read_warning(contents: &[u8]) -> Result<PolicyWarning, BerError> {
    let mut choice = Reader::new(contents);
    let (tag, number) = choice.element()?;
    choice.finish()?;
    let number = ber::number(number)?;
    match tag {
        TIME_BEFORE_EXPIRATION => Ok(PolicyWarning::TimeBeforeExpiration(number)),
        GRACE_LOGONS => Ok(PolicyWarning::GraceLogons(number)),
        found => Err(BerError::Tag {
            wanted: TIME_BEFORE_EXPIRATION,
            found,
        }),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn answers_of_openldap_are_read() {
        let read = |text: &str| PasswordPolicyResponse::from_value(&hex::decode(text).unwrap()).unwrap();
        assert_eq!(read("3003810100").error, Some(PolicyError::PasswordExpired));
        assert_eq!(read("3003810101").error, Some(PolicyError::AccountLocked));
        assert_eq!(read("3003810102").error, Some(PolicyError::ChangeAfterReset));
        assert_eq!(read("3000"), PasswordPolicyResponse::default());
        assert_eq!(
            read("3006a0048002012c").warning,
            Some(PolicyWarning::TimeBeforeExpiration(300))
        );
        // A later draft may know more errors: nothing is claimed about them.
        assert_eq!(read("3003810163").error, None);
    }

    #[test]
    fn names_are_in_the_order_of_their_numbers() {
        for (index, (error, name)) in ERRORS.iter().enumerate() {
            assert_eq!(PolicyError::from_number(index as i64), Some(*error));
            assert_eq!(error.to_string(), *name);
        }
        assert_eq!(PolicyError::from_number(9), None);
        assert_eq!(PolicyError::from_number(-1), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(error in 0..9i64, warning: bool, seconds in 0..i64::from(i32::MAX)) {
            let response = PasswordPolicyResponse {
                warning: Some(if warning {
                    PolicyWarning::TimeBeforeExpiration(seconds)
                } else {
                    PolicyWarning::GraceLogons(seconds)
                }),
                error: PolicyError::from_number(error),
            };
            prop_assert_eq!(PasswordPolicyResponse::from_value(&response.to_value()), Ok(response));
        }

        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>) {
            let _ = PasswordPolicyResponse::from_value(&bytes);
        }
    }
}
