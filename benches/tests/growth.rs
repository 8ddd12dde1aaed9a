//! The cost of a delta follows the changes and not the directory: rows written, bytes read and objects exported are the same in directories
//! of any size. Times are printed, not judged.
//!
//! ```console
//! PROVLAB_GROWTH=10000,50000,100000 cargo test --release -p provlab-benches --test growth -- --nocapture
//! ```
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use provlab_benches::controller::Controller;
use provlab_benches::forest::{forest, relocate};
use provlab_benches::job::{Job, TENANT, cloud_on};
use provlab_platform::MemoryStore;

/// Changed people of one delta.
const CHANGES: usize = 100;
/// Deltas of which the median time is told.
const ROUNDS: usize = 7;

/// What one delta of [`CHANGES`] costs.
#[derive(Debug, PartialEq, Eq)]
struct Cost {
    rows: usize,
    bytes: usize,
    exported: u64,
}

fn measure(users: u32) -> (Cost, Duration) {
    let controller = Controller::new(forest(users));
    let initial = controller.all_changes(None);
    let known = initial.last().map(|page| page.cookie.clone());
    let store = Arc::new(MemoryStore::new());
    let db = cloud_on(Arc::clone(&store));
    let mut job = Job::started(&db, TENANT);
    job.cycle(initial);
    let mut costs = Vec::new();
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let city = if round % 2 == 0 { "Ockham" } else { "Hursley" };
        controller.change(|directory| relocate(directory, CHANGES, city));
        let before = store.rows_written();
        let begun = Instant::now();
        let pages = controller.all_changes(known.clone());
        let read = begun.elapsed();
        let exported = job.cycle(pages.clone());
        eprintln!("{users}: read {read:?}, cycle {:?}", begun.elapsed() - read);
        times.push(begun.elapsed());
        let bytes = pages
            .iter()
            .map(|page| serde_json::to_vec(page).unwrap().len())
            .sum();
        costs.push(Cost {
            rows: store.rows_written() - before,
            bytes,
            exported,
        });
    }
    times.sort();
    (costs.swap_remove(ROUNDS - 1), times[ROUNDS / 2])
}

#[test]
fn a_delta_costs_the_same_in_a_directory_of_any_size() {
    let sizes = std::env::var("PROVLAB_GROWTH").unwrap_or_else(|_| "200,1000".to_owned());
    let sizes: Vec<u32> = sizes
        .split(',')
        .map(|size| size.trim().parse().unwrap())
        .collect();
    let measured: Vec<(u32, (Cost, Duration))> =
        sizes.iter().map(|users| (*users, measure(*users))).collect();
    for (users, (cost, time)) in &measured {
        println!("{users:>7} users: {cost:?}, median of {ROUNDS} {time:?}");
    }
    let (_, (first, _)) = &measured[0];
    assert_eq!(first.exported, CHANGES as u64);
    for (users, (cost, _)) in &measured {
        assert_eq!(
            (cost.rows, cost.exported),
            (first.rows, first.exported),
            "{users} users"
        );
        let drift = cost.bytes.abs_diff(first.bytes);
        assert!(
            drift * 10 <= first.bytes,
            "{users} users: {} bytes and {}",
            cost.bytes,
            first.bytes
        );
    }
}
