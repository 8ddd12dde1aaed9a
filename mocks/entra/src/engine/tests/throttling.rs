//! The directory takes a limited number of writes (CS 6.8, 9.5).

use super::*;

#[test]
fn a_cycle_waits_for_the_next_window_of_writes_and_goes_on() {
    let mut lab = Lab::started();
    lab.begin();
    let count = u128::from(WRITES_PER_WINDOW) + 10;
    let people: Vec<Resource> = (1..=count).map(|n| person(n, &format!("p{n}"))).collect();
    let effect = lab.step(page(people, 1, false));
    assert!(
        matches!(effect.reports.last(), Some(Report::Throttled { retry_after }) if *retry_after == WRITE_WINDOW)
    );
    assert_eq!(lab.picture().len(), WRITES_PER_WINDOW as usize);
    assert!(lab.job().last_execution.is_none(), "the cycle is not over");
    // Too early: nothing moves.
    lab.now += Duration::from_secs(60);
    assert!(lab.step(Event::Tick).reports.is_empty());
    lab.now = lab.job().sync.next_run.unwrap();
    lab.step(Event::Tick);
    assert_eq!(lab.picture().len() as u128, count);
    let execution = lab.job().last_execution.unwrap();
    assert_eq!(
        (execution.state, execution.exported as u128),
        (Some(ExecutionState::Succeeded), count)
    );
}

#[test]
fn a_busy_directory_is_left_alone_until_it_says() {
    let mut lab = Lab::started();
    lab.busy = Some(Duration::from_secs(30));
    lab.begin();
    let effect = lab.step(page(vec![person(1, "ann")], 1, true));
    assert!(effect.ask.is_none());
    assert!(effect.reports.contains(&Report::Throttled {
        retry_after: Duration::from_secs(30)
    }));
    assert!(lab.user("ann@contoso.com").is_none());
    lab.now = lab.job().sync.next_run.unwrap();
    lab.busy = None;
    // What was read is written before more is read.
    lab.begin();
    assert!(lab.user("ann@contoso.com").is_some());
    lab.step(page(vec![person(2, "bob")], 2, false));
    assert_eq!(lab.job().last_execution.unwrap().exported, 2);
}
