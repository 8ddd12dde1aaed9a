//! Entries of the provisioning log for groups that go to the directory (CS 6.5, 6.8). That they have the same shape as those of the other
//! direction, with the ends exchanged, is (inferred).

use uuid::Uuid;

use super::super::log::Cycle;
use super::super::records::Rejected;
use super::mapping::{MEMBER, SOURCE_OBJECT, TARGET_OBJECT};
use super::members::Skipped;
use super::records::{OutboundGroup, Work};
use crate::state::{
    LogEntry, LoggedIdentity, ModifiedProperty, ProvisioningAction, ProvisioningStatus, ProvisioningStep,
};

/// Members that were left out and are named in an entry; more are counted only.
const MAX_NAMED: usize = 20;

/// How it went.
#[derive(Clone, Copy)]
pub(super) enum Told<'t> {
    /// It was written, without these members.
    Success(&'t [(Uuid, Skipped)]),
    /// It failed and is tried again.
    Failure(&'t Rejected),
}

/// The changed properties of an entry. Members are counted: a group may have 50,000.
pub(super) fn modified(work: Work) -> Vec<ModifiedProperty> {
    let mut all = work.modified;
    if work.added > 0 || work.removed > 0 {
        let count = |count: u64, what: &str| (count > 0).then(|| format!("{count} {what}"));
        all.push(ModifiedProperty {
            name: MEMBER.to_owned(),
            old: count(work.removed, "removed"),
            new: count(work.added, "added"),
        });
    }
    all
}

/// The entry of one group.
pub(super) fn entry(
    row: &OutboundGroup,
    action: ProvisioningAction,
    modified: Vec<ModifiedProperty>,
    told: Told<'_>,
    cycle: &Cycle,
    new_id: &mut dyn FnMut() -> Uuid,
) -> LogEntry {
    let (status, code, reason) = match &told {
        Told::Success(_) => (ProvisioningStatus::Success, String::new(), String::new()),
        Told::Failure(rejected) => (
            ProvisioningStatus::Failure,
            rejected.code.to_owned(),
            rejected.message.clone(),
        ),
    };
    let steps = steps(row, action, status, &told);
    LogEntry {
        tenant: cycle.tenant,
        number: 0,
        id: new_id(),
        at: cycle.now,
        job: cycle.job.clone(),
        service_principal: cycle.service_principal,
        cycle: cycle.activity,
        change: new_id(),
        action,
        status,
        code,
        reason,
        source: LoggedIdentity {
            id: row.group.to_string(),
            kind: SOURCE_OBJECT.to_owned(),
            display_name: row.name.clone(),
            details: Vec::new(),
        },
        target: row.guid.map(|guid| target(row, guid)).unwrap_or_default(),
        modified,
        steps,
    }
}

fn target(row: &OutboundGroup, guid: Uuid) -> LoggedIdentity {
    let written = row.written.as_ref().or(row.asked.as_ref());
    let name = written.map(|written| written.name.clone());
    LoggedIdentity {
        id: guid.to_string(),
        kind: TARGET_OBJECT.to_owned(),
        display_name: name.unwrap_or_default(),
        details: Vec::new(),
    }
}

fn steps(
    row: &OutboundGroup,
    action: ProvisioningAction,
    status: ProvisioningStatus,
    told: &Told<'_>,
) -> Vec<ProvisioningStep> {
    let step = |name: &str, kind: &str, status, description: String| ProvisioningStep {
        name: name.to_owned(),
        kind: kind.to_owned(),
        status,
        description,
        details: Vec::new(),
    };
    let success = ProvisioningStatus::Success;
    let name = &row.name;
    let (import, export) = match action {
        ProvisioningAction::Create => ("EntryImportAdd", "EntryExportAdd"),
        ProvisioningAction::Delete | ProvisioningAction::StagedDelete => {
            ("EntryImportDelete", "EntryExportDelete")
        }
        _ => ("EntryImport", "EntryExportUpdate"),
    };
    let matched = match row.guid {
        Some(guid) => format!("Matched '{guid}' in Active Directory"),
        None => "No matching object was found".to_owned(),
    };
    let scoped = if row.in_scope { "is" } else { "is not" };
    let (what, details) = match told {
        Told::Failure(rejected) => (rejected.message.clone(), Vec::new()),
        Told::Success(skipped) => (written(skipped), left_out(skipped)),
    };
    let import = step(
        import,
        "Import",
        success,
        format!("Received Group '{name}' from Azure Active Directory"),
    );
    let matching = step("EntryImport", "Matching", success, matched);
    let scoping = step(
        "EntrySynchronizationScoping",
        "Scoping",
        success,
        format!("Group '{name}' {scoped} in scope"),
    );
    let mut export = step(export, "Export", status, what);
    export.details = details;
    vec![import, matching, scoping, export]
}

fn written(skipped: &[(Uuid, Skipped)]) -> String {
    match skipped.len() {
        0 => "Group was written".to_owned(),
        count => format!("Group was written without {count} of its members"),
    }
}

fn left_out(skipped: &[(Uuid, Skipped)]) -> Vec<(String, String)> {
    let named = skipped.iter().take(MAX_NAMED);
    named
        .map(|(member, reason)| (member.to_string(), reason.reason().to_owned()))
        .collect()
}
