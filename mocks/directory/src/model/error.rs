//! Failed operations, in the codes and the wording that Active Directory uses (PR 16.2, MS-ADTS 3.1.1.3.1.9).

use thiserror::Error;

/// LDAP result codes (RFC 4511 A.1) that the directory answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum ResultCode {
    /// The operation was done.
    Success = 0,
    /// Wrong order or state of operations.
    OperationsError = 1,
    /// The message breaks the protocol.
    ProtocolError = 2,
    /// The time limit was reached.
    TimeLimitExceeded = 3,
    /// The size limit was reached; the entries before it were sent.
    SizeLimitExceeded = 4,
    /// A compare found no equal value.
    CompareFalse = 5,
    /// A compare found an equal value.
    CompareTrue = 6,
    /// The authentication method is unknown.
    AuthMethodNotSupported = 7,
    /// The connection must be protected first.
    StrongerAuthRequired = 8,
    /// The object is in another naming context.
    Referral = 10,
    /// An administrative limit was reached.
    AdminLimitExceeded = 11,
    /// A critical control is not supported or malformed.
    UnavailableCriticalExtension = 12,
    /// The operation needs confidentiality.
    ConfidentialityRequired = 13,
    /// The attribute is not on the object.
    NoSuchAttribute = 16,
    /// The attribute is not in the schema.
    UndefinedAttributeType = 17,
    /// The attribute cannot be matched in this way.
    InappropriateMatching = 18,
    /// A value breaks a constraint.
    ConstraintViolation = 19,
    /// The attribute has this value already.
    AttributeOrValueExists = 20,
    /// A value does not have its attribute's syntax.
    InvalidAttributeSyntax = 21,
    /// The object does not exist.
    NoSuchObject = 32,
    /// A name is malformed.
    InvalidDnSyntax = 34,
    /// The credentials are wrong or may not be used.
    InvalidCredentials = 49,
    /// The right is missing.
    InsufficientAccessRights = 50,
    /// The server is busy.
    Busy = 51,
    /// The server is not available.
    Unavailable = 52,
    /// The server will not do this.
    UnwillingToPerform = 53,
    /// The name or the place in the tree is not allowed.
    NamingViolation = 64,
    /// The class does not allow this.
    ObjectClassViolation = 65,
    /// The object has children.
    NotAllowedOnNonLeaf = 66,
    /// The naming attribute cannot be changed like this.
    NotAllowedOnRdn = 67,
    /// The object exists already.
    EntryAlreadyExists = 68,
    /// The class cannot be changed.
    ObjectClassModsProhibited = 69,
    /// The operation would reach several servers.
    AffectsMultipleDsas = 71,
    /// Anything else.
    Other = 80,
}

impl ResultCode {
    /// The name that RFC 4511 gives the code.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::OperationsError => "operationsError",
            Self::ProtocolError => "protocolError",
            Self::TimeLimitExceeded => "timeLimitExceeded",
            Self::SizeLimitExceeded => "sizeLimitExceeded",
            Self::CompareFalse => "compareFalse",
            Self::CompareTrue => "compareTrue",
            Self::AuthMethodNotSupported => "authMethodNotSupported",
            Self::StrongerAuthRequired => "strongerAuthRequired",
            Self::Referral => "referral",
            Self::AdminLimitExceeded => "adminLimitExceeded",
            Self::UnavailableCriticalExtension => "unavailableCriticalExtension",
            Self::ConfidentialityRequired => "confidentialityRequired",
            Self::NoSuchAttribute => "noSuchAttribute",
            Self::UndefinedAttributeType => "undefinedAttributeType",
            Self::InappropriateMatching => "inappropriateMatching",
            Self::ConstraintViolation => "constraintViolation",
            Self::AttributeOrValueExists => "attributeOrValueExists",
            Self::InvalidAttributeSyntax => "invalidAttributeSyntax",
            Self::NoSuchObject => "noSuchObject",
            Self::InvalidDnSyntax => "invalidDNSyntax",
            Self::InvalidCredentials => "invalidCredentials",
            Self::InsufficientAccessRights => "insufficientAccessRights",
            Self::Busy => "busy",
            Self::Unavailable => "unavailable",
            Self::UnwillingToPerform => "unwillingToPerform",
            Self::NamingViolation => "namingViolation",
            Self::ObjectClassViolation => "objectClassViolation",
            Self::NotAllowedOnNonLeaf => "notAllowedOnNonLeaf",
            Self::NotAllowedOnRdn => "notAllowedOnRDN",
            Self::EntryAlreadyExists => "entryAlreadyExists",
            Self::ObjectClassModsProhibited => "objectClassModsProhibited",
            Self::AffectsMultipleDsas => "affectsMultipleDSAs",
            Self::Other => "other",
        }
    }
}

/// An operation that failed and changed nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{} ({}): {diagnostic}", .code.name(), *.code as u8)]
pub struct LdapError {
    /// The LDAP result code.
    pub code: ResultCode,
    /// The nearest existing object, for `noSuchObject`; else empty.
    pub matched_dn: String,
    /// Active Directory's diagnostic text: eight hex digits of the Win32 error, then the place and the problem.
    pub diagnostic: String,
    /// Where else to look, for `referral`; LDAP URLs.
    pub referrals: Vec<String>,
}

impl LdapError {
    /// An error with this diagnostic text.
    #[must_use]
    pub fn new(code: ResultCode, diagnostic: impl Into<String>) -> Self {
        Self {
            code,
            matched_dn: String::new(),
            diagnostic: diagnostic.into(),
            referrals: Vec::new(),
        }
    }

    /// A `SvcErr`: the service refuses the operation. `win32` leads the text.
    #[must_use]
    pub fn service(code: ResultCode, win32: u32, problem: &str) -> Self {
        Self::new(
            code,
            format!("{win32:08X}: SvcErr: DSID-031A1236, problem {problem}, data 0\n"),
        )
    }

    /// `unwillingToPerform` with the Win32 error `win32`.
    #[must_use]
    pub fn unwilling(win32: u32) -> Self {
        Self::service(ResultCode::UnwillingToPerform, win32, "5003 (WILL_NOT_PERFORM)")
    }

    /// `inappropriateMatching` for a filter about a constructed attribute.
    #[must_use]
    pub fn inappropriate_matching(name: &str) -> Self {
        Self::new(
            ResultCode::InappropriateMatching,
            format!(
                "0000202E: LdapErr: DSID-0C0906E8, comment: Error processing filter, data 0, v4563 ({name})"
            ),
        )
    }

    /// A `SysErr`: the account database found a value that it cannot take.
    #[must_use]
    pub fn system(win32: u32) -> Self {
        Self::new(
            ResultCode::Other,
            format!("{win32:08X}: SysErr: DSID-031A1262, problem 22 (Invalid argument), data 0\n"),
        )
    }

    /// `insufficientAccessRights` for a missing right (PR 16.2).
    #[must_use]
    pub fn access_denied() -> Self {
        Self::new(
            ResultCode::InsufficientAccessRights,
            "00000005: SecErr: DSID-031A1190, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0\n",
        )
    }

    /// An `UpdErr`: the update breaks a rule of the tree or of a class.
    #[must_use]
    pub fn update(code: ResultCode, win32: u32, problem: &str) -> Self {
        Self::new(
            code,
            format!("{win32:08X}: UpdErr: DSID-031A11E2, problem {problem}, data 0\n"),
        )
    }

    /// A `NameErr`: the object is not there; `matched` is the nearest object above it that is.
    #[must_use]
    pub fn no_such_object(matched: String) -> Self {
        let diagnostic = format!(
            "0000208D: NameErr: DSID-03100241, problem 2001 (NO_OBJECT), data 0, best match of:\n\t'{matched}'\n"
        );
        Self {
            matched_dn: matched,
            ..Self::new(ResultCode::NoSuchObject, diagnostic)
        }
    }

    /// A `NameErr` for a malformed name.
    #[must_use]
    pub fn bad_name(name: &str) -> Self {
        let shown: String = name.chars().take(256).collect();
        Self::new(
            ResultCode::InvalidDnSyntax,
            format!(
                "0000208F: NameErr: DSID-03100232, problem 2006 (BAD_NAME), data 8349, best match of:\n\t'{shown}'\n"
            ),
        )
    }

    /// An `AtrErr`: a value or an attribute breaks a constraint. `problem` such as `1005 (CONSTRAINT_ATT_TYPE)`.
    #[must_use]
    pub fn attribute(code: ResultCode, win32: u32, problem: &str, attribute: &str) -> Self {
        Self::new(
            code,
            format!(
                "{win32:08X}: AtrErr: DSID-03191083, #1:\n\t0: {win32:08X}: DSID-03191083, problem {problem}, data 0, Att ({attribute})\n"
            ),
        )
    }

    /// `noSuchAttribute` or `undefinedAttributeType` for an attribute that the schema does not have.
    #[must_use]
    pub fn undefined_attribute(name: &str) -> Self {
        let shown: String = name.chars().take(256).collect();
        Self::new(
            ResultCode::NoSuchAttribute,
            format!(
                "00000057: LdapErr: DSID-0C090D83, comment: Error in attribute conversion operation, data 0, v4563 ({shown})"
            ),
        )
    }
}
