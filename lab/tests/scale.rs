//! A large domain on `live`: an initial cycle and a delta of 1 % created, 1 % deleted and 5 % modified, and what memory the
//! agent's process took for it.
//!
//! `PROVLAB_SCALE` is the number of users; the claim is made for
//! `PROVLAB_SCALE=20000 cargo test --workspace --test scale -- --nocapture`.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test"
)]

#[path = "support/up.rs"]
mod up;

use std::{fmt::Write as _, fs, time::Instant};

use up::{children, up};

/// Users, as many as `cargo test` has time for on two cores.
const USERS: usize = 1_000;
/// Users of the domain that the large one is compared with: enough for a whole page.
const FEW: usize = 500;
/// Users per group: 20,000 users and 500 groups.
const USERS_PER_GROUP: usize = 40;
/// What an agent's process may have taken at most, whatever the size of the domain: 20,000 users and 500 groups took 42 MiB.
const MOST_KIB: u64 = 48 * 1024;
/// The agent holds a page of the directory and what is under way on its connections: for forty times the domain it may not
/// take twice as much.
const MOST_GROWTH: f64 = 2.0;

/// Everybody is synchronized, then a hundredth is created, a hundredth deleted and a twentieth modified.
fn story(users: usize) -> String {
    let (hundredth, twentieth) = (users / 100, users / 20);
    let (kept, groups) = (users - hundredth - twentieth, users / USERS_PER_GROUP);
    let minutes = users / 100;
    let mut text = format!(
        r"
name: scale
about: A large domain, and a delta in which some came, some went and some changed.
stages: [live]
not-on: {{ sim: Processes are measured., samba: Takes minutes to create so many users., openldap: No gMSA. }}
include: [fixtures/contoso.yaml]
world:
  # The tenant's limit of writes is not what is measured.
  cloud: {{ assumptions: {{ directory-write-limit: false }} }}
  domains:
    - name: contoso.com
      population: {{ users: {kept}, groups: {groups}, seed: 7 }}
steps:
  - create-users: {{ domain: contoso.com, prefix: change, count: {twentieth}, set: {{ displayName: ['Change {{n}}'] }} }}
  - create-users: {{ domain: contoso.com, prefix: leave, count: {hundredth}, set: {{ displayName: ['Leave {{n}}'] }} }}
  - install: {{ host: srv1, tenant: contoso, sign-in-as: hybrid-admin, domain-admin: CONTOSO\install-admin }}
  - create-configuration: {{ tenant: contoso, domain: contoso.com, as: hybrid-admin }}
  - start-configuration: {{ tenant: contoso, domain: contoso.com, as: hybrid-admin }}
  # To compare everything takes the cloud's time too, so the first look is not taken at once.
  - advance: {minutes}m
  - expect: {{ within: 100h, that: [in-sync: {{ tenant: contoso, domain: contoso.com }}] }}
  - create-users: {{ domain: contoso.com, prefix: come, count: {hundredth}, set: {{ displayName: ['Come {{n}}'] }} }}
  - create-users: {{ domain: contoso.com, prefix: change, count: {twentieth}, set: {{ title: ['Title {{n}}'] }} }}
"
    );
    for number in 1..=hundredth {
        writeln!(text, r"  - delete: {{ object: CONTOSO\leave{number} }}").unwrap();
    }
    text.push_str(
        r"  - expect:
      within: 100h
      that:
        - in-sync: { tenant: contoso, domain: contoso.com }
        - exported-once: { tenant: contoso }
",
    );
    text
}

/// The most memory that the agent's service has taken, in KiB, after a whole story.
fn peak_of_agent(users: usize) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let (mut lab, told) = up(folder.path(), "scale", &story(users));
    assert_eq!(told["outcome"], "passed", "{told}");
    let agents = children(folder.path(), &["--host-root"]);
    let peaks: Vec<u64> = agents.into_iter().map(peak).collect();
    drop(lab.stdin.take());
    assert!(lab.wait().unwrap().success());
    assert!(!peaks.is_empty(), "no agent was found among the processes");
    let most = peaks.into_iter().max().unwrap();
    println!(
        "{users} users: {most} KiB, {:.1} s",
        begun.elapsed().as_secs_f32()
    );
    most
}

/// `VmHWM` of a process.
fn peak(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn an_agents_memory_does_not_grow_with_the_domain() {
    let users = std::env::var("PROVLAB_SCALE").map_or(USERS, |text| text.parse().unwrap());
    let (few, many) = (peak_of_agent(FEW), peak_of_agent(users));
    assert!(
        many <= MOST_KIB,
        "the agent took {many} KiB, more than {MOST_KIB}"
    );
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let growth = many as f64 / few as f64;
    assert!(
        growth <= MOST_GROWTH,
        "the agent took {many} KiB for {users} users and {few} KiB for {FEW}: {growth:.2} times"
    );
}
