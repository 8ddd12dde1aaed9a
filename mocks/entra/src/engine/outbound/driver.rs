//! Performs what an outbound job's steps ask for: one agent at a time.

use super::super::event::World;
use super::super::turns::{Cycle, Turn};
use super::machine::{Event, step};
use crate::state::{DbError, Txn};

/// Runs one cycle.
pub(in crate::engine) async fn cycle(cycle: &Cycle<'_>) -> Result<(), DbError> {
    let step = |txn: &mut Txn<'_>, world: &mut World<'_>, event| {
        let effect = step(txn, world, cycle.tenant, cycle.id, cycle.epoch, event);
        Turn {
            ask: effect.ask,
            again: effect.again,
            reports: effect.reports,
        }
    };
    let understand = |ask, answer| Event::Answered(ask, Box::new(answer));
    cycle.run(Event::Tick, || Event::Continue, step, understand).await
}
