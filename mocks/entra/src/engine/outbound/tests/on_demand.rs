//! One group at once, with some of its members.

use super::super::on_demand::{Look, OnDemandError, Provisioned, Round};
use super::*;

impl Lab {
    fn provision(&mut self, number: u128, chosen: &[Uuid]) -> Result<Provisioned, OnDemandError> {
        let chosen: BTreeSet<Uuid> = chosen.iter().copied().collect();
        let (now, job) = (self.now, self.job.clone());
        let mut round = Round::default();
        for _ in 0..10 {
            let mut ids = self.ids;
            let mut new_id = || {
                ids += 1;
                Uuid::from_u128(ids)
            };
            let mut world = World {
                now,
                period: &|span| span,
                new_id: &mut new_id,
                plans: &self.plans,
                assumptions: &self.assumptions,
                busy: None,
            };
            let looked = self.db.write::<_, DbError>(|txn| {
                Ok(round
                    .take(txn, &mut world, TENANT, &job, group(number), &chosen)
                    .1)
            });
            self.ids = ids;
            match looked.unwrap()? {
                Look::Ask(ask, operation) => round.answer = Some((ask, self.answer(&operation))),
                Look::Ended(outcome) => return Ok(outcome),
            }
        }
        panic!("it does not end");
    }
}

#[test]
fn a_group_is_provisioned_with_the_members_that_are_chosen_and_the_cycle_does_the_rest() {
    let mut lab = Lab::configured();
    for number in 1..=3 {
        lab.put_synchronized(number);
    }
    lab.put_group(1, "Sales", &[user(1), user(2), user(3)]);
    let done = |created, changed| Provisioned::Done { created, changed };
    assert_eq!(lab.provision(1, &[user(1)]).unwrap(), done(true, true));
    assert_eq!(lab.members(1), set([account(1)]));
    // Once more there is nothing to do; a further member is added to those that are there.
    assert_eq!(lab.provision(1, &[user(1)]).unwrap(), done(false, false));
    assert_eq!(lab.provision(1, &[user(2), user(9)]).unwrap(), done(false, true));
    assert_eq!(lab.members(1), set([account(1), account(2)]));
    lab.write(|txn, job, now| jobs::start(txn, TENANT, job, now).unwrap());
    lab.cycle();
    assert_eq!(lab.members(1), set([account(1), account(2), account(3)]));
    lab.cycle();
    assert!(lab.asked.is_empty(), "{:?}", lab.asked);
}

#[test]
fn what_cannot_be_provisioned_says_why() {
    let mut lab = Lab::started();
    lab.put_group(1, "Sales", &[]);
    assert!(matches!(lab.provision(2, &[]), Err(OnDemandError::NoGroup(_))));
    lab.change_group(1, |group| group.mail_enabled = true);
    assert_eq!(
        lab.provision(1, &[]).unwrap(),
        Provisioned::OutOfScope("mailEnabled is true")
    );
    lab.change_group(1, |group| group.mail_enabled = false);
    let key = format!("Group_{}", group(1));
    lab.directory.refusals.insert(key, ldap_error(50));
    let Provisioned::Failed { code, .. } = lab.provision(1, &[]).unwrap() else {
        panic!("it is refused");
    };
    assert_eq!(
        code,
        "HybridSynchronizationActiveDirectoryInsufficientAccessRights"
    );
    // It is not asked for the sake of an earlier failure alone.
    lab.directory.refusals.clear();
    assert!(matches!(
        lab.provision(1, &[]).unwrap(),
        Provisioned::Done { created: true, .. }
    ));
    lab.change_group(1, |group| group.deleted = Some(START));
    assert!(matches!(lab.provision(1, &[]), Err(OnDemandError::NoGroup(_))));
}
