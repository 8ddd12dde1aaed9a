//! Small worlds for the oracle's own tests.

use indexmap::IndexMap;
use provlab_directory::control::DumpedEntry;

use super::{Source, Tenant, sources};

/// A tenant `contoso.onmicrosoft.com` with these domains.
pub(super) fn tenant(verified: &[&str]) -> Tenant {
    let initial = "contoso.onmicrosoft.com";
    Tenant {
        initial_domain: initial.to_owned(),
        verified_domains: verified
            .iter()
            .chain(&[initial])
            .map(|domain| (*domain).to_owned())
            .collect(),
        ..Tenant::default()
    }
}

/// A user of `contoso.com` with attributes; several of one name are several values.
pub(super) fn user(account: &str, attributes: &[(&str, &str)]) -> Source {
    object(account, "user", attributes)
}

/// A group of `contoso.com`.
pub(super) fn group(account: &str, attributes: &[(&str, &str)]) -> Source {
    object(account, "group", attributes)
}

fn object(account: &str, class: &str, attributes: &[(&str, &str)]) -> Source {
    let mut all: IndexMap<String, Vec<String>> = IndexMap::new();
    let own = [
        ("objectClass", class),
        ("sAMAccountName", account),
        ("objectGUID", account),
    ];
    for (name, value) in own.iter().chain(attributes) {
        all.entry((*name).to_owned())
            .or_default()
            .push((*value).to_owned());
    }
    let entry = DumpedEntry {
        dn: format!("CN={account},CN=Users,DC=contoso,DC=com"),
        attributes: all,
    };
    sources(&[entry]).remove(0)
}
