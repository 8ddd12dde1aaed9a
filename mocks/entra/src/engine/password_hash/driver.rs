//! Performs what a password job's steps ask for.

use provlab_protocol::scim::{ErrorCode, Operation, OperationResult, ScimError};

use super::super::event::{Failure, World};
use super::super::turns::{Answer, Cycle, Turn};
use super::machine::{Event, step};
use crate::state::{DbError, Txn};

/// Runs one cycle.
pub(in crate::engine) async fn cycle(cycle: &Cycle<'_>) -> Result<(), DbError> {
    let step = |txn: &mut Txn<'_>, world: &mut World<'_>, event| {
        let effect = step(txn, world, cycle.tenant, cycle.id, cycle.epoch, event);
        let about = |operation| (matches!(operation, Operation::Ping(_)), operation);
        Turn {
            ask: effect.ask.map(about),
            again: effect.again,
            reports: effect.reports,
        }
    };
    cycle.run(Event::Tick, || Event::Continue, step, understand).await
}

fn understand(pinged: bool, answer: Answer) -> Event {
    let nonsense = || {
        let code = ErrorCode::HybridSynchronizationActiveDirectoryInternalServerError;
        Failure::from(ScimError::new(
            code,
            "the agent answered something that was not asked",
        ))
    };
    if pinged {
        return Event::Checked(match answer {
            Ok(OperationResult::Pong(_)) => Ok(()),
            Ok(_) => Err(nonsense()),
            Err(error) => Err(error.into()),
        });
    }
    Event::Answered(match answer {
        Ok(OperationResult::Credentials(page)) => Ok(Box::new(page)),
        Ok(_) => Err(nonsense()),
        Err(error) => Err(error.into()),
    })
}
