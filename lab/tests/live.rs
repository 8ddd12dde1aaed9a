//! What the live stage promises beside passing scenarios: nothing outlives the lab, a crash loses nothing, and
//! `lab up` tells programs where everything is.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a test"
)]

#[path = "support/up.rs"]
mod up;

use std::{
    fs,
    net::{SocketAddr, TcpStream},
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use provlab::{
    report::failure_text,
    run::{RunOptions, run_scenario},
    scenario::{StageName, load_file},
};
use serde_json::Value;
use up::{children, copy_fixture, up};

/// Switches that the processes of a world are started with.
const MOCKS_AND_HOSTS: [&str; 2] = ["--folder", "--host-root"];
/// How long processes may take to notice that the lab is gone.
const PATIENCE: Duration = Duration::from_secs(20);

const ONE_AGENT: &str = r"
name: one-agent
about: An agent on a server.
stages: [live]
not-on: { sim: Not asked., samba: Not asked., openldap: Not asked. }
include: [fixtures/contoso.yaml]
steps:
  - install: { host: srv1, tenant: contoso, sign-in-as: hybrid-admin, domain-admin: CONTOSO\install-admin }
";

fn address(told: &Value, name: &str) -> SocketAddr {
    told["names"][name].as_str().unwrap().parse().unwrap()
}

fn listens(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
}

fn eventually(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn worlds(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).unwrap().filter_map(Result::ok);
    entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("provlab-"))
        .count()
}

#[test]
fn up_tells_where_everything_is_and_ends_with_its_input() {
    let folder = tempfile::tempdir().unwrap();
    let (mut lab, told) = up(folder.path(), "one-agent", ONE_AGENT);
    assert_eq!(told["outcome"], "passed");
    assert!(
        fs::read_to_string(told["ca"].as_str().unwrap())
            .unwrap()
            .starts_with("-----BEGIN CERTIFICATE-----")
    );
    let (ldaps, login) = (
        address(&told, "dc1.contoso.com:636"),
        address(&told, "login.microsoftonline.com:443"),
    );
    assert!(ldaps.ip().is_loopback() && listens(ldaps) && listens(login));
    let accounts: Vec<&str> = told["accounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|account| account["name"].as_str().unwrap())
        .collect();
    for name in [
        r"CONTOSO\Administrator",
        r"CONTOSO\install-admin",
        "hybrid-admin@contoso.onmicrosoft.com",
    ] {
        assert!(accounts.contains(&name), "{name} is missing in {accounts:?}");
    }
    drop(lab.stdin.take());
    assert!(lab.wait().unwrap().success());
    assert!(!listens(ldaps) && !listens(login));
    assert_eq!(worlds(folder.path()), 0);
}

#[test]
fn nothing_outlives_a_lab_that_was_killed_and_gc_removes_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let (mut lab, told) = up(folder.path(), "one-agent", ONE_AGENT);
    let gc = || {
        Command::new(env!("CARGO_BIN_EXE_lab"))
            .arg("gc")
            .env("TMPDIR", folder.path())
            // Only folders: images of older recipes are no matter of this test.
            .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
            .output()
            .unwrap()
    };
    assert!(String::from_utf8_lossy(&gc().stdout).contains("nothing was left behind"));
    // Directory, cloud, service, updater.
    if Path::new("/proc/self/cmdline").exists() {
        assert_eq!(children(folder.path(), &MOCKS_AND_HOSTS).len(), 4);
    }
    lab.kill().unwrap();
    lab.wait().unwrap();
    let (ldaps, login) = (
        address(&told, "dc1.contoso.com:636"),
        address(&told, "login.microsoftonline.com:443"),
    );
    eventually("the mocks end", || !listens(ldaps) && !listens(login));
    if Path::new("/proc/self/cmdline").exists() {
        eventually("every child ends", || {
            children(folder.path(), &MOCKS_AND_HOSTS).is_empty()
        });
    }
    assert_eq!(worlds(folder.path()), 1);
    assert!(String::from_utf8_lossy(&gc().stdout).contains("removed"));
    assert_eq!(worlds(folder.path()), 0);
}

#[test]
fn every_part_survives_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    copy_fixture(folder.path());
    let story = folder.path().join("one-agent.yaml");
    fs::write(&story, format!("{ONE_AGENT}{CRASHES}")).unwrap();
    let scenarios = load_file(&story).unwrap_or_else(|errors| panic!("{}", errors.render(false)));
    let options = RunOptions {
        stage: StageName::Live,
        ..RunOptions::default()
    };
    for scenario in &scenarios {
        let report = run_scenario(scenario, &options);
        if let Some(text) = failure_text(&report) {
            panic!("{text}");
        }
    }
}

const CRASHES: &str = r"
  - create-configuration: { tenant: contoso, domain: contoso.com, as: hybrid-admin }
  - start-configuration: { tenant: contoso, domain: contoso.com, as: hybrid-admin }
  - crash: { agent: srv1 }
  - crash: { directory: contoso.com }
  - create-user: { object: CONTOSO\ada, set: { userPrincipalName: [ada@contoso.com], displayName: [Ada] } }
  - crash: cloud
  - expect:
      within: 20m
      that:
        - in-sync: { tenant: contoso, domain: contoso.com }
        - exported-once: { tenant: contoso }
        - service: { host: srv1, state: running }
        - cloud-user: { tenant: contoso, user: ada@contoso.com, has: { displayName: Ada } }
";
