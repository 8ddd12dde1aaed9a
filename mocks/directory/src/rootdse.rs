//! The rootDSE: what a client may know about a domain controller before it has said who it is (MS-ADTS 3.1.1.3.2).

use provlab_protocol::filetime::FileTime;
use provlab_protocol::oid::{capability, extension};

use crate::directory::Directory;
use crate::model::{Entry, Value, text};
use crate::server::controls;
use crate::server::limits;

/// Functional level of domain, forest and domain controller: Windows Server 2016.
const FUNCTIONAL_LEVEL: &str = "7";

/// The capabilities of a writable domain controller of Windows Server 2012 or later.
const CAPABILITIES: [&str; 6] = [
    capability::ACTIVE_DIRECTORY,
    capability::ACTIVE_DIRECTORY_V51,
    capability::LDAP_INTEGRATION,
    capability::ACTIVE_DIRECTORY_V60,
    capability::ACTIVE_DIRECTORY_V61_R2,
    capability::ACTIVE_DIRECTORY_W8,
];

/// The extended operations that are served.
pub const EXTENSIONS: [&str; 2] = [extension::START_TLS, extension::WHO_AM_I];

/// The rootDSE as `host` shows it, cut down to the attributes asked for.
///
/// No attributes, and `*` or `+`, mean all of them; `1.1` means none. `host` is the domain controller that answers.
#[must_use]
pub fn read(directory: &Directory, host: &str, now: FileTime, asked: &[String]) -> Entry {
    let all = asked.is_empty() || asked.iter().any(|name| matches!(name.as_str(), "*" | "+"));
    let mut attributes = attributes(directory, host, now);
    attributes.retain(|(name, _)| all || asked.iter().any(|asked| asked.eq_ignore_ascii_case(name)));
    Entry {
        dn: String::new(),
        attributes: attributes
            .into_iter()
            .map(|(name, values)| (name.to_owned(), values))
            .collect(),
    }
}

fn attributes(directory: &Directory, host: &str, now: FileTime) -> Vec<(&'static str, Vec<Value>)> {
    let identity = directory.identity();
    let domain = identity.domain_dn().to_string();
    let configuration = identity.configuration_dn().to_string();
    let schema = identity.schema_dn().to_string();
    let server = identity.server_dn(host).to_string();
    let computer = host.split('.').next().unwrap_or(host).to_lowercase();
    let realm = identity.domain.to_uppercase();
    let one = |value: &str| vec![text(value)];
    let list = |values: &[&str]| values.iter().map(|value| text(value)).collect::<Vec<_>>();
    let time = now.to_generalized_time().unwrap_or_default();
    let policies: Vec<_> = limits::POLICIES.iter().map(|(name, _)| text(name)).collect();
    vec![
        ("domainFunctionality", one(FUNCTIONAL_LEVEL)),
        ("forestFunctionality", one(FUNCTIONAL_LEVEL)),
        ("domainControllerFunctionality", one(FUNCTIONAL_LEVEL)),
        ("rootDomainNamingContext", one(&domain)),
        (
            "ldapServiceName",
            one(&format!("{}:{computer}$@{realm}", identity.domain)),
        ),
        ("isGlobalCatalogReady", one("TRUE")),
        // Only what is really served: simple binds alone, which are no SASL mechanism.
        ("supportedSASLMechanisms", Vec::new()),
        ("supportedLDAPVersion", list(&["3", "2"])),
        ("supportedLDAPPolicies", policies),
        ("supportedExtension", list(&EXTENSIONS)),
        ("supportedControl", list(&controls::SUPPORTED)),
        ("supportedCapabilities", list(&CAPABILITIES)),
        ("subschemaSubentry", one(&format!("CN=Aggregate,{schema}"))),
        ("serverName", one(&server)),
        ("schemaNamingContext", one(&schema)),
        ("namingContexts", list(&[&domain, &configuration, &schema])),
        ("isSynchronized", one("TRUE")),
        (
            "highestCommittedUSN",
            one(&directory.highest_committed_usn().to_string()),
        ),
        ("dsServiceName", one(&format!("CN=NTDS Settings,{server}"))),
        ("dnsHostName", one(host)),
        ("defaultNamingContext", one(&domain)),
        ("currentTime", one(&time)),
        ("configurationNamingContext", one(&configuration)),
    ]
    .into_iter()
    .filter(|(_, values)| !values.is_empty())
    .collect()
}
