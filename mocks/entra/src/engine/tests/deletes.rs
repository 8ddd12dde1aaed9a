//! Accidental delete prevention (CS 5.6).

use super::*;

fn threshold(lab: &mut Lab, settings: &str) {
    let secrets = [
        ("Domain", r#"{"domain":"contoso.com"}"#),
        ("SyncNotificationSettings", settings),
    ];
    let configuration = Configuration::from_secrets(secrets).unwrap();
    lab.write(|txn, _, now| jobs::configure(txn, TENANT, Uuid::from_u128(8), &configuration, now));
}

fn of_three(settings: &str) -> Lab {
    let mut lab = Lab::started();
    threshold(&mut lab, settings);
    lab.cycle((1..=5).map(|n| person(n, &format!("p{n}"))).collect());
    lab
}

const AT_THREE: &str = r#"{"Enabled":true,"Recipients":"it@contoso.com","DeleteThresholdEnabled":true,"DeleteThresholdValue":3}"#;

fn live(lab: &Lab) -> usize {
    lab.picture().len()
}

fn actions(effect: &Effect, wanted: &str) -> usize {
    let fits = |r: &&Report| matches!(r, Report::Export { action, .. } if *action == wanted);
    effect.reports.iter().filter(fits).count()
}

fn all_gone(lab: &mut Lab, numbers: std::ops::RangeInclusive<u128>) -> Effect {
    lab.cycle(numbers.map(|n| gone(ResourceType::User, n)).collect())
}

#[test]
fn a_threshold_that_is_reached_stops_every_deletion_and_says_so_once() {
    let mut lab = of_three(AT_THREE);
    let effect = all_gone(&mut lab, 1..=3);
    assert_eq!(live(&lab), 5);
    assert_eq!(
        (actions(&effect, "delete"), actions(&effect, "stagedDelete")),
        (0, 3)
    );
    assert!(effect.reports.contains(&Report::Notification {
        to: "it@contoso.com".to_owned()
    }));
    let job = lab.job();
    assert_eq!(job.code(), StatusCode::Quarantine);
    assert_eq!(job.quarantine.unwrap().reason, QuarantineReason::TooManyDeletes);
    assert_eq!(job.sync.counts.staged, 3);
    // Told once; a further deletion adds to what is held.
    let effect = all_gone(&mut lab, 4..=4);
    assert_eq!((actions(&effect, "stagedDelete"), live(&lab)), (1, 5));
    assert!(
        !effect
            .reports
            .iter()
            .any(|r| matches!(r, Report::Notification { .. } | Report::Quarantined { .. }))
    );
}

#[test]
fn fewer_than_the_threshold_pass_and_a_switched_off_guard_lets_all_pass() {
    let mut lab = of_three(AT_THREE);
    let effect = all_gone(&mut lab, 1..=2);
    assert_eq!((actions(&effect, "delete"), live(&lab)), (2, 3));
    assert_eq!(lab.job().code(), StatusCode::Active);
    let mut lab = of_three(r#"{"DeleteThresholdEnabled":false}"#);
    all_gone(&mut lab, 1..=5);
    assert_eq!(live(&lab), 0);
    assert_eq!(
        Configuration::default().delete_threshold,
        Some(DEFAULT_DELETE_THRESHOLD)
    );
}

#[test]
fn allowed_deletions_happen_in_the_next_cycle_and_the_job_heals() {
    let mut lab = of_three(AT_THREE);
    all_gone(&mut lab, 1..=4);
    let allow = ResetScope::parse("ForceDeletes").unwrap();
    lab.write(|txn, job, now| jobs::restart(txn, TENANT, job, allow, now).unwrap());
    let effect = lab.cycle(vec![]);
    assert_eq!((actions(&effect, "delete"), live(&lab)), (4, 1));
    assert!(effect.reports.contains(&Report::Released));
    assert_eq!(lab.job().code(), StatusCode::Active);
    // Allowed once, not for ever.
    lab.cycle((6..=9).map(|n| person(n, &format!("p{n}"))).collect());
    all_gone(&mut lab, 6..=9);
    assert_eq!(live(&lab), 5);
}

#[test]
fn rejected_deletions_end_when_the_objects_are_back() {
    let mut lab = of_three(AT_THREE);
    let out = |n| resource(ResourceType::User, n, &[("adminDescription", "User_1")]);
    lab.cycle((1..=3).map(out).collect());
    assert_eq!((live(&lab), lab.job().code()), (5, StatusCode::Quarantine));
    lab.write(|txn, job, now| jobs::restart(txn, TENANT, job, ResetScope::DEFAULT, now).unwrap());
    let effect = lab.cycle((1..=5).map(|n| person(n, &format!("p{n}"))).collect());
    assert!(
        !effect.reports.iter().any(|r| matches!(r, Report::Export { .. })),
        "{:?}",
        effect.reports
    );
    assert_eq!((live(&lab), lab.job().code()), (5, StatusCode::Active));
    assert_eq!(lab.job().sync.counts.staged, 0);
}

#[test]
fn the_tenants_own_guard_binds_when_it_is_assumed_to() {
    let mut lab = of_three(r#"{"DeleteThresholdEnabled":false}"#);
    lab.assumptions = Assumptions([(assumed::TENANT_GUARD.to_owned(), true)].into());
    let guard = |lab: &mut Lab, kind: &str, at: u32| {
        lab.write(|txn, _, _| {
            txn.update(TENANT, &TENANT.to_string(), |tenant: &mut Tenant| {
                tenant.features.prevention_type = kind.to_owned();
                tenant.features.alert_threshold = at;
            });
        });
    };
    guard(&mut lab, "enabledForCount", 2);
    all_gone(&mut lab, 1..=2);
    assert_eq!(live(&lab), 5);
    // Three of five are more than half.
    guard(&mut lab, "enabledForPercentage", 50);
    let allow = ResetScope::parse("ForceDeletes").unwrap();
    lab.write(|txn, job, now| jobs::restart(txn, TENANT, job, allow, now).unwrap());
    all_gone(&mut lab, 3..=3);
    assert_eq!(
        live(&lab),
        5,
        "the job's administrator cannot lift the tenant's guard"
    );
    guard(&mut lab, "disabled", 2);
    lab.now = lab.job().sync.next_run.unwrap();
    lab.cycle(vec![]);
    assert_eq!(live(&lab), 2);
}

#[test]
fn what_leaves_the_scope_can_be_left_in_the_cloud() {
    let mut lab = Lab::started();
    let secrets = [
        ("Domain", r#"{"domain":"contoso.com"}"#),
        ("SkipOutOfScopeDeletions", "true"),
    ];
    let configuration = Configuration::from_secrets(secrets).unwrap();
    lab.write(|txn, _, now| jobs::configure(txn, TENANT, Uuid::from_u128(8), &configuration, now));
    lab.cycle(vec![person(1, "ann"), person(2, "bob")]);
    lab.cycle(vec![
        resource(ResourceType::User, 1, &[("adminDescription", "User_1")]),
        gone(ResourceType::User, 2),
    ]);
    assert!(lab.user("ann@contoso.com").is_some());
    assert!(lab.user("bob@contoso.com").is_none());
}
