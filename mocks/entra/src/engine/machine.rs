//! One step of a job: an event and the state go in; the changed state, the next question and what is worth telling come out.
//!
//! ```text
//! Tick ──ask──▶ ping ──▶ CheckPassed ──ask──▶ query ──▶ Page ──ask──▶ query … last Page
//!   │            └──▶ CheckFailed: quarantine      └──▶ ReadFailed: try again from the last watermark; cookieRefused: full cycle
//!   └─ later stages: Sweep ──▶ Export ──▶ References ──▶ Deletes ──▶ rest until the next cycle
//! ```
//!
//! A step runs inside one transaction: what a page changed and the watermark after it are stored together or not at all, and what is left to
//! do is marked on the rows. So a kill at any instant loses nothing, a page that is read twice changes nothing the second time, and a cycle
//! may be cut behind any step, because the step is full or because the directory takes no more writes for now.

use std::time::Duration;

use provlab_protocol::scim::{ChangeQuery, DomainPing, ListResponse, Operation, Resource, ResourceType};
use uuid::Uuid;

use super::connector::Connector;
use super::event::{Effect, Event, Report, World};
use super::export::{Context, Exported, Exporter, Origin};
use super::import::Import;
use super::job::{Direction, Execution, Job, Phase, ScheduleState, Stage, SyncJob, template};
use super::job_graph::net_bios_name;
use super::ledger::{Ledger, WRITE_WINDOW};
use super::log::Cycle;
use super::plan::Plan;
use super::records::StagedDelete;
use super::references;
use super::sync_account;
use crate::assumptions::names;
use crate::state::{Tenant, Txn};

/// Objects asked for per page (our own choice; the product's is not public).
pub const PAGE_SIZE: u32 = 500;
/// Objects and links that one step looks at: a transaction stays small, and others get their turn.
const STEP_QUOTA: usize = 1_000;

/// Performs one step of the job `id`, unless it is gone, does not run, or has left `epoch` behind.
pub fn step(
    txn: &mut Txn<'_>,
    world: &mut World<'_>,
    tenant: Uuid,
    id: &str,
    epoch: u64,
    event: Event,
) -> Effect {
    let row = txn.cloud().sync_jobs.get(tenant, id);
    let runs = row.is_some_and(|row| {
        row.job.schedule.state == ScheduleState::Active
            && row.job.sync.epoch == epoch
            && template(&row.job.template_id).is_some_and(|t| t.runs == Some(Direction::Inbound))
    });
    if !runs {
        return Effect::default();
    }
    with_machine(txn, world, tenant, id, |machine| machine.handle(event)).unwrap_or_default()
}

/// Opens what a job works with, lets it work and stores what changed. None if there is no such job, or it has no domain.
pub(super) fn with_machine(
    txn: &mut Txn<'_>,
    world: &mut World<'_>,
    tenant: Uuid,
    id: &str,
    work: impl FnOnce(&mut Machine<'_, '_, '_, '_>),
) -> Option<Effect> {
    let cloud = txn.cloud();
    let row = cloud.sync_jobs.get(tenant, id)?.clone();
    let tenant = cloud.tenants.get(tenant, &tenant.to_string())?.clone();
    let SyncJob {
        job,
        service_principal,
        ..
    } = row;
    let domain = job.configuration.domain.clone()?;
    let plan = world.plans.of(cloud, tenant.id, id);
    let limited = world.assumptions.holds(names::WRITE_LIMIT);
    let window = limited.then(|| (world.period)(WRITE_WINDOW));
    let ledger = Ledger::open(cloud, tenant.id, world.now, window);
    let mut machine = Machine {
        store: Connector::new(txn, tenant.id, id, job.sync.counts.clone()),
        origin: Origin {
            net_bios: net_bios_name(&domain),
            domain,
        },
        plan: &plan,
        service_principal,
        world,
        tenant,
        ledger,
        job,
        on_demand: None,
        effect: Effect::default(),
    };
    work(&mut machine);
    let Machine {
        store,
        mut job,
        effect,
        tenant,
        ledger,
        ..
    } = machine;
    job.sync.counts = store.counts().clone();
    let row = SyncJob {
        tenant: tenant.id,
        service_principal,
        job,
    };
    ledger.close(txn);
    if txn.cloud().sync_jobs.get(tenant.id, id) != Some(&row) {
        txn.put(row);
    }
    Some(effect)
}

/// A job at work within one transaction.
pub(super) struct Machine<'m, 'w, 't, 'c> {
    pub(super) store: Connector<'t, 'c>,
    pub(super) world: &'m mut World<'w>,
    pub(super) plan: &'m Plan,
    pub(super) tenant: Tenant,
    pub(super) service_principal: Uuid,
    pub(super) origin: Origin,
    pub(super) ledger: Ledger,
    pub(super) job: Job,
    /// One object is provisioned on demand, under this id of a cycle.
    pub(super) on_demand: Option<Uuid>,
    pub(super) effect: Effect,
}

/// Whether a step goes on.
enum Turn {
    /// There may be more to do.
    On,
    /// The directory takes no more writes for now.
    Rest,
}

impl Machine<'_, '_, '_, '_> {
    fn handle(&mut self, event: Event) {
        match event {
            Event::Tick => self.tick(),
            Event::Continue => self.work(),
            Event::CheckPassed => self.query(),
            Event::CheckFailed(failure) => self.fail(&failure, true),
            Event::ReadFailed(failure) if failure.cookie_refused && self.job.sync.watermark.is_some() => {
                self.start_over();
            }
            Event::ReadFailed(failure) => self.fail(&failure, false),
            Event::Page(page) => self.page(&page),
        }
    }

    fn tick(&mut self) {
        if self.job.sync.next_run.is_none_or(|at| at > self.world.now) {
            return;
        }
        if self.job.sync.execution.is_none() {
            let activity = (self.world.new_id)();
            self.job.sync.execution = Some(Execution::begin(activity, self.world.now));
            self.notice_domains();
        }
        if self.job.sync.stage != Stage::Read {
            return self.work();
        }
        if let Err(failure) = sync_account::check(self.store.cloud(), &self.tenant) {
            return self.fail(&failure, true);
        }
        // What an earlier page left behind when the directory took no more writes goes first.
        if self.job.sync.watermark.is_some()
            && !self.plan.depends_on_groups()
            && matches!(self.export(&mut { usize::MAX }), Turn::Rest)
        {
            return;
        }
        self.effect.ask = Some(Operation::Ping(DomainPing {
            domain: self.origin.domain.clone(),
        }));
    }

    /// When a verified domain was added or removed, this cycle calculates the UPN of every user again (CS 5.11).
    fn notice_domains(&mut self) {
        let domains = Some(self.tenant.verified_domains.clone());
        if self.job.sync.domains.is_some() && self.job.sync.domains != domains {
            self.job.sync.names_again = true;
        }
        self.job.sync.domains = domains;
    }

    fn query(&mut self) {
        let sync = &mut self.job.sync;
        if sync.watermark.is_none() {
            sync.phase = Phase::Initial;
            sync.generation += 1;
            sync.scope_groups.clear();
        }
        let types = vec![ResourceType::User, ResourceType::Group, ResourceType::Contact];
        let query = ChangeQuery::new(
            &self.origin.domain,
            types,
            self.plan.requested_attributes().to_vec(),
            sync.watermark.clone(),
            PAGE_SIZE,
        );
        self.effect.ask = Some(Operation::Query(query));
    }

    /// The directory forgot where we were: read everything, and take what does not turn up for deleted.
    fn start_over(&mut self) {
        self.job.sync.watermark = None;
        self.job.sync.replica = None;
        self.query();
    }

    fn is_full(&self) -> bool {
        self.job.sync.phase == Phase::Initial
    }

    fn page(&mut self, page: &ListResponse) {
        let full = self.is_full();
        let import = Import::new(self.plan, self.job.sync.generation, full);
        for resource in &page.resources {
            import.merge(&mut self.store, &mut self.job.sync.scope_groups, resource);
        }
        let lists = page
            .resources
            .iter()
            .flat_map(|r| r.links_added.values().chain(r.links_removed.values()));
        let references: usize = lists.map(Vec::len).sum();
        let objects = page.resources.len() as u64;
        self.count(|e| {
            *(if full {
                &mut e.imported
            } else {
                &mut e.imported_deltas
            }) += objects;
            e.imported_reference_deltas += if full { 0 } else { references as u64 };
        });
        self.job.sync.watermark = Some(page.cookie.clone());
        self.job.sync.replica = Some(page.replica_token.clone());
        if !page.more_results {
            self.job.sync.stage = if full || self.job.sync.names_again {
                Stage::Sweep { after: None }
            } else {
                Stage::Export
            };
            self.mark_retries();
            return self.work();
        }
        // Where groups decide, the scope is known only when everything has been read.
        let mut quota = usize::MAX;
        let turn = if self.plan.depends_on_groups() {
            Turn::On
        } else {
            self.export(&mut quota)
        };
        match turn {
            Turn::On => self.query(),
            Turn::Rest => {}
        }
    }

    /// Merges one object that was read by itself and exports it with its references.
    pub(super) fn provision_on_demand(&mut self, resource: &Resource) {
        self.on_demand = Some((self.world.new_id)());
        let import = Import::new(self.plan, self.job.sync.generation, false);
        import.merge(&mut self.store, &mut self.job.sync.scope_groups, resource);
        self.perform(vec![resource.id], |exporter, guid| exporter.export(guid));
        let mut links = self.store.dirty_links(usize::MAX);
        links.retain(|link| link.holder == resource.id);
        self.perform(vec![links.as_slice()], |exporter, links| exporter.follow(links));
        let staged = self
            .store
            .get(resource.id)
            .filter(|record| record.staged_delete.is_some())
            .cloned();
        self.perform(staged.into_iter().collect(), |exporter, record| {
            exporter.delete(record);
        });
    }

    fn mark_retries(&mut self) {
        for guid in self.store.due_retries(Some(self.world.now)) {
            self.store.mark(guid);
        }
    }

    /// Goes on with what comes after reading, as far as this step's quota and the directory let it.
    fn work(&mut self) {
        let mut quota = STEP_QUOTA;
        loop {
            let stage = self.job.sync.stage;
            let turn = match stage {
                Stage::Read => return,
                Stage::Sweep { after } => self.sweep(after, &mut quota),
                Stage::Export => self.export(&mut quota),
                Stage::References => self.references(&mut quota),
                Stage::Deletes => self.deletes(&mut quota),
            };
            if matches!(turn, Turn::Rest) {
                return;
            }
            if quota == 0 {
                self.effect.again = true;
                return;
            }
            self.job.sync.stage = match self.job.sync.stage {
                Stage::Sweep { .. } => Stage::Export,
                Stage::Export => Stage::References,
                Stage::References => Stage::Deletes,
                Stage::Deletes | Stage::Read => return self.finish(),
            };
        }
    }

    fn sweep(&mut self, after: Option<Uuid>, quota: &mut usize) -> Turn {
        let full = self.is_full();
        let again = self.job.sync.names_again;
        let guids = self.store.guids_after(after, *quota);
        let import = Import::new(self.plan, self.job.sync.generation, full);
        for guid in &guids {
            if full {
                import.sweep(&mut self.store, &mut self.job.sync.scope_groups, *guid);
            }
            if again {
                self.store.mark(*guid);
            }
        }
        *quota -= guids.len();
        if let Some(last) = guids.last() {
            self.job.sync.stage = Stage::Sweep { after: Some(*last) };
        }
        Turn::On
    }

    fn export(&mut self, quota: &mut usize) -> Turn {
        let guids = self.store.dirty(*quota);
        *quota -= guids.len();
        self.perform(guids, |exporter, guid| exporter.export(guid))
    }

    fn references(&mut self, quota: &mut usize) -> Turn {
        let links = self.store.dirty_links(*quota);
        *quota -= links.len();
        let mut rest = links.as_slice();
        let mut holders = Vec::new();
        while !rest.is_empty() {
            let links = references::first_holder(rest);
            rest = &rest[links.len()..];
            holders.push(links);
        }
        self.perform(holders, |exporter, links| exporter.follow(links))
    }

    fn deletes(&mut self, quota: &mut usize) -> Turn {
        if self.threshold_exceeded().is_some() {
            let pending = self.store.staged(Some(StagedDelete::Pending), *quota);
            *quota -= pending.len();
            return self.perform(pending, |exporter, record| exporter.hold(record));
        }
        let staged = self.store.staged(None, *quota);
        *quota -= staged.len();
        // Decided once for the whole cycle: what is left after some deletions may be below the threshold, but not above it.
        self.perform(staged, |exporter, record| exporter.delete(record))
    }

    /// Does `work` on every item until the directory takes no more writes.
    fn perform<T>(&mut self, items: Vec<T>, mut work: impl FnMut(&mut Exporter<'_, '_, '_, '_>, T)) -> Turn {
        let running = self
            .job
            .sync
            .execution
            .as_ref()
            .map(|execution| execution.activity);
        let cycle = Cycle {
            tenant: self.tenant.id,
            job: self.job.id.clone(),
            service_principal: self.service_principal,
            activity: self.on_demand.or(running).unwrap_or_default(),
            now: self.world.now,
        };
        let context = Context {
            plan: self.plan,
            assumptions: self.world.assumptions,
            tenant: &self.tenant,
            configuration: &self.job.configuration,
            origin: &self.origin,
            scope: &self.job.sync.scope_groups,
            cycle: &cycle,
            names_again: self.job.sync.names_again,
            on_demand: self.on_demand.is_some(),
        };
        let mut done = Exported::default();
        let mut exporter = Exporter {
            store: &mut self.store,
            world: self.world,
            context: &context,
            ledger: &mut self.ledger,
            done: &mut done,
        };
        let mut turn = Turn::On;
        for item in items {
            if exporter.world.busy.is_some() || !exporter.ledger.has_room() {
                turn = Turn::Rest;
                break;
            }
            work(&mut exporter, item);
        }
        self.tally(done);
        if matches!(turn, Turn::Rest) && self.on_demand.is_none() {
            self.rest();
        }
        turn
    }

    /// The directory takes no writes for now: the cycle goes on when it does.
    fn rest(&mut self) {
        let now = self.world.now;
        let until = self
            .world
            .busy
            .map_or_else(|| self.ledger.opens_at(), |wait| now + wait);
        self.job.sync.next_run = Some(until);
        let retry_after = Duration::try_from(until - now).unwrap_or_default();
        self.effect.reports.push(Report::Throttled { retry_after });
    }

    fn tally(&mut self, done: Exported) {
        let (exports, objects) = (done.exports, done.objects.len() as u64);
        self.count(|e| {
            e.exports += exports;
            e.exported += objects;
        });
        self.job.escrows_pruned |= done.pruned;
        self.effect.reports.extend(done.reports);
    }

    pub(super) fn count(&mut self, add: impl FnOnce(&mut Execution)) {
        if let Some(execution) = &mut self.job.sync.execution {
            add(execution);
        }
    }
}
