//! The end of an outbound cycle, good or bad.

use std::time::Duration;

use super::super::ending::escrow_error;
use super::super::event::{Failure, Report};
use super::super::job::{Execution, ExecutionState, JobError, Phase, QuarantineReason, Stage};
use super::super::quarantine;
use super::super::records::ObjectKind;
use super::machine::Machine;

/// Key of the groups in `synchronizedEntryCountByType` (inferred: the inbound one with its ends exchanged).
const ENTRY_COUNT_KEY: &str = "Group to group";

impl Machine<'_, '_, '_, '_> {
    pub(super) fn finish(&mut self) {
        let counts = self.store.counts().clone();
        let (escrowed, entries) = (counts.escrowed, counts.in_scope);
        let trouble = self.threshold_exceeded().or_else(|| {
            let reason = quarantine::judge(escrowed, 0, entries)?;
            Some((reason, escrow_error(escrowed, 0, entries)))
        });
        let state = if escrowed == 0 {
            ExecutionState::Succeeded
        } else {
            ExecutionState::EntryLevelErrors
        };
        let Some(execution) = self.close(state, None) else {
            return;
        };
        let job = &mut self.job;
        job.successive_failures = 0;
        job.last_successful_execution = Some(execution.clone());
        if execution.exports > 0 {
            job.last_successful_execution_with_exports = Some(execution.clone());
        }
        let linked = counts
            .linked
            .get(&ObjectKind::Group)
            .copied()
            .filter(|count| *count > 0);
        job.synchronized = linked
            .map(|count| (ENTRY_COUNT_KEY.to_owned(), count))
            .into_iter()
            .collect();
        (job.sync.stage, job.sync.phase) = (Stage::Read, Phase::Incremental);
        job.sync.force_deletes = false;
        match trouble {
            Some((reason, error)) => {
                let interval = self.interval();
                let fresh = quarantine::enter(&mut self.job, self.world, interval, reason, &error);
                self.quarantined(fresh, reason, error);
            }
            None => {
                self.job.sync.next_run = Some((execution.began + self.interval()).max(self.world.now));
                self.job.steady_state_first.get_or_insert(self.world.now);
                self.job.steady_state_last = Some(self.world.now);
                if self.job.quarantine.take().is_some() {
                    self.effect.reports.push(Report::Released);
                }
            }
        }
    }

    pub(super) fn fail(&mut self, failure: &Failure, at_check: bool) {
        let error = JobError {
            code: failure.code.clone(),
            message: failure.message.clone(),
            tenant_actionable: true,
        };
        if self.close(ExecutionState::Failed, Some(error.clone())).is_none() {
            return;
        }
        let interval = self.interval();
        let fresh = quarantine::after_failure(&mut self.job, self.world, interval, at_check, &error);
        self.quarantined(fresh, QuarantineReason::EncounteredQuarantineException, error);
    }

    fn quarantined(&mut self, fresh: bool, reason: QuarantineReason, error: JobError) {
        if !fresh {
            return;
        }
        self.effect.reports.push(Report::Quarantined { reason, error });
        if let Some(to) = self.job.configuration.notify.clone() {
            self.effect.reports.push(Report::Notification { to });
        }
    }

    fn interval(&self) -> Duration {
        let seconds = u64::try_from(self.job.schedule.interval_seconds).unwrap_or_default();
        (self.world.period)(Duration::from_secs(seconds))
    }

    pub(super) fn count(&mut self, add: impl FnOnce(&mut Execution)) {
        if let Some(execution) = &mut self.job.sync.execution {
            add(execution);
        }
    }

    /// Ends the cycle under way and tells about it.
    fn close(&mut self, state: ExecutionState, error: Option<JobError>) -> Option<Execution> {
        let mut execution = self.job.sync.execution.take()?;
        execution.state = Some(state);
        execution.error = error;
        execution.ended = self.world.now;
        execution.entitled = self.store.counts().in_scope;
        execution.escrowed = self.store.counts().escrowed;
        execution.escrowed_raw = execution.escrowed;
        self.job.last_execution = Some(execution.clone());
        self.effect.reports.push(Report::Cycle {
            phase: self.job.sync.phase,
            execution: Box::new(execution.clone()),
        });
        Some(execution)
    }
}
