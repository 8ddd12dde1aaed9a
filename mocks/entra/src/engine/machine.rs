//! One step of a job: an event and the state go in; the changed state, the next question and what is worth telling come out.
//!
//! ```text
//! Tick ──ask──▶ ping ──▶ CheckPassed ──ask──▶ query ──▶ Page ──ask──▶ query … last Page ──▶ rest until the next cycle
//!                └──▶ CheckFailed: quarantine      └──▶ ReadFailed: try again from the last watermark; cookieRefused: full cycle
//! ```
//!
//! A step runs inside one transaction: what a page changed and the watermark after it are stored together or not at all, so a kill
//! at any instant loses nothing, and a page that is read twice changes nothing the second time.

use std::time::Duration;

use provlab_protocol::scim::{
    ChangeQuery, DomainPing, ErrorCode, ListResponse, Operation, ResourceType, ScimError,
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::connector::Connector;
use super::export::{self, Exported};
use super::import::{self, Imported, Kept};
use super::job::{
    Execution, ExecutionState, Job, JobError, Phase, QuarantineReason, ScheduleState, SyncJob, template,
};
use super::job_graph::net_bios_name;
use super::mapping::requested_attributes;
use super::quarantine;
use super::records::ObjectKind;
use super::references;
use super::target::Origin;
use crate::state::{Tenant, Txn};

/// Objects asked for per page (our own choice; the product's is not public).
pub const PAGE_SIZE: u32 = 500;

/// The doors of a step.
pub struct World<'a> {
    /// Wall time.
    pub now: OffsetDateTime,
    /// A period of the product at the present cadence.
    pub period: &'a dyn Fn(Duration) -> Duration,
    /// Draws a new id.
    pub new_id: &'a mut dyn FnMut() -> Uuid,
}

/// What happened to a job.
#[derive(Debug, Clone)]
pub enum Event {
    /// The time of the next cycle may have come.
    Tick,
    /// The agent reached the domain and could log on.
    CheckPassed,
    /// The check at the start of a cycle failed.
    CheckFailed(Failure),
    /// A page of changes arrived.
    Page(Box<ListResponse>),
    /// A page could not be read.
    ReadFailed(Failure),
}

/// Why a question was not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Code of CS 9.5.
    pub code: String,
    /// What went wrong, for a person.
    pub message: String,
    /// The directory does not accept the watermark.
    pub cookie_refused: bool,
}

impl From<ScimError> for Failure {
    fn from(error: ScimError) -> Self {
        Self {
            cookie_refused: error.code == ErrorCode::CookieRefused,
            code: error.code.as_str().to_owned(),
            message: error.message,
        }
    }
}

/// What a step asks the driver to do, after its changes are stored.
#[derive(Debug, Default)]
pub struct Effect {
    /// Ask an agent, and come back with the answer.
    pub ask: Option<Operation>,
    /// Put this into the trace.
    pub reports: Vec<Report>,
}

/// Something worth telling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// A cycle ended.
    Cycle {
        /// Which kind.
        phase: Phase,
        /// Its numbers.
        execution: Box<Execution>,
    },
    /// An object was written.
    Export {
        /// `create`, `update`, `disable` or `delete`.
        action: &'static str,
        /// Its kind.
        kind: ObjectKind,
        /// UPN of a user, display name of a group.
        name: String,
    },
    /// The job went to quarantine.
    Quarantined {
        /// Why.
        reason: QuarantineReason,
        /// The error behind it.
        error: JobError,
    },
    /// The job left quarantine.
    Released,
}

/// Performs one step of the job `id`, unless it is gone, does not run, or has left `epoch` behind.
pub fn step(
    txn: &mut Txn<'_>,
    world: &mut World<'_>,
    tenant: Uuid,
    id: &str,
    epoch: u64,
    event: Event,
) -> Effect {
    let cloud = txn.cloud();
    let (Some(row), Some(tenant)) = (
        cloud.sync_jobs.get(tenant, id).cloned(),
        cloud.tenants.get(tenant, &tenant.to_string()).cloned(),
    ) else {
        return Effect::default();
    };
    let SyncJob {
        job,
        service_principal,
        ..
    } = row;
    let runs =
        job.schedule.state == ScheduleState::Active && template(&job.template_id).is_some_and(|t| t.runs);
    let (true, true, Some(domain)) = (runs, job.sync.epoch == epoch, job.configuration.domain.clone()) else {
        return Effect::default();
    };
    let mut machine = Machine {
        store: Connector::new(txn, tenant.id, id, job.sync.counts.clone()),
        world,
        origin: Origin {
            net_bios: net_bios_name(&domain),
            domain,
        },
        tenant,
        job,
        effect: Effect::default(),
    };
    machine.handle(event);
    let Machine {
        store,
        mut job,
        effect,
        tenant,
        ..
    } = machine;
    job.sync.counts = store.counts().clone();
    let row = SyncJob {
        tenant: tenant.id,
        service_principal,
        job,
    };
    if txn.cloud().sync_jobs.get(tenant.id, id) != Some(&row) {
        txn.put(row);
    }
    effect
}

struct Machine<'m, 'w, 't, 'c> {
    store: Connector<'t, 'c>,
    world: &'m mut World<'w>,
    tenant: Tenant,
    origin: Origin,
    job: Job,
    effect: Effect,
}

impl Machine<'_, '_, '_, '_> {
    fn handle(&mut self, event: Event) {
        match event {
            Event::Tick => self.tick(),
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
        }
        self.effect.ask = Some(Operation::Ping(DomainPing {
            domain: self.origin.domain.clone(),
        }));
    }

    fn query(&mut self) {
        let sync = &mut self.job.sync;
        if sync.watermark.is_none() {
            sync.phase = Phase::Initial;
            sync.generation += 1;
        }
        let types = vec![ResourceType::User, ResourceType::Group];
        let query = ChangeQuery::new(
            &self.origin.domain,
            types,
            requested_attributes(),
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

    fn page(&mut self, page: &ListResponse) {
        let (generation, full) = (self.job.sync.generation, self.job.sync.phase == Phase::Initial);
        let kept = Kept::new();
        let mut imported = Imported::default();
        for resource in &page.resources {
            import::merge(&mut self.store, &kept, generation, full, resource, &mut imported);
        }
        let references: usize = page
            .resources
            .iter()
            .flat_map(|r| r.links_added.values().chain(r.links_removed.values()))
            .map(Vec::len)
            .sum();
        let (objects, references) = (page.resources.len() as u64, references as u64);
        self.count(|e| {
            *(if full {
                &mut e.imported
            } else {
                &mut e.imported_deltas
            }) += objects;
            e.imported_reference_deltas += if full { 0 } else { references };
        });
        let mut done = Exported {
            links: imported.links,
            ..Exported::default()
        };
        self.export(imported.objects, &mut done);
        if !full {
            let links = std::mem::take(&mut done.links);
            references::apply(&mut self.store, links, &mut done);
        }
        self.job.sync.watermark = Some(page.cookie.clone());
        self.job.sync.replica = Some(page.replica_token.clone());
        self.tally(done);
        if page.more_results {
            self.query();
        } else {
            self.finish();
        }
    }

    fn finish(&mut self) {
        let mut done = Exported::default();
        let full = self.job.sync.phase == Phase::Initial;
        if full {
            let unseen = self.unseen();
            self.export(unseen, &mut done);
        }
        let due = self.store.due_retries(Some(self.world.now));
        self.export(due, &mut done);
        let links = std::mem::take(&mut done.links);
        if full {
            references::apply_all(&mut self.store, &mut done);
        } else {
            references::apply(&mut self.store, links, &mut done);
        }
        self.tally(done);
        let escrowed = self.store.count_escrowed();
        let state = if escrowed == 0 {
            ExecutionState::Succeeded
        } else {
            ExecutionState::EntryLevelErrors
        };
        let Some(execution) = self.close(state, None) else {
            return;
        };
        self.job.successive_failures = 0;
        if self.job.quarantine.take().is_some() {
            self.effect.reports.push(Report::Released);
        }
        self.job.steady_state_first.get_or_insert(self.world.now);
        self.job.steady_state_last = Some(self.world.now);
        self.job.last_successful_execution = Some(execution.clone());
        if execution.exports > 0 {
            self.job.last_successful_execution_with_exports = Some(execution.clone());
        }
        let linked = &self.store.counts().linked;
        self.job.synchronized = linked
            .iter()
            .filter(|(_, n)| **n > 0)
            .map(|(kind, n)| (kind.entry_count_key().to_owned(), *n))
            .collect();
        self.job.sync.phase = Phase::Incremental;
        self.job.sync.next_run = Some((execution.began + self.interval()).max(self.world.now));
        self.tenant.on_premises_last_sync = Some(self.world.now);
        let tenant = self.tenant.clone();
        self.store.txn().put(tenant);
    }

    /// Marks as deleted whatever a full enumeration did not show.
    fn unseen(&mut self) -> Vec<Uuid> {
        let generation = self.job.sync.generation;
        let mut gone = Imported::default();
        for guid in self.store.guids() {
            if self
                .store
                .get(guid)
                .is_some_and(|r| !r.deleted && r.generation < generation)
            {
                import::delete(&mut self.store, guid, generation, &mut gone);
            }
        }
        gone.objects
    }

    fn fail(&mut self, failure: &Failure, at_check: bool) {
        let error = JobError {
            code: failure.code.clone(),
            message: failure.message.clone(),
            tenant_actionable: true,
        };
        if self.close(ExecutionState::Failed, Some(error.clone())).is_none() {
            return;
        }
        let interval = self.interval();
        if quarantine::after_failure(&mut self.job, self.world, interval, at_check, &error) {
            let reason = QuarantineReason::EncounteredQuarantineException;
            self.effect.reports.push(Report::Quarantined { reason, error });
        }
    }

    fn interval(&self) -> Duration {
        let seconds = u64::try_from(self.job.schedule.interval_seconds).unwrap_or(120);
        (self.world.period)(Duration::from_secs(seconds))
    }

    fn export(&mut self, objects: Vec<Uuid>, done: &mut Exported) {
        for guid in objects {
            export::export(
                &mut self.store,
                self.world,
                &self.tenant,
                &self.origin,
                guid,
                done,
            );
        }
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

    fn count(&mut self, add: impl FnOnce(&mut Execution)) {
        if let Some(execution) = &mut self.job.sync.execution {
            add(execution);
        }
    }

    /// Ends the cycle under way and tells about it.
    fn close(&mut self, state: ExecutionState, error: Option<JobError>) -> Option<Execution> {
        let mut execution = self.job.sync.execution.take()?;
        execution.state = Some(state);
        execution.error = error;
        execution.ended = self.world.now;
        execution.entitled = self.store.counts().in_scope;
        execution.escrowed = self.store.count_escrowed();
        self.job.last_execution = Some(execution.clone());
        self.effect.reports.push(Report::Cycle {
            phase: self.job.sync.phase,
            execution: Box::new(execution.clone()),
        });
        Some(execution)
    }
}
