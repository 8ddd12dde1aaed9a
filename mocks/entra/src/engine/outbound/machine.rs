//! One step of an outbound job: an event and the state go in; the changed state, the next question and what is worth telling come out.
//!
//! ```text
//! Tick ──ask──▶ ping ──▶ Read: mark what changed in the cloud ──▶ Export ──ask──▶ put, members … ──▶ Deletes ──ask──▶ delete … ──▶ rest
//!                └──▶ failed: quarantine   │ without a watermark: Sweep over every group first
//! ```
//!
//! The watermark is the number of the last change of the cloud that was looked at. What is left to do is marked on rows, so a cycle may be
//! cut behind any step, and the next one goes on.

use std::time::Duration;

use provlab_protocol::scim::{DomainPing, ErrorCode, Operation, OperationResult, ScimError, Watermark};
use uuid::Uuid;

use super::super::ending::escrow_error;
use super::super::event::{Failure, Report, World};
use super::super::guard::Threshold;
use super::super::job::{
    Direction, Execution, ExecutionState, Job, JobError, Phase, QuarantineReason, ScheduleState, Stage,
    SyncJob, template,
};
use super::super::ledger::Ledger;
use super::super::log::Cycle;
use super::super::quarantine;
use super::super::records::ObjectKind;
use super::super::sync_account;
use super::members;
use super::plan::Plan;
use super::records::MemberState;
use super::scope::Fate;
use super::store::Store;
use super::write::{Done, GroupAsk, Writer};
use crate::state::{Cloud, Group, Row as _, Tenant, Txn};

/// Groups and users that one step looks at: a transaction stays small, and others get their turn.
const STEP_QUOTA: usize = 1_000;
/// Key of the groups in `synchronizedEntryCountByType` (inferred: the inbound one with its ends exchanged).
const ENTRY_COUNT_KEY: &str = "Group to group";

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
    world: &'m mut World<'w>,
    plan: &'m Plan,
    domain: &'m str,
    tenant: &'m Tenant,
    service_principal: Uuid,
    ledger: Ledger,
    job: Job,
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

    /// Looks at what changed in the cloud since the watermark. Gives the next stage; none when the step is full.
    fn mark_changes(&mut self, quota: &mut usize) -> Option<Stage> {
        let Some(watermark) = &self.job.sync.watermark else {
            return Some(self.start_over());
        };
        let since = number_of(watermark);
        let (changes, complete) = changes_since(self.store.cloud(), self.store.tenant, since, *quota);
        *quota -= changes.len();
        for (number, change) in changes {
            match change {
                Change::Group(group) => {
                    if self.consider(group) {
                        self.count(|e| e.imported_deltas += 1);
                    }
                }
                Change::User(user) => self.follow_user(user),
                Change::Removed(group) => self.store.mark(group),
            }
            self.job.sync.watermark = Some(watermark_of(number));
        }
        if !complete {
            return None;
        }
        for group in self.store.due_retries(Some(self.world.now)) {
            self.store.mark(group);
        }
        Some(Stage::Export)
    }

    /// Without a watermark everything is looked at; what changes meanwhile comes behind the watermark that is set here.
    fn start_over(&mut self) -> Stage {
        let last = last_change(self.store.cloud(), self.store.tenant);
        let sync = &mut self.job.sync;
        sync.watermark = Some(watermark_of(last));
        sync.phase = Phase::Initial;
        sync.generation += 1;
        let gone: Vec<Uuid> = self
            .store
            .all()
            .map(|row| row.group)
            .filter(|group| self.store.cloud_group(*group).is_none())
            .collect();
        gone.into_iter().for_each(|group| self.store.mark(group));
        Stage::Sweep { after: None }
    }

    fn sweep(&mut self, after: Option<Uuid>, quota: &mut usize) -> Option<Stage> {
        let after = after.map_or_else(String::new, |group| group.to_string());
        let groups = self.store.cloud().groups.after(self.store.tenant, &after);
        let groups: Vec<Uuid> = groups.take(*quota).map(|group| group.id).collect();
        let complete = groups.len() < *quota;
        *quota -= groups.len();
        for group in &groups {
            if self.consider(*group) {
                self.count(|e| e.imported += 1);
            }
        }
        if complete {
            return Some(Stage::Read);
        }
        let after = groups.last().copied();
        self.job.sync.stage = Stage::Sweep { after };
        None
    }

    /// Marks a group that is in scope or was. `false`: it is none of this job's.
    pub(super) fn consider(&mut self, group: Uuid) -> bool {
        if self.store.get(group).is_some() {
            self.store.mark(group);
            return true;
        }
        let found = self.store.cloud_group(group).cloned();
        let wanted = self.with_writer(|writer| writer.fate(found.as_ref())) == Fate::Provision;
        if wanted {
            let row = self.store.fresh(group);
            self.store.put(row);
        }
        wanted
    }

    /// Marks the groups of a user whose account in the directory came, went or became another one.
    fn follow_user(&mut self, user: Uuid) {
        let groups = self
            .store
            .cloud()
            .groups
            .find(self.store.tenant, Group::BY_MEMBER, &user.to_string());
        let groups: Vec<Uuid> = groups.map(|group| group.id).collect();
        for group in groups {
            let resolved = members::resolve(&self.store, self.domain, group, user).ok();
            let known = self.store.member_object(group, user);
            let as_known = match (resolved, known) {
                (Some(guid), Some(row)) => row.guid == guid && row.state != MemberState::Unresolved,
                (None, None) => true,
                _ => false,
            };
            if !as_known {
                self.store.mark(group);
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
    fn threshold_exceeded(&self) -> Option<(QuarantineReason, JobError)> {
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

    fn finish(&mut self) {
        let counts = self.store.counts().clone();
        let (escrowed, entries) = (counts.escrowed, counts.in_scope);
        let trouble = self.threshold_exceeded().or_else(|| {
            let reason = quarantine::judge(escrowed, 0, entries)?;
            Some((reason, escrow_error(escrowed, 0, entries)))
        });
        let state = if escrowed == 0 {
            ExecutionState::Succeeded
        } else {
            ExecutionState::EntryLevelErrors
        };
        let Some(execution) = self.close(state, None) else {
            return;
        };
        let job = &mut self.job;
        job.successive_failures = 0;
        job.last_successful_execution = Some(execution.clone());
        if execution.exports > 0 {
            job.last_successful_execution_with_exports = Some(execution.clone());
        }
        let linked = counts
            .linked
            .get(&ObjectKind::Group)
            .copied()
            .filter(|count| *count > 0);
        job.synchronized = linked
            .map(|count| (ENTRY_COUNT_KEY.to_owned(), count))
            .into_iter()
            .collect();
        (job.sync.stage, job.sync.phase) = (Stage::Read, Phase::Incremental);
        job.sync.force_deletes = false;
        match trouble {
            Some((reason, error)) => {
                let interval = self.interval();
                let fresh = quarantine::enter(&mut self.job, self.world, interval, reason, &error);
                self.quarantined(fresh, reason, error);
            }
            None => {
                self.job.sync.next_run = Some((execution.began + self.interval()).max(self.world.now));
                self.job.steady_state_first.get_or_insert(self.world.now);
                self.job.steady_state_last = Some(self.world.now);
                if self.job.quarantine.take().is_some() {
                    self.effect.reports.push(Report::Released);
                }
            }
        }
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
        let fresh = quarantine::after_failure(&mut self.job, self.world, interval, at_check, &error);
        self.quarantined(fresh, QuarantineReason::EncounteredQuarantineException, error);
    }

    fn quarantined(&mut self, fresh: bool, reason: QuarantineReason, error: JobError) {
        if !fresh {
            return;
        }
        self.effect.reports.push(Report::Quarantined { reason, error });
        if let Some(to) = self.job.configuration.notify.clone() {
            self.effect.reports.push(Report::Notification { to });
        }
    }

    fn interval(&self) -> Duration {
        let seconds = u64::try_from(self.job.schedule.interval_seconds).unwrap_or_default();
        (self.world.period)(Duration::from_secs(seconds))
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
        execution.escrowed = self.store.counts().escrowed;
        execution.escrowed_raw = execution.escrowed;
        self.job.last_execution = Some(execution.clone());
        self.effect.reports.push(Report::Cycle {
            phase: self.job.sync.phase,
            execution: Box::new(execution.clone()),
        });
        Some(execution)
    }
}

fn failure_of(answer: Answer) -> Failure {
    let nonsense = || {
        let code = ErrorCode::HybridSynchronizationActiveDirectoryInternalServerError;
        ScimError::new(code, "the agent answered something that was not asked")
    };
    answer.err().unwrap_or_else(nonsense).into()
}

/// The watermark of an outbound job: the number of the last change that was looked at.
fn watermark_of(number: u64) -> Watermark {
    Watermark(number.to_be_bytes().to_vec())
}

fn number_of(watermark: &Watermark) -> u64 {
    <[u8; 8]>::try_from(watermark.0.as_slice()).map_or(0, u64::from_be_bytes)
}

/// Something that changed in the cloud.
enum Change {
    Group(Uuid),
    User(Uuid),
    /// A group that is gone for good.
    Removed(Uuid),
}

/// At most `quota` changes after a number, oldest first; and whether there are no more.
fn changes_since(cloud: &Cloud, tenant: Uuid, since: u64, quota: usize) -> (Vec<(u64, Change)>, bool) {
    let most = quota.saturating_add(1);
    let groups = cloud.groups.changed_since(tenant, since).take(most);
    let users = cloud.users.changed_since(tenant, since).take(most);
    let removed = cloud
        .removed
        .changed_since(tenant, since)
        .filter(|removed| removed.kind == "group")
        .take(most);
    let mut all: Vec<(u64, Change)> = groups
        .map(|group| (group.change, Change::Group(group.id)))
        .chain(users.map(|user| (user.change, Change::User(user.id))))
        .chain(removed.map(|removed| (removed.change, Change::Removed(removed.id))))
        .collect();
    all.sort_by_key(|(number, _)| *number);
    let complete = all.len() <= quota;
    all.truncate(quota);
    (all, complete)
}

/// Number of the last change of a tenant's groups and users.
fn last_change(cloud: &Cloud, tenant: Uuid) -> u64 {
    let groups = cloud.groups.last_changed(tenant).and_then(Group::change);
    let users = cloud.users.last_changed(tenant).and_then(|user| user.change());
    let removed = cloud
        .removed
        .last_changed(tenant)
        .and_then(|removed| removed.change());
    groups.max(users).max(removed).unwrap_or(0)
}
