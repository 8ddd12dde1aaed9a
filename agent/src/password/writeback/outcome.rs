//! What an answer of the directory means for whoever waits in the cloud (PR 16.2, 16.3, CS 8.5).

use provlab_protocol::ad_error::{BindFailure, Diagnostic, Win32Error};
use provlab_protocol::writeback::{Failure, FailureCode};

use crate::directory::ad::{GmsaError, LogonError};
use crate::directory::ldap::{LdapError, ResultCode};

const CONSTRAINT_VIOLATION: ResultCode = ResultCode(19);
/// What the refusal of a write means; none where the server did not refuse but was lost.
pub(super) fn of_write(error: &LdapError) -> Option<Failure> {
    let refusal = error.refusal()?;
    let code = match Diagnostic::parse(&refusal.diagnostic).map(|text| text.code) {
        Some(Win32Error::ERROR_PASSWORD_RESTRICTION) => FailureCode::PasswordPolicy,
        Some(Win32Error::ERROR_INVALID_PASSWORD) => FailureCode::IncorrectPassword,
        Some(Win32Error::ERROR_ACCESS_DENIED) => FailureCode::Permissions,
        Some(Win32Error::ERROR_ACCOUNT_LOCKED_OUT) => FailureCode::AccountLockedOut,
        _ => match refusal.code {
            ResultCode::INSUFFICIENT_ACCESS_RIGHTS => FailureCode::Permissions,
            ResultCode::NO_SUCH_OBJECT => FailureCode::UserNotFound,
            CONSTRAINT_VIOLATION => FailureCode::PasswordPolicy,
            _ => FailureCode::AdUnknown,
        },
    };
    Some(Failure::new(code, refusal.diagnostic.trim()))
}

/// What it means that nothing was asked: the directory cannot be reached or does not let the service in.
pub(super) fn of_logon(error: &GmsaError) -> Failure {
    Failure::new(FailureCode::AdConfiguration, error.to_string())
}

/// What trying a password tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tried {
    /// It is the account's, whether or not the account may log on.
    Right,
    /// It is not.
    Wrong,
    /// Nobody can tell.
    Unknown,
}

/// What the end of a bind tells about the password (PR 16.3: most refusals come for the right password only).
pub(super) fn of_bind(bound: &Result<(), LogonError>) -> Tried {
    let error = match bound {
        Ok(()) => return Tried::Right,
        Err(LogonError::Failed { error, .. }) => error,
        Err(_) => return Tried::Unknown,
    };
    match error
        .refusal()
        .and_then(|refusal| BindFailure::from_diagnostic(&refusal.diagnostic))
    {
        Some(failure) if failure.needs_right_password() => Tried::Right,
        Some(BindFailure::InvalidCredentials) => Tried::Wrong,
        _ => Tried::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::ldap::Refusal;

    fn refused(code: u32, diagnostic: &str) -> LdapError {
        LdapError::Refused(Box::new(Refusal {
            operation: "modify",
            code: ResultCode(code),
            matched_dn: String::new(),
            diagnostic: diagnostic.to_owned(),
            policy: None,
        }))
    }

    #[test]
    fn refusals_of_windows_and_samba_have_their_documented_codes() {
        for (code, text, expected) in [
            (
                53,
                "0000052D: SvcErr: DSID-031A12D2, problem 5003 (WILL_NOT_PERFORM), data 0",
                33_008,
            ),
            (
                19,
                "0000052D: AtrErr: DSID-03191083, #1:\n\t0: 0000052D: DSID-03191083, problem 1005",
                33_008,
            ),
            (
                19,
                "0000052D: Constraint violation - check_password_restrictions: the password is too short.",
                33_008,
            ),
            (19, "00000056: AtrErr: DSID-03191083", 33_007),
            (
                50,
                "00000005: SecErr: DSID-031A1190, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0",
                33_004,
            ),
            (50, "", 33_004),
            (50, "error in module acl: insufficient access rights", 33_004),
            (
                32,
                "0000208D: NameErr: DSID-03100245, problem 2001 (NO_OBJECT), data 0",
                33_002,
            ),
            (
                53,
                "0000001F: SvcErr: DSID-031A12D2, problem 5003 (WILL_NOT_PERFORM), data 0",
                33_001,
            ),
            (51, "", 33_001),
        ] {
            let failure = of_write(&refused(code, text));
            assert_eq!(
                failure.map(|failure| failure.code.number()),
                Some(expected),
                "{text}"
            );
        }
        assert_eq!(of_write(&LdapError::EmptyPassword), None);
    }

    #[test]
    fn a_refused_bind_can_prove_the_password() {
        let bound = |data: &str| {
            Err(LogonError::Failed {
                server: "dc1".to_owned(),
                error: refused(
                    49,
                    &format!(
                        "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data {data}, v1db1"
                    ),
                ),
            })
        };
        for (data, tried) in [
            ("532", Tried::Right),
            ("773", Tried::Right),
            ("533", Tried::Right),
            ("701", Tried::Right),
            ("52e", Tried::Wrong),
            // Locked out: the answer to either.
            ("775", Tried::Unknown),
            ("525", Tried::Unknown),
        ] {
            assert_eq!(of_bind(&bound(data)), tried, "{data}");
        }
        assert_eq!(of_bind(&Ok(())), Tried::Right);
        let nobody = LogonError::NoController {
            domain: "contoso.com".to_owned(),
        };
        assert_eq!(of_bind(&Err(nobody)), Tried::Unknown);
    }
}
