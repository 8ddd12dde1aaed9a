//! Checks of meaning: every name is declared, every stage accounted for, every span sensible.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    Expectation, Expected, Fault, Install, Located, Scenario, ScenarioError, ScenarioErrors, ScenarioFile,
    ServiceAccountChoice, StageName, Step, TroubleStep, did_you_mean,
};

/// Directory roles that a cloud account can be given (their display names).
const ROLES: &[&str] = &[
    "Global Administrator",
    "Hybrid Identity Administrator",
    "User Administrator",
    "Authentication Policy Administrator",
    "Global Reader",
];

/// Groups of a domain that an account can be put into.
const GROUPS: &[&str] = &[
    "Domain Admins",
    "Enterprise Admins",
    "Schema Admins",
    "Administrators",
    "Account Operators",
    "Domain Users",
    "Protected Users",
];

/// The largest generated population.
const MAX_POPULATION: u32 = 1_000_000;

/// Checks a parsed file.
pub(super) fn check(file: &ScenarioFile, scenario: &Scenario) -> Result<(), ScenarioErrors> {
    let mut lint = Lint {
        scenario,
        errors: Vec::new(),
        faults: Vec::new(),
    };
    lint.header(file);
    lint.world();
    for step in &file.steps {
        lint.step(step);
    }
    if lint.errors.is_empty() {
        Ok(())
    } else {
        Err(ScenarioErrors(lint.errors))
    }
}

struct Lint<'a> {
    scenario: &'a Scenario,
    errors: Vec<ScenarioError>,
    faults: Vec<String>,
}

impl Lint<'_> {
    fn complain<T>(&mut self, at: &Located<T>, message: String, help: Option<String>) {
        self.errors.push(ScenarioError {
            file: self.scenario.path.clone(),
            source_text: Arc::clone(&self.scenario.source),
            line: at.line,
            column: at.column,
            message,
            help,
        });
    }

    /// Complains unless `word` is one of `known`.
    fn known(&mut self, what: &str, word: &Located<String>, known: &[String]) {
        if known
            .iter()
            .any(|candidate| candidate.eq_ignore_ascii_case(&word.value))
        {
            return;
        }
        let help = match did_you_mean(&word.value, known.iter().map(String::as_str)) {
            Some(hint) => format!("did you mean `{hint}`?"),
            None if known.is_empty() => format!("the world declares no {what}"),
            None => format!("known: {}", known.join(", ")),
        };
        self.complain(word, format!("unknown {what} `{}`", word.value), Some(help));
    }

    fn header(&mut self, file: &ScenarioFile) {
        let stem = self
            .scenario
            .path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default()
            .to_owned();
        if file.name.value != stem {
            let help = format!(
                "write `name: {stem}`, or rename the file to `{}.yaml`",
                file.name.value
            );
            self.complain(
                &file.name,
                format!("the name `{}` is not the file's", file.name.value),
                Some(help),
            );
        }
        for stage in StageName::ALL {
            let listed = file.stages.iter().any(|listed| listed.value == stage);
            let reason = file.not_on.contains_key(&stage);
            if listed == reason {
                let message = if listed {
                    format!("the stage `{stage}` is in `stages` and in `not-on`")
                } else {
                    format!("the stage `{stage}` is neither in `stages` nor in `not-on`")
                };
                let help = format!("add `{stage}` to `stages`, or `not-on: {{ {stage}: why }}`");
                self.complain(&file.name, message, Some(help));
            }
        }
        self.unique("variant", file.variants.iter().map(|variant| &variant.name));
    }

    fn unique<'b>(&mut self, what: &str, names: impl Iterator<Item = &'b Located<String>>) {
        let mut seen = BTreeMap::new();
        for name in names {
            if let Some(first) = seen.insert(name.value.to_lowercase(), name.line) {
                let help = format!("the first one is on line {first}");
                self.complain(
                    name,
                    format!("the {what} `{}` is declared twice", name.value),
                    Some(help),
                );
            }
        }
    }

    fn world(&mut self) {
        let world = &self.scenario.world;
        self.unique("host", world.hosts.iter().map(|host| &host.name));
        for host in &world.hosts {
            self.known("domain", &host.domain, &self.domains());
        }
        for domain in &world.domains {
            self.unique("account", domain.accounts.iter().map(|account| &account.name));
            for group in domain.accounts.iter().flat_map(|account| &account.member_of) {
                self.known("group", group, &owned(GROUPS));
            }
            if let Some(population) = &domain.population
                && !(1..=MAX_POPULATION).contains(&population.users.value)
            {
                let message = format!(
                    "a population has 1 to {MAX_POPULATION} users, not {}",
                    population.users.value
                );
                self.complain(&population.users, message, None);
            }
        }
        for tenant in &world.tenants {
            self.unique("account", tenant.accounts.iter().map(|account| &account.name));
            for role in tenant.accounts.iter().flat_map(|account| &account.roles) {
                self.known("directory role", role, &owned(ROLES));
            }
        }
    }

    fn hosts(&self) -> Vec<String> {
        self.scenario
            .world
            .hosts
            .iter()
            .map(|host| host.name.value.clone())
            .collect()
    }

    fn domains(&self) -> Vec<String> {
        self.scenario
            .world
            .domains
            .iter()
            .map(|domain| domain.name.value.clone())
            .collect()
    }

    fn tenants(&self) -> Vec<String> {
        self.scenario
            .world
            .tenants
            .iter()
            .map(|tenant| tenant.name.value.clone())
            .collect()
    }

    /// `NETBIOS\name` of every declared account.
    fn domain_accounts(&self) -> Vec<String> {
        let world = &self.scenario.world;
        world
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
            .collect()
    }

    fn cloud_account(&mut self, tenant: &Located<String>, account: &Located<String>) {
        self.known("tenant", tenant, &self.tenants());
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

    fn step(&mut self, step: &Located<Step>) {
        match &step.value {
            Step::Install(install) => self.install(install),
            Step::Advance(_) | Step::Crash(super::Part::Cloud) => {}
            Step::Expect(expected) => self.expected(expected),
            Step::ExpirePassword(what)
            | Step::ChangePassword(what)
            | Step::RequirePasswordChange(what)
            | Step::DisableAccount(what)
            | Step::LockAccount(what) => self.known("account", &what.account, &self.domain_accounts()),
            Step::CreateConfiguration(what)
            | Step::StartConfiguration(what)
            | Step::PauseConfiguration(what) => {
                self.cloud_account(&what.tenant, &what.account);
                self.known("domain", &what.domain, &self.domains());
            }
            Step::CreateUser(change) => self.object(&change.object),
            Step::Modify(change) => self.object(&change.object),
            Step::Delete(object) => self.object(&object.object),
            Step::Rename(rename) => self.object(&rename.object),
            Step::AddMember(both) | Step::RemoveMember(both) => {
                self.object(&both.group);
                self.object(&both.member);
            }
            Step::StartService(service) | Step::StopService(service) => {
                self.known("host", &service.host, &self.hosts());
            }
            Step::Crash(super::Part::Agent(host)) => self.known("host", host, &self.hosts()),
            Step::Crash(super::Part::Directory(domain))
            | Step::Pause(super::DirectoryRef { directory: domain })
            | Step::Resume(super::DirectoryRef { directory: domain })
            | Step::Stop(super::DirectoryRef { directory: domain })
            | Step::Start(super::DirectoryRef { directory: domain }) => {
                self.known("domain", domain, &self.domains());
            }
            Step::Fault(fault) => self.fault(fault),
            Step::Heal(name) => self.known("fault", name, &self.faults.clone()),
        }
    }

    /// The domain of an object must be declared; whether the object exists is known at run time only.
    fn object(&mut self, object: &Located<String>) {
        let known: Vec<String> = self
            .scenario
            .world
            .domains
            .iter()
            .map(super::Domain::netbios_name)
            .collect();
        match object.value.split_once('\\') {
            Some((netbios, name)) if !name.is_empty() => {
                self.known("domain", &object.clone().map(|_| netbios.to_owned()), &known);
            }
            _ => self.complain(
                object,
                format!("`{}` is not an account name", object.value),
                Some(format!(
                    "write NETBIOS\\name, for example `{}\\ada`",
                    known.first().map_or("CONTOSO", |k| k)
                )),
            ),
        }
    }

    fn install(&mut self, install: &Install) {
        self.known("host", &install.host, &self.hosts());
        self.cloud_account(&install.tenant, &install.sign_in_as);
        self.known("account", &install.domain_admin, &self.domain_accounts());
        if let ServiceAccountChoice::CustomServiceAccount(account) = &install.service_account {
            self.known("account", account, &self.domain_accounts());
        }
        for domain in install.domains.iter().flatten() {
            self.known("domain", domain, &self.domains());
        }
        for step in install.between.iter().flat_map(|between| &between.steps) {
            let step: Located<Step> = step.clone().map(TroubleStep::into);
            self.step(&step);
        }
    }

    fn fault(&mut self, fault: &Fault) {
        if self.faults.contains(&fault.name.value) {
            let message = format!("the fault `{}` is declared twice", fault.name.value);
            self.complain(
                &fault.name,
                message,
                Some("give each fault a name of its own".into()),
            );
        }
        self.faults.push(fault.name.value.clone());
    }

    fn expected(&mut self, expected: &Expected) {
        if let (Some(within), Some(_)) = (&expected.within, &expected.throughout) {
            let help =
                "`within` waits until it holds, `throughout` demands that it holds all the time: keep one";
            self.complain(
                within,
                "`within` and `throughout` exclude each other".into(),
                Some(help.into()),
            );
        }
        for expectation in &expected.that {
            self.expectation(&expectation.value);
        }
    }

    fn expectation(&mut self, expectation: &Expectation) {
        match expectation {
            Expectation::Wizard { host, .. }
            | Expectation::Service { host, .. }
            | Expectation::Event { host, .. }
            | Expectation::HostsCalled { host, .. } => self.known("host", host, &self.hosts()),
            Expectation::Agent { host, tenant, .. } => {
                self.known("host", host, &self.hosts());
                self.known("tenant", tenant, &self.tenants());
            }
            Expectation::Gmsa { domain, allowed, .. } => {
                self.known("domain", domain, &self.domains());
                for host in allowed {
                    self.known("host", host, &self.hosts());
                }
            }
            Expectation::GmsaCount { domain, .. } => self.known("domain", domain, &self.domains()),
            Expectation::CloudObjects(count) => self.known("tenant", &count.tenant, &self.tenants()),
            Expectation::Agents { tenant, .. }
            | Expectation::ExportedOnce { tenant }
            | Expectation::CloudUser { tenant, .. } => self.known("tenant", tenant, &self.tenants()),
            Expectation::InSync { tenant, domain } | Expectation::Job { tenant, domain, .. } => {
                self.known("tenant", tenant, &self.tenants());
                self.known("domain", domain, &self.domains());
            }
        }
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
