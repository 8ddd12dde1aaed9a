//! Random histories on `sim`: whatever happens, in the end the cloud is what the oracle says, and was written no more than
//! it had to be.
//!
//! The histories are the same in every run; `PROVLAB_HISTORIES` says how many, `PROVLAB_SEED` draws others. One that fails
//! is cut down to the shortest that still does, and written as a scenario file under `target/histories/` that
//! `lab run FILE` replays.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test"
)]

mod deed;
mod generate;
mod metamorphic;
mod model;
mod play;
mod story;
mod vocabulary;

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use proptest_state_machine::ReferenceStateMachine as _;
use sha2::{Digest as _, Sha256};

use deed::Deed;
use model::Model;

/// Histories in a run, as many as `cargo test` has time for on two cores.
const HISTORIES: usize = 500;
/// Deeds in a history.
const DEEDS: std::ops::RangeInclusive<usize> = 4..=16;
/// Most attempts to make a failing history shorter.
const MAX_SHRINKS: u32 = 150;
/// After so many failures no other history is begun.
const MAX_FAILURES: usize = 8;
/// Every so many histories are played twice, to see that one seed decides them.
const TWICE: usize = 50;

#[test]
fn the_cloud_becomes_what_the_oracle_says() {
    let (histories, seed) = (
        setting("PROVLAB_HISTORIES", HISTORIES),
        setting("PROVLAB_SEED", 1),
    );
    let begun = Instant::now();
    let slow = Mutex::new(Vec::new());
    let (next, deeds, failures) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= histories || failures.lock().unwrap().len() >= MAX_FAILURES {
                        break;
                    }
                    let begun = Instant::now();
                    if let Err(report) = history(seed, number, &deeds) {
                        failures.lock().unwrap().push(report);
                    }
                    slow.lock().unwrap().push((begun.elapsed(), number));
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    println!(
        "{histories} histories, {} deeds (PROVLAB_SEED={seed}, {:.0} s)",
        deeds.into_inner(),
        begun.elapsed().as_secs_f32()
    );
    let mut slow = slow.into_inner().unwrap();
    slow.sort();
    println!(
        "median {:?}; slowest {:?}",
        slow[slow.len() / 2],
        slow.iter().rev().take(12).collect::<Vec<_>>()
    );
    let sum: std::time::Duration = slow.iter().map(|(took, _)| *took).sum();
    println!("sum {sum:?}");
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// A number of the environment.
fn setting(name: &str, usual: usize) -> usize {
    std::env::var(name).map_or(usual, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is {text:?}; write a number"))
    })
}

/// Draws a history and plays it, and shorter ones if it fails.
fn history(seed: usize, number: usize, deeds: &AtomicUsize) -> Result<(), String> {
    let config = Config {
        cases: 1,
        max_shrink_iters: MAX_SHRINKS,
        failure_persistence: None,
        ..Config::default()
    };
    let name = format!("history-{seed}-{number}");
    let drawn = Sha256::digest(format!("{seed} {number}"));
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &drawn);
    let outcome = TestRunner::new_with_rng(config, rng).run(
        &Model::sequential_strategy(DEEDS),
        |(model, story, seen)| {
            if let Some(seen) = seen {
                seen.store(story.len(), Ordering::SeqCst);
            }
            deeds.fetch_add(story.len(), Ordering::Relaxed);
            play::play(&name, number, &model, &story, number.is_multiple_of(TWICE))
                .map_err(TestCaseError::fail)
        },
    );
    match outcome {
        Ok(()) => Ok(()),
        Err(TestError::Fail(reason, (model, story, _))) => {
            Err(told(&name, number, &model, &story, reason.message()))
        }
        Err(TestError::Abort(reason)) => Err(format!("{name}: {reason}")),
    }
}

/// The shortest failing history as a file, and what is wrong with it.
fn told(name: &str, number: usize, model: &Model, story: &[Deed], reason: &str) -> String {
    let folder = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/histories"));
    let text = story::text(name, number, model, story);
    let path = folder.join(format!("{name}.yaml"));
    let kept = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, &text));
    let place = kept.map_or_else(
        |error| format!("it could not be kept: {error}"),
        |()| path.display().to_string(),
    );
    format!("{name}, as short as it gets ({place}):\n{text}\n{reason}")
}
