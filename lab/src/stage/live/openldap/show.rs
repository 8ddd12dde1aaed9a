//! Shows a suffix in the form of `Command::Dump`, under the names that Active Directory has: what a story expects is the same on every
//! stage. Written from the documents of both, and sharing nothing with the agent.

use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ldap3::SearchEntry;
use provlab_directory::control::{Attributes, DumpedEntry, NOISE};
use provlab_protocol::dn::Dn;

use super::{
    accounts::{FOR_GOOD, LOCKED_SINCE},
    admin::{Admin, AdminError},
};

/// People and groups; nothing else is a scenario's.
const OBJECTS: &str = "(|(objectClass=inetOrgPerson)(objectClass=groupOfNames))";
/// What is read: everything but what only the server writes, and the lock.
const READ: [&str; 2] = ["*", LOCKED_SINCE];
/// Attributes that are shown under another name or not at all; hashes of passwords are never.
const NOT_SHOWN: [&str; 3] = ["uid", LOCKED_SINCE, "userPassword"];
/// `userAccountControl` of an account that is enabled, and of one that is not (PR 16.4).
const ENABLED: &str = "512";
const DISABLED: &str = "514";

/// Every person and group, by name.
pub(super) async fn dump(admin: &mut Admin) -> Result<Vec<DumpedEntry>, AdminError> {
    let nobody = admin.names().nobody();
    let found = admin.search(OBJECTS, &READ).await?;
    let mut shown: Vec<_> = found.into_iter().map(|entry| shown(entry, &nobody)).collect();
    shown.sort_by_cached_key(|entry| {
        let name: Dn = entry.dn.parse().unwrap_or_default();
        let rdns = name.rdns().iter().rev();
        rdns.map(|rdn| rdn.to_string().to_lowercase()).collect::<Vec<_>>()
    });
    Ok(shown)
}

fn shown(entry: SearchEntry, nobody: &str) -> DumpedEntry {
    let is = |class: &str| {
        let classes = entry.attrs.get("objectClass").into_iter().flatten();
        classes.into_iter().any(|found| found.eq_ignore_ascii_case(class))
    };
    let (class, account) = if is("groupOfNames") {
        ("group", "cn")
    } else {
        ("user", "uid")
    };
    let mut attributes = Attributes::new();
    let values = |name: &str| entry.attrs.get(name).cloned().unwrap_or_default();
    attributes.insert("sAMAccountName".to_owned(), values(account));
    if class == "user" {
        let disabled = values(LOCKED_SINCE).iter().any(|since| since == FOR_GOOD);
        let control = if disabled { DISABLED } else { ENABLED };
        attributes.insert("userAccountControl".to_owned(), vec![control.to_owned()]);
    }
    let binary: HashMap<String, Vec<String>> = entry
        .bin_attrs
        .into_iter()
        .map(|(name, values)| (name, values.iter().map(|value| STANDARD.encode(value)).collect()))
        .collect();
    for (name, mut values) in entry.attrs.into_iter().chain(binary) {
        let known = |known: &&str| known.eq_ignore_ascii_case(&name);
        if NOT_SHOWN.iter().chain(&NOISE).any(known) {
            continue;
        }
        match name.as_str() {
            "objectClass" => values.push(class.to_owned()),
            "member" => values.retain(|member| !member.eq_ignore_ascii_case(nobody)),
            _ => {}
        }
        values.sort();
        attributes.insert(name, values);
    }
    // `inetOrgPerson` need not have a display name; then people are called by their common name.
    if class == "user"
        && !attributes.contains_key("displayName")
        && let Some(name) = attributes.get("cn").cloned()
    {
        attributes.insert("displayName".to_owned(), name);
    }
    attributes.sort_by(|a, _, b, _| a.to_lowercase().cmp(&b.to_lowercase()));
    DumpedEntry {
        dn: entry.dn,
        attributes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(attributes: &[(&str, &[&str])]) -> DumpedEntry {
        let attrs = attributes.iter().map(|(name, values)| {
            let values = values.iter().map(|value| (*value).to_owned()).collect();
            ((*name).to_owned(), values)
        });
        let entry = SearchEntry {
            dn: "uid=ada,ou=People,dc=contoso,dc=com".to_owned(),
            attrs: attrs.collect(),
            bin_attrs: HashMap::new(),
        };
        shown(entry, "cn=nobody,dc=contoso,dc=com")
    }

    #[test]
    fn people_are_shown_as_users_and_without_their_hashes() {
        let ada = entry(&[
            ("objectClass", &["inetOrgPerson", "extensibleObject"]),
            ("uid", &["ada"]),
            ("userPassword", &["{SSHA}x"]),
            (LOCKED_SINCE, &[FOR_GOOD]),
        ]);
        let names: Vec<_> = ada.attributes.keys().map(String::as_str).collect();
        assert_eq!(names, ["objectClass", "sAMAccountName", "userAccountControl"]);
        assert_eq!(ada.attributes["userAccountControl"], [DISABLED]);
        assert!(ada.attributes["objectClass"].contains(&"user".to_owned()));
    }

    #[test]
    fn nobody_is_no_member() {
        let group = entry(&[
            ("objectClass", &["groupOfNames"]),
            ("cn", &["Sales"]),
            (
                "member",
                &[
                    "cn=nobody,dc=contoso,dc=com",
                    "uid=ada,ou=People,dc=contoso,dc=com",
                ],
            ),
        ]);
        assert_eq!(
            group.attributes["member"],
            ["uid=ada,ou=People,dc=contoso,dc=com"]
        );
        assert_eq!(group.attributes["sAMAccountName"], ["Sales"]);
    }
}
