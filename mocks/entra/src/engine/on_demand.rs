//! Provisioning on demand: one object, now, in four visible steps (CS 5.7, 6.5).

use provlab_protocol::scim::Resource;
use uuid::Uuid;

use super::event::World;
use super::machine::with_machine;
use crate::state::{LogEntry, Txn};

/// Takes one object through import, scoping, matching and export, as a cycle would, and gives the entries of the log that tell of it. What
/// was read and done is kept for the next cycle, which finds nothing left to do. None if there is no such job, or it has no domain.
pub fn provision(
    txn: &mut Txn<'_>,
    world: &mut World<'_>,
    tenant: Uuid,
    id: &str,
    resource: &Resource,
) -> Option<Vec<LogEntry>> {
    let next = |txn: &Txn<'_>| {
        txn.cloud()
            .meters
            .get(tenant, &tenant.to_string())
            .map_or(0, |meter| meter.next)
    };
    let before = next(txn);
    with_machine(txn, world, tenant, id, |machine| {
        machine.provision_on_demand(resource);
    })?;
    let entries = (before..next(txn)).filter_map(|number| {
        txn.cloud()
            .provisioning_log
            .get(tenant, &LogEntry::key(number))
            .cloned()
    });
    Some(entries.collect())
}
