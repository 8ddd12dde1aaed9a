//! What an administrator's restart or deletion of a job does to its rows (CS 6.3).

use time::OffsetDateTime;
use uuid::Uuid;

use super::super::configuration::ResetScope;
use super::super::connector::Counts;
use super::records::OutboundGroup;
use super::store::Store;
use crate::state::Txn;

/// Forgets what `scope` names; `counts` are those of the job, and then those that are left.
pub(in crate::engine) fn reset(
    txn: &mut Txn<'_>,
    tenant: Uuid,
    job: &str,
    scope: ResetScope,
    counts: Counts,
    now: OffsetDateTime,
) -> Counts {
    let mut store = Store::new(txn, tenant, job, counts);
    if scope.escrows {
        for group in store.due_retries(None) {
            if let Some(mut row) = store.get(group).cloned() {
                if let Some(escrow) = &mut row.escrow {
                    escrow.retry_at = now;
                }
                store.put(OutboundGroup { dirty: true, ..row });
            }
        }
    }
    if scope.connector_data_store {
        store.clear();
    }
    store.counts().clone()
}

/// Forgets a job that is deleted; the groups stay in the directory (CS 5.1).
pub(in crate::engine) fn forget(txn: &mut Txn<'_>, tenant: Uuid, job: &str) {
    Store::new(txn, tenant, job, Counts::default()).clear();
}
