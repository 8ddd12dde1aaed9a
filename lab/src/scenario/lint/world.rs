//! Checks of the declared world.

use provlab_entra::assumptions::ASSUMPTIONS;
use provlab_protocol::oauth::DIRECTORY_ROLES;

use super::Lint;
use crate::scenario::Tenant;

/// Groups of a domain that an account can be put into.
const GROUPS: [&str; 7] = [
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

impl Lint<'_> {
    pub(super) fn world(&mut self) {
        let world = &self.scenario.world;
        self.unique("host", world.hosts.iter().map(|host| &host.name));
        for host in &world.hosts {
            self.domain(&host.domain);
        }
        for domain in &world.domains {
            self.unique("account", domain.accounts.iter().map(|account| &account.name));
            for group in domain.accounts.iter().flat_map(|account| &account.member_of) {
                self.known("group", group, &GROUPS.map(str::to_owned));
            }
            if let Some(population) = &domain.population {
                self.count(&population.users, MAX_POPULATION, "the users of a population");
            }
        }
        for tenant in &world.tenants {
            self.cloud_objects(tenant);
        }
        if let Some(assumptions) = &world.cloud.assumptions {
            let known = ASSUMPTIONS.map(|known| known.name);
            self.known_keys("assumption", assumptions, &known);
        }
    }

    fn cloud_objects(&mut self, tenant: &Tenant) {
        let accounts = tenant.accounts.iter().map(|account| &account.name);
        let users = tenant.users.iter().map(|user| &user.name);
        self.unique("cloud account", accounts.clone().chain(users.clone()));
        self.unique("cloud group", tenant.groups.iter().map(|group| &group.name));
        let roles: Vec<String> = DIRECTORY_ROLES.iter().map(|role| role.name.to_owned()).collect();
        let given = tenant.accounts.iter().flat_map(|account| &account.roles);
        for role in given.chain(tenant.users.iter().flat_map(|user| &user.roles)) {
            self.known("directory role", role, &roles);
        }
        let groups = tenant.groups.iter().map(|group| &group.name);
        let known: Vec<String> = accounts
            .chain(users)
            .chain(groups)
            .map(|name| name.value.clone())
            .collect();
        for member in tenant.groups.iter().flat_map(|group| &group.members) {
            self.known("cloud object", member, &known);
        }
    }
}
