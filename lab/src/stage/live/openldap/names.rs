//! What a scenario's names are called on OpenLDAP: people are below `ou=People` by `uid`, groups below `ou=Groups` and the accounts of
//! programs below `ou=services` by `cn`. A logon name is a distinguished name.

use std::collections::{BTreeMap, BTreeSet};

use provlab_directory::control::DumpedEntry;
use provlab_protocol::dn::{Dn, DnError, Rdn};

/// Where people are.
pub(super) const PEOPLE: &str = "People";
/// Where groups are.
pub(super) const GROUPS: &str = "Groups";
/// Where the accounts of programs are.
pub(super) const SERVICES: &str = "services";
/// The account that a scenario calls so is the root DN.
const ADMINISTRATOR: &str = "Administrator";
/// A group must have a member: this one stands in every group and is nobody.
const NOBODY: &str = "nobody";

/// The names of one suffix.
#[derive(Clone)]
pub(super) struct Names {
    suffix: Dn,
    services: BTreeSet<String>,
}

/// What an object of Active Directory is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// `inetOrgPerson`.
    Person,
    /// `groupOfNames`.
    Group,
    /// An account of a program.
    Service,
}

impl Names {
    /// The names of a domain, with the accounts that are programs' and not people's.
    ///
    /// # Errors
    /// If the domain's name is none.
    pub(super) fn new(domain: &str, services: impl IntoIterator<Item = String>) -> Result<Self, DnError> {
        Ok(Self {
            suffix: Dn::from_dns(domain)?,
            services: services.into_iter().map(|name| name.to_lowercase()).collect(),
        })
    }

    /// The suffix.
    pub(super) fn suffix(&self) -> String {
        lower_attributes(&self.suffix)
    }

    /// The name of something below the suffix.
    pub(super) fn below_suffix(&self, attribute: &str, value: &str) -> String {
        self.name(attribute, value, None)
    }

    /// The DN that an account logs on by.
    pub(super) fn logon(&self, account: &str) -> String {
        if account.eq_ignore_ascii_case(ADMINISTRATOR) {
            return self.name("cn", "admin", None);
        }
        let service = self.services.contains(&account.to_lowercase());
        self.of(if service { Class::Service } else { Class::Person }, account)
    }

    /// The DN of an object by the account name that it has in Active Directory.
    pub(super) fn of(&self, class: Class, account: &str) -> String {
        match class {
            Class::Person => self.name("uid", account, Some(PEOPLE)),
            Class::Group => self.name("cn", account, Some(GROUPS)),
            Class::Service => self.name("cn", account, Some(SERVICES)),
        }
    }

    /// The member of groups that have no other.
    pub(super) fn nobody(&self) -> String {
        self.name("cn", NOBODY, None)
    }

    /// What a declared object is here; none for what OpenLDAP has no counterpart of.
    pub(super) fn class_of(&self, declared: &DumpedEntry) -> Option<Class> {
        let is = |class: &str| {
            let classes = declared.attributes.get("objectClass");
            classes.is_some_and(|classes| classes.iter().any(|found| found == class))
        };
        let account = account_of(declared)?;
        if is("group") {
            Some(Class::Group)
        } else if is("computer") || !is("user") {
            None
        } else if self.services.contains(&account.to_lowercase()) {
            Some(Class::Service)
        } else {
            Some(Class::Person)
        }
    }

    /// The names here of declared objects, by those that they have in Active Directory.
    pub(super) fn translated(&self, declared: &[DumpedEntry]) -> BTreeMap<Dn, String> {
        declared
            .iter()
            .filter_map(|entry| {
                let class = self.class_of(entry)?;
                Some((entry.dn.parse().ok()?, self.of(class, account_of(entry)?)))
            })
            .collect()
    }

    fn name(&self, attribute: &str, value: &str, unit: Option<&str>) -> String {
        let mut name = self.suffix.clone();
        for (attribute, value) in unit
            .map(|unit| ("ou", unit))
            .into_iter()
            .chain([(attribute, value)])
        {
            // A value that cannot stand in a name is refused by the server, which sees the bare suffix.
            if let Ok(rdn) = Rdn::new(attribute, value) {
                name = name.child(rdn);
            }
        }
        lower_attributes(&name)
    }
}

/// `sAMAccountName` of a declared object.
pub(super) fn account_of(entry: &DumpedEntry) -> Option<&str> {
    entry
        .attributes
        .get("sAMAccountName")?
        .first()
        .map(String::as_str)
}

/// As OpenLDAP's own people write names: `dc=contoso,dc=com`.
fn lower_attributes(name: &Dn) -> String {
    let rdns = name.rdns().iter().map(|rdn| {
        let text = rdn.to_string();
        match text.split_once('=') {
            Some((attribute, value)) => format!("{}={value}", attribute.to_lowercase()),
            None => text,
        }
    });
    rdns.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use provlab_directory::control::Attributes;

    use super::*;

    fn names() -> Names {
        Names::new("contoso.com", ["ProvAgent".to_owned()]).unwrap()
    }

    #[test]
    fn accounts_log_on_by_their_distinguished_names() {
        let names = names();
        assert_eq!(names.logon("ada"), "uid=ada,ou=People,dc=contoso,dc=com");
        assert_eq!(
            names.logon("provagent"),
            "cn=provagent,ou=services,dc=contoso,dc=com"
        );
        assert_eq!(names.logon("administrator"), "cn=admin,dc=contoso,dc=com");
        assert_eq!(names.logon("a,b"), r"uid=a\,b,ou=People,dc=contoso,dc=com");
    }

    #[test]
    fn people_and_groups_have_a_counterpart_and_computers_none() {
        let entry = |classes: &[&str], account: &str| DumpedEntry {
            dn: format!("CN={account},OU=Staff,DC=contoso,DC=com"),
            attributes: Attributes::from_iter([
                (
                    "objectClass".to_owned(),
                    classes.iter().map(|class| (*class).to_owned()).collect(),
                ),
                ("sAMAccountName".to_owned(), vec![account.to_owned()]),
            ]),
        };
        let names = names();
        assert_eq!(
            names.class_of(&entry(&["top", "user"], "ada")),
            Some(Class::Person)
        );
        assert_eq!(
            names.class_of(&entry(&["user"], "provagent")),
            Some(Class::Service)
        );
        assert_eq!(names.class_of(&entry(&["user", "computer"], "SRV1$")), None);
        let sales = entry(&["top", "group"], "Sales");
        let translated = names.translated(&[sales]);
        assert_eq!(
            translated[&"cn=sales,ou=staff,dc=contoso,dc=com".parse::<Dn>().unwrap()],
            "cn=Sales,ou=Groups,dc=contoso,dc=com"
        );
    }
}
