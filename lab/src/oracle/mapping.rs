//! What becomes of which attribute: the default table of CS 5.10, as far as Graph shows the result, and what an
//! administrator has changed of it (CS 5.9).

use super::{Kind, Mapping, Settings, Source, expression, reading::Properties, settings::From};

/// Bit of `userAccountControl` that disables an account.
const DISABLED: i64 = 0x2;
/// Bit of `groupType` that makes a security group; the whole is a signed number of 32 bits.
const SECURITY: i64 = 0x8000_0000;

/// What flows into a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
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
struct Row {
    /// Target attribute as the product calls it.
    target: &'static str,
    /// Property of Graph that shows it; after a `~` the name of one that a dump does not show.
    shown: &'static str,
    /// What flows.
    flow: Flow,
    /// Whether it is one of Entra Connect's that are assumed to be shared (†).
    assumed: bool,
}

const fn row(target: &'static str, shown: &'static str, flow: Flow) -> Row {
    Row {
        target,
        shown,
        flow,
        assumed: false,
    }
}

const fn assumed(target: &'static str, shown: &'static str, flow: Flow) -> Row {
    Row {
        assumed: true,
        ..row(target, shown, flow)
    }
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
    assumed("TelephoneNumber", "businessPhones", Direct("telephoneNumber")),
    assumed("Facsimile", "faxNumber", Direct("facsimileTelephoneNumber")),
    assumed("Mobile", "mobilePhone", Direct("mobile")),
    assumed(
        "PhysicalDeliveryOfficeName",
        "officeLocation",
        Direct("physicalDeliveryOfficeName"),
    ),
    assumed("Department", "department", Direct("department")),
    assumed("Company", "companyName", Direct("company")),
    assumed("JobTitle", "jobTitle", Direct("title")),
    assumed("EmployeeId", "employeeId", Direct("employeeID")),
    // What Graph does not show is written all the same.
    row("CommonName", "~CommonName", Direct("cn")),
    row(
        "OnPremiseSecurityIdentifier",
        "~OnPremiseSecurityIdentifier",
        Direct("objectSid"),
    ),
    row("Initials", "~Initials", Direct("initials")),
    row("TargetAddress", "~TargetAddress", Direct("targetAddress")),
    row(
        "LegacyExchangeDN",
        "~LegacyExchangeDN",
        Direct("legacyExchangeDN"),
    ),
    row("CountryCode", "~CountryCode", Direct("countryCode")),
    row("CountryLetterCode", "~CountryLetterCode", Direct("c")),
    row(
        "LastPasswordChangeTimestamp",
        "~LastPasswordChangeTimestamp",
        Direct("pwdLastSet"),
    ),
    assumed("UsageLocation", "~UsageLocation", Direct("msExchUsageLocation")),
    assumed(
        "PreferredDataLocation",
        "~PreferredDataLocation",
        Direct("preferredDataLocation"),
    ),
    assumed("Pager", "~Pager", Direct("pager")),
    assumed("HomePhone", "~HomePhone", Direct("homePhone")),
    assumed("Info", "~Info", Direct("info")),
    assumed("Description", "~Description", Direct("description")),
    assumed("WwwHomePage", "~WwwHomePage", Direct("wWWHomePage")),
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
    row("", "mailEnabled", HasMail),
    row("SecurityEnabled", "securityEnabled", Security),
    row("CommonName", "~CommonName", Direct("cn")),
    row("Alias", "~Alias", Direct("mailNickname")),
    row("ProxyAddresses", "~ProxyAddresses", All("proxyAddresses")),
    row(
        "OnPremiseSecurityIdentifier",
        "~OnPremiseSecurityIdentifier",
        Direct("objectSid"),
    ),
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
fn rows(kind: Kind) -> impl Iterator<Item = Row> {
    let own = match kind {
        Kind::User => USER,
        Kind::Group => GROUP,
    };
    let extensions = EXTENSIONS.map(|name| row(name, name, Trimmed(name)));
    own.iter().copied().chain(extensions)
}

/// Every property that an object should show, by its Graph name; one without a value is an empty list. `had` is what it
/// showed before, if it was there.
///
/// # Errors
/// A mapping that cannot be evaluated, in words.
pub(super) fn properties(
    settings: &Settings,
    source: &Source,
    had: Option<&Properties>,
) -> Result<Properties, String> {
    let mut all = Properties::new();
    let applies = |row: &Row| !row.assumed || settings.assumes("connect-default-attributes");
    for row in rows(source.kind).filter(applies) {
        let before = had.map(|had| had.get(row.shown).cloned().unwrap_or_default());
        let values = match settings.mappings.get(&(source.kind, row.target.to_lowercase())) {
            None => values(row.flow, source),
            // What is not mapped is left as it is.
            Some(None) => before.unwrap_or_default(),
            Some(Some(mapping)) => mapped(mapping, source, before.as_ref())?,
        };
        all.insert(row.shown.to_owned(), values);
    }
    Ok(all)
}

fn mapped(mapping: &Mapping, source: &Source, before: Option<&Vec<String>>) -> Result<Vec<String>, String> {
    if let Some(before) = before.filter(|_| mapping.only_at_creation) {
        return Ok(before.clone());
    }
    let value = match &mapping.from {
        From::Attribute(name) => source.first(name).map(str::to_owned),
        From::Constant(text) => Some(text.clone()),
        From::Expression(text) => expression::evaluate(text, &|name| source.first(name).map(str::to_owned))?,
    };
    let value = value.filter(|value| !value.is_empty());
    let default = || {
        let is_new = before.is_none();
        // It was given at creation, and the source has still nothing else to say (inferred).
        let stays = before.is_some_and(|before| before.first() == mapping.default.as_ref());
        mapping.default.clone().filter(|_| is_new || stays)
    };
    Ok(value.or_else(default).into_iter().collect())
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
    #![allow(clippy::unwrap_used)]
    use super::super::testing::{group, user};
    use super::*;

    fn shown(source: &Source, name: &str) -> Vec<String> {
        properties(&Settings::default(), source, None)
            .unwrap()
            .remove(name)
            .unwrap_or_default()
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

    #[test]
    fn mappings_of_an_administrator_go_before_the_table() {
        let ann = |city: &'static str| user("ann", &[("l", city)]);
        let settings = |from: From, only_at_creation| {
            let mapping = Mapping {
                from,
                default: Some("nowhere".into()),
                only_at_creation,
            };
            let mut settings = Settings::default();
            settings
                .mappings
                .insert((Kind::User, "city".into()), Some(mapping));
            settings
        };
        let city = |settings: &Settings, source: &Source, had: Option<&Properties>| {
            properties(settings, source, had).unwrap().remove("city").unwrap()
        };
        let upper = settings(From::Expression("ToUpper([l])".into()), false);
        assert_eq!(city(&upper, &ann("Ulm"), None), ["ULM"]);
        assert_eq!(city(&upper, &ann(""), None), ["nowhere"]);
        let had = Properties::from([("city".to_owned(), vec!["ULM".to_owned()])]);
        assert!(city(&upper, &ann(""), Some(&had)).is_empty());
        let once = settings(From::Attribute("l".into()), true);
        assert_eq!(city(&once, &ann("Bern"), Some(&had)), ["ULM"]);
        assert_eq!(city(&once, &ann("Bern"), None), ["Bern"]);
    }
}
