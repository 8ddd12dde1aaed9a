//! Target attributes by the product's names, and where the cloud keeps them (CS 5.10, PR 10.1).
//!
//! Every value is a list of strings in the form in which the provisioning log shows it: booleans `True`/`False`, binary values in
//! base64, an empty list for no value.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use provlab_protocol::filetime::FileTime;
use provlab_protocol::sid::Sid;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

use super::super::records::ObjectKind;
use super::CloudObject;

/// The values of one target attribute; none is an empty list.
pub(in crate::engine) type Values = Vec<String>;

/// Where the cloud keeps a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    DisplayName,
    UserPrincipalName,
    Alias,
    Mail,
    ProxyAddresses,
    AccountEnabled,
    SecurityEnabled,
    Description,
    SourceAnchor,
    DistinguishedName,
    SamAccountName,
    SecurityIdentifier,
    OnPremisesUserPrincipalName,
    LastPasswordChange,
    /// A property of that name in Graph, one string.
    Graph(&'static str),
    /// A property of that name in Graph, a list.
    GraphList(&'static str),
    /// `onPremisesExtensionAttributes`.
    Extension,
    /// Written, and shown nowhere in Graph.
    Hidden,
}

/// One target attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) struct Property {
    /// The product's name.
    pub(in crate::engine) name: &'static str,
    /// Whether it has several values.
    pub(in crate::engine) multi_valued: bool,
    /// Kinds of object that have it.
    kinds: &'static [ObjectKind],
    slot: Slot,
}

const USERS: &[ObjectKind] = &[ObjectKind::User];
const GROUPS: &[ObjectKind] = &[ObjectKind::Group];
const PEOPLE: &[ObjectKind] = &[ObjectKind::User, ObjectKind::Contact];
const ALL: &[ObjectKind] = &ObjectKind::ALL;

const fn one(name: &'static str, kinds: &'static [ObjectKind], slot: Slot) -> Property {
    Property {
        name,
        multi_valued: false,
        kinds,
        slot,
    }
}

const fn many(name: &'static str, kinds: &'static [ObjectKind], slot: Slot) -> Property {
    Property {
        name,
        multi_valued: true,
        kinds,
        slot,
    }
}

/// Every target attribute but the extension attributes and directory extensions.
pub(in crate::engine) const PROPERTIES: &[Property] = &[
    one("AccountEnabled", USERS, Slot::AccountEnabled),
    one("SourceAnchor", ALL, Slot::SourceAnchor),
    one("UserPrincipalName", USERS, Slot::UserPrincipalName),
    one(
        "OnPremisesUserPrincipalName",
        USERS,
        Slot::OnPremisesUserPrincipalName,
    ),
    one("OnPremisesSamAccountName", ALL, Slot::SamAccountName),
    one("OnPremiseSecurityIdentifier", ALL, Slot::SecurityIdentifier),
    one("OnPremisesDistinguishedName", ALL, Slot::DistinguishedName),
    one("CommonName", ALL, Slot::Hidden),
    one("DisplayName", ALL, Slot::DisplayName),
    one("GivenName", PEOPLE, Slot::Graph("givenName")),
    one("Surname", PEOPLE, Slot::Graph("surname")),
    one("Initials", PEOPLE, Slot::Hidden),
    one("Alias", ALL, Slot::Alias),
    one("Mail", ALL, Slot::Mail),
    many("ProxyAddresses", ALL, Slot::ProxyAddresses),
    one("TargetAddress", PEOPLE, Slot::Hidden),
    one("LegacyExchangeDN", PEOPLE, Slot::Hidden),
    one("Country", PEOPLE, Slot::Graph("country")),
    one("CountryCode", PEOPLE, Slot::Hidden),
    one("CountryLetterCode", PEOPLE, Slot::Hidden),
    one("City", PEOPLE, Slot::Graph("city")),
    one("State", PEOPLE, Slot::Graph("state")),
    one("StreetAddress", PEOPLE, Slot::Graph("streetAddress")),
    one("PostalCode", PEOPLE, Slot::Graph("postalCode")),
    one("LastPasswordChangeTimestamp", USERS, Slot::LastPasswordChange),
    many("TelephoneNumber", PEOPLE, Slot::GraphList("businessPhones")),
    one("Facsimile", PEOPLE, Slot::Graph("faxNumber")),
    one("Mobile", PEOPLE, Slot::Graph("mobilePhone")),
    one(
        "PhysicalDeliveryOfficeName",
        PEOPLE,
        Slot::Graph("officeLocation"),
    ),
    one("Department", PEOPLE, Slot::Graph("department")),
    one("Company", PEOPLE, Slot::Graph("companyName")),
    one("JobTitle", PEOPLE, Slot::Graph("jobTitle")),
    one("EmployeeId", USERS, Slot::Graph("employeeId")),
    one("EmployeeNumber", USERS, Slot::Hidden),
    one("UsageLocation", USERS, Slot::Graph("usageLocation")),
    one("PreferredDataLocation", ALL, Slot::Graph("preferredDataLocation")),
    one("PreferredLanguage", PEOPLE, Slot::Graph("preferredLanguage")),
    one("UserType", USERS, Slot::Graph("userType")),
    one("Pager", PEOPLE, Slot::Hidden),
    one("HomePhone", PEOPLE, Slot::Hidden),
    one("Info", ALL, Slot::Hidden),
    one("Description", PEOPLE, Slot::Hidden),
    one("Description", GROUPS, Slot::Description),
    one("WwwHomePage", PEOPLE, Slot::Hidden),
    one("SecurityEnabled", GROUPS, Slot::SecurityEnabled),
];

const EXTENSION: Property = one("", ALL, Slot::Extension);
const DIRECTORY_EXTENSION: Property = one("", ALL, Slot::Hidden);

/// `ExtensionAttribute1` to `ExtensionAttribute15`.
fn extension_number(name: &str) -> Option<u8> {
    let number = name
        .get(..18)?
        .eq_ignore_ascii_case("ExtensionAttribute")
        .then(|| name.get(18..))??;
    number
        .parse()
        .ok()
        .filter(|n| (1..=15).contains(n) && !number.starts_with('0'))
}

/// Whether the name is one of a directory extension: `extension_{app id}_{attribute}` (CS 5.10).
fn is_extension(name: &str) -> bool {
    name.strip_prefix("extension_").is_some_and(|rest| {
        rest.split_once('_').is_some_and(|(app, attribute)| {
            app.len() == 32 && app.bytes().all(|b| b.is_ascii_hexdigit()) && !attribute.is_empty()
        })
    })
}

/// The property of that name, in any letter case, that objects of a kind have.
pub(in crate::engine) fn property(kind: ObjectKind, name: &str) -> Option<Property> {
    if extension_number(name).is_some() && kind != ObjectKind::Contact {
        return Some(EXTENSION);
    }
    if is_extension(name) {
        return Some(DIRECTORY_EXTENSION);
    }
    PROPERTIES
        .iter()
        .find(|p| p.kinds.contains(&kind) && p.name.eq_ignore_ascii_case(name))
        .copied()
}

fn list(value: Option<impl Into<String>>) -> Values {
    value.map(Into::into).into_iter().collect()
}

fn truth(flag: bool) -> Values {
    vec![if flag { "True" } else { "False" }.to_owned()]
}

/// Reads a property; `name` tells extension attributes and hidden ones apart.
pub(in crate::engine) fn get(object: &CloudObject, property: Property, name: &str) -> Values {
    let origin = object.on_premises();
    let kept = |read: fn(&crate::state::OnPremises) -> Option<&String>| list(origin.and_then(read));
    match property.slot {
        Slot::DisplayName => list(object.display_name()),
        Slot::Alias => list(object.mail_nickname().cloned()),
        Slot::Mail => list(object.mail().cloned()),
        Slot::ProxyAddresses => object.proxy_addresses().to_vec(),
        Slot::UserPrincipalName => match object {
            CloudObject::User(user) => {
                list(Some(user.user_principal_name.clone()).filter(|upn| !upn.is_empty()))
            }
            _ => Values::new(),
        },
        Slot::AccountEnabled => truth(object.is_enabled()),
        Slot::SecurityEnabled => match object {
            CloudObject::Group(group) => truth(group.security_enabled),
            _ => Values::new(),
        },
        Slot::Description => match object {
            CloudObject::Group(group) => list(group.description.clone()),
            _ => Values::new(),
        },
        Slot::SourceAnchor => kept(|o| o.immutable_id.as_ref()),
        Slot::DistinguishedName => kept(|o| o.distinguished_name.as_ref()),
        Slot::SamAccountName => kept(|o| o.sam_account_name.as_ref()),
        Slot::OnPremisesUserPrincipalName => kept(|o| o.user_principal_name.as_ref()),
        Slot::SecurityIdentifier => {
            let sid = origin.and_then(|o| o.security_identifier.as_ref());
            list(sid.map(|sid| {
                sid.parse::<Sid>()
                    .map_or_else(|_| sid.clone(), |sid| STANDARD.encode(sid.to_bytes()))
            }))
        }
        Slot::Graph(graph) => list(object.properties().get(graph).and_then(Value::as_str)),
        Slot::GraphList(graph) => {
            let values = object.properties().get(graph).and_then(Value::as_array);
            values
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect()
        }
        Slot::Extension => list(origin.and_then(|o| o.extension_attributes.get(&lower_first(name)))),
        Slot::Hidden | Slot::LastPasswordChange => origin
            .and_then(|o| o.hidden.get(name))
            .cloned()
            .unwrap_or_default(),
    }
}

/// Writes a property; an empty list clears it.
pub(in crate::engine) fn set(object: &mut CloudObject, property: Property, name: &str, values: Values) {
    let first = || values.first().cloned();
    match property.slot {
        Slot::DisplayName => object.set_display_name(first()),
        Slot::Alias => object.set_mail_nickname(first()),
        Slot::Mail => object.set_mail(first()),
        Slot::ProxyAddresses => *object.proxy_addresses_mut() = values,
        Slot::UserPrincipalName => {
            if let CloudObject::User(user) = object {
                user.user_principal_name = first().unwrap_or_default();
            }
        }
        Slot::AccountEnabled => {
            if let CloudObject::User(user) = object {
                user.account_enabled = is_true(&values);
            }
        }
        Slot::SecurityEnabled => {
            if let CloudObject::Group(group) = object {
                group.security_enabled = is_true(&values);
            }
        }
        Slot::Description => {
            if let CloudObject::Group(group) = object {
                group.description = first();
            }
        }
        Slot::SourceAnchor => object.on_premises_mut().immutable_id = first(),
        Slot::DistinguishedName => object.on_premises_mut().distinguished_name = first(),
        Slot::SamAccountName => object.on_premises_mut().sam_account_name = first(),
        Slot::OnPremisesUserPrincipalName => object.on_premises_mut().user_principal_name = first(),
        Slot::SecurityIdentifier => {
            object.on_premises_mut().security_identifier = first().and_then(|value| sid_text(&value));
        }
        Slot::Graph(graph) => match first() {
            Some(value) => drop(
                object
                    .properties_mut()
                    .insert(graph.to_owned(), Value::String(value)),
            ),
            None => drop(object.properties_mut().remove(graph)),
        },
        Slot::GraphList(graph) => {
            if values.is_empty() {
                object.properties_mut().remove(graph);
            } else {
                let values = values.into_iter().map(Value::String).collect();
                object
                    .properties_mut()
                    .insert(graph.to_owned(), Value::Array(values));
            }
        }
        Slot::Extension => {
            let attributes = &mut object.on_premises_mut().extension_attributes;
            match first() {
                Some(value) => drop(attributes.insert(lower_first(name), value)),
                None => drop(attributes.remove(&lower_first(name))),
            }
        }
        Slot::LastPasswordChange => {
            let graph = "lastPasswordChangeDateTime";
            match first()
                .and_then(|value| timestamp_time(&value))
                .and_then(|at| at.format(&Rfc3339).ok())
            {
                Some(at) => drop(
                    object
                        .properties_mut()
                        .insert(graph.to_owned(), Value::String(at)),
                ),
                None => drop(object.properties_mut().remove(graph)),
            }
            hide(object, name, values);
        }
        Slot::Hidden => hide(object, name, values),
    }
}

fn hide(object: &mut CloudObject, name: &str, values: Values) {
    let hidden = &mut object.on_premises_mut().hidden;
    if values.is_empty() {
        hidden.remove(name);
    } else {
        hidden.insert(name.to_owned(), values);
    }
}

fn is_true(values: &[String]) -> bool {
    values
        .first()
        .is_none_or(|value| value.eq_ignore_ascii_case("true"))
}

/// `ExtensionAttribute1` as Graph writes it: `extensionAttribute1`.
fn lower_first(name: &str) -> String {
    let mut letters = name.chars();
    letters
        .next()
        .map(|first| first.to_lowercase().chain(letters).collect())
        .unwrap_or_default()
}

/// A SID as a string, from base64 of its binary form.
fn sid_text(value: &str) -> Option<String> {
    if value.starts_with("S-") {
        return Some(value.to_owned());
    }
    Some(Sid::from_bytes(&STANDARD.decode(value).ok()?).ok()?.to_string())
}

impl Property {
    /// The values in the form in which [`get`] gives them back, so that what did not change is seen to be the same.
    pub(in crate::engine) fn normalized(self, mut values: Values) -> Values {
        values.retain(|value| !value.is_empty());
        if !self.multi_valued {
            values.truncate(1);
        }
        match self.slot {
            Slot::LastPasswordChange => values.iter().filter_map(|v| timestamp(v)).collect(),
            Slot::AccountEnabled | Slot::SecurityEnabled => truth(is_true(&values)),
            Slot::SecurityIdentifier => values.into_iter().filter(|v| sid_text(v).is_some()).collect(),
            _ => values,
        }
    }
}

/// A FILETIME as the product writes `LastPasswordChangeTimestamp`: `yyyyMMddHHmmss.0Z` (PR 10.1). 0 means "must change" and is no time.
fn timestamp(value: &str) -> Option<String> {
    if value.ends_with(".0Z") {
        return Some(value.to_owned());
    }
    let ticks = value.parse().ok().filter(|ticks| *ticks != 0)?;
    let format = format_description!("[year][month][day][hour][minute][second].0Z");
    FileTime(ticks).to_datetime().ok()?.format(&format).ok()
}

fn timestamp_time(value: &str) -> Option<OffsetDateTime> {
    let format = format_description!("[year][month][day][hour][minute][second].0Z");
    time::PrimitiveDateTime::parse(value, &format)
        .ok()
        .map(time::PrimitiveDateTime::assume_utc)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use uuid::Uuid;

    use super::*;

    fn object(kind: ObjectKind) -> CloudObject {
        CloudObject::new(kind, Uuid::nil(), Uuid::from_u128(1), OffsetDateTime::UNIX_EPOCH)
    }

    /// The check values of PR 10.1.
    #[test]
    fn values_of_the_directory_become_values_of_graph() {
        assert_eq!(timestamp("132772253564048004").unwrap(), "20210927140916.0Z");
        assert_eq!(timestamp("0"), None);
        assert_eq!(
            sid_text("AQUAAAAAAAUVAAAAAQAAAAIAAAADAAAA6AMAAA==").unwrap(),
            "S-1-5-21-1-2-3-1000"
        );
        let mut user = object(ObjectKind::User);
        let changed = property(ObjectKind::User, "LastPasswordChangeTimestamp").unwrap();
        let values = changed.normalized(vec!["132772253564048004".to_owned()]);
        set(&mut user, changed, "LastPasswordChangeTimestamp", values.clone());
        assert_eq!(
            user.properties()["lastPasswordChangeDateTime"],
            "2021-09-27T14:09:16Z"
        );
        assert_eq!(get(&user, changed, "LastPasswordChangeTimestamp"), values);
    }

    /// What is written reads back the same, and an empty list takes it away: for every property of every kind.
    #[test]
    fn every_property_reads_back_what_was_written() {
        let sample = |property: Property| match property.slot {
            Slot::AccountEnabled | Slot::SecurityEnabled => vec!["False".to_owned()],
            Slot::SecurityIdentifier => vec!["AQUAAAAAAAUVAAAAAQAAAAIAAAADAAAA6AMAAA==".to_owned()],
            Slot::LastPasswordChange => vec!["20210927140916.0Z".to_owned()],
            _ if property.multi_valued => vec!["a".to_owned(), "b".to_owned()],
            _ => vec!["value".to_owned()],
        };
        for kind in ObjectKind::ALL {
            let extensions = [
                "ExtensionAttribute7",
                "extension_0123456789abcdef0123456789abcdef_shoeSize",
            ];
            let names = PROPERTIES.iter().map(|p| p.name).chain(extensions);
            for name in names.filter(|name| property(kind, name).is_some()) {
                let property = property(kind, name).unwrap();
                let mut object = object(kind);
                let empty = get(&object, property, name);
                let values = sample(property);
                assert_eq!(property.normalized(values.clone()), values, "{name}");
                set(&mut object, property, name, values.clone());
                assert_eq!(get(&object, property, name), values, "{kind:?} {name}");
                set(&mut object, property, name, property.normalized(Vec::new()));
                assert_eq!(get(&object, property, name), empty, "{kind:?} {name}");
            }
        }
    }

    #[test]
    fn names_of_extensions() {
        assert!(property(ObjectKind::User, "extensionAttribute15").is_some());
        assert!(property(ObjectKind::User, "ExtensionAttribute16").is_none());
        assert!(property(ObjectKind::User, "ExtensionAttribute01").is_none());
        assert!(property(ObjectKind::User, "extension_abc_x").is_none());
        assert!(property(ObjectKind::Group, "GivenName").is_none());
    }
}
