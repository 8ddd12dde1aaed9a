//! Accidental delete prevention: the deletions of a cycle happen together at its end, or not at all (CS 5.6).

use super::export::Exporter;
use super::job::{JobError, QuarantineReason};
use super::log::Outcome;
use super::records::{SourceRecord, StagedDelete};
use super::references;
use super::target::CloudObject;
use crate::assumptions::{Assumptions, names};
use crate::state::{ProvisioningAction, Tenant};

/// Deletions from which on a guard holds everything back.
pub(super) struct Threshold {
    /// Reached by this many.
    pub(super) count: u64,
    /// What to tell of it.
    whose: &'static str,
}

/// The guard that binds a cycle; none if none is on. `forced`: the administrator allowed this cycle's deletions.
pub(super) fn threshold(
    tenant: &Tenant,
    assumptions: &Assumptions,
    job: Option<u32>,
    forced: bool,
    objects: u64,
) -> Option<Threshold> {
    let job = Threshold::of_job(job, forced);
    let features = &tenant.features;
    let alert = u64::from(features.alert_threshold);
    let count = match features.prevention_type.as_str() {
        "enabledForCount" => Some(alert),
        "enabledForPercentage" => Some((objects.saturating_mul(alert)).div_ceil(100).max(1)),
        _ => None,
    };
    let tenant = count
        .filter(|_| assumptions.holds(names::TENANT_GUARD))
        .map(|count| Threshold {
            count,
            whose: "the tenant's accidentalDeletionPrevention",
        });
    job.into_iter()
        .chain(tenant)
        .min_by_key(|threshold| threshold.count)
}

impl Threshold {
    /// The job's own guard; none if it is off or the administrator allowed this cycle's deletions.
    pub(super) fn of_job(count: Option<u32>, forced: bool) -> Option<Self> {
        count.filter(|_| !forced).map(|count| Self {
            count: u64::from(count),
            whose: "the job's accidental delete prevention",
        })
    }

    /// The quarantine that a cycle with too many deletions leads to.
    pub(super) fn exceeded(&self, deletions: u64) -> (QuarantineReason, JobError) {
        let error = JobError {
            code: "TooManyDeletes".to_owned(),
            message: format!(
                "Delete threshold exceeded: {deletions} objects are to be deleted, and {} stops at {}. Allow the deletes, or mend \
                 the scope and restart the job",
                self.whose, self.count
            ),
            tenant_actionable: true,
        };
        (QuarantineReason::TooManyDeletes, error)
    }
}

impl Exporter<'_, '_, '_, '_> {
    /// Soft-deletes the cloud object of a staged deletion.
    pub(super) fn delete(&mut self, record: SourceRecord) {
        let object = self.staged_object(&record);
        let record = SourceRecord {
            staged_delete: None,
            ..record
        };
        if let Some(mut object) = object {
            references::detach(self, object.id());
            object.set_deleted(Some(self.world.now));
            object.set_manager(None);
            if let CloudObject::Group(group) = &mut object {
                group.members.clear();
            }
            object.clone().put(self.store.txn());
            self.wrote(&object, ProvisioningAction::Delete);
            self.log_delete(&record, &object, ProvisioningAction::Delete);
        }
        self.store.forget_left_links(record.guid);
        self.store.put(record);
    }

    /// Tells once of a deletion that is held back.
    pub(super) fn hold(&mut self, record: SourceRecord) {
        if record.staged_delete == Some(StagedDelete::Held) {
            return;
        }
        if let Some(object) = self.staged_object(&record) {
            self.done.reports.push(super::event::Report::Export {
                action: ProvisioningAction::StagedDelete.as_str(),
                kind: object.kind(),
                name: object.name().to_owned(),
            });
            self.log_delete(&record, &object, ProvisioningAction::StagedDelete);
        }
        self.store.put(SourceRecord {
            staged_delete: Some(StagedDelete::Held),
            ..record
        });
    }

    fn staged_object(&self, record: &SourceRecord) -> Option<CloudObject> {
        let id = record.target.as_ref()?.id;
        CloudObject::find(self.store.cloud(), record.kind, self.store.tenant(), id)
            .filter(|o| !o.is_deleted())
    }

    fn log_delete(&mut self, record: &SourceRecord, object: &CloudObject, action: ProvisioningAction) {
        self.log(Outcome {
            action,
            source: record,
            target: Some(object),
            modified: Vec::new(),
            result: Ok(()),
        });
    }
}
