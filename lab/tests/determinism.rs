//! One seed decides a simulated run, across processes; and no weather changes where a story ends.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test")]

use std::{
    fs,
    process::Command,
    sync::atomic::{AtomicU64, Ordering},
};

use provlab::{
    report::{Outcome, failure_text},
    run::{RunOptions, Weather, run_scenario},
    scenario::{Scenario, load_file},
};

const SCENARIOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios");
const STORIES: [&str; 4] = [
    "fresh-install",
    "second-agent-reuses-gmsa",
    "admin-password-expires-mid-install",
    "us-government",
];

/// Seeds of random latency and loss on each story; `PROVLAB_WEATHER_SEEDS` asks for more.
const WEATHER_SEEDS: u64 = 200;

fn first_variant(story: &str) -> Scenario {
    load_file(format!("{SCENARIOS}/{story}.yaml").as_ref())
        .unwrap()
        .remove(0)
}

#[test]
fn two_processes_with_the_same_seed_write_the_same_trace() {
    let folder = tempfile::tempdir().unwrap();
    let trace = |name: &str, seed: &str| {
        let path = folder.path().join(name);
        let output = Command::new(env!("CARGO_BIN_EXE_lab"))
            .args(["--scenarios", SCENARIOS, "run", "--seed", seed, "--json"])
            .arg(&path)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        fs::read_to_string(path).unwrap()
    };
    let (one, two, other) = (trace("one", "7"), trace("two", "7"), trace("other", "8"));
    assert!(one.len() > 10_000, "the trace is suspiciously short");
    if one != two {
        let line = one
            .lines()
            .zip(two.lines())
            .position(|(a, b)| a != b)
            .unwrap_or(0);
        panic!(
            "two runs with one seed differ at line {line}:\n{}\n{}",
            one.lines().nth(line).unwrap_or_default(),
            two.lines().nth(line).unwrap_or_default()
        );
    }
    assert_ne!(one, other, "the seed decides nothing");
}

/// Whatever the network does, the story ends in the same directory and the same cloud.
fn weathered(story: &str) {
    let scenario = first_variant(story);
    let calm = run_scenario(&scenario, &RunOptions::default());
    assert_eq!(
        calm.outcome,
        Outcome::Passed,
        "{}",
        failure_text(&calm).unwrap_or_default()
    );
    let seeds = std::env::var("PROVLAB_WEATHER_SEEDS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(WEATHER_SEEDS);
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        break;
                    }
                    // Both the strength of the weather and its moments follow from the seed.
                    let weather = Weather {
                        latency_ms: 1 + seed * 7 % 400,
                        loss: (seed % 20) as f64 / 100.0,
                    };
                    let options = RunOptions {
                        seed: Some(seed),
                        weather: Some(weather),
                        ..RunOptions::default()
                    };
                    let report = run_scenario(&scenario, &options);
                    assert_eq!(
                        report.outcome,
                        Outcome::Passed,
                        "seed {seed}: {}",
                        failure_text(&report).unwrap_or_default()
                    );
                    assert_eq!(
                        report.final_state, calm.final_state,
                        "seed {seed} ended elsewhere"
                    );
                }
            });
        }
    });
}

#[test]
fn weather_does_not_change_where_a_fresh_install_ends() {
    weathered(STORIES[0]);
}

#[test]
fn weather_does_not_change_where_a_second_agent_ends() {
    weathered(STORIES[1]);
}

#[test]
fn weather_does_not_change_where_a_failed_install_ends() {
    weathered(STORIES[2]);
}

#[test]
fn weather_does_not_change_where_a_government_install_ends() {
    weathered(STORIES[3]);
}
