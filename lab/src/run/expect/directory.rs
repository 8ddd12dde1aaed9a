//! Expectations about directories.

use std::collections::BTreeSet;

use provlab_directory::control::DumpedEntry;
use provlab_protocol::dn::Dn;
use serde_json::Value;

use super::{Found, Parts, equal, first, is_class, values};
use crate::scenario::{Expectation, Located};

pub(super) fn gmsa(tree: &[DumpedEntry], domain: &str, name: &str, allowed: &[Located<String>]) -> Found {
    let account = tree
        .iter()
        .find(|entry| first(entry, "sAMAccountName").eq_ignore_ascii_case(name));
    let Some(account) = account else {
        return Err((
            format!("a gMSA {name}"),
            format!("{domain} has none of that name"),
        ));
    };
    let mut actual: Vec<String> = first(account, "msDS-GroupMSAMembership")
        .split_whitespace()
        .map(|name| name.trim_end_matches('$').to_lowercase())
        .collect();
    actual.sort();
    let mut wanted: Vec<String> = allowed.iter().map(|host| host.value.to_lowercase()).collect();
    wanted.sort();
    equal(
        &format!("hosts that may retrieve the password of {name}:"),
        &wanted.join(", "),
        &actual.join(", "),
    )
}

pub(super) fn gmsa_count(tree: &[DumpedEntry], count: u64) -> Found {
    let accounts = tree
        .iter()
        .filter(|entry| is_class(entry, "msDS-GroupManagedServiceAccount"))
        .count();
    equal(
        "group managed service accounts:",
        &count.to_string(),
        &accounts.to_string(),
    )
}

/// The object that a scenario calls so: by account name, distinguished name, common name or display name.
fn find<'a>(tree: &'a [DumpedEntry], name: &str) -> Option<&'a DumpedEntry> {
    let account = name.split_once('\\').map(|(_, account)| account);
    if let Some(account) = account {
        return tree
            .iter()
            .find(|entry| first(entry, "sAMAccountName").eq_ignore_ascii_case(account));
    }
    if let Ok(dn) = name.parse::<Dn>()
        && name.contains('=')
    {
        return tree.iter().find(|entry| entry.dn.parse() == Ok(dn.clone()));
    }
    ["sAMAccountName", "cn", "displayName"]
        .iter()
        .find_map(|attribute| {
            tree.iter().find(|entry| {
                values(entry, attribute)
                    .iter()
                    .any(|value| value.eq_ignore_ascii_case(name))
            })
        })
}

pub(super) fn object(tree: &[DumpedEntry], expectation: &Expectation) -> Found {
    let Expectation::DirectoryObject {
        domain,
        object,
        absent,
        below,
        members,
        has,
    } = expectation
    else {
        return Ok(());
    };
    let of = format!("the object {object} of {}", domain.value);
    let word = |absent: bool| if absent { "absent" } else { "present" };
    let mut parts = Parts::default();
    let found = find(tree, object);
    parts.must("", word(*absent), word(found.is_none()));
    let Some(entry) = found else {
        return parts.judged(&of);
    };
    if let Some(below) = below {
        let parent = entry
            .dn
            .parse()
            .ok()
            .and_then(|dn: Dn| dn.parent())
            .unwrap_or_default();
        let wanted: Dn = below.parse().unwrap_or_default();
        let same = parent == wanted;
        parts.must(
            "below",
            below,
            if same { below.clone() } else { parent.to_string() },
        );
    }
    if let Some(members) = members {
        let wanted: BTreeSet<String> = members.iter().map(|member| account_of(member)).collect();
        let actual = values(entry, "member").iter().map(|dn| member_name(tree, dn));
        parts.must("members", joined(wanted), joined(actual.collect()));
    }
    for (name, wanted) in has {
        let wanted: BTreeSet<String> = match wanted {
            Value::Array(all) => all.iter().map(super::shown).collect(),
            Value::Null => BTreeSet::new(),
            one => BTreeSet::from([super::shown(one)]),
        };
        let actual = values(entry, name).iter().cloned().collect();
        parts.must(name, quoted(wanted), quoted(actual));
    }
    parts.judged(&of)
}

fn account_of(name: &str) -> String {
    name.split_once('\\')
        .map_or(name, |(_, account)| account)
        .to_lowercase()
}

/// The account name of a member; its distinguished name where it has none or is not shown.
fn member_name(tree: &[DumpedEntry], dn: &str) -> String {
    let entry = tree.iter().find(|entry| entry.dn.eq_ignore_ascii_case(dn));
    let account = entry
        .map(|entry| first(entry, "sAMAccountName"))
        .filter(|name| !name.is_empty());
    account.unwrap_or(dn).to_lowercase()
}

fn joined(names: BTreeSet<String>) -> String {
    names.into_iter().collect::<Vec<_>>().join(" ")
}

fn quoted(values: BTreeSet<String>) -> String {
    let values: Vec<String> = values.into_iter().map(|value| format!("\"{value}\"")).collect();
    if values.is_empty() {
        "nothing".to_owned()
    } else {
        values.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use provlab_directory::control::Attributes;
    use serde_json::json;

    use super::*;

    fn entry(dn: &str, attributes: &[(&str, &[&str])]) -> DumpedEntry {
        let attributes = attributes.iter().map(|(name, values)| {
            let values = values.iter().map(|value| (*value).to_owned()).collect();
            ((*name).to_owned(), values)
        });
        DumpedEntry {
            dn: dn.to_owned(),
            attributes: Attributes::from_iter(attributes),
        }
    }

    fn expected(object: &str, members: Option<&[&str]>, has: &[(&str, Value)]) -> Expectation {
        Expectation::DirectoryObject {
            domain: Located::unplaced("contoso.com".to_owned()),
            object: object.to_owned(),
            absent: false,
            below: Some("ou=sales,dc=contoso,dc=com".to_owned()),
            members: members.map(|names| {
                names
                    .iter()
                    .map(|name| Located::unplaced((*name).to_owned()))
                    .collect()
            }),
            has: has
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect(),
        }
    }

    #[test]
    fn an_object_is_found_by_any_of_its_names_and_told_part_by_part() {
        let ada = "CN=Ada,OU=Sales,DC=contoso,DC=com";
        let tree = [
            entry(ada, &[("sAMAccountName", &["ada"])]),
            entry(
                "CN=Team_x,OU=Sales,DC=contoso,DC=com",
                &[
                    ("cn", &["Team_x"]),
                    ("sAMAccountName", &["$1"]),
                    ("displayName", &["Team"]),
                    ("member", &[ada]),
                ],
            ),
        ];
        for name in [
            "Team",
            "team_X",
            "cn=team_x, ou=sales, dc=contoso, dc=com",
            "CONTOSO\\$1",
        ] {
            let wish = expected(
                name,
                Some(&["CONTOSO\\Ada"]),
                &[("displayname", json!("Team")), ("mail", json!([]))],
            );
            assert_eq!(object(&tree, &wish), Ok(()), "{name}");
        }
        let told = object(&tree, &expected("Team", Some(&[]), &[("mail", json!("x"))]));
        assert_eq!(
            told.err().map(|(_, actual)| actual),
            Some("present, below ou=sales,dc=contoso,dc=com, members ada, mail nothing".to_owned())
        );
        assert!(object(&tree, &expected("nobody", None, &[])).is_err());
    }
}
