//! When a job goes to quarantine, how rarely it is tried there, and when it is given up (CS 5.5).
//!
//! Of the triggers, the failed check at the start of a cycle and the job that keeps failing are here; the thresholds of failing
//! entries need a directory of more than 5,000 of them and are not modelled.

use std::time::Duration;

use super::job::{Job, JobError, Quarantine, QuarantineReason, ScheduleState};
use super::machine::World;

/// Cycles that break off in a row before the job goes to quarantine (our own choice; "a job that keeps failing", PR 11).
pub const FAILURES_BEFORE_QUARANTINE: u32 = 3;
/// In quarantine the cycles become rarer, down to one a day (CS 5.5).
const LONGEST_REST: Duration = Duration::from_secs(24 * 3600);
/// A job that stays in quarantine for more than four weeks is disabled (CS 5.5).
const LIMIT: Duration = Duration::from_secs(28 * 24 * 3600);

/// Notes a failed cycle and sets the time of the next. `true` if the job went to quarantine by it.
pub(super) fn after_failure(
    job: &mut Job,
    world: &World<'_>,
    interval: Duration,
    at_check: bool,
    error: &JobError,
) -> bool {
    job.successive_failures += 1;
    let now = world.now;
    let before = job.quarantine.take();
    if !at_check && before.is_none() && job.successive_failures < FAILURES_BEFORE_QUARANTINE {
        job.sync.next_run = Some(now + interval);
        return false;
    }
    let fresh = before.is_none();
    let (began, tries) = before.map_or((now, 1), |q| (q.series_began, q.series_count.saturating_add(1)));
    let next = now + rest(interval, tries, (world.period)(LONGEST_REST));
    job.quarantine = Some(Quarantine {
        reason: QuarantineReason::EncounteredQuarantineException,
        current_began: began,
        next_attempt: next,
        series_began: began,
        series_count: tries,
        error: error.clone(),
    });
    job.sync.next_run = Some(next);
    if now - began > (world.period)(LIMIT) {
        job.schedule.state = ScheduleState::Disabled;
        job.sync.next_run = None;
    }
    fresh
}

/// The time to the next try, doubled with each: "gradually reduced to once per day" (the steps are not public).
fn rest(interval: Duration, tries: u32, longest: Duration) -> Duration {
    interval
        .saturating_mul(2_u32.saturating_pow(tries.saturating_sub(1)))
        .min(longest)
}
