//! One step of a password job: an event and the state go in; the changed state, the next question and what is worth telling come out.
//!
//! ```text
//! Tick ──ask──▶ ping ──▶ changed passwords, page by page ──▶ those of users that have come meanwhile, by their ids ──▶ rest
//! ```

use provlab_protocol::scim::{CredentialPage, CredentialQuery, DomainPing, Operation};
use uuid::Uuid;

use super::super::closing::Closing;
use super::super::connector::Counts;
use super::super::event::{Effect, Failure, Report, World};
use super::super::job::{
    AD2AAD_PROVISIONING, Direction, Execution, ExecutionState, Job, Phase, ScheduleState, Stage, SyncJob,
    template,
};
use super::super::records::SourceRecord;
use super::super::sync_account;
use super::records::{self, PasswordWaiting};
use super::take::{PasswordResult, take};
use crate::state::{Cloud, Tenant, Txn};

/// Most passwords in one question: a batch has 1 to 50 users (CS 7.1).
pub const MAX_BATCH: u32 = 50;
/// Changed users that one step looks at.
const STEP_QUOTA: usize = 1_000;
/// Tenant feature without which no password is taken: "Password Synchronization has not been activated for this company" (CS 7.3).
const FEATURE: &str = "passwordSyncEnabled";

/// What happened to a job.
#[derive(Debug, Clone)]
pub enum Event {
    /// The time of the next cycle may have come.
    Tick,
    /// The last step stopped because it was full.
    Continue,
    /// The agent reached the domain and could log on, or why not.
    Checked(Result<(), Failure>),
    /// A page of passwords, or why there is none.
    Answered(Result<Box<CredentialPage>, Failure>),
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
    let Some((row, tenant)) = open(txn.cloud(), tenant, id, epoch) else {
        return Effect::default();
    };
    let Some(domain) = row.job.configuration.domain.clone() else {
        return Effect::default();
    };
    // A configuration has both jobs (CS 6.1, 3p); where somebody made two, the domain tells which belong together (inferred).
    let of_domain = |job: &&Job| {
        let theirs = job.configuration.domain.as_ref();
        let same = theirs.is_some_and(|theirs| theirs.eq_ignore_ascii_case(&domain));
        same && job.template_id.eq_ignore_ascii_case(AD2AAD_PROVISIONING)
    };
    let jobs = txn.cloud().sync_jobs.of(tenant.id).map(|row| &row.job);
    let provisioning = jobs.filter(of_domain).map(|job| job.id.clone()).next();
    let mut machine = Machine {
        txn,
        world,
        tenant,
        domain,
        provisioning,
        job: row.job.clone(),
        effect: Effect::default(),
    };
    machine.handle(event);
    let Machine { job, effect, .. } = machine;
    if job != row.job {
        txn.put(SyncJob { job, ..row });
    }
    effect
}

fn open(cloud: &Cloud, tenant: Uuid, id: &str, epoch: u64) -> Option<(SyncJob, Tenant)> {
    let row = cloud.sync_jobs.get(tenant, id)?;
    let job = &row.job;
    template(&job.template_id).filter(|template| template.runs == Some(Direction::Passwords))?;
    let runs = job.schedule.state == ScheduleState::Active && job.sync.epoch == epoch;
    let tenant = cloud.tenants.get(tenant, &tenant.to_string())?;
    runs.then(|| (row.clone(), tenant.clone()))
}

struct Machine<'m, 'w, 't> {
    txn: &'m mut Txn<'t>,
    world: &'m mut World<'w>,
    tenant: Tenant,
    domain: String,
    /// The job that links the users.
    provisioning: Option<String>,
    job: Job,
    effect: Effect,
}

impl Machine<'_, '_, '_> {
    fn handle(&mut self, event: Event) {
        match event {
            Event::Tick => self.tick(),
            Event::Continue => self.ask(),
            Event::Checked(Ok(())) => self.ask(),
            Event::Checked(Err(failure)) => self.fail(&failure, true),
            Event::Answered(Ok(page)) => self.page(*page),
            Event::Answered(Err(failure)) => self.refused(&failure),
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
        self.job.sync.stage = Stage::Read;
        if let Err(failure) = sync_account::check(self.txn.cloud(), &self.tenant) {
            return self.fail(&failure, true);
        }
        if !self.tenant.features.is_on(FEATURE) {
            // Switching it off and on again is the documented remedy for what is stuck (CS 7.2), so everything comes anew then.
            self.job.sync.watermark = None;
            return self.finish();
        }
        if self.job.sync.watermark.is_none() {
            self.job.sync.phase = Phase::Initial;
            records::forget(self.txn, self.tenant.id, &self.job.id);
        }
        self.effect.ask = Some(Operation::Ping(DomainPing {
            domain: self.domain.clone(),
        }));
    }

    /// Asks for what changed, then for what is due, or ends the cycle.
    fn ask(&mut self) {
        if self.job.sync.stage == Stage::Read {
            let cookie = self.job.sync.watermark.clone();
            let query = CredentialQuery::new(&self.domain, cookie, MAX_BATCH);
            self.effect.ask = Some(Operation::QueryCredentials(query));
            return;
        }
        if !self.follow_users() {
            self.effect.again = true;
            return;
        }
        let due = self.due();
        if due.is_empty() {
            return self.finish();
        }
        let query = CredentialQuery::of(&self.domain, due);
        self.effect.ask = Some(Operation::QueryCredentials(query));
    }

    /// The next users to be asked for by their ids.
    fn due(&self) -> Vec<Uuid> {
        let batch = usize::try_from(MAX_BATCH).unwrap_or(usize::MAX);
        PasswordWaiting::due(self.txn.cloud(), self.tenant.id, &self.job.id, batch)
    }

    /// Marks waiting users that the cloud has by now. `false` when the step is full.
    fn follow_users(&mut self) -> bool {
        let (tenant, since) = (self.tenant.id, self.job.sync.followed);
        let cloud = self.txn.cloud();
        let changed: Vec<(u64, Uuid)> = cloud
            .users
            .changed_since(tenant, since)
            .take(STEP_QUOTA)
            .map(|user| (user.change, user.id))
            .collect();
        let complete = changed.len() < STEP_QUOTA;
        let mut due = Vec::new();
        for (_, user) in &changed {
            let key = user.to_string();
            let records = cloud.source_objects.find(tenant, SourceRecord::BY_CLOUD_ID, &key);
            let ours =
                records.filter(|record| Some(&record.job) == self.provisioning.as_ref() && record.wanted());
            due.extend(ours.filter_map(|record| {
                PasswordWaiting::get(cloud, tenant, &self.job.id, record.guid).cloned()
            }));
        }
        if let Some((last, _)) = changed.last() {
            self.job.sync.followed = *last;
        }
        for row in due {
            self.txn.put(PasswordWaiting { due: true, ..row });
        }
        complete
    }

    fn page(&mut self, page: CredentialPage) {
        let initial = self.job.sync.phase == Phase::Initial;
        let reading = self.job.sync.stage == Stage::Read;
        let asked = if reading { Vec::new() } else { self.due() };
        let read = u64::try_from(page.resources.len()).unwrap_or(u64::MAX);
        let mut written = 0;
        for credential in page.resources {
            let taken = take(
                self.txn,
                &self.tenant,
                &self.job.id,
                self.provisioning.as_deref(),
                credential,
            );
            written += u64::from(taken.result == PasswordResult::Success);
            self.effect.reports.push(Report::Password {
                result: taken.result,
                name: taken.name,
            });
        }
        if let Some(execution) = &mut self.job.sync.execution {
            let counter = if initial {
                &mut execution.imported
            } else {
                &mut execution.imported_deltas
            };
            *counter += read;
            execution.exports += written;
            execution.exported += written;
        }
        // Whoever was asked for and has no password waits no longer.
        for guid in asked {
            if let Some(row) = PasswordWaiting::get(self.txn.cloud(), self.tenant.id, &self.job.id, guid)
                && row.due
            {
                let id = format!("{}/{guid}", self.job.id);
                self.txn.remove::<PasswordWaiting>(self.tenant.id, &id);
            }
        }
        if reading {
            self.job.sync.watermark = Some(page.cookie);
            self.job.sync.replica = Some(page.replica_token);
            if !page.more_results {
                self.job.sync.stage = Stage::Export;
            }
        }
        self.ask();
    }

    fn refused(&mut self, failure: &Failure) {
        // A watermark of a domain controller that is gone: everything is read anew (PR 12.3).
        if failure.cookie_refused && self.job.sync.watermark.is_some() {
            self.job.sync.watermark = None;
            self.job.sync.phase = Phase::Initial;
            self.job.sync.stage = Stage::Read;
            return self.ask();
        }
        self.fail(failure, false);
    }

    fn finish(&mut self) {
        let counts = Counts::default();
        let Some(execution) = self.closing().close(&counts, ExecutionState::Succeeded, None) else {
            return;
        };
        self.job.sync.phase = Phase::Incremental;
        self.job.sync.stage = Stage::Read;
        self.closing().succeed(&execution, None);
    }

    fn fail(&mut self, failure: &Failure, at_check: bool) {
        self.closing().fail(&Counts::default(), failure, at_check);
    }
}

impl<'w> Machine<'_, 'w, '_> {
    fn closing(&mut self) -> Closing<'_, 'w> {
        Closing {
            job: &mut self.job,
            world: self.world,
            reports: &mut self.effect.reports,
        }
    }
}
