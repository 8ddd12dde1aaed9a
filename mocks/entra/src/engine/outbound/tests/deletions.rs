//! What is gone in the cloud, or left the scope, and the guard before it.

use super::*;
use crate::assumptions::names;
use crate::engine::{QuarantineReason, StagedDelete, StatusCode};

fn with_groups(count: u128) -> Lab {
    let mut lab = Lab::started();
    for number in 1..=count {
        lab.put_group(number, &format!("Group {number}"), &[]);
    }
    lab.cycle();
    assert_eq!(lab.directory.groups.len() as u128, count);
    lab
}

#[test]
fn a_group_that_is_gone_for_good_is_deleted_once() {
    let mut lab = with_groups(2);
    lab.purge_group(1);
    lab.cycle();
    assert!(lab.directory.group(group(1)).is_none() && lab.directory.group(group(2)).is_some());
    assert_eq!(lab.exports(), [("delete", "Group 1".to_owned())]);
    assert!(lab.row(group(1)).is_none());
    lab.cycle();
    assert!(lab.asked.is_empty(), "{:?}", lab.asked);
    assert_eq!(lab.job().sync.counts.in_scope, 1);
}

#[test]
fn a_soft_deleted_group_is_deleted_or_left_as_is_assumed() {
    let mut lab = with_groups(1);
    lab.change_group(1, |group| group.deleted = Some(START));
    lab.cycle();
    assert!(lab.directory.groups.is_empty());
    lab.change_group(1, |group| group.deleted = None);
    lab.cycle();
    assert!(lab.directory.group(group(1)).is_some());
    lab.assumptions
        .0
        .insert(names::SOFT_DELETED_GROUPS.to_owned(), false);
    lab.change_group(1, |group| group.deleted = Some(START));
    lab.cycle();
    assert!(lab.directory.group(group(1)).is_some());
    lab.purge_group(1);
    lab.cycle();
    assert!(lab.directory.groups.is_empty());
}

#[test]
fn a_group_that_leaves_the_scope_is_deleted_unless_that_is_switched_off() {
    let mut lab = with_groups(2);
    lab.change_group(1, |group| group.mail_enabled = true);
    lab.cycle();
    assert!(lab.directory.group(group(1)).is_none());
    let configuration = Configuration::from_secrets([
        ("Domain", r#"{"domain":"contoso.com"}"#),
        ("SkipOutOfScopeDeletions", "true"),
    ])
    .unwrap();
    lab.write(|txn, _, now| jobs::configure(txn, TENANT, Uuid::from_u128(8), &configuration, now));
    lab.change_group(2, |group| group.mail_enabled = true);
    lab.cycle();
    assert!(lab.directory.group(group(2)).is_some());
    // It is no group of this job's any more, but it is known when it comes back.
    lab.change_group(2, |group| {
        group.mail_enabled = false;
        group.description = Some("Back".to_owned());
    });
    lab.cycle();
    let [put] = lab.puts()[..] else {
        panic!("{:?}", lab.asked)
    };
    assert_eq!(put.id, lab.directory.guid(group(2)));
    // What is deleted is deleted all the same.
    lab.purge_group(2);
    lab.cycle();
    assert!(lab.directory.groups.is_empty());
}

#[test]
fn a_group_that_comes_back_in_the_same_cycle_stays() {
    let mut lab = with_groups(1);
    let before = lab.directory.changes;
    lab.change_group(1, |group| group.security_enabled = false);
    lab.change_group(1, |group| group.security_enabled = true);
    lab.cycle();
    assert_eq!(lab.directory.changes, before);
}

#[test]
fn too_many_deletions_are_held_back_told_once_and_happen_when_they_are_allowed() {
    let mut lab = with_groups(6);
    let settings = r#"{"Enabled":true,"Recipients":"ops@contoso.com","DeleteThresholdEnabled":true,"DeleteThresholdValue":3}"#;
    let secrets = [
        ("Domain", r#"{"domain":"contoso.com"}"#),
        ("SyncNotificationSettings", settings),
    ];
    let configuration = Configuration::from_secrets(secrets).unwrap();
    lab.write(|txn, _, now| jobs::configure(txn, TENANT, Uuid::from_u128(8), &configuration, now));
    for number in 1..=3 {
        lab.purge_group(number);
    }
    lab.cycle();
    assert_eq!(lab.directory.groups.len(), 6);
    let staged: Vec<&str> = lab.exports().iter().map(|(action, _)| *action).collect();
    assert_eq!(staged, ["stagedDelete"; 3]);
    let job = lab.job();
    assert_eq!(job.code(), StatusCode::Quarantine);
    assert_eq!(
        job.quarantine.as_ref().unwrap().reason,
        QuarantineReason::TooManyDeletes
    );
    assert_eq!(lab.row(group(1)).unwrap().staged_delete, Some(StagedDelete::Held));
    // A group that is written meanwhile is written.
    lab.change_group(5, |group| group.description = Some("Fine".to_owned()));
    lab.cycle();
    assert_eq!(lab.exports(), [("update", "Group 5".to_owned())]);
    assert_eq!(lab.directory.groups.len(), 6);
    lab.restart("ForceDeletes");
    lab.cycle();
    assert_eq!(lab.directory.groups.len(), 3);
    assert_eq!(lab.job().code(), StatusCode::Active);
    assert!(!lab.job().sync.force_deletes);
}

#[test]
fn one_below_the_threshold_passes() {
    let mut lab = with_groups(3);
    let settings = r#"{"DeleteThresholdEnabled":true,"DeleteThresholdValue":3}"#;
    let secrets = [
        ("Domain", r#"{"domain":"contoso.com"}"#),
        ("SyncNotificationSettings", settings),
    ];
    let configuration = Configuration::from_secrets(secrets).unwrap();
    lab.write(|txn, _, now| jobs::configure(txn, TENANT, Uuid::from_u128(8), &configuration, now));
    lab.purge_group(1);
    lab.purge_group(2);
    lab.cycle();
    assert_eq!(lab.directory.groups.len(), 1);
}

#[test]
fn a_deletion_that_is_refused_is_retried_and_holds_nothing_up() {
    let mut lab = with_groups(2);
    let key = format!("Group_{}", group(1));
    lab.directory.refusals.insert(key, ldap_error(50));
    lab.purge_group(1);
    lab.purge_group(2);
    lab.cycle();
    assert_eq!(lab.directory.groups.len(), 1);
    assert_eq!(lab.job().last_execution.unwrap().escrowed, 1);
    lab.cycle();
    assert!(lab.asked.is_empty(), "{:?}", lab.asked);
    lab.directory.refusals.clear();
    lab.now = lab.row(group(1)).unwrap().escrow.unwrap().retry_at;
    lab.cycle();
    assert!(lab.directory.groups.is_empty());
    assert_eq!(lab.job().last_execution.unwrap().escrowed, 0);
}

#[test]
fn a_group_whose_creation_was_never_answered_is_deleted_too() {
    let mut lab = Lab::started();
    lab.put_group(1, "Sales", &[]);
    // The agent makes the group, and nobody hears of it.
    lab.cycle_with(|lab, operation| {
        let answer = lab.answer(operation);
        Some(if matches!(operation, Operation::PutGroup(_)) {
            Err(no_agent())
        } else {
            answer
        })
    });
    assert!(lab.directory.group(group(1)).is_some());
    assert_eq!(lab.row(group(1)).unwrap().guid, None);
    lab.purge_group(1);
    lab.cycle();
    assert!(lab.directory.groups.is_empty());
    assert!(lab.row(group(1)).is_none());
}

#[test]
fn a_group_that_comes_back_after_a_deletion_that_nobody_heard_of_is_made_again() {
    for done in [true, false] {
        let mut lab = Lab::started();
        lab.put_synchronized(1);
        lab.put_group(1, "Sales", &[user(1)]);
        lab.cycle();
        lab.change_group(1, |group| group.deleted = Some(START));
        lab.cycle_with(|lab, operation| {
            let lost = matches!(operation, Operation::DeleteGroup(_));
            let answer = (done || !lost).then(|| lab.answer(operation));
            Some(if lost { Err(no_agent()) } else { answer.unwrap() })
        });
        assert_eq!(lab.directory.groups.is_empty(), done);
        lab.change_group(1, |group| group.deleted = None);
        lab.cycle();
        assert_eq!(lab.members(1), set([account(1)]));
    }
}
