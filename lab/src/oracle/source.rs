//! Objects of a directory as the oracle reads them off a dump.

use std::collections::{BTreeMap, BTreeSet};

use provlab_directory::control::DumpedEntry;

/// Attributes that change without anybody having changed the object, or that follow from other objects.
const NOT_ITS_OWN: [&str; 18] = [
    "badpasswordtime",
    "badpwdcount",
    "directreports",
    "distinguishedname",
    "dscorepropagationdata",
    "lastlogoff",
    "lastlogon",
    "lastlogontimestamp",
    "lockouttime",
    "logoncount",
    "managedobjects",
    "manager",
    "member",
    "memberof",
    "usnchanged",
    "usncreated",
    "whenchanged",
    "whencreated",
];

/// Class of object that is synchronized (CS 5.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `user` and `inetOrgPerson`.
    User,
    /// `group`.
    Group,
}

impl Kind {
    /// The word that the trace uses for the target type.
    pub const fn target(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
        }
    }
}

/// One user or group of the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// What stays the same over its life: the objectGUID; where a dump has none, the account name.
    pub key: String,
    /// Its class.
    pub kind: Kind,
    /// Its distinguished name.
    pub dn: String,
    /// What stays the same of its parent.
    pub parent: String,
    /// What stays the same of the objects that it refers to.
    pub refers_to: BTreeSet<String>,
    attributes: BTreeMap<String, Vec<String>>,
}

impl Source {
    /// The first value of an attribute; empty values are none.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.all(name).first().map(String::as_str)
    }

    /// All values of an attribute.
    pub fn all(&self, name: &str) -> &[String] {
        self.attributes
            .get(&name.to_lowercase())
            .map_or(&[], Vec::as_slice)
    }

    /// `sAMAccountName` in lower case, by which the two sides of an object are found to each other.
    pub fn account(&self) -> String {
        self.first("sAMAccountName").unwrap_or_default().to_lowercase()
    }

    /// Whether something of the object itself is other than in `before`, beside what its parents, and those that it refers
    /// to, are called.
    pub fn changed_since(&self, before: &Self) -> bool {
        let own = |source: &Self| -> BTreeMap<String, Vec<String>> {
            let mut own = source.attributes.clone();
            own.retain(|name, _| !NOT_ITS_OWN.contains(&name.as_str()));
            own
        };
        let who = |source: &Self| (source.kind, source.parent.clone(), source.refers_to.clone());
        (who(self), own(self)) != (who(before), own(before))
    }
}

/// The users and groups of a dump, in its order.
pub fn sources(tree: &[DumpedEntry]) -> Vec<Source> {
    let identities: BTreeMap<String, String> = tree
        .iter()
        .map(|entry| (entry.dn.to_lowercase(), identity(entry)))
        .collect();
    // The parents of a parent may be renamed; a container that is not dumped never is.
    let lasting = |dn: &str| {
        let dn = dn.to_lowercase();
        identities.get(&dn).cloned().unwrap_or(dn)
    };
    let read = |entry: &DumpedEntry| {
        let references = ["manager", "member"].iter().flat_map(|name| value(entry, name));
        Some(Source {
            key: identity(entry),
            kind: kind(entry)?,
            dn: entry.dn.clone(),
            parent: lasting(parent_of(&entry.dn)),
            refers_to: references.map(|dn| lasting(dn)).collect(),
            attributes: entry
                .attributes
                .iter()
                .map(|(name, values)| {
                    let filled = values.iter().filter(|value| !value.is_empty()).cloned();
                    (name.to_lowercase(), filled.collect())
                })
                .collect(),
        })
    };
    tree.iter().filter_map(read).collect()
}

fn identity(entry: &DumpedEntry) -> String {
    let first = |name| value(entry, name).first().map(|text| text.to_lowercase());
    value(entry, "objectGUID")
        .first()
        .cloned()
        .or_else(|| first("sAMAccountName"))
        .unwrap_or_else(|| entry.dn.to_lowercase())
}

/// Computers and service accounts are users to a directory, not to a job.
fn kind(entry: &DumpedEntry) -> Option<Kind> {
    let classes = value(entry, "objectClass");
    let is = |class: &str| classes.iter().any(|known| known.eq_ignore_ascii_case(class));
    match () {
        () if is("computer") => None,
        () if is("user") => Some(Kind::User),
        () if is("group") => Some(Kind::Group),
        () => None,
    }
}

fn value<'a>(entry: &'a DumpedEntry, name: &str) -> &'a [String] {
    let found = entry
        .attributes
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map_or(&[], |(_, values)| values)
}

/// The name of the object above; the comma that ends the first component is not escaped.
pub(super) fn parent_of(dn: &str) -> &str {
    let mut escaped = false;
    for (at, sign) in dn.char_indices() {
        match sign {
            ',' if !escaped => return &dn[at + 1..],
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escaped_comma_belongs_to_the_name() {
        assert_eq!(parent_of("CN=Doe\\, Jane,OU=Sales,DC=a"), "OU=Sales,DC=a");
        assert_eq!(parent_of("CN=a\\\\,DC=b"), "DC=b");
        assert_eq!(parent_of("DC=b"), "");
    }
}
