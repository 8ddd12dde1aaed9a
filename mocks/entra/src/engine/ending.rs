//! How a cycle ends: its numbers, and whether the job goes to quarantine, stays there or leaves it (CS 5.5, 5.6, 6.3).

use super::closing::Closing;
use super::event::Failure;
use super::guard;
use super::job::{ExecutionState, JobError, Phase, QuarantineReason, Stage};
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
        let counts = self.store.counts().clone();
        let Some(execution) = self.closing().close(&counts, state, None) else {
            return;
        };
        let linked = counts.linked.iter().filter(|(_, count)| **count > 0);
        self.job.synchronized = linked
            .map(|(kind, count)| (kind.entry_count_key().to_owned(), *count))
            .collect();
        let sync = &mut self.job.sync;
        (sync.stage, sync.phase) = (Stage::Read, Phase::Incremental);
        (sync.names_again, sync.force_deletes) = (false, false);
        self.tenant.on_premises_last_sync = Some(self.world.now);
        let tenant = self.tenant.clone();
        self.store.txn().put(tenant);
        self.closing().succeed(&execution, trouble);
    }

    pub(super) fn fail(&mut self, failure: &Failure, at_check: bool) {
        let counts = self.store.counts().clone();
        self.closing().fail(&counts, failure, at_check);
    }
}

impl<'w> Machine<'_, 'w, '_, '_> {
    fn closing(&mut self) -> Closing<'_, 'w> {
        Closing {
            job: &mut self.job,
            world: self.world,
            reports: &mut self.effect.reports,
        }
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
