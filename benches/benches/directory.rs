//! The embedded directory: pages of people, filters, DirSync.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput};
use provlab_benches::controller::{Bound, Controller};
use provlab_benches::forest::{
    PEOPLE, changes, context, filter, first_page, forest, latest_cookie, people, relocate, search,
};
use provlab_benches::{USERS, growth, sized};
use provlab_directory::Directory;
use provlab_directory::filter::Evaluator;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    page(&mut criterion);
    filters(&mut criterion);
    lookup(&mut criterion);
    dir_sync_first_page(&mut criterion);
    dir_sync_delta(&mut criterion);
    criterion.final_summary();
}

/// One LDAP page of a thousand people: the search alone, and with the codec of the server around it.
fn page(criterion: &mut Criterion) {
    let directory = forest(sized(USERS, 50));
    let request = first_page(&directory);
    let outcome = directory.search(&context(), &request);
    let entries = outcome.map_or(0, |outcome| outcome.entries.len());
    let controller = Controller::new(directory.clone());
    let _ = controller.read_people();
    let recording = controller.recording();
    let mut group = criterion.benchmark_group("ldap-page");
    group.throughput(Throughput::Elements(entries as u64));
    group.bench_function("search", |bencher| {
        bencher.iter(|| directory.search(&context(), black_box(&request)));
    });
    // The exchange after the bind is the first page.
    if let Some(exchange) = recording.get(1) {
        let mut server = Bound::new(directory.clone(), &recording);
        group.bench_function("decode-search-encode", |bencher| {
            bencher.iter(|| server.answer(black_box(&exchange.request)));
        });
    }
    group.finish();
}

/// Filters that no index helps, over every object of a directory.
fn filters(criterion: &mut Criterion) {
    let directory = forest(sized(10_000, 200));
    let groups = directory
        .database()
        .iter()
        .filter(|object| directory.is_a(object, "group"));
    let last = groups
        .last()
        .map(|group| directory.dn_text(group))
        .unwrap_or_default();
    let cases = [
        ("equality", "(displayName=Nobody Nowhere)".to_owned()),
        ("substring", "(displayName=*an*e*)".to_owned()),
        ("people", PEOPLE.to_owned()),
        ("bit", "(userAccountControl:1.2.840.113556.1.4.803:=2)".to_owned()),
        ("in-chain", format!("(memberOf:1.2.840.113556.1.4.1941:={last})")),
        (
            "negation",
            "(&(objectCategory=person)(!(department=Sales))(title=*))".to_owned(),
        ),
    ];
    let mut group = criterion.benchmark_group("filter");
    group.throughput(Throughput::Elements(directory.database().len() as u64));
    for (name, text) in cases {
        let filter = filter(&text);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let evaluator = Evaluator::new(&directory, black_box(&filter));
                let objects = directory.database().iter();
                objects
                    .filter(|object| evaluator.matches(object, &|_| true))
                    .count()
            });
        });
    }
    group.finish();
}

/// One account by its name: must not grow with the directory.
fn lookup(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("search-one-account");
    for &users in growth() {
        let directory = forest(users);
        let name = people(&directory)
            .pop()
            .and_then(|dn| directory.by_dn(&dn))
            .and_then(|user| directory.text(user, "sAMAccountName"))
            .unwrap_or_default();
        let request = search(&directory, filter(&format!("(sAMAccountName={name})")));
        group.bench_with_input(
            BenchmarkId::from_parameter(users),
            &request,
            |bencher, request| {
                bencher.iter(|| directory.search(&context(), black_box(request)));
            },
        );
    }
    group.finish();
}

/// The first DirSync answer of a full enumeration: a page is a page, however large the directory.
fn dir_sync_first_page(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("dirsync-first-page");
    for &users in growth() {
        dir_sync(&mut group, users, &forest(users), Vec::new());
    }
    group.finish();
}

/// A hundred changes: the cost follows the changes and not the directory.
fn dir_sync_delta(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("dirsync-delta-of-100");
    for &users in growth() {
        let mut directory = forest(users);
        let cookie = latest_cookie(&directory);
        relocate(&mut directory, 100, "Ockham");
        dir_sync(&mut group, users, &directory, cookie);
    }
    group.finish();
}

type Group<'a> = criterion::BenchmarkGroup<'a, criterion::measurement::WallTime>;

fn dir_sync(group: &mut Group<'_>, users: u32, directory: &Directory, cookie: Vec<u8>) {
    let request = changes(directory, cookie);
    let found = directory.search(&context(), &request);
    let found = found.map_or(0, |outcome| outcome.entries.len());
    group.throughput(Throughput::Elements(found as u64));
    group.bench_with_input(
        BenchmarkId::from_parameter(users),
        &request,
        |bencher, request| {
            bencher.iter(|| directory.search(&context(), black_box(request)));
        },
    );
}
