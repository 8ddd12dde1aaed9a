//! The outbound engine without I/O: a cloud, a directory that answers as an agent would, and what both look like afterwards.

#![allow(clippy::unwrap_used, clippy::panic)]

mod cycles;
mod deletions;
mod directory;
mod histories;
mod on_demand;
mod schemas;
mod troubles;

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use provlab_platform::MemoryStore;
use provlab_protocol::environment::EnvironmentName;
use provlab_protocol::scim::{ErrorCode, Operation, OperationResult, Pong, PutGroup, ScimError};
use serde_json::Value;
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

use super::super::plan::Plans;
use super::super::{Configuration, Job, ResetScope, jobs, template};
use super::machine::{Effect, Event, step};
use super::*;
use crate::assumptions::Assumptions;
use crate::engine::Report;
use crate::engine::event::World;
use crate::state::{
    Db, DbError, Group, JobSchema, OnPremises, Removed, SmartLockout, Tenant, TenantFeatures, Txn, User,
};
use directory::Directory;

const START: OffsetDateTime = datetime!(2026-03-01 08:00 UTC);
const TENANT: Uuid = Uuid::from_u128(7);
const DOMAIN: &str = "contoso.com";
const CONTAINER: &str = "OU=Users,DC=contoso,DC=com";
const MINUTES: i64 = 60;

/// Object id and objectGUID of a synchronized user with this number.
fn user(number: u128) -> Uuid {
    Uuid::from_u128(0x1000 + number)
}

fn account(number: u128) -> Uuid {
    Uuid::from_u128(0xa000_0000 + number)
}

/// Object id of a group with this number.
fn group(number: u128) -> Uuid {
    Uuid::from_u128((0x2000 << 64) + number)
}

struct Lab {
    store: Arc<MemoryStore>,
    db: Db,
    job: String,
    now: OffsetDateTime,
    ids: u128,
    plans: Plans,
    assumptions: Assumptions,
    directory: Directory,
    /// What was asked of the directory, pings left out.
    asked: Vec<Operation>,
    reports: Vec<Report>,
}

impl Lab {
    /// A tenant with a started job for contoso.com.
    fn started() -> Self {
        let mut lab = Self::configured();
        lab.write(|txn, job, now| jobs::start(txn, TENANT, job, now).unwrap());
        lab
    }

    fn configured() -> Self {
        let store = Arc::new(MemoryStore::default());
        let db = Db::open(Arc::clone(&store) as Arc<dyn provlab_platform::Store>).unwrap();
        let assumptions = Assumptions::default();
        let job = db.write::<_, DbError>(|txn| {
            txn.put(Tenant {
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
            });
            let name = "ADToAADSyncServiceAccount@contoso.onmicrosoft.com";
            txn.put(User::new(TENANT, Uuid::from_u128(1), name, START));
            let template = template(TEMPLATE).unwrap();
            let job = jobs::create(txn, TENANT, Uuid::from_u128(8), template, Uuid::from_u128(9));
            let secrets = [("Domain", r#"{"domain":"CONTOSO.COM"}"#)];
            let configuration = Configuration::from_secrets(secrets).unwrap();
            jobs::configure(txn, TENANT, Uuid::from_u128(8), &configuration, START);
            Ok(job.job.id)
        });
        Self {
            store,
            db,
            job: job.unwrap(),
            now: START,
            ids: 0xf000,
            plans: Plans::new(&assumptions),
            assumptions,
            directory: Directory::default(),
            asked: Vec::new(),
            reports: Vec::new(),
        }
    }

    fn write<T>(&mut self, change: impl FnOnce(&mut Txn<'_>, &str, OffsetDateTime) -> T) -> T {
        let (job, now) = (self.job.clone(), self.now);
        let written = self.db.write::<_, DbError>(|txn| Ok(change(txn, &job, now)));
        written.unwrap()
    }

    fn job(&self) -> Job {
        self.db
            .read(|cloud| cloud.sync_jobs.get(TENANT, &self.job).unwrap().job.clone())
    }

    fn row(&self, id: Uuid) -> Option<OutboundGroup> {
        let key = format!("{}/{id}", self.job);
        self.db
            .read(|cloud| cloud.outbound_groups.get(TENANT, &key).cloned())
    }

    fn step(&mut self, event: Event) -> Effect {
        let epoch = self.job().sync.epoch;
        let (mut ids, now, job) = (self.ids, self.now, self.job.clone());
        let mut new_id = || {
            ids += 1;
            Uuid::from_u128(ids)
        };
        let mut world = World {
            now,
            period: &|span| span,
            new_id: &mut new_id,
            plans: &self.plans,
            assumptions: &self.assumptions,
            busy: None,
        };
        let effect = self
            .db
            .write::<_, DbError>(|txn| Ok(step(txn, &mut world, TENANT, &job, epoch, event)));
        let mut effect = effect.unwrap();
        self.ids = ids;
        self.reports.append(&mut effect.reports);
        effect
    }

    /// What happens to a question on its way: by default the directory answers it.
    fn answer(&mut self, operation: &Operation) -> Result<OperationResult, ScimError> {
        if let Operation::Ping(ping) = operation {
            return Ok(OperationResult::Pong(Pong {
                domain: ping.domain.clone(),
                domain_controller: "dc1.contoso.com".to_owned(),
            }));
        }
        operation.check_limits().unwrap();
        self.asked.push(operation.clone());
        self.directory.perform(operation)
    }

    /// Runs what is due with these answers, and goes to the time of the next cycle.
    fn cycle_with(
        &mut self,
        mut answer: impl FnMut(&mut Self, &Operation) -> Option<Result<OperationResult, ScimError>>,
    ) {
        self.asked.clear();
        self.reports.clear();
        let mut event = Event::Tick;
        for _ in 0..10_000 {
            let effect = self.step(event);
            event = match effect.ask {
                Some((ask, operation)) => match answer(self, &operation) {
                    Some(answer) => Event::Answered(ask, Box::new(answer)),
                    // The process is gone.
                    None => return,
                },
                None if effect.again => Event::Continue,
                None => {
                    self.now = self.job().sync.next_run.unwrap_or(self.now);
                    return;
                }
            };
        }
        panic!("the cycle does not end");
    }

    fn cycle(&mut self) {
        self.cycle_with(|lab, operation| Some(lab.answer(operation)));
    }

    /// The puts of the last cycle.
    fn puts(&self) -> Vec<&PutGroup> {
        let puts = self.asked.iter().filter_map(|operation| match operation {
            Operation::PutGroup(put) => Some(put),
            _ => None,
        });
        puts.collect()
    }

    fn exports(&self) -> Vec<(&'static str, String)> {
        let exports = self.reports.iter().filter_map(|report| match report {
            Report::Export { action, name, .. } => Some((*action, name.clone())),
            _ => None,
        });
        exports.collect()
    }

    fn restart(&mut self, scope: &str) {
        let scope = ResetScope::parse(scope).unwrap();
        self.write(|txn, job, now| jobs::restart(txn, TENANT, job, scope, now).unwrap());
    }

    /// Puts a schema in place of the default, changed by `change`.
    fn put_schema(&mut self, change: impl FnOnce(&mut Value)) {
        let mut schema = default_schema(Uuid::from_u128(9), Some(DOMAIN));
        change(&mut schema);
        check_schema(&schema).unwrap();
        self.write(|txn, job, now| {
            let before = txn.cloud().job_schemas.get(TENANT, job);
            let version = before.map_or(1, |row| row.version + 1);
            txn.put(JobSchema {
                tenant: TENANT,
                job: job.to_owned(),
                version,
                schema,
            });
            jobs::restart(txn, TENANT, job, ResetScope::DEFAULT, now).unwrap();
        });
    }

    fn put_group(&mut self, number: u128, name: &str, members: &[Uuid]) {
        let members: BTreeSet<Uuid> = members.iter().copied().collect();
        self.write(|txn, _, now| {
            let id = group(number);
            let known = txn.cloud().groups.get(TENANT, &id.to_string()).cloned();
            let mut row = known.unwrap_or_else(|| Group::new(TENANT, id, name, now));
            name.clone_into(&mut row.display_name);
            row.members = members;
            txn.put(row);
        });
    }

    fn change_group(&mut self, number: u128, change: impl FnOnce(&mut Group)) {
        self.write(|txn, _, _| txn.update(TENANT, &group(number).to_string(), change).unwrap());
    }

    /// A user of the directory that inbound synchronization brought to the cloud.
    fn put_synchronized(&mut self, number: u128) {
        self.directory.people.insert(account(number));
        self.write(|txn, _, now| {
            let mut row = User::new(TENANT, user(number), &format!("u{number}@contoso.com"), now);
            row.on_premises = Some(OnPremises {
                immutable_id: Some(STANDARD.encode(account(number).to_bytes_le())),
                domain_name: Some(DOMAIN.to_owned()),
                ..OnPremises::new()
            });
            txn.put(row);
        });
    }

    fn change_user(&mut self, number: u128, change: impl FnOnce(&mut User)) {
        self.write(|txn, _, _| txn.update(TENANT, &user(number).to_string(), change).unwrap());
    }

    /// Deletes a group of the cloud for good, as Graph does.
    fn purge_group(&mut self, number: u128) {
        let id = group(number);
        self.write(|txn, _, _| {
            let holders = txn.cloud().groups.find(TENANT, Group::BY_MEMBER, &id.to_string());
            let holders: Vec<Uuid> = holders.map(|holder| holder.id).collect();
            for holder in holders {
                txn.update(TENANT, &holder.to_string(), |holder: &mut Group| {
                    holder.members.remove(&id)
                });
            }
            txn.remove::<Group>(TENANT, &id.to_string());
            txn.put(Removed {
                tenant: TENANT,
                id,
                change: 0,
                kind: "group".to_owned(),
            });
        });
    }

    /// Names of the members of a group in the directory, by objectGUID.
    fn members(&self, number: u128) -> BTreeSet<Uuid> {
        self.directory.group(group(number)).unwrap().members.clone()
    }
}

fn ldap_error(code: u32) -> ScimError {
    ScimError::from_ldap(code, "00002098: SecErr: DSID-03150F94, problem 4003, data 0")
}

fn no_agent() -> ScimError {
    ScimError::new(ErrorCode::HybridIdentityServiceNoActiveAgents, DOMAIN)
}

/// A set of members.
fn set<const N: usize>(members: [Uuid; N]) -> BTreeSet<Uuid> {
    BTreeSet::from(members)
}
