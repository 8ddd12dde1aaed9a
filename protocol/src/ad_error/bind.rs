//! A refused bind is always result 49; only the sub-code in its text tells a wrong password from an expired one (PR 16.3).

use super::{Diagnostic, Win32Error, dsid};

/// Why AD refuses a bind, by the `data` of its diagnostic text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BindFailure {
    /// 525: no such user.
    NoSuchUser,
    /// 52e: wrong name or password.
    InvalidCredentials,
    /// 530: outside of the logon hours.
    LogonHours,
    /// 531: not from this workstation.
    Workstation,
    /// 532: the password has expired.
    PasswordExpired,
    /// 533: the account is disabled.
    AccountDisabled,
    /// 534: this type of logon is not granted.
    LogonTypeNotGranted,
    /// 568: the account is in too many groups.
    TooManyContextIds,
    /// 701: the account has expired.
    AccountExpired,
    /// 773: the password must be changed first.
    PasswordMustChange,
    /// 775: the account is locked out.
    AccountLockedOut,
}

/// Sub-code, Win32 code, and whether the failure is told only to who knows the password (PR 16.3, from observation).
const TABLE: [(BindFailure, u32, Win32Error, bool); 11] = [
    (
        BindFailure::NoSuchUser,
        0x525,
        Win32Error::ERROR_NO_SUCH_USER,
        false,
    ),
    (
        BindFailure::InvalidCredentials,
        0x52e,
        Win32Error::ERROR_LOGON_FAILURE,
        false,
    ),
    (
        BindFailure::LogonHours,
        0x530,
        Win32Error::ERROR_INVALID_LOGON_HOURS,
        true,
    ),
    (
        BindFailure::Workstation,
        0x531,
        Win32Error::ERROR_INVALID_WORKSTATION,
        true,
    ),
    (
        BindFailure::PasswordExpired,
        0x532,
        Win32Error::ERROR_PASSWORD_EXPIRED,
        true,
    ),
    (
        BindFailure::AccountDisabled,
        0x533,
        Win32Error::ERROR_ACCOUNT_DISABLED,
        true,
    ),
    // The two sub-codes that are not their Win32 code in hexadecimal.
    (
        BindFailure::LogonTypeNotGranted,
        0x534,
        Win32Error::ERROR_LOGON_TYPE_NOT_GRANTED,
        false,
    ),
    (
        BindFailure::TooManyContextIds,
        0x568,
        Win32Error::ERROR_TOO_MANY_CONTEXT_IDS,
        false,
    ),
    (
        BindFailure::AccountExpired,
        0x701,
        Win32Error::ERROR_ACCOUNT_EXPIRED,
        true,
    ),
    (
        BindFailure::PasswordMustChange,
        0x773,
        Win32Error::ERROR_PASSWORD_MUST_CHANGE,
        true,
    ),
    (
        BindFailure::AccountLockedOut,
        0x775,
        Win32Error::ERROR_ACCOUNT_LOCKED_OUT,
        false,
    ),
];

/// Text of every refused simple bind up to the sub-code.
const COMMENT: &str = "AcceptSecurityContext error";
/// SEC_E_INVALID_TOKEN, which simple binds carry.
const SIMPLE_BIND: Win32Error = Win32Error(0x8009_0308);

impl BindFailure {
    /// Every failure there is a sub-code for.
    pub const ALL: [BindFailure; 11] = [
        BindFailure::NoSuchUser,
        BindFailure::InvalidCredentials,
        BindFailure::LogonHours,
        BindFailure::Workstation,
        BindFailure::PasswordExpired,
        BindFailure::AccountDisabled,
        BindFailure::LogonTypeNotGranted,
        BindFailure::TooManyContextIds,
        BindFailure::AccountExpired,
        BindFailure::PasswordMustChange,
        BindFailure::AccountLockedOut,
    ];

    /// The failure that a sub-code stands for.
    pub fn from_data(data: u32) -> Option<Self> {
        TABLE.iter().find(|row| row.1 == data).map(|row| row.0)
    }

    /// The failure in the diagnostic text of a result 49, of a simple or a SASL bind.
    pub fn from_diagnostic(text: &str) -> Option<Self> {
        let diagnostic = Diagnostic::parse(text)?;
        diagnostic.comment.contains(COMMENT).then_some(())?;
        Self::from_data(diagnostic.data?)
    }

    fn row(self) -> &'static (BindFailure, u32, Win32Error, bool) {
        // The table has the order of the variants; a test holds it to that.
        &TABLE[self as usize]
    }

    /// The sub-code, printed in hexadecimal as `data`.
    pub fn data(self) -> u32 {
        self.row().1
    }

    /// The Win32 error.
    pub fn win32(self) -> Win32Error {
        self.row().2
    }

    /// Whether AD tells this only after the right password; with a wrong one it answers 52e.
    pub fn needs_right_password(self) -> bool {
        self.row().3
    }

    /// AD's diagnostic text for a refused simple bind.
    pub fn diagnostic(self) -> String {
        Diagnostic::ldap(SIMPLE_BIND, dsid::BIND, COMMENT, self.data())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_that_of_ad() {
        assert_eq!(
            BindFailure::InvalidCredentials.diagnostic(),
            "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 52e, v1db1"
        );
        assert_eq!(
            BindFailure::PasswordExpired.diagnostic(),
            "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 532, v1db1"
        );
    }

    #[test]
    fn every_failure_is_read_back() {
        for (at, failure) in BindFailure::ALL.into_iter().enumerate() {
            assert_eq!(TABLE[at].0, failure);
            assert_eq!(BindFailure::from_diagnostic(&failure.diagnostic()), Some(failure));
            assert_eq!(BindFailure::from_data(failure.data()), Some(failure));
        }
    }

    #[test]
    fn win32_codes_are_those_of_the_reference() {
        let decimal = |failure: BindFailure| failure.win32().0;
        assert_eq!(decimal(BindFailure::NoSuchUser), 1317);
        assert_eq!(decimal(BindFailure::InvalidCredentials), 1326);
        assert_eq!(decimal(BindFailure::LogonTypeNotGranted), 1385);
        assert_eq!(decimal(BindFailure::TooManyContextIds), 1384);
        assert_eq!(decimal(BindFailure::AccountExpired), 1793);
        assert_eq!(decimal(BindFailure::PasswordMustChange), 1907);
        assert_eq!(decimal(BindFailure::AccountLockedOut), 1909);
    }

    #[test]
    fn other_builds_and_mechanisms_are_read_too() {
        let text =
            "8009030C: LdapErr: DSID-0C0906B5, comment: AcceptSecurityContext error, data 773, v4563\0";
        assert_eq!(
            BindFailure::from_diagnostic(text),
            Some(BindFailure::PasswordMustChange)
        );
        for other in [
            "",
            "invalid credentials",
            "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 999, v1db1",
            "80090308: LdapErr: DSID-0C0903A9, comment: Other, data 52e, v1db1",
        ] {
            assert_eq!(BindFailure::from_diagnostic(other), None, "{other}");
        }
    }
}
