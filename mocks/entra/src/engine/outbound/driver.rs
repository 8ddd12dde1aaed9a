//! Performs what an outbound job's steps ask for: one agent at a time, until the cycle is over or somebody started, paused or restarted
//! the job.

use std::sync::Arc;

use provlab_platform::Entropy;
use uuid::Uuid;

use super::super::driver::{superseded, tell};
use super::super::event::World;
use super::machine::{Effect, Event, step};
use crate::relay;
use crate::shared::Shared;
use crate::state::{DbError, Txn};

/// Runs one cycle.
pub(in crate::engine) async fn cycle(
    shared: &Arc<Shared>,
    tenant: Uuid,
    id: &str,
    epoch: u64,
    entropy: &Entropy,
) -> Result<(), DbError> {
    let mut event = Event::Tick;
    loop {
        let effect = in_world(shared, tenant, entropy, |txn, world| {
            step(txn, world, tenant, id, epoch, event)
        })?;
        tell(shared, id, effect.reports);
        let Some((ask, operation)) = effect.ask else {
            if !effect.again {
                return Ok(());
            }
            // Others get their turn between two steps.
            tokio::task::yield_now().await;
            event = Event::Continue;
            continue;
        };
        let answer = tokio::select! {
            biased;
            () = superseded(shared, shared.db.commits(), tenant, id, epoch) => return Ok(()),
            answer = relay::request(shared, tenant, operation) => answer,
        };
        event = Event::Answered(ask, Box::new(answer));
    }
}

/// Does `work` in one transaction with the doors of a step.
pub(super) fn in_world(
    shared: &Arc<Shared>,
    tenant: Uuid,
    entropy: &Entropy,
    work: impl FnOnce(&mut Txn<'_>, &mut World<'_>) -> Effect,
) -> Result<Effect, DbError> {
    shared.db.write(|txn| {
        let mut world = World {
            now: shared.now(),
            period: &|span| shared.period(span),
            new_id: &mut || entropy.uuid(),
            plans: &shared.plans,
            assumptions: &shared.config.assumptions,
            busy: shared.busy.wait(tenant, shared.platform.clock.now()),
        };
        Ok(work(txn, &mut world))
    })
}
