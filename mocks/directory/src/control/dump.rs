//! Showing the directory in a form that is the same in every run.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use provlab_protocol::dn::Dn;
use provlab_protocol::security::SecurityDescriptor;

use super::command::{Attributes, ControlError, DumpedEntry};
use super::handle::Desk;
use crate::account::attributes;
use crate::directory::Directory;
use crate::filter::Filter;
use crate::model::{Cursor, Entry, PageQuery, Scope, SearchRequest, Value};

/// What to show.
pub(super) struct Wanted {
    pub(super) base: Option<String>,
    pub(super) attributes: Vec<String>,
    pub(super) system: bool,
    pub(super) deleted: bool,
}

/// Attributes that differ between runs, or that say nothing about what happened: a dump leaves them out.
pub const NOISE: [&str; 27] = [
    "accountExpires",
    "badPasswordTime",
    "codePage",
    "countryCode",
    "distinguishedName",
    "dSCorePropagationData",
    "instanceType",
    "isCriticalSystemObject",
    "lastLogoff",
    "lastLogon",
    "lastLogonTimestamp",
    "lockoutTime",
    "logonCount",
    "memberOf",
    "msDS-ManagedPasswordId",
    "name",
    "nTSecurityDescriptor",
    "objectCategory",
    "objectGUID",
    "objectSid",
    "primaryGroupID",
    "pwdLastSet",
    "sAMAccountType",
    "uSNChanged",
    "uSNCreated",
    "whenChanged",
    "whenCreated",
];

/// Entries that are read at once.
const PAGE: u32 = 1_000;

pub(super) fn dump(desk: &Desk<'_>, wanted: &Wanted) -> Result<Vec<DumpedEntry>, ControlError> {
    let directory = &*desk.directory;
    let base = match &wanted.base {
        Some(base) => directory.read_name(base)?,
        None => directory.identity().domain_dn(),
    };
    let mut request = SearchRequest::new(base, Scope::Subtree, filter(wanted));
    request.attributes.clone_from(&wanted.attributes);
    request.show_deleted = wanted.deleted;
    request.domain_scope = true;
    let mut found = Vec::new();
    let mut after: Option<Cursor> = None;
    loop {
        request.page = Some(PageQuery { size: PAGE, after });
        let outcome = directory.search(&desk.context, &request)?;
        for entry in outcome.entries {
            found.push((sort_key(&entry.dn), shown(directory, wanted, entry)));
        }
        after = outcome.next;
        if after.is_none() {
            break;
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found.into_iter().map(|(_, entry)| entry).collect())
}

/// Leaves out what every domain has: the critical objects, and the containers that hold no scenario's objects.
fn filter(wanted: &Wanted) -> Filter {
    if wanted.system {
        return Filter::everything();
    }
    let dull = [
        Filter::equals("isCriticalSystemObject", "TRUE"),
        Filter::equals("objectClass", "container"),
        Filter::equals("objectClass", "builtinDomain"),
        Filter::equals("objectClass", "foreignSecurityPrincipal"),
        Filter::equals("objectClass", "domainDNS"),
        Filter::equals("objectClass", "lostAndFound"),
        Filter::equals("objectClass", "msDS-PasswordSettingsContainer"),
    ];
    Filter::Not(Box::new(Filter::Or(dull.to_vec())))
}

/// Parents sort before their children: the components from the root downwards.
fn sort_key(dn: &str) -> Vec<String> {
    let parsed: Dn = dn.parse().unwrap_or_default();
    parsed
        .rdns()
        .iter()
        .rev()
        .map(|rdn| rdn.to_string().to_lowercase())
        .collect()
}

fn shown(directory: &Directory, wanted: &Wanted, entry: Entry) -> DumpedEntry {
    let mut attributes: Attributes = entry
        .attributes
        .into_iter()
        .filter(|(name, values)| {
            // The bare name beside a range has no values.
            !values.is_empty()
                && (!wanted.attributes.is_empty()
                    || !NOISE.iter().any(|noise| noise.eq_ignore_ascii_case(name)))
        })
        .map(|(name, values)| whole(directory, &entry.dn, name, values))
        .map(|(name, values)| {
            let mut values: Vec<_> = values
                .iter()
                .map(|value| text_of(directory, &name, value))
                .collect();
            values.sort();
            (name, values)
        })
        .collect();
    attributes.sort_by(|a, _, b, _| a.to_lowercase().cmp(&b.to_lowercase()));
    DumpedEntry {
        dn: entry.dn,
        attributes,
    }
}

/// All values of an attribute of which a search gives a range at a time.
fn whole(directory: &Directory, dn: &str, name: String, values: Vec<Value>) -> (String, Vec<Value>) {
    let object = || directory.by_dn(&dn.parse().ok()?);
    let all = name
        .split_once(";range=")
        .and_then(|(plain, _)| Some((plain.to_owned(), directory.values(object()?, plain))));
    all.unwrap_or((name, values))
}

fn text_of(directory: &Directory, name: &str, value: &Value) -> String {
    if name.eq_ignore_ascii_case("msDS-GroupMSAMembership") {
        return principals(directory, value);
    }
    match std::str::from_utf8(value) {
        Ok(text) if !text.contains('\0') => text.to_owned(),
        _ => STANDARD.encode(value),
    }
}

/// The names of those whom a descriptor speaks about: their SIDs differ between runs.
fn principals(directory: &Directory, descriptor: &[u8]) -> String {
    let Ok(descriptor) = SecurityDescriptor::from_bytes(descriptor) else {
        return STANDARD.encode(descriptor);
    };
    let mut names: Vec<_> = descriptor
        .dacl_aces()
        .iter()
        .map(|ace| {
            let account = directory.by_sid(&ace.trustee);
            let name = account
                .and_then(|account| attributes::text(account, attributes::ATTRIBUTES.sam_account_name));
            name.map_or_else(|| ace.trustee.to_string(), str::to_owned)
        })
        .collect();
    names.sort();
    names.join(" ")
}
