//! What an administrator does to jobs, through Graph: pure changes of rows inside a transaction (CS 6.1–6.3).
//!
//! The driver watches the rows: a job that is started here begins its cycle as soon as the transaction is stored.

use std::time::Duration;

use time::OffsetDateTime;
use uuid::Uuid;

use super::configuration::{Configuration, ResetScope};
use super::connector::Connector;
use super::job::{Job, ScheduleState, Stage, SyncJob, Template, template};
use super::{outbound, password_hash};
use crate::state::{Cloud, Txn};

/// Creates a job of a template; it is disabled until it is started.
pub fn create(
    txn: &mut Txn<'_>,
    tenant: Uuid,
    service_principal: Uuid,
    template: &Template,
    id: Uuid,
) -> SyncJob {
    let mut job = Job::new(template, id);
    // The secrets may have been written before the job was made.
    if let Some(known) = of_service_principal(txn.cloud(), tenant, service_principal).next() {
        job.configuration = known.job.configuration.clone();
    } else if let Some(principal) = txn
        .cloud()
        .service_principals
        .get(tenant, &service_principal.to_string())
    {
        let secrets = principal
            .secrets
            .iter()
            .map(|s| (s.key.as_str(), s.value.expose()));
        job.configuration = Configuration::from_secrets(secrets).unwrap_or_default();
    }
    let row = SyncJob {
        tenant,
        service_principal,
        job,
    };
    txn.put(row.clone());
    row
}

/// Jobs of a service principal, by id.
pub fn of_service_principal(
    cloud: &Cloud,
    tenant: Uuid,
    service_principal: Uuid,
) -> impl Iterator<Item = &SyncJob> {
    let key = service_principal.to_string();
    cloud
        .sync_jobs
        .find(tenant, SyncJob::BY_SERVICE_PRINCIPAL, &key)
        .collect::<Vec<_>>()
        .into_iter()
}

/// Gives every job of a service principal the configuration that its secrets spell.
pub fn configure(
    txn: &mut Txn<'_>,
    tenant: Uuid,
    service_principal: Uuid,
    configuration: &Configuration,
    now: OffsetDateTime,
) {
    let rows = of_service_principal(txn.cloud(), tenant, service_principal);
    let ids: Vec<String> = rows.map(|row| row.job.id.clone()).collect();
    for id in ids {
        let moved = change(txn, tenant, &id, |job| {
            let moved = job.configuration.domain != configuration.domain;
            job.configuration = configuration.clone();
            moved
        });
        // Another domain is another source: nothing that was read from the old one holds.
        if moved == Some(true) {
            restart(
                txn,
                tenant,
                &id,
                ResetScope {
                    connector_data_store: true,
                    ..ResetScope::DEFAULT
                },
                now,
            );
        }
    }
}

/// Starts a job, or lets a paused one go on where it stopped. `None` if there is no such job.
pub fn start(txn: &mut Txn<'_>, tenant: Uuid, id: &str, now: OffsetDateTime) -> Option<()> {
    change(txn, tenant, id, |job| {
        job.schedule.state = ScheduleState::Active;
        let interval = template(&job.template_id).and_then(|t| t.interval);
        job.schedule.interval_seconds =
            interval.map_or(job.schedule.interval_seconds, time::Duration::whole_seconds);
        job.quarantine = None;
        begin(job, now);
    })
}

/// Pauses a job; the watermark stays. `None` if there is no such job.
pub fn pause(txn: &mut Txn<'_>, tenant: Uuid, id: &str) -> Option<()> {
    change(txn, tenant, id, |job| {
        job.schedule.state = ScheduleState::Paused;
        job.sync.next_run = None;
        job.sync.epoch += 1;
    })
}

/// Restarts a job and forgets what `scope` names; a job that is not started stays so. `None` if there is no such job.
pub fn restart(
    txn: &mut Txn<'_>,
    tenant: Uuid,
    id: &str,
    scope: ResetScope,
    now: OffsetDateTime,
) -> Option<()> {
    let row = txn.cloud().sync_jobs.get(tenant, id)?;
    let mut store = Connector::new(txn, tenant, id, row.job.sync.counts.clone());
    if scope.escrows {
        for guid in store.due_retries(None) {
            if let Some(mut record) = store.get(guid).cloned() {
                if let Some(escrow) = &mut record.escrow {
                    escrow.retry_at = now;
                }
                record.conflict_retry = record.conflict_retry.map(|_| now);
                store.put(record);
            }
        }
    }
    if scope.connector_data_store {
        store.clear();
    }
    let counts = store.counts().clone();
    let counts = outbound::reset(txn, tenant, id, scope, counts, now);
    change(txn, tenant, id, |job| {
        job.sync.counts = counts;
        if scope.watermark || scope.connector_data_store {
            job.sync.watermark = None;
            job.sync.replica = None;
            job.sync.execution = None;
            job.sync.stage = Stage::Read;
        }
        job.sync.force_deletes |= scope.force_deletes;
        if scope.quarantine {
            job.quarantine = None;
            job.successive_failures = 0;
        }
        if scope.escrows {
            job.escrows_pruned = false;
        }
        if job.schedule.state == ScheduleState::Active {
            begin(job, now);
        }
    })
}

/// Deletes a job with its connector data store; what it synchronized stays (CS 5.1). `None` if there is no such job.
pub fn delete(txn: &mut Txn<'_>, tenant: Uuid, id: &str) -> Option<SyncJob> {
    let row = txn.remove::<SyncJob>(tenant, id)?;
    Connector::new(txn, tenant, id, row.job.sync.counts.clone()).clear();
    outbound::forget(txn, tenant, id);
    password_hash::forget(txn, tenant, id);
    Some(row)
}

fn begin(job: &mut Job, now: OffsetDateTime) {
    job.sync.next_run = template(&job.template_id)
        .filter(|t| t.runs.is_some())
        .map(|_| now);
    job.sync.epoch += 1;
}

fn change<T>(txn: &mut Txn<'_>, tenant: Uuid, id: &str, change: impl FnOnce(&mut Job) -> T) -> Option<T> {
    txn.update(tenant, id, |row: &mut SyncJob| change(&mut row.job))
}

/// Time from `now` until a moment; none once it has passed.
pub(super) fn until(moment: OffsetDateTime, now: OffsetDateTime) -> Duration {
    Duration::try_from(moment - now).unwrap_or(Duration::ZERO)
}
