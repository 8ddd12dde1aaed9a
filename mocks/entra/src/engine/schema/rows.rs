//! The default attribute mappings as data (CS 5.10), from which the default schema is made.
//!
//! Rows marked † in the reference are Entra Connect's and only assumed to be shared
//! ([`CONNECT_ATTRIBUTES`](crate::assumptions::names::CONNECT_ATTRIBUTES)). `managedBy` is left out: no property of a group shows it.

/// One row: what becomes of which source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Target attribute.
    pub(super) target: &'static str,
    /// What it is made from.
    pub(super) source: From,
}

/// The source of a default mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    /// Type `Attribute`.
    Attribute(&'static str),
    /// Type `Function`: the outermost function and the expression.
    Function(&'static str, &'static str),
}

const fn direct(target: &'static str, source: &'static str) -> Row {
    Row {
        target,
        source: From::Attribute(source),
    }
}

const fn function(target: &'static str, name: &'static str, expression: &'static str) -> Row {
    Row {
        target,
        source: From::Function(name, expression),
    }
}

/// The rows that every object has: `ImmutableId` from `mS-DS-ConsistencyGuid`, else `objectGUID` (CS 5.11).
pub(super) const IDENTITY: &[Row] = &[
    function(
        "SourceAnchor",
        "IIF",
        "IIF(IsPresent([mS-DS-ConsistencyGuid]),[mS-DS-ConsistencyGuid],[objectGUID])",
    ),
    direct("CommonName", "cn"),
];

/// `user` and `inetOrgPerson` to `User`.
pub(super) const USER: &[Row] = &[
    // As published; `accountDisabled` is synthetic (PR 10.1).
    function(
        "AccountEnabled",
        "IIF",
        "IIF(IsPresent([userAccountControl]), IIF(BitAnd([userAccountControl], 2)=\"0\", \"True\", \"False\"), Not([accountDisabled]))",
    ),
    direct("UserPrincipalName", "userPrincipalName"),
    direct("OnPremisesUserPrincipalName", "userPrincipalName"),
    direct("OnPremisesSamAccountName", "sAMAccountName"),
    direct("OnPremiseSecurityIdentifier", "objectSid"),
    direct("OnPremisesDistinguishedName", "distinguishedName"),
    direct("DisplayName", "displayName"),
    function("GivenName", "Trim", "Trim([givenName])"),
    direct("Surname", "sn"),
    direct("Initials", "initials"),
    direct("Alias", "mailNickname"),
    direct("Mail", "mail"),
    direct("ProxyAddresses", "proxyAddresses"),
    direct("TargetAddress", "targetAddress"),
    direct("LegacyExchangeDN", "legacyExchangeDN"),
    direct("Country", "co"),
    direct("CountryCode", "countryCode"),
    direct("CountryLetterCode", "c"),
    direct("City", "l"),
    direct("State", "st"),
    direct("StreetAddress", "streetAddress"),
    direct("PostalCode", "postalCode"),
    direct("LastPasswordChangeTimestamp", "pwdLastSet"),
];

/// The † rows of users (CS 5.10).
pub(super) const USER_ASSUMED: &[Row] = &[
    direct("TelephoneNumber", "telephoneNumber"),
    direct("Facsimile", "facsimileTelephoneNumber"),
    direct("Mobile", "mobile"),
    direct("PhysicalDeliveryOfficeName", "physicalDeliveryOfficeName"),
    direct("Department", "department"),
    direct("Company", "company"),
    direct("JobTitle", "title"),
    direct("EmployeeId", "employeeID"),
    direct("UsageLocation", "msExchUsageLocation"),
    direct("PreferredDataLocation", "preferredDataLocation"),
    direct("Pager", "pager"),
    direct("HomePhone", "homePhone"),
    direct("Info", "info"),
    direct("Description", "description"),
    direct("WwwHomePage", "wWWHomePage"),
];

/// `group` to `Group`.
pub(super) const GROUP: &[Row] = &[
    function(
        "DisplayName",
        "IIF",
        "IIF(IsPresent([displayName]),[displayName],[cn])",
    ),
    direct("Description", "description"),
    direct("Mail", "mail"),
    direct("Alias", "mailNickname"),
    direct("ProxyAddresses", "proxyAddresses"),
    // A directory without group types has security groups.
    function(
        "SecurityEnabled",
        "IIF",
        "IIF(IsPresent([groupType]),CBool(BitAnd([groupType],&H80000000)),CBool(\"True\"))",
    ),
    direct("OnPremiseSecurityIdentifier", "objectSid"),
    direct("OnPremisesSamAccountName", "sAMAccountName"),
];

/// `contact` to `Contact` †.
pub(super) const CONTACT: &[Row] = &[
    direct("DisplayName", "displayName"),
    direct("GivenName", "givenName"),
    direct("Surname", "sn"),
    direct("Mail", "mail"),
    direct("Alias", "mailNickname"),
    direct("ProxyAddresses", "proxyAddresses"),
    direct("TargetAddress", "targetAddress"),
    direct("Company", "company"),
    direct("Department", "department"),
    direct("JobTitle", "title"),
    direct("TelephoneNumber", "telephoneNumber"),
    direct("OnPremisesDistinguishedName", "distinguishedName"),
];

/// `ExtensionAttribute1` to `15` of users and groups: `Trim([extensionAttributeN])`.
pub(super) const EXTENSIONS: u8 = 15;
