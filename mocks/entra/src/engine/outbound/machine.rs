//! One step of an outbound job: an event and the state go in; the changed state, the next question and what is worth telling come out.
//!
//! ```text
//! Tick ──ask──▶ ping ──▶ Read: mark what changed in the cloud ──▶ Export ──ask──▶ put, members … ──▶ Deletes ──ask──▶ delete … ──▶ rest
//!                └──▶ failed: quarantine   │ without a watermark: Sweep over every group first
//! ```
//!
//! The watermark is the number of the last change of the cloud that was looked at. What is left to do is marked on rows, so a cycle may be
//! cut behind any step, and the next one goes on.

use provlab_protocol::scim::{DomainPing, Operation, OperationResult, ScimError};
use uuid::Uuid;

use super::super::event::{Failure, Report, World};
use super::super::guard::Threshold;
use super::super::job::{
    Direction, Execution, Job, JobError, QuarantineReason, ScheduleState, Stage, SyncJob, template,
};
use super::super::ledger::Ledger;
use super::super::log::Cycle;
use super::super::sync_account;
use super::plan::Plan;
use super::store::Store;
use super::write::{Done, GroupAsk, Writer};
use crate::state::{Cloud, Tenant, Txn};

/// Groups and users that one step looks at: a transaction stays small, and others get their turn.
const STEP_QUOTA: usize = 1_000;

/// What a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Whether an agent reaches the domain and can log on.
    Check,
    /// A group.
    Group(GroupAsk),
}

/// What came of a question.
pub type Answer = Result<OperationResult, ScimError>;

/// What happened to a job.
#[derive(Debug, Clone)]
pub enum Event {
    /// The time of the next cycle may have come.
    Tick,
    /// The last step stopped because it was full.
    Continue,
    /// An agent, or the relay in its place, answered.
    Answered(Ask, Box<Answer>),
}

/// What a step asks the driver to do, after its changes are stored.
#[derive(Debug, Default)]
pub struct Effect {
    /// Ask an agent, and come back with the answer.
    pub ask: Option<(Ask, Operation)>,
    /// Come back with [`Event::Continue`]: there is more to do.
    pub again: bool,
    /// Put this into the trace.
    pub reports: Vec<Report>,
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
    let Some(open) = Open::new(txn.cloud(), tenant, id) else {
        return Effect::default();
    };
    let job = &open.row.job;
    if job.schedule.state != ScheduleState::Active || job.sync.epoch != epoch {
        return Effect::default();
    }
    open.run(txn, world, |machine| machine.handle(event))
}

/// A job that is about to make a step.
pub(super) struct Open {
    row: SyncJob,
    tenant: Tenant,
    domain: String,
    plan: Plan,
}

impl Open {
    /// Reads what a step needs; none where the job cannot make one.
    pub(super) fn new(cloud: &Cloud, tenant: Uuid, id: &str) -> Option<Self> {
        let row = cloud.sync_jobs.get(tenant, id)?.clone();
        let tenant = cloud.tenants.get(tenant, &tenant.to_string())?.clone();
        template(&row.job.template_id).filter(|t| t.runs == Some(Direction::Outbound))?;
        let domain = row.job.configuration.domain.clone()?;
        let own = cloud.job_schemas.get(tenant.id, id).map(|stored| &stored.schema);
        // What does not compile was refused when it was put; a row of an older program falls back to the default.
        let plan = own.and_then(|schema| Plan::compile(schema).ok());
        let default = || Plan::compile(&super::default_schema(Uuid::nil(), Some(&domain))).ok();
        let plan = plan.or_else(default)?;
        Some(Self {
            row,
            tenant,
            domain,
            plan,
        })
    }

    /// Does `work` in one transaction and stores what it made of the job.
    pub(super) fn run(
        self,
        txn: &mut Txn<'_>,
        world: &mut World<'_>,
        work: impl FnOnce(&mut Machine<'_, '_, '_, '_>),
    ) -> Effect {
        let SyncJob {
            tenant,
            service_principal,
            job,
        } = self.row;
        let (id, before) = (job.id.clone(), job.clone());
        let ledger = Ledger::open(txn.cloud(), tenant, world.now, None);
        let mut machine = Machine {
            store: Store::new(txn, tenant, &id, job.sync.counts.clone()),
            plan: &self.plan,
            domain: &self.domain,
            tenant: &self.tenant,
            service_principal,
            world,
            ledger,
            job,
            effect: Effect::default(),
        };
        work(&mut machine);
        let Machine {
            store,
            ledger,
            mut job,
            effect,
            ..
        } = machine;
        job.sync.counts = store.counts().clone();
        ledger.close(txn);
        if job != before {
            txn.put(SyncJob {
                tenant,
                service_principal,
                job,
            });
        }
        effect
    }
}

/// A job within one step.
pub(super) struct Machine<'m, 'w, 't, 'c> {
    pub(super) store: Store<'t, 'c>,
    pub(super) world: &'m mut World<'w>,
    plan: &'m Plan,
    pub(super) domain: &'m str,
    pub(super) tenant: &'m Tenant,
    service_principal: Uuid,
    ledger: Ledger,
    pub(super) job: Job,
    pub(super) effect: Effect,
}

impl Machine<'_, '_, '_, '_> {
    fn handle(&mut self, event: Event) {
        match event {
            Event::Tick => self.tick(),
            Event::Continue => self.work(),
            Event::Answered(Ask::Check, answer) => match *answer {
                Ok(OperationResult::Pong(_)) => self.work(),
                other => self.fail(&failure_of(other), true),
            },
            Event::Answered(Ask::Group(ask), answer) => {
                match self.with_writer(|writer| writer.took(ask, *answer)) {
                    Ok(()) => self.work(),
                    Err(failure) => self.fail(&failure, false),
                }
            }
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
        // What a cycle that broke off left undone is marked; what changed since then goes with it.
        if !matches!(self.job.sync.stage, Stage::Sweep { .. }) {
            self.job.sync.stage = Stage::Read;
        }
        if let Err(failure) = sync_account::check(self.store.cloud(), self.tenant) {
            return self.fail(&failure, true);
        }
        let ping = Operation::Ping(DomainPing {
            domain: self.domain.to_owned(),
        });
        self.effect.ask = Some((Ask::Check, ping));
    }

    /// Goes on with the cycle until there is something to ask, the step is full, or everything is done.
    fn work(&mut self) {
        let mut quota = STEP_QUOTA;
        loop {
            let next = match self.job.sync.stage {
                Stage::Read => self.mark_changes(&mut quota),
                Stage::Sweep { after } => self.sweep(after, &mut quota),
                Stage::Export | Stage::References => self.export(&mut quota),
                Stage::Deletes => self.delete(&mut quota),
            };
            if self.effect.ask.is_some() {
                return;
            }
            match next {
                Some(stage) => self.job.sync.stage = stage,
                None if quota == 0 => {
                    self.effect.again = true;
                    return;
                }
                None => return self.finish(),
            }
        }
    }

    fn export(&mut self, quota: &mut usize) -> Option<Stage> {
        while let Some(row) = self.store.next_dirty() {
            if *quota == 0 {
                return None;
            }
            *quota -= 1;
            let asked = self.with_writer(|writer| writer.look(row, None));
            if let Some((ask, operation)) = asked {
                self.effect.ask = Some((Ask::Group(ask), operation));
                return None;
            }
        }
        Some(Stage::Deletes)
    }

    fn delete(&mut self, quota: &mut usize) -> Option<Stage> {
        if self.threshold_exceeded().is_some() {
            let pending = self.store.pending(*quota);
            *quota -= pending.len();
            for row in pending {
                self.with_writer(|writer| writer.hold(row));
            }
            return None;
        }
        // Decided once for the whole cycle: what is left after some deletions may be below the threshold, but not above it.
        let row = self.store.next_staged(self.world.now)?;
        let (ask, operation) = self.with_writer(|writer| writer.delete(row));
        self.effect.ask = Some((Ask::Group(ask), operation));
        None
    }

    /// The guard that holds this cycle's deletions back, in the words of a quarantine (CS 5.6). The tenant's own guard protects the cloud
    /// and is not asked.
    pub(super) fn threshold_exceeded(&self) -> Option<(QuarantineReason, JobError)> {
        let sync = &self.job.sync;
        let threshold = self.job.configuration.delete_threshold;
        let threshold = Threshold::of_job(threshold, sync.force_deletes)?;
        let staged = self.store.counts().staged;
        (staged > 0 && staged >= threshold.count).then(|| threshold.exceeded(staged))
    }

    /// Lends the parts that work on groups, and adds up what they did.
    pub(super) fn with_writer<T>(&mut self, work: impl FnOnce(&mut Writer<'_, '_, '_, '_>) -> T) -> T {
        let mut done = Done::default();
        let cycle = Cycle {
            tenant: self.tenant.id,
            job: self.job.id.clone(),
            service_principal: self.service_principal,
            activity: self
                .job
                .sync
                .execution
                .as_ref()
                .map_or(Uuid::nil(), |e| e.activity),
            now: self.world.now,
        };
        let result = work(&mut Writer {
            store: &mut self.store,
            world: self.world,
            plan: self.plan,
            configuration: &self.job.configuration,
            domain: self.domain,
            cycle: &cycle,
            ledger: &mut self.ledger,
            done: &mut done,
        });
        self.count(|e| {
            e.exports += done.exports;
            e.exported += done.exported;
        });
        self.job.escrows_pruned |= done.pruned;
        self.effect.reports.append(&mut done.reports);
        result
    }
}

fn failure_of(answer: Answer) -> Failure {
    answer.err().map_or_else(Failure::not_asked, Failure::from)
}
