//! Values that only one object of a tenant can have, and the matches that they make (CS 5.11, 6.7, 6.8).

use std::collections::BTreeMap;

use super::{
    CloudObject, Kind, Source, Tenant,
    judge::bare,
    reading::{ADDRESSES, ERRORS, Properties, Trail, UPN, Verdict},
};

/// The code of an object that claims what it must not have (CS 6.8).
const CONFLICT: &str = "EntryConflict";

/// Who has which sign-in name and address now.
pub(super) struct Claims<'a> {
    tenant: &'a Tenant,
    /// Whether values that another object has are set aside at all.
    resilient: bool,
    /// Live users by sign-in name in lower case.
    names: BTreeMap<String, Vec<&'a CloudObject>>,
    /// Live objects by address.
    addresses: BTreeMap<String, Vec<&'a CloudObject>>,
}

impl<'a> Claims<'a> {
    pub(super) fn of(tenant: &'a Tenant, resilient: bool) -> Self {
        let mut names: BTreeMap<String, Vec<&CloudObject>> = BTreeMap::new();
        let mut addresses: BTreeMap<String, Vec<&CloudObject>> = BTreeMap::new();
        for object in tenant.objects.iter().filter(|object| !object.deleted) {
            if !object.group {
                names.entry(object.name.to_lowercase()).or_default().push(object);
            }
            for address in object.properties.get(ADDRESSES).into_iter().flatten() {
                addresses.entry(bare(address)).or_default().push(object);
            }
        }
        Self {
            tenant,
            resilient,
            names,
            addresses,
        }
    }

    /// What a trail comes to beside the other objects of the tenant.
    pub(super) fn verdict(&self, source: &Source, copy: Option<&CloudObject>, trail: &Trail) -> Verdict {
        let Verdict::Exported(properties) = &trail.verdict else {
            return trail.verdict.clone();
        };
        if copy.is_none() && self.blocked_match(source, properties) {
            return Verdict::Escrowed(CONFLICT);
        }
        let mut properties = properties.clone();
        let mut errors = Vec::new();
        if source.kind == Kind::User {
            for upn in properties.get(UPN).cloned().unwrap_or_default() {
                if taken(self.names.get(&upn.to_lowercase()), copy) {
                    if !self.sets_aside("quarantineUponUpnConflictEnabled") {
                        return Verdict::Escrowed(CONFLICT);
                    }
                    // It keeps the name it has, or gets one that nobody chose.
                    properties.remove(UPN);
                    errors.push(format!("UserPrincipalName {upn}"));
                }
            }
        }
        let addresses = properties.get(ADDRESSES).cloned().unwrap_or_default();
        let (lost, kept): (Vec<String>, Vec<String>) = addresses.into_iter().partition(|address| {
            let smtp = address.to_lowercase().starts_with("smtp:");
            smtp && taken(self.addresses.get(&bare(address)), copy)
        });
        if !lost.is_empty() {
            if !self.sets_aside("quarantineUponProxyAddressesConflictEnabled") {
                return Verdict::Escrowed(CONFLICT);
            }
            properties.insert(ADDRESSES.to_owned(), kept);
            errors.extend(lost.into_iter().map(|address| format!("ProxyAddress {address}")));
        }
        errors.sort();
        properties.insert(ERRORS.to_owned(), errors);
        Verdict::Exported(properties)
    }

    fn sets_aside(&self, feature: &str) -> bool {
        self.resilient && self.tenant.is_on(feature)
    }

    /// Whether a new object would match one that it must not take over.
    fn blocked_match(&self, source: &Source, properties: &Properties) -> bool {
        let name = properties
            .get(UPN)
            .and_then(|values| values.first())
            .filter(|_| source.kind == Kind::User && self.tenant.is_on("softMatchOnUpnEnabled"));
        let by_name = name.and_then(|name| self.names.get(&name.to_lowercase()));
        let primary = source
            .all(ADDRESSES)
            .iter()
            .filter(|address| address.starts_with("SMTP:"));
        let by_address = primary.filter_map(|address| self.addresses.get(&bare(address)));
        let matches = by_name.into_iter().chain(by_address).flatten();
        let first = matches
            .into_iter()
            .find(|object| !object.synchronized && object.kind() == source.kind);
        first.is_some_and(|object| object.privileged || self.tenant.is_on("blockSoftMatchEnabled"))
    }
}

/// Whether another object has it.
fn taken(holders: Option<&Vec<&CloudObject>>, copy: Option<&CloudObject>) -> bool {
    let mut holders = holders.into_iter().flatten();
    holders.any(|holder| copy.is_none_or(|copy| !std::ptr::eq(*holder, copy)))
}
