//! Checks of steps.

use provlab_agent::AgentVersion;
use provlab_directory::control::MAX_USERS_AT_ONCE;
use provlab_entra::state::TenantFeatures;
use provlab_protocol::oauth::{DOMAIN_NAME_ADMINISTRATOR, GLOBAL_ADMINISTRATOR, role_by_name};

use super::Lint;
use crate::scenario::{
    AttributeMapping, CloudStep, DirectoryRef, DomainVerification, Fault, Install, Located, ObjectFilter,
    OnDemand, Part, Reset, Restart, ScopeChoice, ServiceAccountChoice, Step, TenantFeatureSwitches,
    TroubleStep,
};

/// Most 429 answers in a row.
const MAX_THROTTLED: u32 = 10_000;
/// Most members of a group that is provisioned on demand (CS 5.7).
const MAX_MEMBERS_ON_DEMAND: usize = 5;

impl Lint<'_> {
    pub(super) fn step(&mut self, step: &Located<Step>) {
        if let Some(what) = step.value.in_cloud() {
            self.cloud_step(what);
        }
        match &step.value {
            Step::Install(install) => self.install(install),
            Step::Expect(expected) => self.expected(expected),
            Step::ExpirePassword(what)
            | Step::ChangePassword(what)
            | Step::RequirePasswordChange(what)
            | Step::DisableAccount(what)
            | Step::EnableAccount(what)
            | Step::LockAccount(what) => self.domain_account(&what.account),
            Step::ExpireCloudPassword(what)
            | Step::ResetCloudPassword(what)
            | Step::DisableCloudAccount(what)
            | Step::EnableCloudAccount(what)
            | Step::DeleteCloudAccount(what) => self.account_of_tenant(&what.account),
            Step::MakeDirectoryBusy(what) => self.tenant(&what.tenant),
            Step::ResetOwnPassword(what) => self.tenant(&what.tenant),
            Step::ChangeOwnPassword(what) => self.tenant(&what.tenant),
            Step::UnlockOwnAccount(what) => self.tenant(&what.tenant),
            Step::SetPasswordPolicy(what) => self.domain(&what.domain),
            Step::RevokeRight(what) => self.domain(&what.domain),
            Step::ThrottleGraph(what) => self.count(&what.requests, MAX_THROTTLED, "throttled requests"),

            Step::CreateUser(user) => {
                self.account_name(&user.object);
                self.place(user.below.as_ref(), None);
            }
            Step::CreateUsers(users) => {
                self.domain(&users.domain);
                self.place(users.below.as_ref(), Some(&users.domain));
                self.count(&users.count, MAX_USERS_AT_ONCE, "users created at once");
            }
            Step::CreateGroup(group) => {
                self.account_name(&group.object);
                self.place(group.below.as_ref(), None);
                for member in &group.members {
                    self.object(member);
                }
            }
            Step::CreateOrganizationalUnit(unit) | Step::DeleteTree(unit) => {
                self.domain(&unit.domain);
                self.dn(&unit.dn, Some(&unit.domain));
            }
            Step::RenameOrganizationalUnit(unit) => {
                self.domain(&unit.domain);
                self.dn(&unit.dn, Some(&unit.domain));
            }
            Step::Modify(change) => self.object(&change.object),
            Step::Delete(object) => self.object(&object.object),
            Step::Rename(rename) => self.object(&rename.object),
            Step::Move(what) => {
                self.object(&what.object);
                self.dn(&what.below, None);
            }
            Step::AddMember(both) | Step::RemoveMember(both) => {
                self.object(&both.group);
                self.object(&both.member);
            }
            Step::AddMembers(many) | Step::RemoveMembers(many) => {
                self.account_name(&many.group);
                self.count(&many.count, MAX_USERS_AT_ONCE, "members that come or go at once");
            }

            Step::SetPassword(what) => self.account_name(&what.account),
            Step::UpgradeAgent(upgrade) => {
                self.host(&upgrade.host);
                if let Err(error) = AgentVersion::parse(&upgrade.version) {
                    self.complain(&upgrade.version, error.to_string(), None);
                }
            }
            Step::EditAgentConfig(edit) => self.host(&edit.host),
            Step::StartService(service) | Step::StopService(service) => self.host(&service.host),
            Step::Crash(Part::Agent(host)) => self.host(host),
            Step::Crash(Part::Directory(domain))
            | Step::Pause(DirectoryRef { directory: domain })
            | Step::Resume(DirectoryRef { directory: domain })
            | Step::Stop(DirectoryRef { directory: domain })
            | Step::Start(DirectoryRef { directory: domain })
            | Step::ReplaceDomainController(DirectoryRef { directory: domain }) => self.domain(domain),
            Step::Fault(fault) => self.fault(fault),
            Step::Heal(name) => self.known("fault", name, &self.faults.clone()),

            Step::CreateGroupProvisioning(what) => self.place(what.container.as_ref(), Some(&what.domain)),
            Step::RestartConfiguration(what) => self.restart(what),
            Step::SetScope(what) => self.scope(what),
            Step::FilterUsers(what) | Step::FilterGroups(what) => self.filter(what),
            Step::MapAttribute(what) => self.mapping(what),
            Step::ProvisionOnDemand(what) => self.on_demand(what),
            Step::SetTenantFeatures(what) => self.features(what),
            Step::VerifyDomain(what) => self.verification(what),
            Step::RemoveAgent(what) => self.host(&what.host),
            Step::AssignAgent(what) => {
                self.host(&what.host);
                self.domain(&what.domain);
            }
            Step::Advance(_)
            | Step::Crash(Part::Cloud)
            | Step::CreateConfiguration(_)
            | Step::StartConfiguration(_)
            | Step::PauseConfiguration(_)
            | Step::ClearQuarantine(_)
            | Step::AllowDeletes(_)
            | Step::DeleteConfiguration(_)
            | Step::UnmapAttribute(_)
            | Step::SetDeleteThreshold(_)
            | Step::SkipOutOfScopeDeletions(_)
            | Step::SetNotificationEmail(_)
            | Step::SetDeletionGuard(_)
            | Step::SetPasswordWriteback(_)
            | Step::AdminResetPassword(_)
            | Step::CreateCloudUser(_)
            | Step::ModifyCloudUser(_)
            | Step::DeleteCloudUser(_)
            | Step::RestoreCloudUser(_)
            | Step::CreateCloudGroup(_)
            | Step::ModifyCloudGroup(_)
            | Step::DeleteCloudGroup(_)
            | Step::AddCloudMember(_)
            | Step::RemoveCloudMember(_) => {}
        }
    }

    fn cloud_step(&mut self, what: &dyn CloudStep) {
        match what.account() {
            Some(account) => self.cloud_account(what.tenant(), account),
            None => self.tenant(what.tenant()),
        }
        if let Some(domain) = what.domain() {
            self.domain(domain);
        }
    }

    /// The container of a new object.
    fn place(&mut self, below: Option<&Located<String>>, domain: Option<&Located<String>>) {
        if let Some(below) = below {
            self.dn(below, domain.map(|domain| domain.value.as_str()));
        }
    }

    fn install(&mut self, install: &Install) {
        self.host(&install.host);
        self.cloud_account(&install.tenant, &install.sign_in_as);
        self.domain_account(&install.domain_admin);
        if let ServiceAccountChoice::CustomServiceAccount(account) = &install.service_account {
            self.domain_account(account);
        }
        for domain in install.domains.iter().flatten() {
            self.domain(domain);
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

    fn restart(&mut self, what: &Restart) {
        let Some(reset) = &what.reset else { return };
        let help = "leave `reset` out to reset what the portal resets, or write `[None]`";
        self.not_empty(&what.domain, reset, "reset", help);
        if let Some(force) = reset.iter().find(|word| word.value == Reset::ForceDeletes)
            && reset.len() > 1
        {
            let help = "write `allow-deletes`, and a restart of its own for the rest";
            self.complain(force, "`ForceDeletes` stands alone".into(), Some(help.into()));
        }
    }

    fn scope(&mut self, what: &ScopeChoice) {
        let given = [
            what.organizational_units.is_some(),
            what.groups.is_some(),
            what.all.is_some(),
        ];
        if given.iter().filter(|given| **given).count() != 1 {
            let help = "a scope is one of `organizational-units: […]`, `groups: […]` and `all: true`";
            self.complain(
                &what.domain,
                "name exactly one kind of scope".into(),
                Some(help.into()),
            );
        }
        if let Some(all) = &what.all
            && !all.value
        {
            self.complain(
                all,
                "`all: false` is no scope".into(),
                Some("write `all: true`".into()),
            );
        }
        for (word, names) in [
            ("organizational-units", &what.organizational_units),
            ("groups", &what.groups),
        ] {
            let Some(names) = names else { continue };
            self.not_empty(&what.domain, names, word, "write `all: true` for everything");
            for name in names {
                self.dn(name, Some(&what.domain));
            }
        }
    }

    fn filter(&mut self, what: &ObjectFilter) {
        for group in &what.any_of {
            if group.value.is_empty() {
                let help =
                    "an object must fulfil all clauses of one group; `any-of: []` takes the filter away";
                self.complain(group, "a group of no clauses".into(), Some(help.into()));
            }
            for clause in &group.value {
                let operator = clause.operator.value;
                let takes = operator.takes_values();
                if takes == clause.values.is_empty() {
                    let (message, help) = if takes {
                        (
                            format!("`{}` has nothing to compare with", operator.as_str()),
                            "add `values: […]`",
                        )
                    } else {
                        (
                            format!("`{}` takes no values", operator.as_str()),
                            "leave `values` out",
                        )
                    };
                    self.complain(&clause.operator, message, Some(help.into()));
                }
            }
        }
    }

    fn mapping(&mut self, what: &AttributeMapping) {
        let given = [&what.expression, &what.attribute, &what.constant];
        if given.iter().filter(|given| given.is_some()).count() != 1 {
            let help = "a mapping has one of `expression`, `attribute` and `constant`";
            let message = format!("name exactly one source of `{}`", what.target.value);
            self.complain(&what.target, message, Some(help.into()));
        }
    }

    fn on_demand(&mut self, what: &OnDemand) {
        let from_directory = what.template != crate::scenario::JobTemplate::Aad2AdGroupProvisioning;
        if from_directory {
            self.object(&what.object);
            for member in &what.members {
                self.object(member);
            }
        }
        if let Some(excess) = what.members.get(MAX_MEMBERS_ON_DEMAND) {
            let message = format!("at most {MAX_MEMBERS_ON_DEMAND} members are provisioned on demand");
            self.complain(excess, message, None);
        }
    }

    fn features(&mut self, what: &TenantFeatureSwitches) {
        let known = TenantFeatures::default().switches;
        let known: Vec<&str> = known.keys().map(String::as_str).collect();
        self.known_keys("feature", &what.set, &known);
    }

    fn verification(&mut self, what: &DomainVerification) {
        let may = |role: &Located<String>| {
            role_by_name(role).is_some_and(|role| {
                [GLOBAL_ADMINISTRATOR, DOMAIN_NAME_ADMINISTRATOR].contains(&role.template_id)
            })
        };
        let tenants = &self.scenario.world.tenants;
        let tenant = tenants
            .iter()
            .find(|tenant| tenant.name.value == what.tenant.value);
        let somebody = tenant.is_none_or(|tenant| {
            tenant
                .accounts
                .iter()
                .any(|account| account.roles.iter().any(may))
        });
        if what.account.is_none() && !somebody {
            let help =
                "give an account of the tenant the role `Domain Name Administrator`, or name one by `as`";
            let message = format!("nobody of `{}` may verify a domain", what.tenant.value);
            self.complain(&what.tenant, message, Some(help.into()));
        }
    }
}
