//! The lab itself: from a file to a verdict, and what a simulated day costs.

use std::hint::black_box;
use std::time::Duration;

use criterion::Criterion;
use provlab_benches::story::{day_after, file, load, run};

/// The story that is told: a first agent, a configuration, some changes.
const STORY: &str = "fresh-install";

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    reading(&mut criterion);
    verdict(&mut criterion);
    day(&mut criterion);
    criterion.final_summary();
}

/// Reading, checking and completing a scenario file with its fixtures.
fn reading(criterion: &mut Criterion) {
    let file = file(STORY);
    criterion.bench_function("scenario-load", |bencher| bencher.iter(|| load(black_box(&file))));
}

/// A world built, a story played, a world ended, on `sim`.
fn verdict(criterion: &mut Criterion) {
    let scenario = load(&file(STORY));
    let mut group = criterion.benchmark_group("scenario-to-verdict");
    group.sample_size(10);
    group.bench_function(STORY, |bencher| bencher.iter(|| run(black_box(&scenario))));
    group.finish();
}

/// One quiet day of an installed agent with an active configuration: cycles, bootstraps and keep-alives.
fn day(criterion: &mut Criterion) {
    let scenario = load(&file(STORY));
    let mut group = criterion.benchmark_group("simulated-day");
    group.sample_size(10);
    group.bench_function("one-agent", |bencher| {
        bencher.iter_custom(|days| (0..days).map(|_| day_after(&scenario)).sum::<Duration>());
    });
    group.finish();
}
