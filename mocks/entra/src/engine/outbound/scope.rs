//! Which groups of the cloud a job keeps in the directory (CS 5.10): cloud security groups, all or the selected ones, that pass the filter.

use super::super::configuration::Configuration;
use super::super::plan::Verdict;
use super::plan::Plan;
use super::view::{View, is_synchronized};
use crate::assumptions::{Assumptions, names};
use crate::state::Group;

/// What becomes of a group.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is kept in the directory.
    Provision,
    /// It shall not be in the directory, for this reason. Groups have no disabled state, so it is deleted.
    Withdraw(&'static str),
    /// It is not looked at, for this reason; what is there stays.
    Leave(&'static str),
}

/// Judges a group; none: it is gone for good. `view` is made of the group.
pub(super) fn judge(
    plan: &Plan,
    configuration: &Configuration,
    assumptions: &Assumptions,
    view: Option<&View<'_>>,
) -> Fate {
    let fate = unforced(plan, assumptions, view);
    match fate {
        Fate::Withdraw(reason) if !plan.deletes => Fate::Leave(reason),
        Fate::Withdraw(reason) if view.is_some_and(|v| v.group.deleted.is_none()) => {
            if configuration.skip_out_of_scope_deletions {
                Fate::Leave(reason)
            } else {
                fate
            }
        }
        fate => fate,
    }
}

fn unforced(plan: &Plan, assumptions: &Assumptions, view: Option<&View<'_>>) -> Fate {
    let Some(view) = view else {
        return Fate::Withdraw("the group was deleted");
    };
    if view.group.deleted.is_some() {
        let reason = "the group was soft-deleted";
        return if assumptions.holds(names::SOFT_DELETED_GROUPS) {
            Fate::Withdraw(reason)
        } else {
            Fate::Leave(reason)
        };
    }
    if !plan.enabled {
        return Fate::Withdraw("the mapping of groups is switched off");
    }
    if let Some(reason) = exclusion(view.group) {
        return Fate::Withdraw(reason);
    }
    if !plan.selected.is_empty() && !plan.selected.contains(&view.group.id) {
        return Fate::Withdraw("the group is not selected");
    }
    match plan.filter.judge(view) {
        Verdict::In => Fate::Provision,
        Verdict::Out => Fate::Withdraw("the group does not pass the scoping filter"),
        Verdict::Ignored => Fate::Leave("the group does not pass the input filter"),
    }
}

/// What is never provisioned: the conditions that the product puts before every filter.
fn exclusion(group: &Group) -> Option<&'static str> {
    let rows = [
        (!group.security_enabled, "securityEnabled is false"),
        (is_synchronized(group), "dirSyncEnabled is true"),
        (group.mail_enabled, "mailEnabled is true"),
    ];
    rows.into_iter()
        .find(|(applies, _)| *applies)
        .map(|(_, reason)| reason)
}
