//! Entries of the provisioning log, made from what an export did (CS 6.5, 6.8).

use time::OffsetDateTime;
use uuid::Uuid;

use super::records::{Rejected, SourceRecord};
use super::target::CloudObject;
use crate::state::{
    LogEntry, LoggedIdentity, ModifiedProperty, ProvisioningAction, ProvisioningStatus, ProvisioningStep,
};

/// The cycle that an entry belongs to.
#[derive(Clone, Debug)]
pub(super) struct Cycle {
    pub(super) tenant: Uuid,
    pub(super) job: String,
    pub(super) service_principal: Uuid,
    /// `activityIdentifier` of the execution.
    pub(super) activity: Uuid,
    pub(super) now: OffsetDateTime,
}

/// What happened to one object.
pub(super) struct Outcome<'o> {
    pub(super) action: ProvisioningAction,
    pub(super) source: &'o SourceRecord,
    /// The object of the cloud; none for what was filtered.
    pub(super) target: Option<&'o CloudObject>,
    pub(super) modified: Vec<ModifiedProperty>,
    pub(super) result: Result<(), Ended>,
}

/// Why nothing was written.
pub(super) enum Ended {
    /// It failed and is retried.
    Failed(Rejected),
    /// There was nothing to do.
    Skipped(&'static str, String),
}

/// Reason of an entry that found nothing changed (CS 6.8).
pub(super) const REDUNDANT_EXPORT: &str = "RedundantExport";
/// Code of an entry whose object was filtered (CS 6.8).
pub(super) const SKIPPED: &str = "EntrySynchronizationSkipped";

impl Outcome<'_> {
    /// The entry, with ids that the caller draws.
    pub(super) fn entry(self, cycle: &Cycle, id: Uuid, change: Uuid) -> LogEntry {
        let steps = self.steps();
        let (status, code, reason) = match &self.result {
            Ok(()) => (ProvisioningStatus::Success, String::new(), String::new()),
            Err(Ended::Failed(rejected)) => (
                ProvisioningStatus::Failure,
                rejected.code.to_owned(),
                rejected.message.clone(),
            ),
            Err(Ended::Skipped(code, reason)) => {
                (ProvisioningStatus::Skipped, (*code).to_owned(), reason.clone())
            }
        };
        LogEntry {
            tenant: cycle.tenant,
            number: 0,
            id,
            at: cycle.now,
            job: cycle.job.clone(),
            service_principal: cycle.service_principal,
            cycle: cycle.activity,
            change,
            action: self.action,
            status,
            code,
            reason,
            source: source_identity(self.source),
            target: self.target.map(target_identity).unwrap_or_default(),
            modified: self.modified,
            steps,
        }
    }

    fn steps(&self) -> Vec<ProvisioningStep> {
        let kind = self.source.kind.source_name();
        let step = |name: &str, kind: &str, status, description: String| ProvisioningStep {
            name: name.to_owned(),
            kind: kind.to_owned(),
            status,
            description,
            details: Vec::new(),
        };
        let name = self.source.first("distinguishedname").unwrap_or_default();
        let import = if self.action == ProvisioningAction::Create {
            "EntryImportAdd"
        } else {
            "EntryImport"
        };
        let import = step(
            import,
            "Import",
            ProvisioningStatus::Success,
            format!("Received {kind} '{name}' from Active Directory"),
        );
        let scoped = |status, what: &str| {
            step(
                "EntrySynchronizationScoping",
                "Scoping",
                status,
                format!("{kind} '{name}' {what}"),
            )
        };
        match &self.result {
            Err(Ended::Skipped(code, reason)) if *code == SKIPPED => vec![
                import,
                scoped(ProvisioningStatus::Skipped, &format!("is not in scope: {reason}")),
                step(
                    "EntrySynchronizationSkip",
                    "Export",
                    ProvisioningStatus::Skipped,
                    reason.clone(),
                ),
            ],
            result => {
                let known = self.target.filter(|_| self.action != ProvisioningAction::Create);
                let matched = known.map_or_else(
                    || "No matching object was found in Azure Active Directory".to_owned(),
                    |target| format!("Matched '{}' in Azure Active Directory", target.name()),
                );
                let (status, text) = match result {
                    Ok(()) => {
                        let done = match self.action {
                            ProvisioningAction::Create => "created",
                            ProvisioningAction::Delete => "deleted",
                            ProvisioningAction::StagedDelete => {
                                "not deleted: the delete threshold is exceeded"
                            }
                            _ => "updated",
                        };
                        (ProvisioningStatus::Success, format!("{kind} '{name}' was {done}"))
                    }
                    Err(Ended::Failed(rejected)) => (ProvisioningStatus::Failure, rejected.message.clone()),
                    Err(Ended::Skipped(_, reason)) => (ProvisioningStatus::Skipped, reason.clone()),
                };
                let export = if matches!(result, Err(Ended::Skipped(..))) {
                    "EntrySynchronizationSkip"
                } else {
                    export_step(self.action)
                };
                vec![
                    import,
                    step("EntryImport", "Matching", ProvisioningStatus::Success, matched),
                    scoped(
                        ProvisioningStatus::Success,
                        if self.source.wanted() {
                            "is in scope"
                        } else {
                            "left the scope"
                        },
                    ),
                    step(export, "Export", status, text),
                ]
            }
        }
    }
}

/// The name of the last step (CS 6.5).
fn export_step(action: ProvisioningAction) -> &'static str {
    match action {
        ProvisioningAction::Create => "EntryExportAdd",
        ProvisioningAction::Delete | ProvisioningAction::StagedDelete => "EntryExportDelete",
        ProvisioningAction::Update | ProvisioningAction::Disable => "EntryExportUpdate",
        ProvisioningAction::Other => "EntrySynchronizationSkip",
    }
}

fn source_identity(record: &SourceRecord) -> LoggedIdentity {
    let names = [
        ("objectGuid", Some(record.guid.to_string())),
        (
            "sAMAccountName",
            record.first("samaccountname").map(str::to_owned),
        ),
        (
            "userPrincipalName",
            record.first("userprincipalname").map(str::to_owned),
        ),
    ];
    LoggedIdentity {
        id: record
            .first("distinguishedname")
            .map_or_else(|| record.guid.to_string(), str::to_owned),
        kind: record.kind.source_name().to_owned(),
        display_name: record
            .first("displayname")
            .or_else(|| record.first("cn"))
            .unwrap_or_default()
            .to_owned(),
        details: names
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect(),
    }
}

fn target_identity(object: &CloudObject) -> LoggedIdentity {
    let upn = match object {
        CloudObject::User(user) => Some(("userPrincipalName".to_owned(), user.user_principal_name.clone())),
        _ => None,
    };
    LoggedIdentity {
        id: object.id().to_string(),
        kind: object.kind().target_name().to_owned(),
        display_name: object.display_name().unwrap_or_default().to_owned(),
        details: upn.into_iter().collect(),
    }
}

/// Several values as one text of the log.
pub(super) fn shown(values: &[String]) -> Option<String> {
    (!values.is_empty()).then(|| values.join(", "))
}
