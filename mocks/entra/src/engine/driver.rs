//! Runs the jobs: one task each, which steps the [machine](super::machine), asks agents through the relay and waits by the clock.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use provlab_platform::{Part, event};
use provlab_protocol::scim::{DomainPing, Operation, OperationResult};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use uuid::Uuid;

use super::event::{Event, Failure, NOTIFICATION_SENDER, Report, SERVER_BUSY, World};
use super::job::{Direction, JobError, Phase, StatusCode};
use super::jobs::until;
use super::machine::step;
use super::turns::{Answer, Cycle};
use super::{outbound, password_hash};
use crate::relay;
use crate::shared::Shared;
use crate::state::{DbError, Txn};

/// How long a job rests after the durable store failed.
const STORE_FAILURE_REST: Duration = Duration::from_secs(5);

/// Runs every job that the state holds, and those that appear, until it is dropped.
pub async fn run(shared: Arc<Shared>) {
    let mut commits = shared.db.commits();
    let mut tasks = JoinSet::new();
    let mut running: BTreeMap<(Uuid, String), AbortHandle> = BTreeMap::new();
    loop {
        commits.borrow_and_update();
        running.retain(|_, task| !task.is_finished());
        let jobs: Vec<(Uuid, String)> = shared.db.read(|cloud| {
            cloud
                .sync_jobs
                .all()
                .map(|row| (row.tenant, row.job.id.clone()))
                .collect()
        });
        for key in jobs {
            let (tenant, id) = key.clone();
            running
                .entry(key)
                .or_insert_with(|| tasks.spawn(drive(Arc::clone(&shared), tenant, id)));
        }
        tokio::select! {
            biased;
            changed = commits.changed() => if changed.is_err() { return },
            Some(_) = tasks.join_next() => {}
        }
    }
}

/// Runs one job until it is deleted.
async fn drive(shared: Arc<Shared>, tenant: Uuid, id: String) {
    let entropy = shared.platform.entropy.fork(&format!("job/{id}"));
    let mut commits = shared.db.commits();
    loop {
        commits.borrow_and_update();
        let plan = shared.db.read(|cloud| {
            cloud
                .sync_jobs
                .get(tenant, &id)
                .map(|row| (row.job.code(), row.job.sync.next_run, row.job.sync.epoch))
        });
        let Some((code, next_run, epoch)) = plan else {
            return;
        };
        let runs = !matches!(code, StatusCode::Paused | StatusCode::NotConfigured);
        match next_run.filter(|_| runs).map(|at| until(at, shared.now())) {
            Some(Duration::ZERO) => {
                let cycle = Cycle {
                    shared: &shared,
                    tenant,
                    id: &id,
                    epoch,
                    entropy: &entropy,
                };
                let cycled = match Direction::of_job(&id) {
                    Direction::Inbound => read_objects(&cycle).await,
                    Direction::Outbound => outbound::cycle(&cycle).await,
                    Direction::Passwords => password_hash::cycle(&cycle).await,
                };
                if let Err(failure) = cycled {
                    tracing::error!(%failure, job = %id, "a step of a job was not stored");
                    shared.platform.clock.sleep(STORE_FAILURE_REST).await;
                    continue;
                }
                // A step that had nothing to do must not be taken again before something changes.
                let still = shared.db.read(|cloud| {
                    cloud
                        .sync_jobs
                        .get(tenant, &id)
                        .and_then(|row| row.job.sync.next_run)
                });
                if still == next_run && commits.changed().await.is_err() {
                    return;
                }
            }
            Some(rest) => {
                tokio::select! {
                    biased;
                    changed = commits.changed() => if changed.is_err() { return },
                    () = shared.platform.clock.sleep(rest) => {}
                }
            }
            None => {
                if commits.changed().await.is_err() {
                    return;
                }
            }
        }
    }
}

/// A cycle that reads the directory's objects.
async fn read_objects(cycle: &Cycle<'_>) -> Result<(), DbError> {
    let step = |txn: &mut Txn<'_>, world: &mut World<'_>, event| {
        step(txn, world, cycle.tenant, cycle.id, cycle.epoch, event).into()
    };
    cycle.run(Event::Tick, || Event::Continue, step, understand).await
}

fn understand(pinged: bool, answer: Answer) -> Event {
    match (pinged, answer) {
        (true, Ok(OperationResult::Pong(_))) => Event::CheckPassed,
        (false, Ok(OperationResult::List(page))) => Event::Page(Box::new(page)),
        (true, Err(error)) => Event::CheckFailed(error.into()),
        (false, Err(error)) => Event::ReadFailed(error.into()),
        (true, Ok(_)) => Event::CheckFailed(Failure::not_asked()),
        (false, Ok(_)) => Event::ReadFailed(Failure::not_asked()),
    }
}

/// Ends when the job is gone or has left `epoch`.
pub(super) async fn superseded(
    shared: &Shared,
    mut commits: watch::Receiver<u64>,
    tenant: Uuid,
    id: &str,
    epoch: u64,
) {
    loop {
        commits.borrow_and_update();
        let current = shared
            .db
            .read(|cloud| cloud.sync_jobs.get(tenant, id).map(|row| row.job.sync.epoch));
        if current != Some(epoch) || commits.changed().await.is_err() {
            return;
        }
    }
}

pub(super) fn tell(shared: &Shared, id: &str, reports: Vec<Report>) {
    let template = id.split('.').next().unwrap_or(id);
    for report in reports {
        match report {
            Report::Cycle { phase, execution } => event!(
                shared.platform.trace,
                Part::Cloud,
                "job.cycle",
                job = template,
                cycle = if phase == Phase::Initial {
                    "initial"
                } else {
                    "incremental"
                },
                state = execution.state.map(|s| format!("{s:?}")),
                error = execution.error.map(|e| e.code),
                imported = execution.imported + execution.imported_deltas,
                exported = execution.exported,
                escrowed = execution.escrowed,
            ),
            Report::Export { action, kind, name } => event!(
                shared.platform.trace,
                Part::Cloud,
                "job.export",
                job = template,
                action = action,
                "type" = kind.target_name(),
                name = name,
            ),
            Report::Escrow { kind, name, code } => event!(
                shared.platform.trace,
                Part::Cloud,
                "job.escrow",
                job = template,
                "type" = kind.target_name(),
                name = name,
                code = code,
            ),
            Report::Throttled { retry_after } => event!(
                shared.platform.trace,
                Part::Cloud,
                "job.throttled",
                job = template,
                code = SERVER_BUSY,
                retryAfter = retry_after.as_secs(),
            ),
            Report::Notification { to } => event!(
                shared.platform.trace,
                Part::Cloud,
                "job.notification",
                job = template,
                to = to,
                from = NOTIFICATION_SENDER,
            ),
            Report::Quarantined { reason, error } => event!(
                shared.platform.trace,
                Part::Cloud,
                "job.quarantine",
                job = template,
                reason = format!("{reason:?}"),
                error = error.code,
            ),
            Report::Password { result, name } => event!(
                shared.platform.trace,
                Part::Cloud,
                "job.password",
                job = template,
                result = format!("{result:?}"),
                name = name,
            ),
            Report::Released => event!(shared.platform.trace, Part::Cloud, "job.healthy", job = template),
        }
    }
}

/// `validateCredentials` (CS 6.3): whether an agent reaches the job's domain and can log on.
///
/// # Errors
/// The code and text that the status would show; `NotConfigured` for a job without a `Domain` secret, `NotFound` if there is no such job.
pub async fn validate_credentials(shared: &Arc<Shared>, tenant: Uuid, id: &str) -> Result<(), JobError> {
    let error = |code: &str, message: &str| JobError {
        code: code.to_owned(),
        message: message.to_owned(),
        tenant_actionable: true,
    };
    let configuration = shared.db.read(|cloud| {
        cloud
            .sync_jobs
            .get(tenant, id)
            .map(|row| row.job.configuration.clone())
    });
    let configuration = configuration.ok_or_else(|| error("NotFound", "there is no such job"))?;
    let domain = configuration
        .domain
        .ok_or_else(|| error("NotConfigured", "the secret 'Domain' is not set"))?;
    match relay::request(shared, tenant, Operation::Ping(DomainPing { domain })).await {
        Ok(_) => Ok(()),
        Err(failure) => Err(error(failure.code.as_str(), &failure.message)),
    }
}
