//! The end of an outbound cycle, good or bad.

use super::super::closing::Closing;
use super::super::ending::escrow_error;
use super::super::event::Failure;
use super::super::job::{Execution, ExecutionState, Phase, Stage};
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
        let Some(execution) = self.closing().close(&counts, state, None) else {
            return;
        };
        let linked = counts.linked.get(&ObjectKind::Group).filter(|count| **count > 0);
        let job = &mut self.job;
        job.synchronized = linked
            .map(|count| (ENTRY_COUNT_KEY.to_owned(), *count))
            .into_iter()
            .collect();
        (job.sync.stage, job.sync.phase) = (Stage::Read, Phase::Incremental);
        job.sync.force_deletes = false;
        self.closing().succeed(&execution, trouble);
    }

    pub(super) fn fail(&mut self, failure: &Failure, at_check: bool) {
        let counts = self.store.counts().clone();
        self.closing().fail(&counts, failure, at_check);
    }

    pub(super) fn count(&mut self, add: impl FnOnce(&mut Execution)) {
        if let Some(execution) = &mut self.job.sync.execution {
            add(execution);
        }
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
