//! How a cycle ends: its numbers, and whether the job goes to quarantine, stays there or leaves it (CS 5.5, 5.6, 6.3).

use std::time::Duration;

use super::event::{Failure, Report};
use super::guard;
use super::job::{Execution, ExecutionState, JobError, Phase, QuarantineReason, Stage};
use super::machine::Machine;
use super::quarantine;

impl Machine<'_, '_, '_, '_> {
    /// The guard that holds this cycle's deletions back, in the words of a quarantine.
    pub(super) fn threshold_exceeded(&self) -> Option<(QuarantineReason, JobError)> {
        let counts = self.store.counts();
        let objects = counts.linked.values().sum::<u64>() + counts.staged;
        let threshold = guard::threshold(
            &self.tenant,
            self.world.assumptions,
            self.job.configuration.delete_threshold,
            self.job.sync.force_deletes,
            objects,
        )?;
        (counts.staged > 0 && counts.staged >= threshold.count).then(|| threshold.exceeded(counts.staged))
    }

    pub(super) fn finish(&mut self) {
        let references = if self.store.counts().escrowed == 0 {
            0
        } else {
            self.store.failing_references()
        };
        let counts = self.store.counts();
        let (escrowed, entries) = (counts.escrowed, counts.in_scope);
        let trouble = self.threshold_exceeded().or_else(|| {
            let reason = quarantine::judge(escrowed, references, entries)?;
            Some((reason, escrow_error(escrowed, references, entries)))
        });
        let state = if escrowed == 0 {
            ExecutionState::Succeeded
        } else {
            ExecutionState::EntryLevelErrors
        };
        self.count(|execution| execution.escrowed_raw = escrowed + references);
        let Some(execution) = self.close(state, None) else {
            return;
        };
        self.job.successive_failures = 0;
        self.job.last_successful_execution = Some(execution.clone());
        if execution.exports > 0 {
            self.job.last_successful_execution_with_exports = Some(execution.clone());
        }
        let linked = &self.store.counts().linked;
        self.job.synchronized = linked
            .iter()
            .filter(|(_, n)| **n > 0)
            .map(|(kind, n)| (kind.entry_count_key().to_owned(), *n))
            .collect();
        let sync = &mut self.job.sync;
        (sync.stage, sync.phase) = (Stage::Read, Phase::Incremental);
        (sync.names_again, sync.force_deletes) = (false, false);
        self.tenant.on_premises_last_sync = Some(self.world.now);
        let tenant = self.tenant.clone();
        self.store.txn().put(tenant);
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
        let seconds = u64::try_from(self.job.schedule.interval_seconds).unwrap_or(120);
        (self.world.period)(Duration::from_secs(seconds))
    }

    /// Ends the cycle under way and tells about it.
    pub(super) fn close(&mut self, state: ExecutionState, error: Option<JobError>) -> Option<Execution> {
        let mut execution = self.job.sync.execution.take()?;
        execution.state = Some(state);
        execution.error = error;
        execution.ended = self.world.now;
        execution.entitled = self.store.counts().in_scope;
        execution.escrowed = self.store.counts().escrowed;
        execution.escrowed_raw = execution.escrowed_raw.max(execution.escrowed);
        self.job.last_execution = Some(execution.clone());
        self.effect.reports.push(Report::Cycle {
            phase: self.job.sync.phase,
            execution: Box::new(execution.clone()),
        });
        Some(execution)
    }
}

/// The error of a job with too many failing entries.
pub(super) fn escrow_error(escrowed: u64, references: u64, entries: u64) -> JobError {
    JobError {
        code: "QuarantineThresholdExceeded".to_owned(),
        message: format!(
            "{escrowed} of {entries} objects cannot be written, and {references} references to them; mend what the provisioning log says of them"
        ),
        tenant_actionable: true,
    }
}
