//! Which source attribute becomes which property of the cloud: the documented rows of the attribute table (CS 5.10) as data.
//!
//! Rows that the table marks as assumed (†) are left out, and so is `managedBy`, which no property of a group shows.

/// How values flow from the source to the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The first value as it is.
    Direct,
    /// The first value without white space at both ends (`Trim([…])`).
    Trim,
    /// All values.
    All,
    /// A rule with code of its own, named by the target.
    Special,
}

/// Where the cloud keeps a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// A property of that name in Graph.
    Property(&'static str),
    /// `displayName`.
    DisplayName,
    /// `description` of a group.
    Description,
    /// `mail`.
    Mail,
    /// `proxyAddresses`.
    ProxyAddresses,
    /// `mailNickname` of a group; that of a user follows the rules of CS 5.11.
    MailNickname,
    /// `onPremisesExtensionAttributes`: `extensionAttribute{n}`.
    Extension(&'static str),
    /// `onPremisesDistinguishedName`.
    DistinguishedName,
    /// `onPremisesSamAccountName`.
    SamAccountName,
    /// `onPremisesSecurityIdentifier`, as a string.
    SecurityIdentifier,
    /// `onPremisesUserPrincipalName`.
    OnPremisesUserPrincipalName,
    /// `accountEnabled`: bit 2 of `userAccountControl` is clear.
    AccountEnabled,
    /// `securityEnabled`: the security bit of `groupType` is set.
    SecurityEnabled,
    /// `lastPasswordChangeDateTime`, from a FILETIME.
    LastPasswordChange,
    /// Decided by the rules of naming and anchoring (CS 5.11), not by this table.
    Identity,
    /// Sent to the cloud, which shows it nowhere in Graph.
    Hidden,
}

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Property of the target, as the product names it.
    pub target: &'static str,
    /// Attribute of the source.
    pub source: &'static str,
    /// How it flows.
    pub rule: Rule,
    /// Where it goes.
    pub slot: Slot,
}

const fn row(target: &'static str, source: &'static str, rule: Rule, slot: Slot) -> Mapping {
    Mapping {
        target,
        source,
        rule,
        slot,
    }
}

use Rule::{All, Direct, Special, Trim};
use Slot::{
    AccountEnabled, Description, DisplayName, DistinguishedName, Extension, Hidden, Identity,
    LastPasswordChange, Mail, MailNickname, OnPremisesUserPrincipalName, Property, ProxyAddresses,
    SamAccountName, SecurityEnabled, SecurityIdentifier,
};

/// `user` to `User`.
pub const USER: &[Mapping] = &[
    row("AccountEnabled", "userAccountControl", Special, AccountEnabled),
    row("SourceAnchor", "mS-DS-ConsistencyGuid", Special, Identity),
    row("SourceAnchor", "objectGUID", Special, Identity),
    row("UserPrincipalName", "userPrincipalName", Special, Identity),
    row(
        "OnPremisesUserPrincipalName",
        "userPrincipalName",
        Direct,
        OnPremisesUserPrincipalName,
    ),
    row(
        "OnPremisesSamAccountName",
        "sAMAccountName",
        Direct,
        SamAccountName,
    ),
    row(
        "OnPremiseSecurityIdentifier",
        "objectSid",
        Special,
        SecurityIdentifier,
    ),
    row(
        "OnPremisesDistinguishedName",
        "distinguishedName",
        Direct,
        DistinguishedName,
    ),
    row("CommonName", "cn", Direct, Hidden),
    row("DisplayName", "displayName", Direct, DisplayName),
    row("GivenName", "givenName", Trim, Property("givenName")),
    row("Surname", "sn", Direct, Property("surname")),
    row("Initials", "initials", Direct, Hidden),
    row("Alias", "mailNickname", Special, Identity),
    row("Mail", "mail", Direct, Mail),
    row("ProxyAddresses", "proxyAddresses", All, ProxyAddresses),
    row("TargetAddress", "targetAddress", Direct, Hidden),
    row("LegacyExchangeDN", "legacyExchangeDN", Direct, Hidden),
    row("Country", "co", Direct, Property("country")),
    row("CountryCode", "countryCode", Direct, Hidden),
    row("CountryLetterCode", "c", Direct, Hidden),
    row("City", "l", Direct, Property("city")),
    row("State", "st", Direct, Property("state")),
    row(
        "StreetAddress",
        "streetAddress",
        Direct,
        Property("streetAddress"),
    ),
    row("PostalCode", "postalCode", Direct, Property("postalCode")),
    row(
        "LastPasswordChangeTimestamp",
        "pwdLastSet",
        Special,
        LastPasswordChange,
    ),
];

/// `group` to `Group`.
pub const GROUP: &[Mapping] = &[
    row("SourceAnchor", "mS-DS-ConsistencyGuid", Special, Identity),
    row("SourceAnchor", "objectGUID", Special, Identity),
    row("CommonName", "cn", Direct, Hidden),
    row("DisplayName", "displayName", Special, DisplayName),
    row("Description", "description", Direct, Description),
    row("Mail", "mail", Direct, Mail),
    row("Alias", "mailNickname", Direct, MailNickname),
    row("ProxyAddresses", "proxyAddresses", All, ProxyAddresses),
    row("SecurityEnabled", "groupType", Special, SecurityEnabled),
    row(
        "OnPremiseSecurityIdentifier",
        "objectSid",
        Special,
        SecurityIdentifier,
    ),
    row(
        "OnPremisesSamAccountName",
        "sAMAccountName",
        Direct,
        SamAccountName,
    ),
];

/// `ExtensionAttribute1` to `15`, of users and groups alike: `Trim([extensionAttributeN])`.
pub const EXTENSIONS: [Mapping; 15] = [
    extension("ExtensionAttribute1", "extensionAttribute1"),
    extension("ExtensionAttribute2", "extensionAttribute2"),
    extension("ExtensionAttribute3", "extensionAttribute3"),
    extension("ExtensionAttribute4", "extensionAttribute4"),
    extension("ExtensionAttribute5", "extensionAttribute5"),
    extension("ExtensionAttribute6", "extensionAttribute6"),
    extension("ExtensionAttribute7", "extensionAttribute7"),
    extension("ExtensionAttribute8", "extensionAttribute8"),
    extension("ExtensionAttribute9", "extensionAttribute9"),
    extension("ExtensionAttribute10", "extensionAttribute10"),
    extension("ExtensionAttribute11", "extensionAttribute11"),
    extension("ExtensionAttribute12", "extensionAttribute12"),
    extension("ExtensionAttribute13", "extensionAttribute13"),
    extension("ExtensionAttribute14", "extensionAttribute14"),
    extension("ExtensionAttribute15", "extensionAttribute15"),
];

const fn extension(target: &'static str, source: &'static str) -> Mapping {
    row(target, source, Trim, Extension(source))
}

/// Attributes that decide the scope and the references rather than a property (CS 5.8, 5.10).
const BESIDES: [&str; 5] = [
    "isCriticalSystemObject",
    "adminDescription",
    "distinguishedName",
    "member",
    "manager",
];

/// Names of every attribute that a job asks the agent for, each once, in a fixed order.
#[must_use]
pub fn requested_attributes() -> Vec<String> {
    let mapped = USER.iter().chain(GROUP).chain(&EXTENSIONS).map(|m| m.source);
    let mut names: Vec<String> = mapped.chain(BESIDES).map(str::to_owned).collect();
    names.sort_by_key(|name| name.to_lowercase());
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_every_attribute_once() {
        let names = requested_attributes();
        let mut unique = names.clone();
        unique.dedup_by_key(|n| n.to_lowercase());
        assert_eq!(names, unique);
        for needed in [
            "objectGUID",
            "mS-DS-ConsistencyGuid",
            "member",
            "manager",
            "isCriticalSystemObject",
            "extensionAttribute15",
        ] {
            assert!(names.iter().any(|n| n == needed), "{needed}");
        }
    }
}
