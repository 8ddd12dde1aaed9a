//! Objects that could not be written and are tried again (CS 5.5).

use std::time::Duration;

use time::OffsetDateTime;

use super::event::World;
use super::records::{Escrow, Rejected};

/// Retries of a failed object after its first failure; then one a day (CS 5.5).
const RETRY_HOURS: [u64; 3] = [6, 12, 24];
/// Days after which a failed object is given up.
const RETRY_DAYS: u64 = 28;
/// Values that another object has are tried again so often (Entra Connect's background task, assumed to be shared).
pub(super) const CONFLICT_RETRY: Duration = Duration::from_secs(3600);

/// When a failed object is tried again; never after 28 days (CS 5.5).
pub(super) fn next_retry(world: &World<'_>, first_failed: OffsetDateTime) -> Option<OffsetDateTime> {
    let hours = RETRY_HOURS
        .into_iter()
        .chain((2..=RETRY_DAYS).map(|day| day * 24));
    hours
        .map(|h| first_failed + (world.period)(Duration::from_secs(h * 3600)))
        .find(|at| *at > world.now)
}

/// What becomes of the escrow of an object that failed now; none if it is given up.
pub(super) fn after_failure(
    world: &World<'_>,
    before: Option<&Escrow>,
    rejected: &Rejected,
) -> Option<Escrow> {
    let first_failed = before.map_or(world.now, |escrow| escrow.first_failed);
    Some(Escrow {
        code: rejected.code.to_owned(),
        message: rejected.message.clone(),
        first_failed,
        retry_at: next_retry(world, first_failed)?,
    })
}
