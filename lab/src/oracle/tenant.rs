//! A tenant as the oracle reads it off a dump: what names and matches depend on, and the objects to be judged.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    Kind,
    judge::bare,
    reading::{ADDRESSES, ERRORS},
};

/// Features that are on in a new tenant (inferred: the documents name no defaults).
const ON_BY_DEFAULT: [&str; 4] = [
    "quarantineUponProxyAddressesConflictEnabled",
    "quarantineUponUpnConflictEnabled",
    "softMatchOnUpnEnabled",
    "synchronizeUpnForManagedUsersEnabled",
];

/// What a job's results depend on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tenant {
    /// The initial domain, such as `contoso.onmicrosoft.com`.
    pub initial_domain: String,
    /// Verified domains in lower case, the initial one among them.
    pub verified_domains: BTreeSet<String>,
    /// Features that an administrator has switched (CS 6.7).
    pub features: BTreeMap<String, bool>,
    /// Its jobs by domain in lower case.
    pub jobs: BTreeMap<String, JobState>,
    /// Every user and group, deleted ones too.
    pub objects: Vec<CloudObject>,
}

/// A job as the tenant shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobState {
    /// Reason of its quarantine; empty if it is in none.
    pub quarantine: String,
    /// How many objects are in escrow, where that is told.
    pub escrowed: Option<u64>,
    /// How many deletions wait.
    pub pending_deletes: u64,
}

/// One user or group of the tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CloudObject {
    /// Whether it is a group.
    pub group: bool,
    /// User principal name of a user, display name of a group.
    pub name: String,
    /// Whether it is among the deleted items.
    pub deleted: bool,
    /// Whether it is of on-premises origin.
    pub synchronized: bool,
    /// Whether it holds a directory role.
    pub privileged: bool,
    /// Account name of its source, in lower case.
    pub account: String,
    /// Domain of its source, in lower case; empty where it is not told.
    pub domain: String,
    /// Properties by their Graph names, values sorted; what is empty is not there.
    pub properties: BTreeMap<String, Vec<String>>,
    /// Name of the manager.
    pub manager: Option<String>,
    /// Names of the members, sorted.
    pub members: Vec<String>,
}

impl CloudObject {
    /// The kind of source that becomes such an object.
    pub const fn kind(&self) -> Kind {
        if self.group { Kind::Group } else { Kind::User }
    }

    /// Names and addresses that no other object can have.
    pub(super) fn claims(&self) -> BTreeSet<String> {
        let name = (!self.group).then(|| self.name.to_lowercase());
        let addresses = self.properties.get(ADDRESSES).into_iter().flatten();
        name.into_iter()
            .chain(addresses.map(|address| bare(address)))
            .collect()
    }
}

impl Tenant {
    /// Reads the dump of one tenant.
    pub fn read(dump: &Value, initial_domain: &str) -> Self {
        let domains = dump["verifiedDomains"].as_array().into_iter().flatten();
        let configurations = dump["configurations"].as_array().into_iter().flatten();
        let objects = |kind: &str, group| {
            let rows = dump[kind].as_array().into_iter().flatten();
            rows.map(move |row| object(row, group)).collect::<Vec<_>>()
        };
        Self {
            initial_domain: initial_domain.to_owned(),
            verified_domains: domains
                .filter_map(Value::as_str)
                .chain([initial_domain])
                .map(str::to_lowercase)
                .collect(),
            features: BTreeMap::new(),
            jobs: configurations.filter_map(job).collect(),
            objects: [objects("users", false), objects("groups", true)].concat(),
        }
    }

    /// Whether a domain is the tenant's.
    pub fn has_verified(&self, domain: &str) -> bool {
        self.verified_domains.contains(&domain.to_lowercase())
    }

    /// Whether a feature is on.
    pub fn is_on(&self, feature: &str) -> bool {
        self.features
            .get(feature)
            .copied()
            .unwrap_or_else(|| ON_BY_DEFAULT.contains(&feature))
    }

    /// The job of a domain.
    pub fn job(&self, domain: &str) -> Option<&JobState> {
        self.jobs.get(&domain.to_lowercase())
    }

    /// Live objects of on-premises origin.
    pub fn copies(&self) -> impl Iterator<Item = &CloudObject> {
        self.objects
            .iter()
            .filter(|object| object.synchronized && !object.deleted)
    }

    /// The same without objects and jobs: what is the same until an administrator changes it.
    pub fn without_objects(&self) -> Self {
        Self {
            objects: Vec::new(),
            jobs: BTreeMap::new(),
            ..self.clone()
        }
    }
}

/// The job that synchronizes users and groups of a configuration, by domain.
fn job(configuration: &Value) -> Option<(String, JobState)> {
    let domain = configuration["domain"].as_str()?.to_lowercase();
    let mut jobs = configuration["jobs"].as_array()?.iter();
    let job = jobs.find(|job| job["template"] == "AD2AADProvisioning")?;
    let state = JobState {
        quarantine: job["quarantine"].as_str().unwrap_or_default().to_owned(),
        escrowed: job["escrowed"].as_u64(),
        pending_deletes: job["pendingDeletes"].as_u64().unwrap_or_default(),
    };
    Some((domain, state))
}

/// What could not be written because another object has it.
fn errors(origin: &Value) -> Vec<String> {
    let errors = origin["provisioningErrors"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut all: Vec<String> = errors
        .map(|error| text(&error["propertyCausingError"]) + " " + &text(&error["value"]))
        .collect();
    all.sort();
    all
}

fn object(row: &Value, group: bool) -> CloudObject {
    let origin = &row["onPremises"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let name = if group {
        &row["displayName"]
    } else {
        &row["userPrincipalName"]
    };
    let mut properties = BTreeMap::new();
    let mut put = |name: String, value: &Value| {
        let values = texts(value);
        if !values.is_empty() {
            properties.insert(name, values);
        }
    };
    for (name, value) in row.as_object().into_iter().flatten() {
        match name.as_str() {
            "properties" => {
                for (name, value) in value.as_object().into_iter().flatten() {
                    put(name.clone(), value);
                }
            }
            "onPremises" => {
                for (name, value) in value.as_object().into_iter().flatten() {
                    put(on_premises(name), value);
                }
                for (name, value) in value["extensionAttributes"].as_object().into_iter().flatten() {
                    put(name.clone(), value);
                }
            }
            _ => put(name.clone(), value),
        }
    }
    let errors = errors(origin);
    if !errors.is_empty() {
        properties.insert(ERRORS.to_owned(), errors);
    }
    let mut members = texts(&row["members"]);
    members.sort();
    CloudObject {
        group,
        name: text(name),
        deleted: row["deleted"] == true,
        synchronized: origin.is_object(),
        privileged: row["roles"].as_array().is_some_and(|roles| !roles.is_empty()),
        account: text(&origin["samAccountName"]).to_lowercase(),
        domain: text(&origin["domainName"]).to_lowercase(),
        properties,
        manager: row["manager"].as_str().map(str::to_owned),
        members,
    }
}

/// `distinguishedName` as Graph calls it: `onPremisesDistinguishedName`.
fn on_premises(name: &str) -> String {
    let mut signs = name.chars();
    let first = signs.next().map(|sign| sign.to_ascii_uppercase());
    first
        .into_iter()
        .fold("onPremises".to_owned(), |all, sign| all + &sign.to_string())
        + signs.as_str()
}

/// The values of a property as texts; what is empty is none.
fn texts(value: &Value) -> Vec<String> {
    let mut texts: Vec<String> = match value {
        Value::Null | Value::Object(_) => Vec::new(),
        Value::String(text) => vec![text.clone()],
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        other => vec![other.to_string()],
    };
    texts.retain(|text| !text.is_empty());
    texts.sort();
    texts
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_dump_becomes_objects_with_graph_names() {
        let dump = json!({
            "verifiedDomains": ["Contoso.com"],
            "users": [{
                "userPrincipalName": "ann@contoso.com", "accountEnabled": true, "mail": null, "manager": "bo@contoso.com",
                "proxyAddresses": ["smtp:b", "SMTP:a"], "roles": [], "deleted": false,
                "onPremises": {"samAccountName": "Ann", "domainName": "contoso.com", "extensionAttributes": {"extensionAttribute1": "x"}},
                "properties": {"city": "Ulm"},
            }],
        });
        let tenant = Tenant::read(&dump, "contoso.onmicrosoft.com");
        assert!(tenant.has_verified("CONTOSO.COM") && tenant.has_verified("contoso.onmicrosoft.com"));
        let ann = &tenant.objects[0];
        assert!(ann.synchronized && !ann.privileged && !ann.deleted);
        assert_eq!(
            (ann.account.as_str(), ann.name.as_str()),
            ("ann", "ann@contoso.com")
        );
        let has = |name: &str| ann.properties.get(name).cloned().unwrap_or_default();
        assert_eq!(has("city"), ["Ulm"]);
        assert_eq!(has("extensionAttribute1"), ["x"]);
        assert_eq!(has("accountEnabled"), ["true"]);
        assert_eq!(has("onPremisesSamAccountName"), ["Ann"]);
        assert_eq!(has("proxyAddresses"), ["SMTP:a", "smtp:b"]);
        assert!(has("mail").is_empty());
    }
}
