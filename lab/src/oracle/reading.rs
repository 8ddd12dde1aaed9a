//! One naive synchronization of one object: what was, what is in the directory, and what should be in the tenant then.

use std::collections::BTreeMap;

use super::{Kind, Names, Settings, Source, Tenant, mapping, scope};

/// Properties by their Graph names; one without a value is an empty list.
pub type Properties = BTreeMap<String, Vec<String>>;

/// What becomes of a source object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It is in the tenant, with these properties.
    Exported(Properties),
    /// It is not, for this reason.
    Skipped(&'static str),
    /// It cannot be written; the code tells why (CS 6.8).
    Escrowed(&'static str),
}

/// What an object has left behind in the tenant when it was read last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Trail {
    /// Its names, which decide about its next ones; groups have none.
    pub names: Option<Names>,
    /// What became of it.
    pub verdict: Verdict,
}

/// The circumstances of a reading.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    /// DNS name of the directory's domain.
    pub domain: &'a str,
    /// What the administrator wants.
    pub settings: &'a Settings,
    /// The tenant.
    pub tenant: &'a Tenant,
}

impl Job<'_> {
    /// Reads `source`, which has left `had` behind; nothing if it was never read.
    pub fn read(&self, had: Option<&Trail>, source: &Source) -> Trail {
        let names = had.and_then(|trail| trail.names.as_ref());
        if let Some(reason) = scope::skipped(source) {
            return Trail {
                names: names.cloned(),
                verdict: Verdict::Skipped(reason),
            };
        }
        let mut properties = mapping::properties(source);
        if source.kind == Kind::Group {
            return Trail {
                names: None,
                verdict: Verdict::Exported(properties),
            };
        }
        let Some(names) = Names::after(names, source, self.domain, self.tenant) else {
            return Trail {
                names: names.cloned(),
                verdict: Verdict::Escrowed("MandatoryFieldsMissing"),
            };
        };
        for (name, value) in [
            (UPN, &names.user_principal_name),
            (NICKNAME, &names.mail_nickname),
            (DN, &source.dn),
        ] {
            properties.insert(name.to_owned(), vec![value.clone()]);
        }
        Trail {
            names: Some(names),
            verdict: Verdict::Exported(properties),
        }
    }
}

/// The properties that depend on what was read before.
pub(super) const UPN: &str = "userPrincipalName";
pub(super) const NICKNAME: &str = "mailNickname";
pub(super) const DN: &str = "onPremisesDistinguishedName";
