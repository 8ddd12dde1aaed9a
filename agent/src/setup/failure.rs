//! Failures in words that the person at the wizard understands: what happened, where, what it means, what to do.

use provlab_protocol::ad_error::BindFailure;
use provlab_protocol::ppolicy::PolicyError;
use serde::Serialize;
use thiserror::Error;

use crate::directory::ldap::{LdapError, ResultCode};
use crate::setup::generation::Page;

/// What kind of thing failed; scenario expectations and reports tell failures apart by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// A prerequisite of the host is missing (CS 2.1).
    Prerequisite,
    /// The cloud refused the sign-in.
    SignIn,
    /// The signed-in account lacks the directory role.
    Role,
    /// A domain account was refused by its domain controller.
    Credential,
    /// A domain account may not do what the step needs.
    AccessDenied,
    /// No domain controller answered.
    DirectoryUnreachable,
    /// The directory refused for another reason.
    Directory,
    /// No KDS root key can be used.
    Kds,
    /// The gMSA cannot be used on this host.
    ServiceAccount,
    /// The service could not be switched to the gMSA.
    ServiceCredentials,
    /// The cloud could not be reached.
    CloudUnreachable,
    /// The registration was refused.
    Registration,
    /// The agent could not be assigned to its domain.
    Grouping,
    /// The service did not come up.
    ServiceStart,
    /// The host's own files or services failed.
    Host,
}

/// A failed step.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct Failure {
    /// Kind.
    pub kind: FailureKind,
    /// What the wizard shows.
    pub message: String,
    /// What the trace says: the technical cause, free of secrets.
    pub cause: String,
    /// LDAP result code, when a domain controller answered.
    pub result_code: Option<u32>,
    /// AD's sub-code (`data 532`), when there is one.
    pub sub_code: Option<String>,
    /// Whether the same step may succeed when it is tried again at once.
    pub transient: bool,
}

impl Failure {
    /// A failure that no directory answer explains.
    pub fn new(kind: FailureKind, message: impl Into<String>, cause: impl std::fmt::Display) -> Self {
        Self {
            kind,
            message: message.into(),
            cause: cause.to_string(),
            result_code: None,
            sub_code: None,
            transient: false,
        }
    }

    /// Marks the failure as one of the transport, which a second try may heal.
    #[must_use]
    pub fn transient(mut self) -> Self {
        self.transient = true;
        self
    }

    /// A failure of the host itself.
    pub fn host(cause: impl std::fmt::Display) -> Self {
        let cause = cause.to_string();
        Self::new(
            FailureKind::Host,
            format!("The host cannot be configured: {cause}."),
            cause,
        )
    }
}

/// A failed run of the wizard: the page on which it stopped, and why.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{title}: {failure}")]
pub struct WizardFailure {
    /// Where.
    pub page: Page,
    /// Its title on the screen.
    pub title: &'static str,
    /// Why.
    pub failure: Failure,
}

/// Whose logon it was, for the message.
#[derive(Debug, Clone, Copy)]
pub struct Logon<'a> {
    /// The account as it was typed.
    pub account: &'a str,
    /// Its domain.
    pub domain: &'a str,
}

/// AD's reasons in plain words, by sub-code (PR 16.3): kind of remedy last.
const REASONS: &[(u32, &str, &str)] = &[
    (
        0x525,
        "there is no such account in the domain",
        "Check the user name; write it as DOMAIN\\name or as user principal name.",
    ),
    (
        0x52e,
        "the user name or the password is wrong, or the password was changed since it was entered",
        "Enter the account's current password and run the configuration wizard again.",
    ),
    (
        0x530,
        "the account may not log on at this time of day",
        "Use an account without logon hours, then run the configuration wizard again.",
    ),
    (
        0x531,
        "the account may not log on from this computer",
        "Allow the account to log on from this computer, or use another administrator.",
    ),
    (
        0x532,
        "the password of the account has expired",
        "Set a new password for the account, then run the configuration wizard again with the new credentials.",
    ),
    (
        0x533,
        "the account is disabled",
        "Enable the account or use another administrator, then run the configuration wizard again.",
    ),
    (
        0x701,
        "the account has expired",
        "Extend the account or use another administrator, then run the configuration wizard again.",
    ),
    (
        0x773,
        "the account must change its password before it can log on",
        "Log on once with the account and choose a new password, then run the configuration wizard again with the new credentials.",
    ),
    (
        0x775,
        "the account is locked out",
        "Unlock the account or wait until the lockout ends, then run the configuration wizard again.",
    ),
];

/// What a password policy that is not AD's means by its errors, as the sub-code whose words say the same.
const POLICY_REASONS: [(PolicyError, u32); 3] = [
    (PolicyError::PasswordExpired, 0x532),
    (PolicyError::AccountLocked, 0x775),
    (PolicyError::ChangeAfterReset, 0x773),
];

/// Puts a failed directory operation into words.
pub fn directory_failure(logon: Logon<'_>, server: &str, doing: &str, error: &LdapError) -> Failure {
    let Logon { account, domain } = logon;
    let cause = error.to_string();
    let Some(refusal) = error.refusal() else {
        return match error {
            LdapError::EmptyPassword => Failure::new(
                FailureKind::Credential,
                format!("Enter a password for '{account}': an empty password is not a logon to '{domain}'."),
                cause,
            ),
            _ => Failure::new(
                FailureKind::DirectoryUnreachable,
                format!(
                    "Unable to {doing} in the domain '{domain}': the domain controller {server} could not be reached or did not answer in time. \
                     Check that the server is running and that TCP 636 is open from this computer, then try again. ({error})"
                ),
                cause,
            )
            .transient(),
        };
    };
    let code = refusal.code;
    let sub_code = BindFailure::from_diagnostic(&refusal.diagnostic).map(|failure| failure.data());
    let by_policy = POLICY_REASONS
        .iter()
        .find(|(error, _)| refusal.policy == Some(*error))
        .map(|(_, data)| *data);
    let (kind, reason, remedy) = match (code, sub_code.or(by_policy)) {
        (ResultCode::INVALID_CREDENTIALS | ResultCode::SUCCESS, Some(data)) => {
            REASONS.iter().find(|(known, _, _)| *known == data).map_or(
                (
                    FailureKind::Credential,
                    "the logon was refused",
                    "Check the account with the domain's administrators.",
                ),
                |(_, reason, remedy)| (FailureKind::Credential, *reason, *remedy),
            )
        }
        (ResultCode::INVALID_CREDENTIALS, None) => (
            FailureKind::Credential,
            "the logon was refused",
            "Check user name and password, then run the configuration wizard again.",
        ),
        (ResultCode::INSUFFICIENT_ACCESS_RIGHTS, _) => (
            FailureKind::AccessDenied,
            "the account has insufficient access rights",
            "Use a member of Domain Admins or Enterprise Admins of this domain, then run the configuration wizard again.",
        ),
        (ResultCode::NO_SUCH_OBJECT, _) => (
            FailureKind::Directory,
            "There is no such object on the server",
            "Check the domain's name; a missing Managed Service Accounts container is made again by adprep /domainprep.",
        ),
        _ => (
            FailureKind::Directory,
            "the domain controller refused the operation",
            "See the trace for the domain controller's own words.",
        ),
    };
    let data = sub_code.map(|data| format!("{data:x}"));
    let numbers = match (&data, refusal.policy) {
        (Some(data), _) => format!("result {}, data {data}", code.0),
        (None, Some(policy)) => format!("result {}, {policy}", code.0),
        (None, None) => format!("result {}", code.0),
    };
    Failure {
        kind,
        message: format!(
            "Unable to {doing} in the domain '{domain}' as '{account}': {reason}. {remedy} (domain controller {server}, {numbers})"
        ),
        cause,
        result_code: Some(code.0),
        sub_code: data,
        transient: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::ldap::Refusal;

    fn failure(code: u32, diagnostic: &str) -> Failure {
        refused(code, diagnostic, None)
    }

    fn refused(code: u32, diagnostic: &str, policy: Option<PolicyError>) -> Failure {
        let refusal = Refusal {
            operation: "bind",
            code: ResultCode(code),
            matched_dn: String::new(),
            diagnostic: diagnostic.to_owned(),
            policy,
        };
        let logon = Logon {
            account: r"CONTOSO\Administrator",
            domain: "contoso.com",
        };
        directory_failure(
            logon,
            "dc1.contoso.com",
            "add the directory",
            &LdapError::Refused(Box::new(refusal)),
        )
    }

    fn bind(data: &str) -> Failure {
        failure(
            49,
            &format!(
                "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data {data}, v1db1"
            ),
        )
    }

    #[test]
    fn an_expired_password_is_told_in_full() {
        let failure = bind("532");
        assert_eq!(
            failure.message,
            "Unable to add the directory in the domain 'contoso.com' as 'CONTOSO\\Administrator': the password of the account has expired. \
             Set a new password for the account, then run the configuration wizard again with the new credentials. \
             (domain controller dc1.contoso.com, result 49, data 532)"
        );
        assert_eq!(failure.kind, FailureKind::Credential);
        assert_eq!(
            (failure.result_code, failure.sub_code.as_deref()),
            (Some(49), Some("532"))
        );
    }

    #[test]
    fn every_reason_has_its_own_words() {
        for (data, words) in [
            ("525", "no such account"),
            ("52e", "the password is wrong, or the password was changed"),
            ("530", "time of day"),
            ("531", "from this computer"),
            ("533", "disabled"),
            ("701", "the account has expired"),
            ("773", "must change its password"),
            ("775", "locked out"),
        ] {
            let failure = bind(data);
            assert!(failure.message.contains(words), "{data}: {}", failure.message);
            assert_eq!(failure.sub_code.as_deref(), Some(data));
        }
    }

    #[test]
    fn a_password_policy_is_told_in_the_same_words_without_a_sub_code() {
        for (policy, code, words) in [
            (
                PolicyError::PasswordExpired,
                49,
                "the password of the account has expired",
            ),
            (PolicyError::AccountLocked, 49, "the account is locked out"),
            (PolicyError::ChangeAfterReset, 0, "must change its password"),
        ] {
            let failure = refused(code, "", Some(policy));
            assert!(failure.message.contains(words), "{}", failure.message);
            assert!(failure.message.contains(&format!("result {code}, {policy}")));
            assert_eq!((failure.kind, failure.sub_code), (FailureKind::Credential, None));
        }
    }

    #[test]
    fn missing_rights_are_not_a_wrong_password() {
        let failure = failure(
            50,
            "00000005: SecErr: DSID-031A1190, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0",
        );
        assert_eq!(failure.kind, FailureKind::AccessDenied);
        assert!(!failure.transient);
    }
}
