//! The names that a scenario's world declares, and whether a word is one of them.

use indexmap::IndexMap;
use provlab_protocol::dn::Dn;

use super::Lint;
use crate::scenario::{Domain, Located, did_you_mean};

impl Lint<'_> {
    pub(super) fn hosts(&self) -> Vec<String> {
        let hosts = self.scenario.world.hosts.iter();
        hosts.map(|host| host.name.value.clone()).collect()
    }

    pub(super) fn domains(&self) -> Vec<String> {
        let domains = self.scenario.world.domains.iter();
        domains.map(|domain| domain.name.value.clone()).collect()
    }

    pub(super) fn tenants(&self) -> Vec<String> {
        let tenants = self.scenario.world.tenants.iter();
        tenants.map(|tenant| tenant.name.value.clone()).collect()
    }

    fn netbios_names(&self) -> Vec<String> {
        let domains = self.scenario.world.domains.iter();
        domains.map(Domain::netbios_name).collect()
    }

    pub(super) fn host(&mut self, host: &Located<String>) {
        self.known("host", host, &self.hosts());
    }

    pub(super) fn domain(&mut self, domain: &Located<String>) {
        self.known("domain", domain, &self.domains());
    }

    pub(super) fn tenant(&mut self, tenant: &Located<String>) {
        self.known("tenant", tenant, &self.tenants());
    }

    /// A declared account of a domain, `NETBIOS\name`.
    pub(super) fn domain_account(&mut self, account: &Located<String>) {
        let known: Vec<String> = self
            .scenario
            .world
            .domains
            .iter()
            .flat_map(|domain| {
                let netbios = domain.netbios_name();
                domain
                    .accounts
                    .iter()
                    .map(|account| account.name.value.as_str())
                    .chain(["Administrator"])
                    .map(move |name| format!("{netbios}\\{name}"))
                    .collect::<Vec<_>>()
            })
            .collect();
        self.known("account", account, &known);
    }

    /// A declared account of a tenant, by its name there.
    pub(super) fn cloud_account(&mut self, tenant: &Located<String>, account: &Located<String>) {
        self.tenant(tenant);
        let accounts: Vec<String> = self
            .scenario
            .world
            .tenants
            .iter()
            .filter(|known| known.name.value == tenant.value)
            .flat_map(|tenant| tenant.accounts.iter().map(|account| account.name.value.clone()))
            .collect();
        self.known("cloud account", account, &accounts);
    }

    /// `name@tenant`: the tenant must be declared; the cloud makes accounts of its own.
    pub(super) fn account_of_tenant(&mut self, account: &Located<String>) {
        match account.value.split_once('@') {
            Some((name, tenant)) if !name.is_empty() => {
                self.tenant(&account.clone().map(|_| tenant.to_owned()));
            }
            _ => {
                let tenants = self.tenants();
                let tenant = tenants.first().map_or("contoso", String::as_str);
                let help = format!("write name@tenant, for example `hybrid-admin@{tenant}`");
                let message = format!("`{}` is not an account of a tenant", account.value);
                self.complain(account, message, Some(help));
            }
        }
    }

    /// An object by account name or distinguished name: its domain must be declared; whether the object exists is known at run
    /// time only.
    pub(super) fn object(&mut self, object: &Located<String>) {
        if object.value.contains('=') && !object.value.contains('\\') {
            return self.dn(object, None);
        }
        self.account_name(object);
    }

    /// `NETBIOS\name`, of whatever object.
    pub(super) fn account_name(&mut self, object: &Located<String>) {
        match object.value.split_once('\\') {
            Some((netbios, name)) if !name.is_empty() => {
                let known = self.netbios_names();
                self.known("domain", &object.clone().map(|_| netbios.to_owned()), &known);
            }
            _ => {
                let known = self.netbios_names();
                let netbios = known.first().map_or("CONTOSO", String::as_str);
                self.complain(
                    object,
                    format!("`{}` is not an account name", object.value),
                    Some(format!("write NETBIOS\\name, for example `{netbios}\\ada`")),
                );
            }
        }
    }

    /// A distinguished name in a declared domain: in `domain`, where one is given.
    pub(super) fn dn(&mut self, dn: &Located<String>, domain: Option<&str>) {
        let example = |domain: &str| {
            let base = Dn::from_dns(domain)
                .map(|base| base.to_string())
                .unwrap_or_default();
            format!("write a name such as `OU=Sales,{base}`")
        };
        let declared = self.domains();
        let first = domain
            .or(declared.first().map(String::as_str))
            .unwrap_or("contoso.com");
        let Ok(parsed) = dn.value.parse::<Dn>() else {
            let message = format!("`{}` is not a distinguished name", dn.value);
            return self.complain(dn, message, Some(example(first)));
        };
        let of = parsed.domain_dns_name().unwrap_or_default();
        let fits = match domain {
            Some(domain) => domain.eq_ignore_ascii_case(&of),
            None => declared.iter().any(|known| known.eq_ignore_ascii_case(&of)),
        };
        if !fits {
            let message = format!("`{}` is in no domain that is meant here", dn.value);
            self.complain(dn, message, Some(example(first)));
        }
    }

    /// The keys of a map, whose place in the file is the map's.
    pub(super) fn known_keys(&mut self, what: &str, map: &Located<IndexMap<String, bool>>, known: &[&str]) {
        for name in map.value.keys().filter(|name| !known.contains(&name.as_str())) {
            let help = match did_you_mean(name, known.iter().copied()) {
                Some(hint) => format!("did you mean `{hint}`?"),
                None => format!("known: {}", known.join(", ")),
            };
            self.complain(map, format!("unknown {what} `{name}`"), Some(help));
        }
    }

    /// A list that says nothing when it is empty.
    pub(super) fn not_empty<T>(&mut self, at: &Located<String>, list: &[T], what: &str, help: &str) {
        if list.is_empty() {
            self.complain(at, format!("`{what}` is empty"), Some(help.to_owned()));
        }
    }

    /// A number within bounds.
    pub(super) fn count(&mut self, count: &Located<u32>, most: u32, what: &str) {
        if !(1..=most).contains(&count.value) {
            let message = format!("{what} are 1 to {most}, not {}", count.value);
            self.complain(count, message, None);
        }
    }
}
