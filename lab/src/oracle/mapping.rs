//! What becomes of which attribute: the default table of CS 5.10, as far as Graph shows the result.

use std::collections::BTreeMap;

use super::{Kind, Source};

/// Bit of `userAccountControl` that disables an account.
const DISABLED: i64 = 0x2;
/// Bit of `groupType` that makes a security group; the whole is a signed number of 32 bits.
const SECURITY: i64 = 0x8000_0000;

/// What flows into a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    /// The attribute's value.
    Direct(&'static str),
    /// The same without white space at its ends.
    Trimmed(&'static str),
    /// Every value.
    All(&'static str),
    /// The first of two attributes that has a value.
    Either(&'static str, &'static str),
    /// Whether an account is enabled.
    Enabled,
    /// Whether a group grants access.
    Security,
    /// Whether a group has an address.
    HasMail,
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    /// Target attribute as the product calls it.
    pub(super) target: &'static str,
    /// Property of Graph that shows it.
    pub(super) shown: &'static str,
    /// What flows.
    pub(super) flow: Flow,
}

const fn row(target: &'static str, shown: &'static str, flow: Flow) -> Row {
    Row { target, shown, flow }
}

use Flow::{All, Direct, Either, Enabled, HasMail, Security, Trimmed};

/// User principal name and mail nickname have rules of their own ([`super::Names`]), manager and members are references.
const USER: &[Row] = &[
    row("AccountEnabled", "accountEnabled", Enabled),
    row(
        "OnPremisesUserPrincipalName",
        "onPremisesUserPrincipalName",
        Direct("userPrincipalName"),
    ),
    row(
        "OnPremisesSamAccountName",
        "onPremisesSamAccountName",
        Direct("sAMAccountName"),
    ),
    row("DisplayName", "displayName", Direct("displayName")),
    row("GivenName", "givenName", Trimmed("givenName")),
    row("Surname", "surname", Direct("sn")),
    row("Mail", "mail", Direct("mail")),
    row("ProxyAddresses", "proxyAddresses", All("proxyAddresses")),
    row("Country", "country", Direct("co")),
    row("City", "city", Direct("l")),
    row("State", "state", Direct("st")),
    row("StreetAddress", "streetAddress", Direct("streetAddress")),
    row("PostalCode", "postalCode", Direct("postalCode")),
];

const GROUP: &[Row] = &[
    // A group without a display name is called by its cn (the rule of Entra Connect, inferred).
    row("DisplayName", "displayName", Either("displayName", "cn")),
    row(
        "OnPremisesSamAccountName",
        "onPremisesSamAccountName",
        Direct("sAMAccountName"),
    ),
    row("Description", "description", Direct("description")),
    row("Mail", "mail", Direct("mail")),
    row("Mail", "mailEnabled", HasMail),
    row("SecurityEnabled", "securityEnabled", Security),
];

/// `ExtensionAttribute1` to `15`, of users and groups.
const EXTENSIONS: [&str; 15] = [
    "extensionAttribute1",
    "extensionAttribute2",
    "extensionAttribute3",
    "extensionAttribute4",
    "extensionAttribute5",
    "extensionAttribute6",
    "extensionAttribute7",
    "extensionAttribute8",
    "extensionAttribute9",
    "extensionAttribute10",
    "extensionAttribute11",
    "extensionAttribute12",
    "extensionAttribute13",
    "extensionAttribute14",
    "extensionAttribute15",
];

/// The rows of a kind.
pub(super) fn rows(kind: Kind) -> impl Iterator<Item = Row> {
    let own = match kind {
        Kind::User => USER,
        Kind::Group => GROUP,
    };
    let extensions = EXTENSIONS.map(|name| row(name, name, Trimmed(name)));
    own.iter().copied().chain(extensions)
}

/// Every property that an object should show, by its Graph name; one without a value is an empty list.
pub(super) fn properties(source: &Source) -> BTreeMap<String, Vec<String>> {
    rows(source.kind)
        .map(|row| (row.shown.to_owned(), values(row.flow, source)))
        .collect()
}

fn values(flow: Flow, source: &Source) -> Vec<String> {
    let one = |value: Option<&str>| value.filter(|value| !value.is_empty()).map(str::to_owned);
    let flag = |on: bool| vec![on.to_string()];
    let number = |name| source.first(name).and_then(|text| text.parse::<i64>().ok());
    match flow {
        Direct(name) => one(source.first(name)).into_iter().collect(),
        Trimmed(name) => one(source.first(name).map(str::trim)).into_iter().collect(),
        Either(name, other) => one(source.first(name).or_else(|| source.first(other)))
            .into_iter()
            .collect(),
        All(name) => {
            let mut all = source.all(name).to_vec();
            all.sort();
            all
        }
        Enabled => flag(number("userAccountControl").is_none_or(|flags| flags & DISABLED == 0)),
        Security => flag(number("groupType").is_none_or(|kind| kind & SECURITY != 0)),
        HasMail => flag(source.first("mail").is_some()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{group, user};
    use super::*;

    fn shown(source: &Source, name: &str) -> Vec<String> {
        properties(source).remove(name).unwrap_or_default()
    }

    #[test]
    fn values_flow_as_the_table_says() {
        let ann = user(
            "ann",
            &[
                ("givenName", " Ann "),
                ("l", "Ulm"),
                ("userAccountControl", "514"),
            ],
        );
        assert_eq!(shown(&ann, "givenName"), ["Ann"]);
        assert_eq!(shown(&ann, "city"), ["Ulm"]);
        assert_eq!(shown(&ann, "accountEnabled"), ["false"]);
        assert!(shown(&ann, "surname").is_empty());
        let staff = group("staff", &[("cn", "Staff"), ("groupType", "-2147483646")]);
        assert_eq!(shown(&staff, "displayName"), ["Staff"]);
        assert_eq!(shown(&staff, "securityEnabled"), ["true"]);
        assert_eq!(shown(&staff, "mailEnabled"), ["false"]);
    }
}
