//! What can go wrong on a connection to a directory server, each kind told apart for the caller.

use std::time::Duration;

use provlab_platform::{Endpoint, NetError};
use provlab_protocol::ppolicy::PolicyError;
use thiserror::Error;

/// An LDAP result code (RFC 4511 section 4.1.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ResultCode(pub u32);

impl ResultCode {
    /// The operation succeeded.
    pub const SUCCESS: Self = Self(0);
    /// Page or search size exceeded; entries sent so far are valid.
    pub const SIZE_LIMIT_EXCEEDED: Self = Self(4);
    /// A critical control is not known to the server.
    pub const UNAVAILABLE_CRITICAL_EXTENSION: Self = Self(12);
    /// The attribute or value is not there.
    pub const NO_SUCH_ATTRIBUTE: Self = Self(16);
    /// The attribute or value is there already.
    pub const ATTRIBUTE_OR_VALUE_EXISTS: Self = Self(20);
    /// No object of that name.
    pub const NO_SUCH_OBJECT: Self = Self(32);
    /// The bind failed; AD puts the reason into the diagnostic text.
    pub const INVALID_CREDENTIALS: Self = Self(49);
    /// The caller may not do this.
    pub const INSUFFICIENT_ACCESS_RIGHTS: Self = Self(50);
    /// The server refuses.
    pub const UNWILLING_TO_PERFORM: Self = Self(53);
    /// e-syncRefreshRequired: the server cannot tell what changed since the cookie (RFC 4533 section 2.6).
    pub const SYNC_REFRESH_REQUIRED: Self = Self(4096);
    /// An object of that name exists.
    pub const ENTRY_ALREADY_EXISTS: Self = Self(68);

    /// The name that RFC 4511 gives to the code.
    pub fn name(self) -> &'static str {
        RESULT_NAMES
            .iter()
            .find(|(code, _)| *code == self.0)
            .map_or("other", |(_, name)| name)
    }
}

impl std::fmt::Display for ResultCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.0, self.name())
    }
}

const RESULT_NAMES: &[(u32, &str)] = &[
    (0, "success"),
    (1, "operationsError"),
    (2, "protocolError"),
    (3, "timeLimitExceeded"),
    (4, "sizeLimitExceeded"),
    (5, "compareFalse"),
    (6, "compareTrue"),
    (7, "authMethodNotSupported"),
    (8, "strongerAuthRequired"),
    (10, "referral"),
    (11, "adminLimitExceeded"),
    (12, "unavailableCriticalExtension"),
    (13, "confidentialityRequired"),
    (14, "saslBindInProgress"),
    (16, "noSuchAttribute"),
    (17, "undefinedAttributeType"),
    (18, "inappropriateMatching"),
    (19, "constraintViolation"),
    (20, "attributeOrValueExists"),
    (21, "invalidAttributeSyntax"),
    (32, "noSuchObject"),
    (33, "aliasProblem"),
    (34, "invalidDNSyntax"),
    (36, "aliasDereferencingProblem"),
    (48, "inappropriateAuthentication"),
    (49, "invalidCredentials"),
    (50, "insufficientAccessRights"),
    (51, "busy"),
    (52, "unavailable"),
    (53, "unwillingToPerform"),
    (54, "loopDetect"),
    (64, "namingViolation"),
    (65, "objectClassViolation"),
    (66, "notAllowedOnNonLeaf"),
    (67, "notAllowedOnRDN"),
    (68, "entryAlreadyExists"),
    (69, "objectClassModsProhibited"),
    (71, "affectsMultipleDSAs"),
    (80, "other"),
    (4096, "e-syncRefreshRequired"),
];

/// A result other than success, as the server worded it; or the success of a bind that is good for nothing but a change
/// of the password.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{operation} answered {code}: {diagnostic}{}", in_brackets(*policy))]
pub struct Refusal {
    /// What was asked for (`bind`, `search`, …).
    pub operation: &'static str,
    /// The result code.
    pub code: ResultCode,
    /// The deepest existing part of the name, for noSuchObject.
    pub matched_dn: String,
    /// The server's own text.
    pub diagnostic: String,
    /// What the server's password policy says, where it has one that speaks.
    pub policy: Option<PolicyError>,
}

impl Refusal {
    /// The server's own words: its text, or what its password policy says.
    pub fn words(&self) -> String {
        let policy = self.policy.map(|error| error.to_string());
        policy
            .filter(|_| self.diagnostic.is_empty())
            .unwrap_or_else(|| self.diagnostic.clone())
    }
}

fn in_brackets(policy: Option<PolicyError>) -> String {
    policy.map_or_else(String::new, |error| format!("({error})"))
}

/// Any failure of an LDAP operation.
#[derive(Debug, Error)]
pub enum LdapError {
    /// The transport could not be made or broke.
    #[error("the connection failed: {0}")]
    Net(#[from] NetError),
    /// The stream broke in mid-operation.
    #[error("the connection to {endpoint} broke during {operation}: {detail}")]
    Broken {
        /// The server.
        endpoint: Endpoint,
        /// What was under way.
        operation: &'static str,
        /// The transport's own words.
        detail: String,
    },
    /// No complete answer in time; .NET words it "The operation was aborted because the client side timeout limit was exceeded." (CS 9.3).
    #[error(
        "The operation was aborted because the client side timeout limit was exceeded. ({operation} on {endpoint}, {after:?})"
    )]
    TimedOut {
        /// The server.
        endpoint: Endpoint,
        /// What was under way.
        operation: &'static str,
        /// The limit, `LdapConnectionTimeoutInMilliseconds`.
        after: Duration,
    },
    /// The server answered something that is not LDAP.
    #[error("{endpoint} broke the protocol: {detail}")]
    Protocol {
        /// The server.
        endpoint: Endpoint,
        /// What was wrong.
        detail: String,
    },
    /// The server refused the operation.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// A bind with a name and no password would succeed as anonymous (PR 16.3), so it is never sent.
    #[error("an empty password is refused before the bind: a server would take it for an anonymous logon")]
    EmptyPassword,
}

impl LdapError {
    /// The refusal, if the server answered at all.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// Whether the server refused with exactly this code.
    pub fn is(&self, code: ResultCode) -> bool {
        self.refusal().is_some_and(|refusal| refusal.code == code)
    }

    /// Whether the connection is of no further use.
    pub fn is_fatal(&self) -> bool {
        !matches!(self, Self::Refused(_) | Self::EmptyPassword)
    }

    pub(super) fn protocol(endpoint: &Endpoint, error: &dyn std::error::Error) -> Self {
        Self::Protocol {
            endpoint: endpoint.clone(),
            detail: error.to_string(),
        }
    }
}
