//! Refusals, agents that are gone, answers that are lost, processes that die.

use super::*;
use crate::engine::{ExecutionState, FAILURES_BEFORE_QUARANTINE, QuarantineReason, StatusCode};

fn refused(lab: &mut Lab, error: ScimError) {
    let key = format!("Group_{}", group(1));
    lab.directory.refusals.insert(key, error);
}

#[test]
fn a_refused_group_waits_in_escrow_and_the_others_are_written() {
    for error in [
        ldap_error(50),
        ldap_error(32),
        ScimError::new(
            ErrorCode::HybridSynchronizationActiveDirectoryInvalidGroupType,
            "x",
        ),
        ScimError::new(
            ErrorCode::HybridSynchronizationActiveDirectoryUnexpectedDuplicateEntriesFound,
            "x",
        ),
    ] {
        let mut lab = Lab::started();
        refused(&mut lab, error.clone());
        lab.put_group(1, "Sales", &[]);
        lab.put_group(2, "Marketing", &[]);
        lab.cycle();
        assert!(lab.directory.group(group(2)).is_some());
        let execution = lab.job().last_execution.unwrap();
        assert_eq!(execution.state, Some(ExecutionState::EntryLevelErrors));
        assert_eq!(execution.escrowed, 1);
        let escrow = lab.row(group(1)).unwrap().escrow.unwrap();
        assert_eq!(escrow.code, error.code.as_str());
        assert_eq!(escrow.retry_at - escrow.first_failed, time::Duration::hours(6));
        assert!(
            lab.reports
                .iter()
                .any(|report| matches!(report, Report::Escrow { code, .. } if *code == error.code.as_str()))
        );
        // Not before its time.
        lab.cycle();
        assert!(lab.asked.is_empty());
        lab.directory.refusals.clear();
        lab.now = escrow.retry_at;
        lab.cycle();
        assert!(lab.directory.group(group(1)).is_some());
        assert_eq!(lab.row(group(1)).unwrap().escrow, None);
        assert_eq!(
            lab.job().last_execution.unwrap().state,
            Some(ExecutionState::Succeeded)
        );
    }
}

#[test]
fn a_group_is_given_up_after_four_weeks() {
    let mut lab = Lab::started();
    refused(&mut lab, ldap_error(50));
    lab.put_group(1, "Sales", &[]);
    lab.cycle();
    let mut tries = 1;
    while let Some(escrow) = lab.row(group(1)).unwrap().escrow {
        lab.now = escrow.retry_at;
        lab.cycle();
        tries += 1;
        assert!(tries < 40);
    }
    // 6 h, 12 h, 24 h, then every day to the 28th.
    assert_eq!(tries, 1 + 3 + 27);
    assert!(lab.job().escrows_pruned);
    // A change of the group begins it anew.
    lab.directory.refusals.clear();
    lab.change_group(1, |group| group.description = Some("Again".to_owned()));
    lab.cycle();
    assert!(lab.directory.group(group(1)).is_some());
}

#[test]
fn without_an_agent_the_job_goes_to_quarantine_and_comes_back() {
    let mut lab = Lab::started();
    lab.put_group(1, "Sales", &[]);
    lab.cycle_with(|_, _| Some(Err(no_agent())));
    let quarantine = lab.job().quarantine.unwrap();
    assert_eq!(
        quarantine.reason,
        QuarantineReason::EncounteredQuarantineException
    );
    assert_eq!(quarantine.error.code, "HybridIdentityServiceNoActiveAgents");
    lab.cycle();
    assert_eq!(lab.job().code(), StatusCode::Active);
    assert!(lab.directory.group(group(1)).is_some());
}

#[test]
fn an_agent_that_is_lost_in_mid_cycle_ends_the_cycle_and_the_next_one_goes_on() {
    let mut lab = Lab::started();
    for number in 1..=3 {
        lab.put_group(number, &format!("Group {number}"), &[]);
    }
    let mut left = 1;
    let lose = |lab: &mut Lab, operation: &Operation| {
        if !matches!(operation, Operation::Ping(_)) {
            if left == 0 {
                return Some(Err(no_agent()));
            }
            left -= 1;
        }
        Some(lab.answer(operation))
    };
    lab.cycle_with(lose);
    assert_eq!(lab.directory.groups.len(), 1);
    assert_eq!(
        lab.job().last_execution.unwrap().state,
        Some(ExecutionState::Failed)
    );
    assert_eq!(lab.job().code(), StatusCode::Active);
    // What changed meanwhile goes with the rest.
    lab.put_group(4, "Group 4", &[]);
    lab.cycle();
    assert_eq!(lab.directory.groups.len(), 4);
    assert_eq!(lab.directory.idle, 0);
}

#[test]
fn a_directory_that_serves_nothing_is_the_jobs_trouble_and_no_groups() {
    let mut lab = Lab::started();
    lab.put_group(1, "Sales", &[]);
    for failures in 1..=FAILURES_BEFORE_QUARANTINE {
        lab.cycle_with(|lab, operation| {
            let unsupported = ScimError::new(
                ErrorCode::HybridSynchronizationActiveDirectoryInternalServerError,
                "groups are provisioned to Active Directory only",
            );
            Some(if matches!(operation, Operation::Ping(_)) {
                lab.answer(operation)
            } else {
                Err(unsupported)
            })
        });
        assert_eq!(
            lab.job().quarantine.is_some(),
            failures == FAILURES_BEFORE_QUARANTINE
        );
    }
    assert_eq!(lab.row(group(1)).unwrap().escrow, None);
}

#[test]
fn an_answer_to_something_else_is_the_agents_fault() {
    let mut lab = Lab::started();
    lab.put_group(1, "Sales", &[]);
    lab.cycle_with(|lab, operation| {
        Some(match operation {
            Operation::Ping(_) => lab.answer(operation),
            _ => Ok(OperationResult::Resource(None)),
        })
    });
    assert_eq!(
        lab.job().last_execution.unwrap().state,
        Some(ExecutionState::Failed)
    );
}

#[test]
fn without_the_sync_account_nothing_is_tried() {
    let mut lab = Lab::started();
    lab.put_group(1, "Sales", &[]);
    lab.write(|txn, _, _| txn.remove::<User>(TENANT, &Uuid::from_u128(1).to_string()));
    lab.cycle();
    let quarantine = lab.job().quarantine.unwrap();
    assert_eq!(quarantine.error.code, "AzureActiveDirectoryInvalidCredential");
    assert!(lab.directory.groups.is_empty());
}

#[test]
fn a_lost_answer_is_asked_again_until_the_directory_is_as_the_cloud() {
    let mut lab = Lab::started();
    for number in 1..=3 {
        lab.put_synchronized(number);
    }
    lab.put_group(1, "Sales", &[user(1)]);
    lab.cycle();
    let lost = |lab: &mut Lab, operation: &Operation| {
        let answer = lab.answer(operation);
        Some(if matches!(operation, Operation::Ping(_)) {
            answer
        } else {
            Err(no_agent())
        })
    };
    // It was renamed and got a member, and nobody told.
    lab.put_group(1, "Sales EMEA", &[user(1), user(2)]);
    lab.cycle_with(lost);
    assert_eq!(lab.members(1), set([account(1), account(2)]));
    // The cloud takes both back: what was written last is no proof that there is nothing to do.
    lab.put_group(1, "Sales", &[user(1)]);
    lab.cycle();
    assert_eq!(lab.members(1), set([account(1)]));
    assert!(lab.directory.group(group(1)).unwrap().name.starts_with("Sales_"));
    // Twice in a row, each time with other content.
    lab.put_group(1, "A", &[user(3)]);
    lab.cycle_with(lost);
    lab.put_group(1, "Sales", &[user(1)]);
    lab.cycle_with(|lab, operation| {
        Some(if matches!(operation, Operation::Ping(_)) {
            lab.answer(operation)
        } else {
            Err(no_agent())
        })
    });
    lab.cycle();
    assert_eq!(lab.members(1), set([account(1)]));
    assert!(lab.directory.group(group(1)).unwrap().name.starts_with("Sales_"));
    lab.cycle();
    assert!(lab.asked.is_empty(), "{:?}", lab.asked);
}

#[test]
fn a_process_that_dies_behind_any_question_goes_on_where_it_was() {
    for deaths in 0..8 {
        let mut lab = Lab::started();
        for number in 1..=5 {
            lab.put_synchronized(number);
        }
        lab.put_group(1, "Outer", &[user(1), group(2)]);
        lab.put_group(2, "Inner", &[user(2)]);
        lab.put_group(3, "Gone", &[]);
        lab.cycle();
        lab.put_group(1, "Outer", &[user(3), group(2)]);
        lab.put_group(2, "Inner too", &[user(2), user(4)]);
        lab.put_group(4, "New", &[user(5), group(1)]);
        lab.purge_group(3);
        let mut left = deaths;
        lab.cycle_with(|lab, operation| {
            // The directory does what it was asked, and the cloud dies before it hears of it.
            let answer = lab.answer(operation);
            left -= 1;
            (left >= 0).then_some(answer)
        });
        lab.db = Db::open(Arc::clone(&lab.store) as Arc<dyn provlab_platform::Store>).unwrap();
        lab.cycle();
        let inner = lab.directory.guid(group(2)).unwrap();
        let outer = lab.directory.guid(group(1)).unwrap();
        assert_eq!(lab.members(1), set([account(3), inner]), "after {deaths}");
        assert_eq!(lab.members(2), set([account(2), account(4)]));
        assert_eq!(lab.members(4), set([account(5), outer]));
        assert!(lab.directory.group(group(3)).is_none());
        assert_eq!(lab.directory.groups.len(), 3);
        lab.cycle();
        assert!(lab.asked.is_empty(), "after {deaths}: {:?}", lab.asked);
    }
}

#[test]
fn too_many_members_are_not_supported() {
    let mut lab = Lab::started();
    lab.put_synchronized(1);
    let crowd: Vec<Uuid> = (0..=MAX_MEMBERS as u128)
        .map(|number| user(100_000 + number))
        .collect();
    lab.write(|txn, _, now| {
        for (number, id) in crowd.iter().enumerate() {
            let mut row = User::new(TENANT, *id, &format!("c{number}@contoso.com"), now);
            row.on_premises = Some(OnPremises {
                immutable_id: Some(STANDARD.encode(id.to_bytes_le())),
                domain_name: Some(DOMAIN.to_owned()),
                ..OnPremises::new()
            });
            txn.put(row);
        }
    });
    lab.put_group(1, "Everybody", &crowd);
    lab.cycle();
    assert!(lab.directory.groups.is_empty());
    let escrow = lab.row(group(1)).unwrap().escrow.unwrap();
    assert!(escrow.message.contains("50000"), "{}", escrow.message);
}

#[test]
fn a_paused_job_ignores_what_is_answered_late() {
    let mut lab = Lab::started();
    lab.put_group(1, "Sales", &[]);
    let (check, ping) = lab.step(Event::Tick).ask.unwrap();
    let pong = lab.answer(&ping);
    let epoch = lab.job().sync.epoch;
    lab.write(|txn, job, _| jobs::pause(txn, TENANT, job).unwrap());
    let job = lab.job.clone();
    let (plans, assumptions) = (Plans::new(&lab.assumptions), lab.assumptions.clone());
    let effect = lab.write(|txn, _, now| {
        let mut world = World {
            now,
            period: &|span| span,
            new_id: &mut Uuid::nil,
            plans: &plans,
            assumptions: &assumptions,
            busy: None,
        };
        step(
            txn,
            &mut world,
            TENANT,
            &job,
            epoch,
            Event::Answered(check, Box::new(pong)),
        )
    });
    assert!(effect.ask.is_none());
}
