//! What the benchmarks are fed with: populations, recorded conversations, clouds and stories, the same on every run.
//!
//! | Room | What it builds |
//! |---|---|
//! | [`forest`] | a directory with a population out of the seeded generator |
//! | [`controller`] | a domain controller that records what it answers, and plays it back |
//! | [`job`] | a tenant with a started synchronization job, without any I/O |
//! | [`graph`] | a cloud whose Graph is asked in process |
//! | [`story`] | a named scenario on the simulated stage, and the day after it |
//!
//! Builders are not measured and not meant for tests of other crates: what cannot be built is a defect here, and ends
//! the benchmark.

pub mod controller;
pub mod forest;
pub mod graph;
pub mod job;
pub mod story;

/// What decides every population, key and id of the benchmarks.
pub const SEED: u64 = 20;

/// Users of a directory that is not measured for growth.
pub const USERS: u32 = 1_000;

/// `full` when benchmarks are measured, `small` when `cargo test` runs each of them once in a debug build.
#[must_use]
pub fn sized<T>(full: T, small: T) -> T {
    // Criterion measures where cargo passes this flag, and tries out everywhere else.
    if std::env::args().any(|argument| argument == "--bench") {
        full
    } else {
        small
    }
}

/// Users of directories whose size must not, or must only slightly, decide the cost.
#[must_use]
pub fn growth() -> &'static [u32] {
    sized(&[1_000, 10_000], &[50, 200])
}
