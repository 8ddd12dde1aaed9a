//! Performs what a password job's steps ask for.

use provlab_protocol::scim::OperationResult;

use super::super::event::{Failure, World};
use super::super::turns::{Answer, Cycle};
use super::machine::{Event, step};
use crate::state::{DbError, Txn};

/// Runs one cycle.
pub(in crate::engine) async fn cycle(cycle: &Cycle<'_>) -> Result<(), DbError> {
    let step = |txn: &mut Txn<'_>, world: &mut World<'_>, event| {
        step(txn, world, cycle.tenant, cycle.id, cycle.epoch, event).into()
    };
    cycle.run(Event::Tick, || Event::Continue, step, understand).await
}

fn understand(pinged: bool, answer: Answer) -> Event {
    if pinged {
        return Event::Checked(match answer {
            Ok(OperationResult::Pong(_)) => Ok(()),
            Ok(_) => Err(Failure::not_asked()),
            Err(error) => Err(error.into()),
        });
    }
    Event::Answered(match answer {
        Ok(OperationResult::Credentials(page)) => Ok(Box::new(page)),
        Ok(_) => Err(Failure::not_asked()),
        Err(error) => Err(error.into()),
    })
}
