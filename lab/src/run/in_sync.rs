//! Whether a directory and a tenant agree: a naive comparison, written from the documents and sharing nothing
//! with the provisioning engine (CS 5.8, 5.10, 5.11).

use std::collections::{BTreeMap, BTreeSet};

use provlab_directory::control::DumpedEntry;
use provlab_platform::Event;
use serde_json::Value;

use super::expect::{first, is_class};

/// Directory attribute and Graph property that carries it, for documented attributes whose value is taken as it is.
const CARRIED: [(&str, &str); 8] = [
    ("displayName", "displayName"),
    ("givenName", "givenName"),
    ("sn", "surname"),
    ("l", "city"),
    ("st", "state"),
    ("streetAddress", "streetAddress"),
    ("postalCode", "postalCode"),
    ("mail", "mail"),
];

/// `userAccountControl`: the account is disabled.
const DISABLED: u32 = 0x2;
/// How many differences a failure shows.
const SHOWN: usize = 8;

/// Everything that is different, in words.
pub(super) fn differences(tree: &[DumpedEntry], tenant: &Value, initial_domain: &str) -> Vec<String> {
    let mut found = Vec::new();
    let in_scope: Vec<&DumpedEntry> = tree.iter().filter(|entry| in_scope(entry)).collect();
    let sources: BTreeMap<String, &DumpedEntry> = in_scope
        .iter()
        .map(|entry| (first(entry, "sAMAccountName").to_lowercase(), *entry))
        .collect();
    let by_dn: BTreeMap<String, &DumpedEntry> = in_scope
        .iter()
        .map(|entry| (entry.dn.to_lowercase(), *entry))
        .collect();
    let mut targets: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for object in ["users", "groups"]
        .iter()
        .flat_map(|kind| tenant[kind].as_array().into_iter().flatten())
    {
        if object["onPremises"].is_object() && object["deleted"] != true {
            let name = object["onPremises"]["samAccountName"]
                .as_str()
                .unwrap_or_default()
                .to_lowercase();
            targets.entry(name).or_default().push(object);
        }
    }
    for (name, copies) in &targets {
        if !sources.contains_key(name) {
            found.push(format!(
                "\"{name}\" is in the tenant and not in scope of the directory"
            ));
        }
        if copies.len() > 1 {
            found.push(format!("\"{name}\" is in the tenant {} times", copies.len()));
        }
    }
    let verified: BTreeSet<String> = tenant["verifiedDomains"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|domain| domain.as_str().map(str::to_lowercase))
        .chain([initial_domain.to_lowercase()])
        .collect();
    for (name, source) in &sources {
        match targets.get(name).and_then(|copies| copies.first()) {
            None => found.push(format!("{} is not in the tenant", source.dn)),
            Some(target) if is_class(source, "group") => compare_group(source, target, &by_dn, &mut found),
            Some(target) => compare_user(source, target, &by_dn, &verified, &mut found),
        }
    }
    found
}

/// Users, contacts excepted, and groups; built-in objects are not in a dump at all (CS 5.8).
fn in_scope(entry: &DumpedEntry) -> bool {
    let user = is_class(entry, "user") && !is_class(entry, "computer");
    let replication_victim = entry.dn.contains("\\0ACNF:");
    (user || is_class(entry, "group"))
        && !replication_victim
        && first(entry, "isCriticalSystemObject") != "TRUE"
}

fn compare_user(
    source: &DumpedEntry,
    target: &Value,
    by_dn: &BTreeMap<String, &DumpedEntry>,
    verified: &BTreeSet<String>,
    found: &mut Vec<String>,
) {
    let dn = &source.dn;
    let mut differs = |what: &str, wanted: &str, actual: &str| {
        if wanted != actual {
            found.push(format!("{dn}: {what} is \"{actual}\" and should be \"{wanted}\""));
        }
    };
    for (attribute, property) in CARRIED {
        let wanted = first(source, attribute);
        if !wanted.is_empty() {
            differs(property, wanted, &text(target, property));
        }
    }
    let flags: u32 = first(source, "userAccountControl").parse().unwrap_or_default();
    let enabled = if flags & DISABLED == 0 { "true" } else { "false" };
    differs("accountEnabled", enabled, &text(target, "accountEnabled"));
    let upn = first(source, "userPrincipalName");
    let suffix = upn.rsplit('@').next().unwrap_or_default().to_lowercase();
    if verified.contains(&suffix) {
        differs("userPrincipalName", upn, &text(target, "userPrincipalName"));
    }
    let manager = by_dn
        .get(&first(source, "manager").to_lowercase())
        .map_or("", |entry| name_of(entry));
    differs("manager", manager, &text(target, "manager"));
}

fn compare_group(
    source: &DumpedEntry,
    target: &Value,
    by_dn: &BTreeMap<String, &DumpedEntry>,
    found: &mut Vec<String>,
) {
    let members = source
        .attributes
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("member"));
    let wanted: BTreeSet<&str> = members
        .into_iter()
        .flat_map(|(_, members)| members)
        .filter_map(|dn| by_dn.get(&dn.to_lowercase()))
        .map(|entry| name_of(entry))
        .collect();
    let actual: BTreeSet<&str> = target["members"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    for missing in wanted.difference(&actual) {
        found.push(format!("{}: the member {missing} is missing", source.dn));
    }
    for extra in actual.difference(&wanted) {
        found.push(format!(
            "{}: the member {extra} is there and should not be",
            source.dn
        ));
    }
}

/// What the tenant's state calls an object that others refer to.
fn name_of(entry: &DumpedEntry) -> &str {
    if is_class(entry, "group") {
        let shown = first(entry, "displayName");
        if shown.is_empty() {
            first(entry, "cn")
        } else {
            shown
        }
    } else {
        first(entry, "userPrincipalName")
    }
}

fn text(object: &Value, property: &str) -> String {
    match object
        .get(property)
        .or_else(|| object["properties"].get(property))
        .unwrap_or(&Value::Null)
    {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Objects of a tenant that were added again without having been deleted in between.
pub(super) fn exported_twice(events: &[Event], tenant: &str) -> Vec<String> {
    let mut there: BTreeSet<String> = BTreeSet::new();
    let mut twice = Vec::new();
    for event in events.iter().filter(|event| event.name == "job.export") {
        let field = |name: &str| event.fields.get(name).and_then(Value::as_str).unwrap_or_default();
        if !field("tenant").is_empty() && !field("tenant").eq_ignore_ascii_case(tenant) {
            continue;
        }
        let object = format!("{} {}", field("type"), field("name"));
        match field("action").to_lowercase().as_str() {
            "add" | "create" if !there.insert(object.clone()) => {
                twice.push(format!("{object} was added twice"));
            }
            "delete" | "soft-delete" | "softdelete" => {
                there.remove(&object);
            }
            _ => {}
        }
    }
    twice
}

/// The first few of many.
pub(super) fn told(differences: &[String]) -> String {
    let mut text = differences
        .iter()
        .take(SHOWN)
        .cloned()
        .collect::<Vec<_>>()
        .join("; ");
    if differences.len() > SHOWN {
        text += &format!("; and {} more", differences.len() - SHOWN);
    }
    text
}
