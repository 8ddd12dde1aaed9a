//! When a job goes to quarantine, how rarely it is tried there, and when it is given up (CS 5.5).

use std::time::Duration;

use super::event::World;
use super::job::{Job, JobError, Quarantine, QuarantineReason, ScheduleState};

/// Cycles that break off in a row before the job goes to quarantine (our own choice; "a job that keeps failing", PR 11).
pub const FAILURES_BEFORE_QUARANTINE: u32 = 3;
/// Failing entries from which on quarantine is considered (CS 5.5).
pub const EVALUATED_FROM: u64 = 5_000;
/// Share of failing entries, in percent, above which a job goes to quarantine (CS 5.5).
pub const PROPORTION_PERCENT: u64 = 40;
/// Failing entries above which a job goes to quarantine, references left out (CS 5.5).
pub const BASE_LIMIT: u64 = 40_000;
/// Failing entries at which a job goes to quarantine, references counted (CS 5.5).
pub const TOTAL_LIMIT: u64 = 60_000;
/// In quarantine the cycles become rarer, down to one a day (CS 5.5).
const LONGEST_REST: Duration = Duration::from_secs(24 * 3600);
/// A job that stays in quarantine for more than four weeks is disabled (CS 5.5).
const LIMIT: Duration = Duration::from_secs(28 * 24 * 3600);

/// Whether so many failures lead to quarantine: failing objects, failing references to them, and objects in scope.
pub(super) fn judge(failing: u64, references: u64, entries: u64) -> Option<QuarantineReason> {
    let total = failing + references;
    if total < EVALUATED_FROM {
        None
    } else if total >= TOTAL_LIMIT {
        Some(QuarantineReason::EncounteredTotalEscrowThreshold)
    } else if failing > BASE_LIMIT {
        Some(QuarantineReason::EncounteredBaseEscrowThreshold)
    } else if failing * 100 > entries * PROPORTION_PERCENT {
        Some(QuarantineReason::EncounteredEscrowProportionThreshold)
    } else {
        None
    }
}

/// Notes a cycle that broke off and sets the time of the next. `true` if the job went to quarantine by it.
pub(super) fn after_failure(
    job: &mut Job,
    world: &World<'_>,
    interval: Duration,
    at_check: bool,
    error: &JobError,
) -> bool {
    job.successive_failures += 1;
    if !at_check && job.quarantine.is_none() && job.successive_failures < FAILURES_BEFORE_QUARANTINE {
        job.sync.next_run = Some(world.now + interval);
        return false;
    }
    enter(
        job,
        world,
        interval,
        QuarantineReason::EncounteredQuarantineException,
        error,
    )
}

/// Puts a job into quarantine, or keeps it there, and sets the time of the next try. `true` if it was not there before.
pub(super) fn enter(
    job: &mut Job,
    world: &World<'_>,
    interval: Duration,
    reason: QuarantineReason,
    error: &JobError,
) -> bool {
    let now = world.now;
    let before = job.quarantine.take();
    let fresh = before.is_none();
    let (began, tries) = before.map_or((now, 1), |q| (q.series_began, q.series_count.saturating_add(1)));
    let next = now + rest(interval, tries, (world.period)(LONGEST_REST));
    job.quarantine = Some(Quarantine {
        reason,
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

#[cfg(test)]
mod tests {
    use super::QuarantineReason as R;
    use super::*;

    /// The numbers of CS 5.5, each on both sides.
    #[test]
    fn thresholds() {
        assert_eq!(judge(4_999, 0, 5_000), None);
        assert_eq!(
            judge(5_000, 0, 5_000),
            Some(R::EncounteredEscrowProportionThreshold)
        );
        assert_eq!(judge(5_000, 0, 12_500), None);
        assert_eq!(
            judge(5_001, 0, 12_500),
            Some(R::EncounteredEscrowProportionThreshold)
        );
        assert_eq!(judge(40_000, 0, 150_000), None);
        assert_eq!(judge(40_001, 0, 150_000), Some(R::EncounteredBaseEscrowThreshold));
        assert_eq!(judge(10_000, 49_999, 150_000), None);
        assert_eq!(
            judge(10_000, 50_000, 150_000),
            Some(R::EncounteredTotalEscrowThreshold)
        );
    }
}
