//! The mocked cloud: cycles of the provisioning engine without I/O, and a page of Graph users.

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use provlab_benches::controller::Controller;
use provlab_benches::forest::{forest, relocate};
use provlab_benches::graph::Graph;
use provlab_benches::job::{Job, TENANT, cloud};
use provlab_benches::{USERS, growth, sized};
use provlab_protocol::scim::ListResponse;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    initial_cycle(&mut criterion);
    delta_cycle(&mut criterion);
    graph_users(&mut criterion);
    criterion.final_summary();
}

fn objects(pages: &[ListResponse]) -> u64 {
    pages.iter().map(|page| page.resources.len() as u64).sum()
}

/// Everybody and every group for the first time, references last.
fn initial_cycle(criterion: &mut Criterion) {
    let pages = Controller::new(forest(sized(USERS, 50))).all_changes(None);
    let mut group = criterion.benchmark_group("initial-cycle");
    group.sample_size(10);
    group.throughput(Throughput::Elements(objects(&pages)));
    group.bench_function("engine", |bencher| {
        bencher.iter_batched(
            || (cloud(), pages.clone()),
            |(db, pages)| {
                Job::started(&db, TENANT).cycle(pages);
                db
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

/// A hundred changes in tenants of different size: the cost follows the changes.
fn delta_cycle(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("delta-cycle-of-100");
    for &users in growth() {
        let controller = Controller::new(forest(users));
        let initial = controller.all_changes(None);
        let known = initial.last().map(|page| page.cookie.clone());
        // Two cities in turn, so that every cycle has the same writes to do.
        let mut deltas = ["Ockham", "Hursley"].map(|city| {
            controller.change(|directory| relocate(directory, 100, city));
            controller.all_changes(known.clone())
        });
        let db = cloud();
        let mut job = Job::started(&db, TENANT);
        job.cycle(initial);
        group.throughput(Throughput::Elements(objects(&deltas[0])));
        group.bench_function(BenchmarkId::from_parameter(users), |bencher| {
            bencher.iter_batched(
                || {
                    deltas.swap(0, 1);
                    deltas[0].clone()
                },
                |pages| job.cycle(pages),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

/// `GET /users` with the largest page, as a client gets it: token check, query options, JSON.
fn graph_users(criterion: &mut Criterion) {
    let graph = Graph::synchronized(Controller::new(forest(sized(USERS, 50))).all_changes(None));
    let cases = [
        ("default-properties", "/v1.0/users?$top=999"),
        ("select-two", "/v1.0/users?$top=999&$select=id,userPrincipalName"),
        (
            "filter",
            "/v1.0/users?$top=999&$filter=startswith(displayName,%27A%27)",
        ),
    ];
    let mut group = criterion.benchmark_group("graph-users");
    for (name, address) in cases {
        group.throughput(Throughput::Bytes(graph.get(address).len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || graph.breathe(),
                |()| graph.get(black_box(address)),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}
