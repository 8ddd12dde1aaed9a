//! Stories that are told in two ways and must end in the same cloud.

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use proptest_state_machine::ReferenceStateMachine as _;
use provlab::{
    report::failure_text,
    run::{RunOptions, play as play_story, run_scenario},
    scenario::{Part, Scenario, StageName},
    stage::{self, SimWorld},
    world::World as _,
};
use provlab_platform::MemoryStore;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{
    deed::{self, Deed},
    model::Model,
    play, setting,
    story::{self, Telling},
};

/// Stories of each property; `PROVLAB_HISTORIES` changes their number in the same proportion.
const STORIES: usize = super::HISTORIES / 80;

/// Draws stories and tells each of them in two ways.
fn both(
    label: &str,
    deeds: std::ops::RangeInclusive<usize>,
    check: impl Fn(&Model, &[Deed]) -> Result<(), String>,
) {
    let histories = setting("PROVLAB_HISTORIES", super::HISTORIES);
    let stories = (histories * STORIES / super::HISTORIES).max(1);
    let config = Config {
        cases: u32::try_from(stories).unwrap(),
        max_shrink_iters: super::MAX_SHRINKS,
        failure_persistence: None,
        ..Config::default()
    };
    let drawn = Sha256::digest(format!("{label} {}", setting("PROVLAB_SEED", 1)));
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &drawn);
    let stories = Model::sequential_strategy(deeds);
    let outcome = TestRunner::new_with_rng(config, rng).run(&stories, |(model, story, seen)| {
        if let Some(seen) = seen {
            seen.store(story.len(), std::sync::atomic::Ordering::SeqCst);
        }
        let story = plain(&model, story);
        check(&model, &story).map_err(TestCaseError::fail)
    });
    assert!(outcome.is_ok(), "{label}: {}", outcome.unwrap_err());
}

/// What of a story happens in the directory and leaves nothing that depends on its order: no names, no values that only
/// one object can have, no parents that are renamed.
fn plain(model: &Model, story: Vec<Deed>) -> Vec<Deed> {
    const ONE_FOR_ALL: [&str; 4] = ["proxyAddresses", "mailNickname", "mail", "adminDescription"];
    let mut model = model.clone();
    let mut kept = Vec::new();
    for mut deed in story {
        let fits = match &mut deed {
            Deed::Create { set, .. } => {
                set.retain(|(name, _)| !ONE_FOR_ALL.contains(name));
                true
            }
            Deed::Modify { set, .. } => !ONE_FOR_ALL.contains(&set.0),
            Deed::NameUser { .. } | Deed::RenameUnit { .. } | Deed::ReplaceController => false,
            Deed::Advance(_) => true,
            other => other.changes_directory(),
        };
        if fits && Model::preconditions(&model, &deed) {
            model = Model::apply(model, &deed);
            kept.push(deed);
        }
    }
    kept
}

/// Tells a story; what is in the cloud at its end, deleted items left out.
fn cloud_after(model: &Model, story: &[Deed], telling: Telling) -> Result<Value, String> {
    let scenario = play::load(
        "metamorphic",
        &story::told("metamorphic", 1, model, story, telling),
    );
    let report = run_scenario(&scenario, &RunOptions::default());
    failure_text(&report).map_or(Ok(live(&report.final_state["cloud"]["tenants"][0])), Err)
}

fn live(tenant: &Value) -> Value {
    let of = |kind: &str| -> Vec<Value> {
        let rows = tenant[kind].as_array().into_iter().flatten();
        rows.filter(|row| row["deleted"] == false).cloned().collect()
    };
    serde_json::json!({ "users": of("users"), "groups": of("groups") })
}

fn same(one: &Value, other: &Value) -> Result<(), String> {
    for kind in ["users", "groups"] {
        let (one, other) = (one[kind].as_array().unwrap(), other[kind].as_array().unwrap());
        let only = |these: &[Value], those: &[Value]| -> Vec<String> {
            these
                .iter()
                .filter(|row| !those.contains(row))
                .map(Value::to_string)
                .collect()
        };
        if one != other {
            return Err(format!(
                "{kind} of the one cloud only: {:#?}\nof the other only: {:#?}",
                only(one, other),
                only(other, one)
            ));
        }
    }
    Ok(())
}

/// A job that follows a directory comes to the same as one that begins when everything has happened.
#[test]
fn a_delta_after_an_initial_cycle_equals_a_fresh_initial_cycle() {
    both("fresh", 3..=14, |model, story| {
        let followed = cloud_after(model, story, Telling::Followed)?;
        same(&followed, &cloud_after(model, story, Telling::AtOnce)?)
    });
}

/// Changes of different objects come to the same in any order.
#[test]
fn independent_changes_come_to_the_same_in_any_order() {
    both("order", 6..=16, |model, story| {
        let mut touched = std::collections::BTreeSet::new();
        let mut independent: Vec<Deed> = story.to_vec();
        independent.retain(|deed| match deed {
            Deed::Advance(_) => true,
            Deed::Delete { .. } | Deed::Account { .. } | Deed::Rename { .. } | Deed::Move { .. } => false,
            Deed::Member { group, member, .. } => {
                let known = model.objects.contains_key(group) && model.objects.contains_key(member);
                known && touched.insert(format!("{group} {member}"))
            }
            Deed::Manager { account, manager } => {
                let known = |account: &String| model.objects.contains_key(account);
                known(account) && manager.iter().all(known) && touched.insert(account.clone())
            }
            Deed::Modify { account, set } => {
                model.objects.contains_key(account) && touched.insert(format!("{account} {}", set.0))
            }
            Deed::Enable { account, .. } => {
                model.objects.contains_key(account) && touched.insert(format!("{account} enabled"))
            }
            Deed::Create { account, .. } | Deed::CreateGroup { account, .. } => {
                touched.insert((*account).to_owned())
            }
            _ => false,
        });
        let first = cloud_after(model, &independent, Telling::Followed)?;
        independent.reverse();
        same(&first, &cloud_after(model, &independent, Telling::Followed)?)
    });
}

/// Two agents, of which one may die at any time, come to the same as one.
#[test]
fn two_agents_come_to_the_same_as_one() {
    both("agents", 3..=14, |model, story| {
        let one = Model {
            agents: 1,
            ..model.clone()
        };
        let two = Model {
            agents: 2,
            ..model.clone()
        };
        let alone = cloud_after(&one, story, Telling::Followed)?;
        let mut disturbed = Vec::new();
        for (at, deed) in story.iter().enumerate() {
            disturbed.push(deed.clone());
            if at % 3 == 1 {
                disturbed.push(Deed::Crash(deed::Part::Agent(super::model::HOSTS[at % 2])));
            }
        }
        same(&alone, &cloud_after(&two, &disturbed, Telling::Followed)?)
    });
}

/// Commits of the cloud after which its power is cut, in the first cycle and in one that follows changes.
#[test]
fn a_cycle_that_is_cut_anywhere_goes_on_to_the_same_end() {
    let changes = [
        Deed::Create {
            account: "ada",
            name: "Ada Lovelace",
            prefix: "ada",
            suffix: "contoso.com",
            unit: Some(1),
            set: vec![("l", &["Ulm"])],
        },
        Deed::Manager {
            account: "ada".into(),
            manager: Some("qmeyer0".into()),
        },
        Deed::Modify {
            account: "emartin3".into(),
            set: ("l", &["Bern"]),
        },
        Deed::Enable {
            account: "mgarcia2".into(),
            on: false,
        },
        Deed::Delete {
            account: "pandersso1".into(),
        },
    ];
    let model = story::beginning(1);
    for cut_in_first in [true, false] {
        let parts = story::parts("cut", 1, &model, &changes).map(|text| play::load("cut", &text));
        let (uncut, commits) = cut(&parts, cut_in_first, None);
        // The first commit of the first cycle is the administrator's own call to start it.
        for number in usize::from(cut_in_first)..commits {
            let (end, _) = cut(&parts, cut_in_first, Some(number));
            let told = same(&uncut, &end).err();
            assert_eq!(
                told, None,
                "the cloud was cut after commit {number} (first cycle: {cut_in_first})"
            );
        }
    }
}

/// Plays the way to the first cycle, that cycle, the changes, and the proof; cuts the cloud's power after a number of
/// commits of the one cycle or the other. Gives the cloud at the end, and how many commits the cycle made.
fn cut(parts: &[Scenario; 4], in_first: bool, after: Option<usize>) -> (Value, usize) {
    let [install, first, changes, proof] = parts;
    let options = RunOptions::default();
    let runtime = stage::runtime(StageName::Sim, 1).unwrap();
    runtime.block_on(async {
        let world = SimWorld::build(install, &options, 1).await.unwrap();
        let tell = async |part: &Scenario| {
            let report = play_story(part, &options, 1, &world).await;
            assert_eq!(failure_text(&report), None);
            report
        };
        tell(install).await;
        let mut commits = 0;
        for (cycle, is_cut) in [(first, in_first), (changes, !in_first)] {
            let store: &MemoryStore = world.cloud_store();
            let before = store.commits();
            if let Some(count) = after.filter(|_| is_cut) {
                store.crash_after(count);
            }
            tell(cycle).await;
            store.restart();
            if is_cut {
                commits = store.commits() - before;
                if after.is_some() {
                    world.crash(&Part::Cloud).await.unwrap();
                }
            }
        }
        let end = tell(proof).await;
        world.shut_down(false).await;
        (live(&end.final_state["cloud"]["tenants"][0]), commits)
    })
}
