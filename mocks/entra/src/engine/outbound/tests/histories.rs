//! Random histories: whatever the cloud's administrators do and whatever is lost, refused or done twice, in the end the directory is what
//! the documents say, and nothing is written that is there already.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const USERS: u128 = 6;
const GROUPS: u128 = 5;

/// What happens between two cycles.
#[derive(Clone, Debug)]
enum Edit {
    /// Makes a group or changes its name and members: users first, then groups.
    Put(u128, u8, Vec<u128>, Vec<u128>),
    Describe(u128, Option<String>),
    MailEnable(u128, bool),
    SoftDelete(u128),
    Restore(u128),
    Purge(u128),
    /// A user's account appears in the directory and is synchronized.
    Synchronize(u128),
    /// The user is deleted in the cloud, or comes back.
    DeleteUser(u128, bool),
    /// Somebody restarts the job.
    Restart(&'static str),
}

/// What happens to the questions of a cycle, in their order; afterwards all is well.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Answered,
    /// Done twice, the second answer counts: two agents got it.
    Twice,
    /// Done, and the answer is lost.
    LostAnswer,
    /// Lost before it was done.
    LostQuestion,
    Refused,
    /// The cloud's process dies; the question was done.
    Died,
}

fn edits() -> impl Strategy<Value = Edit> {
    let number = 1..=GROUPS;
    let people = prop::collection::vec(1..=USERS, 0..4);
    let groups = prop::collection::vec(1..=GROUPS, 0..3);
    prop_oneof![
        6 => (number.clone(), any::<u8>(), people, groups).prop_map(|(g, n, p, m)| Edit::Put(g, n % 4, p, m)),
        2 => (number.clone(), prop::option::of("[a-c]{1,2}")).prop_map(|(g, d)| Edit::Describe(g, d)),
        1 => (number.clone(), any::<bool>()).prop_map(|(g, m)| Edit::MailEnable(g, m)),
        1 => number.clone().prop_map(Edit::SoftDelete),
        1 => number.clone().prop_map(Edit::Restore),
        1 => number.prop_map(Edit::Purge),
        3 => (1..=USERS).prop_map(Edit::Synchronize),
        1 => ((1..=USERS), any::<bool>()).prop_map(|(u, d)| Edit::DeleteUser(u, d)),
        1 => prop_oneof![Just(""), Just("Watermark"), Just("Full"), Just("Escrows")].prop_map(Edit::Restart),
    ]
}

fn fates() -> impl Strategy<Value = Fate> {
    prop_oneof![
        8 => Just(Fate::Answered),
        1 => Just(Fate::Twice),
        1 => Just(Fate::LostAnswer),
        1 => Just(Fate::LostQuestion),
        1 => Just(Fate::Refused),
        1 => Just(Fate::Died),
    ]
}

fn apply(lab: &mut Lab, edit: &Edit) {
    let known = |lab: &Lab, number| {
        lab.db
            .read(|cloud| cloud.groups.get(TENANT, &group(number).to_string()).is_some())
    };
    match edit {
        Edit::Put(number, name, people, groups) => {
            let members: Vec<Uuid> = people
                .iter()
                .map(|number| user(*number))
                .chain(
                    groups
                        .iter()
                        .filter(|other| *other != number)
                        .map(|other| group(*other)),
                )
                .collect();
            lab.put_group(*number, &format!("Name {name}"), &members);
        }
        Edit::Synchronize(number) => lab.put_synchronized(*number),
        Edit::DeleteUser(number, deleted) => {
            let there = lab
                .db
                .read(|cloud| cloud.users.get(TENANT, &user(*number).to_string()).is_some());
            if there {
                lab.change_user(*number, |user| user.deleted = deleted.then_some(START));
            }
        }
        // What is forgotten and no longer wanted stays in the directory, so nothing changes while everything is forgotten.
        Edit::Restart("Full") => {
            for scope in ["Escrows,QuarantineState", "Full"] {
                lab.restart(scope);
                lab.cycle();
            }
        }
        Edit::Restart(scope) => lab.restart(scope),
        Edit::Describe(number, _)
        | Edit::MailEnable(number, _)
        | Edit::SoftDelete(number)
        | Edit::Restore(number)
        | Edit::Purge(number)
            if !known(lab, *number) => {}
        Edit::Describe(number, text) => lab.change_group(*number, |group| group.description.clone_from(text)),
        Edit::MailEnable(number, enabled) => lab.change_group(*number, |group| group.mail_enabled = *enabled),
        Edit::SoftDelete(number) => lab.change_group(*number, |group| group.deleted = Some(START)),
        Edit::Restore(number) => lab.change_group(*number, |group| group.deleted = None),
        Edit::Purge(number) => lab.purge_group(*number),
    }
}

/// A cycle whose questions meet these fates.
fn troubled_cycle(lab: &mut Lab, fates: &mut dyn Iterator<Item = Fate>) {
    let mut died = false;
    lab.cycle_with(|lab, operation| match fates.next().unwrap_or(Fate::Answered) {
        Fate::Answered => Some(lab.answer(operation)),
        Fate::Twice => {
            let _ = lab.answer(operation);
            Some(lab.answer(operation))
        }
        Fate::LostAnswer => {
            let _ = lab.answer(operation);
            Some(Err(no_agent()))
        }
        Fate::LostQuestion => Some(Err(no_agent())),
        Fate::Refused => Some(Err(ldap_error(50))),
        Fate::Died => {
            let _ = lab.answer(operation);
            died = true;
            None
        }
    });
    if died {
        lab.db = Db::open(Arc::clone(&lab.store) as Arc<dyn provlab_platform::Store>).unwrap();
    }
}

/// What the directory shall hold, from the documents alone: display name, description and members by number of the group.
fn expected(lab: &Lab) -> BTreeMap<u128, (String, Option<String>, BTreeSet<String>)> {
    lab.db.read(|cloud| {
        let in_scope =
            |group: &Group| group.deleted.is_none() && group.security_enabled && !group.mail_enabled;
        let mut all = BTreeMap::new();
        for number in 1..=GROUPS {
            let Some(found) = cloud
                .groups
                .get(TENANT, &group(number).to_string())
                .filter(|g| in_scope(g))
            else {
                continue;
            };
            let mut members = BTreeSet::new();
            for other in 1..=USERS {
                let synchronized = cloud.users.get(TENANT, &user(other).to_string());
                if synchronized.is_some_and(|user| user.deleted.is_none())
                    && found.members.contains(&user(other))
                {
                    members.insert(format!("user {other}"));
                }
            }
            for other in 1..=GROUPS {
                let nested = cloud.groups.get(TENANT, &group(other).to_string());
                if nested.is_some_and(in_scope) && found.members.contains(&group(other)) {
                    members.insert(format!("group {other}"));
                }
            }
            all.insert(
                number,
                (found.display_name.clone(), found.description.clone(), members),
            );
        }
        all
    })
}

/// What it holds, in the same words.
fn found(lab: &Lab) -> BTreeMap<u128, (String, Option<String>, BTreeSet<String>)> {
    let mut all = BTreeMap::new();
    let mut entries = 0;
    for number in 1..=GROUPS {
        let Some(entry) = lab.directory.group(group(number)) else {
            continue;
        };
        entries += 1;
        let first = |name: &str| {
            entry
                .attributes
                .get(name)
                .and_then(|values| values.first())
                .cloned()
        };
        let member = |guid: &Uuid| {
            let person = (1..=USERS)
                .find(|number| account(*number) == *guid)
                .map(|number| format!("user {number}"));
            let nested = || (1..=GROUPS).find(|number| lab.directory.guid(group(*number)) == Some(*guid));
            person
                .or_else(|| nested().map(|number| format!("group {number}")))
                .unwrap_or_else(|| guid.to_string())
        };
        let members = entry.members.iter().map(member).collect();
        let name = first("displayName").unwrap_or_default();
        assert!(entry.name.starts_with(&format!("{name}_")));
        all.insert(number, (name, first("description"), members));
    }
    assert_eq!(entries, lab.directory.groups.len(), "a group is there twice");
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn the_directory_becomes_what_the_cloud_says(
        rounds in prop::collection::vec((prop::collection::vec(edits(), 1..6), prop::collection::vec(fates(), 0..8)), 1..8),
    ) {
        let mut lab = Lab::started();
        for (edits, fates) in &rounds {
            edits.iter().for_each(|edit| apply(&mut lab, edit));
            troubled_cycle(&mut lab, &mut fates.iter().copied());
        }
        // All is well again: escrows are retried, and one cycle does the rest.
        lab.restart("Escrows,QuarantineState");
        lab.cycle();
        prop_assert_eq!(found(&lab), expected(&lab));
        let counts = lab.job().sync.counts;
        prop_assert_eq!(counts.in_scope as usize, lab.directory.groups.len());
        prop_assert_eq!((counts.escrowed, counts.staged), (0, 0));
        // Nothing is left to do, and nothing is written twice.
        for scope in ["", "Watermark"] {
            lab.cycle();
            prop_assert!(lab.asked.is_empty(), "{:?}", lab.asked);
            lab.restart(scope);
        }
        lab.cycle();
        prop_assert!(lab.asked.is_empty(), "{:?}", lab.asked);
    }

    #[test]
    fn without_trouble_every_request_changes_something(
        rounds in prop::collection::vec(prop::collection::vec(edits(), 1..6), 1..8),
    ) {
        let mut lab = Lab::started();
        for edits in &rounds {
            for edit in edits {
                // A full restart forgets what was written, and has to ask.
                if !matches!(edit, Edit::Restart("Full")) {
                    apply(&mut lab, edit);
                }
            }
            lab.cycle();
            prop_assert_eq!(found(&lab), expected(&lab));
        }
        prop_assert_eq!(lab.directory.idle, 0);
    }
}
