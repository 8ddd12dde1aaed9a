//! What goes away by time: soft-deleted objects after 30 days (CS 5.4), expired codes and refresh tokens.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use uuid::Uuid;

use crate::graph;
use crate::shared::Shared;
use crate::state::{Cloud, DbError, GLOBAL, Grant};

/// How long a soft-deleted object can be restored.
pub(crate) const DELETED_ITEM_LIFE: time::Duration = time::Duration::days(30);
/// Time between two sweeps at the product's pace.
const SWEEP_PERIOD: Duration = Duration::from_secs(60 * 60);

/// Sweeps for ever.
pub(crate) async fn run(shared: Arc<Shared>) {
    loop {
        shared.platform.clock.sleep(shared.period(SWEEP_PERIOD)).await;
        if let Err(failure) = sweep(&shared) {
            tracing::error!(%failure, "nothing was swept");
        }
    }
}

fn sweep(shared: &Shared) -> Result<(), DbError> {
    let now = shared.now();
    let (objects, grants) = shared
        .db
        .read(|cloud| (old_objects(cloud, now), old_grants(cloud, now)));
    if objects.is_empty() && grants.is_empty() {
        return Ok(());
    }
    shared.db.write(|txn| {
        for (tenant, id, kind) in &objects {
            graph::remove(txn, *tenant, *id, kind);
        }
        for hash in &grants {
            txn.remove::<Grant>(GLOBAL, hash);
        }
        Ok(())
    })
}

fn old_objects(cloud: &Cloud, now: OffsetDateTime) -> Vec<(Uuid, Uuid, &'static str)> {
    let is_old = |deleted: Option<OffsetDateTime>| deleted.is_some_and(|at| now - at >= DELETED_ITEM_LIFE);
    let users = cloud
        .users
        .all()
        .filter(|row| is_old(row.deleted))
        .map(|row| (row.tenant, row.id, "user"));
    let groups = cloud
        .groups
        .all()
        .filter(|row| is_old(row.deleted))
        .map(|row| (row.tenant, row.id, "group"));
    users.chain(groups).collect()
}

fn old_grants(cloud: &Cloud, now: OffsetDateTime) -> Vec<String> {
    cloud
        .grants
        .all()
        .filter(|grant| grant.expires <= now)
        .map(|grant| grant.hash.clone())
        .collect()
}
