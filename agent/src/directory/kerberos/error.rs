//! What can go wrong between a client and the KDC, with Kerberos' own code and Windows' words for it.

use provlab_platform::{Endpoint, NetError};
use provlab_protocol::ber::BerError;
use std::time::Duration;
use thiserror::Error;

/// An error code of RFC 4120 section 7.5.9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorCode(pub u32);

impl ErrorCode {
    /// The client is not in the KDC's database.
    pub const CLIENT_UNKNOWN: Self = Self(6);
    /// The server is not in the KDC's database.
    pub const SERVICE_UNKNOWN: Self = Self(7);
    /// The account is disabled, locked out or expired.
    pub const CLIENT_REVOKED: Self = Self(18);
    /// The password has to be changed first.
    pub const KEY_EXPIRED: Self = Self(23);
    /// The key did not decrypt the timestamp: a wrong password.
    pub const PREAUTH_FAILED: Self = Self(24);
    /// The KDC wants to see a timestamp first; the ordinary answer to a first request.
    pub const PREAUTH_REQUIRED: Self = Self(25);
    /// The KDC is busy or starting.
    pub const SERVICE_UNAVAILABLE: Self = Self(29);
    /// The clocks are too far apart.
    pub const SKEW: Self = Self(37);
    /// The answer does not fit into the protocol that was used.
    pub const RESPONSE_TOO_BIG: Self = Self(52);
    /// The name belongs to another realm.
    pub const WRONG_REALM: Self = Self(68);

    /// The name of the code, and what Windows says about it and how to mend it.
    fn meaning(self) -> (&'static str, &'static str) {
        MEANINGS.iter().find(|(code, _, _)| *code == self).map_or(
            ("KRB_ERR_GENERIC", "the KDC refused the request"),
            |(_, name, words)| (*name, *words),
        )
    }

    /// The name of the code in RFC 4120.
    pub fn name(self) -> &'static str {
        self.meaning().0
    }
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (0x{:x})", self.name(), self.0)
    }
}

/// Code, name in RFC 4120, and words: those of the matching Windows status, then the remedy.
const MEANINGS: &[(ErrorCode, &str, &str)] = &[
    (
        ErrorCode::CLIENT_UNKNOWN,
        "KDC_ERR_C_PRINCIPAL_UNKNOWN",
        "The specified account does not exist. Check that the account is in this domain",
    ),
    (
        ErrorCode::SERVICE_UNKNOWN,
        "KDC_ERR_S_PRINCIPAL_UNKNOWN",
        "The specified target is unknown or unreachable. Check that the domain controller's servicePrincipalName holds the name by which it is addressed",
    ),
    (
        ErrorCode(14),
        "KDC_ERR_ETYPE_NOTSUPP",
        "The encryption type requested is not supported by the KDC. Allow AES in msDS-SupportedEncryptionTypes of the account",
    ),
    (
        ErrorCode::CLIENT_REVOKED,
        "KDC_ERR_CLIENT_REVOKED",
        "The account is disabled, locked out or expired. Enable or unlock the account",
    ),
    (
        ErrorCode::KEY_EXPIRED,
        "KDC_ERR_KEY_EXPIRED",
        "The password of this account has expired. Set a new password",
    ),
    (
        ErrorCode::PREAUTH_FAILED,
        "KDC_ERR_PREAUTH_FAILED",
        "The user name or password is incorrect. Read the managed password again; if it stays so, check that this domain controller replicates",
    ),
    (
        ErrorCode::PREAUTH_REQUIRED,
        "KDC_ERR_PREAUTH_REQUIRED",
        "The KDC asks for pre-authentication again and again",
    ),
    (
        ErrorCode::SERVICE_UNAVAILABLE,
        "KDC_ERR_SVC_UNAVAILABLE",
        "The KDC is not available now. Try again later",
    ),
    (
        ErrorCode(32),
        "KRB_AP_ERR_TKT_EXPIRED",
        "The ticket has expired. Check the clocks of this server and the domain controller",
    ),
    (
        ErrorCode(33),
        "KRB_AP_ERR_TKT_NYV",
        "The ticket is not yet valid. Check the clocks of this server and the domain controller",
    ),
    (
        ErrorCode::SKEW,
        "KRB_AP_ERR_SKEW",
        "The clocks on the client and server machines are skewed. Set this server's time by the domain controller's (w32tm /resync)",
    ),
    (
        ErrorCode::RESPONSE_TOO_BIG,
        "KRB_ERR_RESPONSE_TOO_BIG",
        "The answer is too large",
    ),
    (
        ErrorCode::WRONG_REALM,
        "KDC_ERR_WRONG_REALM",
        "The account belongs to another domain",
    ),
];

/// No ticket.
#[derive(Debug, Error)]
pub enum KerberosError {
    /// No connection to the KDC.
    #[error("There are currently no logon servers available to service the logon request. (KDC {0})")]
    Unreachable(NetError),
    /// The connection broke before the answer was whole.
    #[error("the KDC {endpoint} broke the connection: {detail}")]
    Broken {
        /// The KDC.
        endpoint: Endpoint,
        /// The transport's own words.
        detail: String,
    },
    /// No answer in time.
    #[error("the KDC {endpoint} did not answer within {after:?}")]
    TimedOut {
        /// The KDC.
        endpoint: Endpoint,
        /// The limit.
        after: Duration,
    },
    /// The KDC refused.
    #[error("{}. ({code}, {principal})", code.meaning().1)]
    Refused {
        /// Why.
        code: ErrorCode,
        /// Whose request it was.
        principal: String,
    },
    /// The answer is longer than is read.
    #[error("an answer of {0} bytes; at most {limit} are read", limit = super::kdc::MAX_KDC_BYTES)]
    TooLong(usize),
    /// The answer is no Kerberos.
    #[error("an answer that is not Kerberos: {0}")]
    Malformed(#[from] BerError),
    /// The answer is Kerberos, but not to what was asked.
    #[error("an answer that does not fit the question: {0}")]
    Mismatch(&'static str),
    /// The key does not fit: somebody who does not know it has answered.
    #[error(
        "the answer was not made with the right key; the server at the other end is not who it says it is"
    )]
    Integrity,
    /// Only AES is spoken.
    #[error("encryption type {0} is not spoken; only AES256 (18) and AES128 (17) are")]
    EncryptionType(i64),
}

impl KerberosError {
    /// The KDC's code, if it answered with one.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// Whether another domain controller may do better: true for everything that this KDC alone may have wrong.
    pub fn is_fatal(&self) -> bool {
        !matches!(self.code(), Some(code) if code != ErrorCode::SERVICE_UNAVAILABLE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_code_words_and_remedy() {
        let error = KerberosError::Refused {
            code: ErrorCode::SKEW,
            principal: "provAgentgMSA$@CONTOSO.LAB".to_owned(),
        };
        assert_eq!(
            error.to_string(),
            "The clocks on the client and server machines are skewed. Set this server's time by the domain controller's \
             (w32tm /resync). (KRB_AP_ERR_SKEW (0x25), provAgentgMSA$@CONTOSO.LAB)"
        );
        assert!(!error.is_fatal());
    }

    #[test]
    fn a_busy_kdc_gives_way_to_the_next() {
        let error = KerberosError::Refused {
            code: ErrorCode::SERVICE_UNAVAILABLE,
            principal: String::new(),
        };
        assert!(error.is_fatal());
    }
}
