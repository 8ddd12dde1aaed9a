//! An administrator searches for these codes, so they are the documented ones, and an LDAP failure keeps the server's own words.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Error codes of CS 9.5 and PR 11, and one of our own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// `TimeOut`: the request to the hybrid identity service exceeded 10 minutes.
    TimeOut,
    /// The agent could not process the request.
    HybridSynchronizationActiveDirectoryInternalServerError,
    /// LDAP result 50 from the domain controller.
    HybridSynchronizationActiveDirectoryInsufficientAccessRights,
    /// The user principal name is not unique in the forest.
    HybridSynchronizationActiveDirectoryUserPrincipalNameNotUnique,
    /// The group's scope is not universal.
    HybridSynchronizationActiveDirectoryInvalidGroupType,
    /// Several objects match one anchor.
    HybridSynchronizationActiveDirectoryUnexpectedDuplicateEntriesFound,
    /// No agent is in the domain's group.
    HybridIdentityServiceNoAgentsAssigned,
    /// Agents exist, none listens.
    HybridIdentityServiceNoActiveAgents,
    /// The resource (domain) name is unknown.
    HybridIdentityServiceInvalidResource,
    /// The bus could not deliver.
    HybridIdentityServiceAgentSignalingError,
    /// The directory is busy.
    AzureDirectoryServiceServerBusy,
    /// The sync service account does not exist.
    AzureActiveDirectoryInvalidCredential,
    /// The sync service account's password expired.
    AzureActiveDirectoryExpiredCredentials,
    /// The sync service account could not sign in.
    AzureActiveDirectoryAuthenticationFailed,
    /// `cookieRefused`, not a code of the product: the directory does not accept the watermark, a full cycle is due.
    CookieRefused,
    /// A code that this version does not know.
    Other(String),
}

/// Code, spelling, documented text (CS 9.5; empty where none is published).
static CODES: [(ErrorCode, &str, &str); 15] = [
    (
        ErrorCode::TimeOut,
        "TimeOut",
        "request timeout error when contacting the on-premises agent",
    ),
    (
        ErrorCode::HybridSynchronizationActiveDirectoryInternalServerError,
        "HybridSynchronizationActiveDirectoryInternalServerError",
        "Processing of the HTTP request resulted in an exception",
    ),
    (
        ErrorCode::HybridSynchronizationActiveDirectoryInsufficientAccessRights,
        "HybridSynchronizationActiveDirectoryInsufficientAccessRights",
        "The user has insufficient access rights.",
    ),
    (
        ErrorCode::HybridSynchronizationActiveDirectoryUserPrincipalNameNotUnique,
        "HybridSynchronizationActiveDirectoryUserPrincipalNameNotUnique",
        "",
    ),
    (
        ErrorCode::HybridSynchronizationActiveDirectoryInvalidGroupType,
        "HybridSynchronizationActiveDirectoryInvalidGroupType",
        "",
    ),
    (
        ErrorCode::HybridSynchronizationActiveDirectoryUnexpectedDuplicateEntriesFound,
        "HybridSynchronizationActiveDirectoryUnexpectedDuplicateEntriesFound",
        "",
    ),
    (
        ErrorCode::HybridIdentityServiceNoAgentsAssigned,
        "HybridIdentityServiceNoAgentsAssigned",
        "unable to find an active agent for the domain; check to see if the agents have been removed",
    ),
    (
        ErrorCode::HybridIdentityServiceNoActiveAgents,
        "HybridIdentityServiceNoActiveAgents",
        "unable to find an active agent for the domain; check to see if the agent is running",
    ),
    (
        ErrorCode::HybridIdentityServiceInvalidResource,
        "HybridIdentityServiceInvalidResource",
        "There seems to be an issue with your cloud sync setup",
    ),
    (
        ErrorCode::HybridIdentityServiceAgentSignalingError,
        "HybridIdentityServiceAgentSignalingError",
        "We were unable to process this request at this point",
    ),
    (
        ErrorCode::AzureDirectoryServiceServerBusy,
        "AzureDirectoryServiceServerBusy",
        "Error Code: 81",
    ),
    (
        ErrorCode::AzureActiveDirectoryInvalidCredential,
        "AzureActiveDirectoryInvalidCredential",
        "CredentialsInvalid AADSTS50034",
    ),
    (
        ErrorCode::AzureActiveDirectoryExpiredCredentials,
        "AzureActiveDirectoryExpiredCredentials",
        "CredentialsExpired AADSTS50055: The password is expired",
    ),
    (
        ErrorCode::AzureActiveDirectoryAuthenticationFailed,
        "AzureActiveDirectoryAuthenticationFailed",
        "UnexpectedError",
    ),
    (
        ErrorCode::CookieRefused,
        "cookieRefused",
        "the directory does not accept the watermark",
    ),
];

impl ErrorCode {
    /// The code as it is spelled on the wire and in the portal.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Other(code) => code,
            known => known.known().unwrap_or_default(),
        }
    }

    /// The code as it is spelled; none for one that this version does not know.
    #[must_use]
    pub fn known(&self) -> Option<&'static str> {
        CODES
            .iter()
            .find(|(code, ..)| code == self)
            .map(|(_, text, _)| *text)
    }

    /// The distinctive part of the documented message (CS 9.5); empty where none is published.
    #[must_use]
    pub fn documented_text(&self) -> &'static str {
        CODES
            .iter()
            .find(|(code, ..)| code == self)
            .map_or("", |(.., text)| text)
    }
}

impl From<&str> for ErrorCode {
    fn from(text: &str) -> Self {
        CODES
            .iter()
            .find(|(_, spelling, _)| *spelling == text)
            .map_or_else(|| Self::Other(text.to_owned()), |(code, ..)| code.clone())
    }
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.as_str())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ErrorCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::from(text.as_str()))
    }
}

/// A request that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ScimError {
    /// What went wrong, for programs and search engines.
    pub code: ErrorCode,
    /// What went wrong, for people.
    pub message: String,
    /// The LDAP failure behind it.
    pub ldap: Option<LdapErrorDetail>,
}

impl ScimError {
    /// An error with the code's documented text, followed by a detail.
    #[must_use]
    pub fn new(code: ErrorCode, detail: &str) -> Self {
        let message = match (code.documented_text(), detail) {
            (text, "") => text.to_owned(),
            ("", detail) => detail.to_owned(),
            (text, detail) => format!("{}: {detail}", text.trim_end_matches('.')),
        };
        Self {
            code,
            message,
            ldap: None,
        }
    }

    /// The error of a request that failed in LDAP: result 50 is `…InsufficientAccessRights`, all else `…InternalServerError` (PR 11).
    #[must_use]
    pub fn from_ldap(result_code: u32, diagnostic: &str) -> Self {
        let code = match result_code {
            50 => ErrorCode::HybridSynchronizationActiveDirectoryInsufficientAccessRights,
            _ => ErrorCode::HybridSynchronizationActiveDirectoryInternalServerError,
        };
        let ldap = LdapErrorDetail::new(result_code, diagnostic);
        Self {
            ldap: Some(ldap.clone()),
            ..Self::new(
                code,
                &format!("LDAP result {result_code} ({}): {diagnostic}", ldap.result_name),
            )
        }
    }
}

/// An LDAP failure: code, name and the domain controller's own diagnostic text (PR 11).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LdapErrorDetail {
    /// LDAP result code.
    pub result_code: u32,
    /// Its name in RFC 4511.
    pub result_name: String,
    /// `diagnosticMessage` of the server.
    pub diagnostic: String,
}

impl LdapErrorDetail {
    /// A failure with its name looked up.
    #[must_use]
    pub fn new(result_code: u32, diagnostic: &str) -> Self {
        Self {
            result_code,
            result_name: ldap_result_name(result_code).to_owned(),
            diagnostic: diagnostic.to_owned(),
        }
    }
}

/// Name of an LDAP result code in RFC 4511, appendix A; `other` for one that it does not list.
#[must_use]
pub fn ldap_result_name(code: u32) -> &'static str {
    match code {
        0 => "success",
        1 => "operationsError",
        2 => "protocolError",
        3 => "timeLimitExceeded",
        4 => "sizeLimitExceeded",
        5 => "compareFalse",
        6 => "compareTrue",
        7 => "authMethodNotSupported",
        8 => "strongerAuthRequired",
        10 => "referral",
        11 => "adminLimitExceeded",
        12 => "unavailableCriticalExtension",
        13 => "confidentialityRequired",
        14 => "saslBindInProgress",
        16 => "noSuchAttribute",
        17 => "undefinedAttributeType",
        18 => "inappropriateMatching",
        19 => "constraintViolation",
        20 => "attributeOrValueExists",
        21 => "invalidAttributeSyntax",
        32 => "noSuchObject",
        33 => "aliasProblem",
        34 => "invalidDNSyntax",
        36 => "aliasDereferencingProblem",
        48 => "inappropriateAuthentication",
        49 => "invalidCredentials",
        50 => "insufficientAccessRights",
        51 => "busy",
        52 => "unavailable",
        53 => "unwillingToPerform",
        54 => "loopDetect",
        64 => "namingViolation",
        65 => "objectClassViolation",
        66 => "notAllowedOnNonLeaf",
        67 => "notAllowedOnRDN",
        68 => "entryAlreadyExists",
        69 => "objectClassModsProhibited",
        71 => "affectsMultipleDSAs",
        _ => "other",
    }
}
