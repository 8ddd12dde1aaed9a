//! A tenant with a started synchronization job: the provisioning engine without network, clock or agent.

use std::sync::Arc;

use provlab_entra::assumptions::{Assumptions, names};
use provlab_entra::engine::{
    AD2AAD_PROVISIONING, Configuration, Effect, Event, Plans, SYNC_ACCOUNT_PREFIX, World, jobs, step,
    template,
};
use provlab_entra::state::{Db, DbError, SmartLockout, Tenant, TenantFeatures, Txn, User};
use provlab_platform::MemoryStore;
use provlab_protocol::environment::EnvironmentName;
use provlab_protocol::scim::{ListResponse, Operation};
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

use crate::forest::DOMAIN;

/// When the job is started.
pub const START: OffsetDateTime = datetime!(2026-01-05 08:00 UTC);
/// Id of the tenant that [`Job::started`] makes.
pub const TENANT: Uuid = Uuid::from_u128(7);
const SERVICE_PRINCIPAL: Uuid = Uuid::from_u128(8);
const JOB: Uuid = Uuid::from_u128(9);

/// A job and the cloud state that it works on.
pub struct Job<'db> {
    db: &'db Db,
    tenant: Uuid,
    id: String,
    now: OffsetDateTime,
    last_id: u128,
    plans: Plans,
    /// The engine's own speed is measured, not the limit of writes that the product has.
    assumptions: Assumptions,
}

/// The state of a cloud with the tenant [`TENANT`] and nothing else.
///
/// # Panics
/// If the store in memory fails.
#[must_use]
pub fn cloud() -> Db {
    cloud_on(Arc::new(MemoryStore::new()))
}

/// The same on a store that tells what was written.
///
/// # Panics
/// If the store in memory fails.
#[must_use]
pub fn cloud_on(store: Arc<MemoryStore>) -> Db {
    let db = Db::open(store).expect("an empty store can be read");
    let tenant = Tenant {
        id: TENANT,
        environment: EnvironmentName::AzureCloud,
        display_name: "Contoso".to_owned(),
        initial_domain: "contoso.onmicrosoft.com".to_owned(),
        verified_domains: vec![DOMAIN.to_owned()],
        unverified_domains: Vec::new(),
        created: START,
        on_premises_sync_enabled: Some(true),
        on_premises_last_sync: None,
        features: TenantFeatures::default(),
        smart_lockout: SmartLockout::default(),
        updater_configuration: None,
    };
    commit(&db, |txn| {
        txn.put(tenant);
        put_sync_account(txn);
    });
    db
}

/// The account without which no job of the tenant [`TENANT`] leaves its quarantine (CS 5.5); the agent's setup makes it.
pub(crate) fn put_sync_account(txn: &mut Txn<'_>) {
    let tenant = txn
        .cloud()
        .tenants
        .get(TENANT)
        .map(|tenant| tenant.initial_domain.clone());
    let initial_domain = tenant.expect("the tenant is there before its accounts");
    let account = format!("{SYNC_ACCOUNT_PREFIX}@{initial_domain}");
    txn.put(User::new(TENANT, Uuid::from_u128(6), &account, START));
}

pub(crate) fn commit<T>(db: &Db, change: impl FnOnce(&mut Txn<'_>) -> T) -> T {
    let done = db.write::<_, DbError>(|txn| Ok(change(txn)));
    done.expect("a store in memory takes every write")
}

impl<'db> Job<'db> {
    /// Creates a job for the domain in `tenant`, configures and starts it.
    ///
    /// # Panics
    /// If the cloud does not know its own template.
    #[must_use]
    pub fn started(db: &'db Db, tenant: Uuid) -> Self {
        let template = template(AD2AAD_PROVISIONING).expect("the template of cloud sync exists");
        let domain = format!(r#"{{"domain":"{DOMAIN}"}}"#);
        let configuration = Configuration::from_secrets([("Domain", domain.as_str())]);
        let configuration = configuration.expect("the secret is well-formed");
        let id = commit(db, |txn| {
            let id = jobs::create(txn, tenant, SERVICE_PRINCIPAL, template, JOB).job.id;
            jobs::configure(txn, tenant, SERVICE_PRINCIPAL, &configuration, START);
            jobs::start(txn, tenant, &id, START);
            id
        });
        let assumptions = Assumptions([(names::WRITE_LIMIT.to_owned(), false)].into());
        Self {
            db,
            tenant,
            id,
            now: START,
            last_id: 1_000,
            plans: Plans::new(&assumptions),
            assumptions,
        }
    }

    /// Runs a whole cycle in which the agent answers with these pages; returns how many objects were written.
    ///
    /// Every page is a transaction of its own, committed to a store in memory.
    ///
    /// # Panics
    /// If the engine asks for anything else than the next page.
    pub fn cycle(&mut self, pages: Vec<ListResponse>) -> u64 {
        let asked = self.step(Event::Tick).ask;
        assert!(
            matches!(asked, Some(Operation::Ping(_))),
            "a cycle begins with a check"
        );
        let mut asked = self.step(Event::CheckPassed).ask;
        for page in pages {
            assert!(matches!(asked, Some(Operation::Query(_))), "the engine reads on");
            asked = self.step(Event::Page(Box::new(page))).ask;
        }
        assert!(asked.is_none(), "the cycle ends with the last page");
        let job = self.db.read(|cloud| {
            let row = cloud.sync_jobs.get(self.tenant, &self.id);
            row.map(|row| row.job.clone())
        });
        let job = job.expect("nobody deletes the job");
        self.now = job.sync.next_run.unwrap_or(self.now);
        job.last_execution.map_or(0, |execution| execution.exported)
    }

    /// Pauses the job, so that no driver takes it up.
    pub fn pause(&self) {
        commit(self.db, |txn| jobs::pause(txn, self.tenant, &self.id));
    }

    /// A step, and those that follow because it was full.
    fn step(&mut self, event: Event) -> Effect {
        let mut effect = self.one_step(event);
        while effect.again {
            effect = self.one_step(Event::Continue);
        }
        effect
    }

    fn one_step(&mut self, event: Event) -> Effect {
        let (tenant, id, now) = (self.tenant, self.id.as_str(), self.now);
        let (last_id, plans, assumptions) = (&mut self.last_id, &self.plans, &self.assumptions);
        commit(self.db, |txn| {
            let row = txn.cloud().sync_jobs.get(tenant, id);
            let epoch = row.map_or(0, |row| row.job.sync.epoch);
            let mut new_id = || {
                *last_id += 1;
                Uuid::from_u128(*last_id)
            };
            let mut world = World {
                now,
                period: &|product| product,
                new_id: &mut new_id,
                plans,
                assumptions,
                busy: None,
            };
            step(txn, &mut world, tenant, id, epoch, event)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::Controller;
    use crate::forest::{forest, relocate};

    #[test]
    fn a_population_arrives_once_and_a_delta_writes_what_changed() {
        let controller = Controller::new(forest(40));
        let pages = controller.all_changes(None);
        let known = pages.last().map(|page| page.cookie.clone());
        let db = cloud();
        let mut job = Job::started(&db, TENANT);
        assert!(job.cycle(pages) >= 42);
        let users = db.read(|cloud| cloud.users.of(TENANT).count());
        assert!(users >= 40);
        controller.change(|directory| relocate(directory, 5, "Ockham"));
        let delta = controller.all_changes(known);
        assert_eq!(job.cycle(delta.clone()), 5);
        assert_eq!(job.cycle(delta), 0);
    }
}
