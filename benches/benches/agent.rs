//! The agent's inner stages: LDAP answers to entries, DirSync pages to SCIM, SCIM to relay frames.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use ldap3::asn1::{StructureTag, parse_tag};
use ldap3::{ResultEntry, SearchEntry};
use provlab_benches::controller::{Controller, Exchange};
use provlab_benches::forest::forest;
use provlab_benches::{SEED, USERS, sized};
use provlab_protocol::relay::{Frame, RelayResponse};
use provlab_protocol::scim::OperationResult;
use uuid::Uuid;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    entries(&mut criterion);
    scim(&mut criterion);
    frames(&mut criterion);
    criterion.final_summary();
}

/// Decoding everybody out of the same bytes, by the agent and by the `ldap3` crate.
///
/// The agent's side is its whole client: sign-on, requests and the simulated stream included.
fn entries(criterion: &mut Criterion) {
    let controller = Controller::new(forest(sized(USERS, 50)));
    let read = controller.read_people().len();
    let recording = controller.recording();
    assert_eq!(decode_with_ldap3(&recording), read, "both read the same entries");
    let mut group = criterion.benchmark_group("ldap-entries");
    group.throughput(Throughput::Elements(read as u64));
    group.bench_function("agent", |bencher| bencher.iter(|| controller.read_people()));
    group.bench_function("ldap3", |bencher| {
        bencher.iter(|| decode_with_ldap3(black_box(&recording)));
    });
    group.finish();
}

/// Reads every message as that crate's driver and search stream do; gives the number of entries.
fn decode_with_ldap3(recording: &[Exchange]) -> usize {
    /// `SearchResultEntry`, `[APPLICATION 4]`.
    const ENTRY: u64 = 4;
    let mut found = 0;
    for exchange in recording {
        let mut rest = exchange.answer.as_slice();
        while let Ok((after, message)) = parse_tag(rest) {
            rest = after;
            let operation = message.expect_constructed().into_iter().flatten().nth(1);
            if let Some(entry) = operation.filter(|tag: &StructureTag| tag.id == ENTRY) {
                black_box(SearchEntry::construct(ResultEntry::new(entry)));
                found += 1;
            }
        }
    }
    found
}

/// One answer to the cloud: LDAP bytes of DirSync pages to SCIM resources.
fn scim(criterion: &mut Criterion) {
    let controller = Controller::new(forest(sized(USERS, 50)));
    let page = controller.changes(None);
    let mut group = criterion.benchmark_group("dirsync-page-to-scim");
    group.throughput(Throughput::Elements(page.resources.len() as u64));
    group.bench_function("agent", |bencher| bencher.iter(|| controller.changes(None)));
    group.finish();
}

/// The same answer as a frame of the relay: written and read.
fn frames(criterion: &mut Criterion) {
    let controller = Controller::new(forest(sized(USERS, 50)));
    let frame = Frame::Response(RelayResponse {
        id: Uuid::from_u128(u128::from(SEED)),
        outcome: Ok(OperationResult::List(controller.changes(None))),
    });
    let text = frame.to_text().unwrap_or_default();
    assert_eq!(
        Frame::from_text(&text).ok().as_ref(),
        Some(&frame),
        "frames survive the round trip"
    );
    let mut group = criterion.benchmark_group("relay-frame");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("write", |bencher| bencher.iter(|| black_box(&frame).to_text()));
    group.bench_function("read", |bencher| {
        bencher.iter(|| Frame::from_text(black_box(&text)));
    });
    group.finish();
}
