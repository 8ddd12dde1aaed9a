//! One naive synchronization of one object: what was, what is in the directory, and what should be in the tenant then.

use std::collections::{BTreeMap, BTreeSet};

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
    /// An administrator deleted it in the tenant, where it had these properties.
    Removed(Properties),
    /// It depends on something that the oracle does not know; this tells on what.
    Unknown(String),
}

/// What an object has left behind in the tenant when it was read last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Trail {
    /// Its names, which decide about its next ones; groups have none.
    pub names: Option<Names>,
    /// What became of it.
    pub verdict: Verdict,
    /// What it showed when it was last written.
    pub shown: Option<Properties>,
}

impl Trail {
    /// Of an object that was read and has never been in the tenant: its names are not fixed before it is written.
    pub(super) fn unwritten(verdict: Verdict) -> Self {
        Self {
            names: None,
            verdict,
            shown: None,
        }
    }
}

/// What a job is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// DNS name of the directory's domain.
    pub domain: &'a str,
    /// What the administrator wants.
    pub settings: &'a Settings,
    /// The tenant.
    pub tenant: &'a Tenant,
    /// The users and groups of the directory.
    pub sources: &'a [Source],
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
    /// Keys of the objects that selected groups have as direct members, and of those groups.
    pub selected: &'a BTreeSet<String>,
}

impl Job<'_> {
    /// Reads `source`, which has left `had` behind; nothing if it was never read.
    pub fn read(&self, had: Option<&Trail>, source: &Source) -> Trail {
        let names = had.and_then(|trail| trail.names.clone());
        let shown = had.and_then(|trail| trail.shown.clone());
        let selected = self.selected.contains(&source.key);
        if let Some(reason) = scope::skipped(self.settings, source, selected) {
            let there = had
                .map(|had| &had.verdict)
                .filter(|verdict| matches!(verdict, Verdict::Exported(_)));
            let kept = there.filter(|_| self.settings.keeps_out_of_scope);
            return Trail {
                verdict: kept.cloned().unwrap_or(Verdict::Skipped(reason)),
                names,
                shown,
            };
        }
        let escrowed = |code| Trail {
            verdict: Verdict::Escrowed(code),
            names: names.clone(),
            shown: shown.clone(),
        };
        let mut properties = match mapping::properties(self.settings, source, shown.as_ref()) {
            Ok(properties) => properties,
            Err(unknown) => {
                return Trail {
                    verdict: Verdict::Unknown(unknown),
                    names,
                    shown,
                };
            }
        };
        let names = match source.kind {
            Kind::Group => None,
            Kind::User => match Names::after(names.as_ref(), source, self.domain, self.tenant) {
                Some(names) => Some(names),
                None => return escrowed("MandatoryFieldsMissing"),
            },
        };
        if let Some(names) = &names {
            let own = [
                (UPN, &names.user_principal_name),
                (NICKNAME, &names.mail_nickname),
                (DN, &source.dn),
            ];
            properties.extend(own.map(|(name, value)| (name.to_owned(), vec![value.clone()])));
        }
        Trail {
            names,
            shown: Some(properties.clone()),
            verdict: Verdict::Exported(properties),
        }
    }
}

/// The properties that depend on what was read before.
pub(super) const UPN: &str = "userPrincipalName";
pub(super) const NICKNAME: &str = "mailNickname";
pub(super) const DN: &str = "onPremisesDistinguishedName";
/// Properties that are looked at by name.
pub(super) const ADDRESSES: &str = "proxyAddresses";
pub(super) const ERRORS: &str = "onPremisesProvisioningErrors";
