//! What the end of a cycle does to a job of any kind: its numbers, its quarantine, the time of the next cycle (CS 5.5, 6.3).

use std::time::Duration;

use super::connector::Counts;
use super::event::{Failure, Report, World};
use super::job::{Execution, ExecutionState, Job, JobError, QuarantineReason};
use super::quarantine;

/// A job whose cycle ends.
pub(super) struct Closing<'a, 'w> {
    pub(super) job: &'a mut Job,
    pub(super) world: &'a World<'w>,
    pub(super) reports: &'a mut Vec<Report>,
}

impl Closing<'_, '_> {
    /// Ends the cycle under way and tells about it; none if there is none.
    pub(super) fn close(
        &mut self,
        counts: &Counts,
        state: ExecutionState,
        error: Option<JobError>,
    ) -> Option<Execution> {
        let mut execution = self.job.sync.execution.take()?;
        execution.state = Some(state);
        execution.error = error;
        execution.ended = self.world.now;
        execution.entitled = counts.in_scope;
        execution.escrowed = counts.escrowed;
        execution.escrowed_raw = execution.escrowed_raw.max(execution.escrowed);
        self.job.last_execution = Some(execution.clone());
        self.reports.push(Report::Cycle {
            phase: self.job.sync.phase,
            execution: Box::new(execution.clone()),
        });
        Some(execution)
    }

    /// The cycle went through; what is in `trouble` sends the job to quarantine all the same.
    pub(super) fn succeed(&mut self, execution: &Execution, trouble: Option<(QuarantineReason, JobError)>) {
        self.job.successive_failures = 0;
        self.job.last_successful_execution = Some(execution.clone());
        if execution.exports > 0 {
            self.job.last_successful_execution_with_exports = Some(execution.clone());
        }
        let interval = self.interval();
        if let Some((reason, error)) = trouble {
            let fresh = quarantine::enter(self.job, self.world, interval, reason, &error);
            return self.quarantined(fresh, reason, error);
        }
        let now = self.world.now;
        self.job.sync.next_run = Some((execution.began + interval).max(now));
        self.job.steady_state_first.get_or_insert(now);
        self.job.steady_state_last = Some(now);
        if self.job.quarantine.take().is_some() {
            self.reports.push(Report::Released);
        }
    }

    /// The cycle broke off.
    pub(super) fn fail(&mut self, counts: &Counts, failure: &Failure, at_check: bool) {
        let error = JobError {
            code: failure.code.clone(),
            message: failure.message.clone(),
            tenant_actionable: true,
        };
        if self
            .close(counts, ExecutionState::Failed, Some(error.clone()))
            .is_none()
        {
            return;
        }
        let interval = self.interval();
        let fresh = quarantine::after_failure(self.job, self.world, interval, at_check, &error);
        self.quarantined(fresh, QuarantineReason::EncounteredQuarantineException, error);
    }

    fn quarantined(&mut self, fresh: bool, reason: QuarantineReason, error: JobError) {
        if !fresh {
            return;
        }
        self.reports.push(Report::Quarantined { reason, error });
        if let Some(to) = self.job.configuration.notify.clone() {
            self.reports.push(Report::Notification { to });
        }
    }

    /// The job's interval at the present cadence.
    fn interval(&self) -> Duration {
        let seconds = u64::try_from(self.job.schedule.interval_seconds).unwrap_or_default();
        (self.world.period)(Duration::from_secs(seconds))
    }
}
