//! The container stages as a person meets them: what is said, and with which status the lab ends, when the engine or a
//! container fails; and that nothing is left behind, or that what is left is removed.
#![cfg(all(unix, feature = "containers"))]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test")]

#[path = "support/engine_api.rs"]
mod engine_api;
#[path = "../containers/tests/support/stub.rs"]
mod stub;

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, Output, Stdio},
};

use engine_api::EngineApi;
use provlab_containers::{OpenLdap, OpenLdapConfig, Owner, engine};
use provlab_platform::{Trace, net::real::LabAuthority};
use stub::{Answer, Stub};
use tempfile::TempDir;

const SCENARIOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios");

/// Domain, cloud, and time that passes.
const A_MOMENT: &str = r"
name: story
about: A domain stands for a moment.
stages: [samba]
not-on: { sim: Not asked., live: Not asked., openldap: Not asked. }
include: [fixtures/contoso.yaml]
steps:
  - advance: 5m
";

/// The same for longer than anybody waits.
const FOR_EVER: &str = r"
name: story
about: A domain is waited for in vain.
stages: [live, samba, openldap]
not-on: { sim: Not asked. }
include: [fixtures/contoso.yaml]
steps:
  - expect:
      throughout: 60d
      that:
        - cloud-objects: { tenant: contoso, users: 0, groups: 0 }
";

/// Writes the story and what it includes.
fn written(folder: &Path, story: &str) -> PathBuf {
    let fixtures = folder.join("fixtures");
    fs::create_dir_all(&fixtures).unwrap();
    fs::copy(
        format!("{SCENARIOS}/fixtures/contoso.yaml"),
        fixtures.join("contoso.yaml"),
    )
    .unwrap();
    let file = folder.join("story.yaml");
    fs::write(&file, story).unwrap();
    file
}

/// A run of the story in `folder`, which is also where its world is.
fn run_on(stage: &str, folder: &Path, story: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command
        .arg("run")
        .arg(written(folder, story))
        .args(["--on", stage])
        .env("TMPDIR", folder)
        .env("NO_COLOR", "1");
    command
}

fn assert_ends(output: &Output, status: i32, says: &[&str]) {
    let said = [&output.stdout[..], &output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert_eq!(output.status.code(), Some(status), "{said}");
    for part in says {
        assert!(said.contains(part), "`{part}` is missing in:\n{said}");
    }
}

fn worlds(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().filter_map(Result::ok);
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with("provlab-") && !name.ends_with(".lock"))
        .collect()
}

#[test]
fn without_an_engine_the_remedy_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let output = run_on("samba", folder.path(), A_MOMENT)
        .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
        .output()
        .unwrap();
    let says = [
        "missing: no container engine at unix:///nonexistent/docker.sock: there is no such socket",
        "help: install an engine",
    ];
    assert_ends(&output, 3, &says);
}

/// A run against an engine that answers otherwise in one point.
fn run_against(answers: &[Answer], says: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let nothing_to_sweep: Answer = ("GET /containers/json", 200, b"[]");
    let answers: Vec<Answer> = answers.iter().copied().chain([nothing_to_sweep]).collect();
    let stub = Stub::with(&answers);
    let output = run_on("samba", folder.path(), A_MOMENT)
        .env("DOCKER_HOST", &stub.docker_host)
        .output()
        .unwrap();
    assert_ends(&output, 3, says);
    assert_eq!(worlds(folder.path()), Vec::<String>::new());
}

#[test]
fn an_engine_that_refuses_is_quoted() {
    run_against(
        &[("GET /version", 500, br#"{"message":"the daemon is unwell"}"#)],
        &[
            "no container engine at tcp://127.0.0.1",
            "the daemon is unwell",
            "help: see the engine's log",
        ],
    );
}

#[test]
fn an_image_that_does_not_build_is_named() {
    run_against(
        &[
            ("GET /images/provlab", 404, br#"{"message":"No such image"}"#),
            ("POST /build", 500, br#"{"message":"the recipe is no good"}"#),
        ],
        &["building the image provlab-samba-base:", "failed"],
    );
}

#[test]
fn a_full_disk_is_told() {
    run_against(
        &[(
            "POST /containers/create",
            500,
            br#"{"message":"mkdir /var/lib/docker/x: no space left on device"}"#,
        )],
        &["the container engine's disk is full", "help: make room"],
    );
}

#[test]
fn a_port_that_is_taken_is_told() {
    run_against(
        &[(
            "POST /containers/stub/start",
            500,
            br#"{"message":"Bind for 127.0.0.1:1 failed: port is already allocated"}"#,
        )],
        &[
            "a port of the samba container is taken",
            "help: end what listens there",
        ],
    );
}

fn doctor(docker_host: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_lab"))
        .arg("doctor")
        .env("DOCKER_HOST", docker_host)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_doctor_tells_what_there_is_and_what_helps() {
    let stub = Stub::with(&[]);
    let healthy = doctor(&stub.docker_host);
    for line in [
        &format!("Docker engine   99.0 at {}\n", stub.docker_host),
        "base image      in the engine\n",
        "stage sim       ready\n",
        "stage live      ready\n",
        "stage samba     ready\n",
        "stage openldap  ready\n",
    ] {
        assert!(healthy.contains(line), "{line} is missing in\n{healthy}");
    }
    assert!(healthy.contains("\ndebootstrap     "), "{healthy}");
    assert_eq!(stub.count("POST") + stub.count("DELETE"), 0, "it changes nothing");

    let without = doctor("unix:///nonexistent/docker.sock");
    let reason = "no container engine at unix:///nonexistent/docker.sock: there is no such socket\n                help: ";
    for what in [
        "Docker engine   ",
        "stage samba     not run: ",
        "stage openldap  not run: ",
    ] {
        let finding = format!("{what}{reason}");
        assert!(without.contains(&finding), "{finding} is missing in\n{without}");
    }
    assert!(without.contains("stage live      ready\n"), "{without}");
}

/// The engine; without one the test is *not run*, which `PROVLAB_REQUIRE` turns into a failure.
async fn engine_for(kinds: &[&str]) -> Option<EngineApi> {
    let reason = match engine::probe().await {
        Ok(engine) => return Some(EngineApi::at(&engine.at)),
        Err(reason) => reason,
    };
    let required = std::env::var("PROVLAB_REQUIRE").unwrap_or_default();
    for kind in kinds {
        let wanted = required.split(',').any(|word| word.trim() == *kind);
        assert!(
            !wanted,
            "{kind} is required (PROVLAB_REQUIRE) and cannot run: {reason}"
        );
        eprintln!("not run: {kind}: {reason}");
    }
    None
}

/// A run under way whose domain controller is ready.
struct Running {
    lab: Child,
    said: BufReader<ChildStderr>,
    folder: TempDir,
}

impl Running {
    fn start(story: &str, stage: &str, until: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut lab = run_on(stage, folder.path(), story)
            .arg("--verbose")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(lab.stderr.take().unwrap());
        let mut all = String::new();
        while !all.contains(until) {
            assert!(
                said.read_line(&mut all).unwrap() > 0,
                "the run ended early: {all}"
            );
        }
        Self { lab, said, folder }
    }

    fn signal(&self, name: &str) {
        let id = self.lab.id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &id]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for the end: the status, and what was said on standard error since the start.
    fn end(&mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        std::io::Read::read_to_string(&mut self.said, &mut said).unwrap();
        (self.lab.wait().unwrap().code(), said)
    }
}

/// Kills the only container of a run, and reads what the run says of it.
async fn a_container_dies(stage: &str) {
    let Some(engine) = engine_for(&[stage]).await else {
        return;
    };
    let mut run = Running::start(FOR_EVER, stage, "step line=8");
    let containers = engine.containers_of(run.lab.id());
    assert_eq!(containers.len(), 1);
    engine.kill(&containers[0].id);
    let (status, said) = run.end();
    assert_eq!(status, Some(1), "{said}");
    for part in [
        &format!("story.yaml:8: process the directory of contoso.com: the {stage} container ended by itself"),
        "with exit status 137; the last lines of its output:\n  | ",
        &format!("container.log kind={stage}"),
    ] {
        assert!(said.contains(part), "`{part}` is missing in:\n{said}");
    }
    assert_eq!(engine.containers_of(run.lab.id()), []);
    assert_eq!(worlds(run.folder.path()), Vec::<String>::new());
}

#[tokio::test]
async fn a_samba_that_dies_in_mid_run_fails_the_run_at_once() {
    a_container_dies("samba").await;
}

#[tokio::test]
async fn an_openldap_that_dies_in_mid_run_fails_the_run_at_once() {
    a_container_dies("openldap").await;
}

#[tokio::test]
async fn a_run_that_is_asked_to_end_leaves_nothing() {
    let live = (FOR_EVER, "live", "step line=8");
    let mut stages = vec![live];
    let engine = engine_for(&["samba"]).await;
    if engine.is_some() {
        // Before and after the world is complete.
        stages.extend([
            (FOR_EVER, "samba", "step line=8"),
            (A_MOMENT, "samba", "container.ready"),
        ]);
    }
    for (story, stage, until) in stages {
        for (signal, status) in [("INT", 130), ("TERM", 143)] {
            let mut run = Running::start(story, stage, until);
            run.signal(signal);
            let (ended, said) = run.end();
            assert_eq!(ended, Some(status), "{stage}: {said}");
            assert!(said.contains(&format!("on {stage}: interrupted")), "{said}");
            assert_eq!(worlds(run.folder.path()), Vec::<String>::new(), "{stage}");
            if let Some(engine) = &engine {
                assert_eq!(engine.containers_of(run.lab.id()), [], "{stage}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_run_leaves_is_removed_and_only_that() {
    let Some(engine) = engine_for(&["samba", "openldap"]).await else {
        return;
    };
    let authority = LabAuthority::generate().unwrap();
    let config = OpenLdapConfig {
        domain: "contoso.com".to_owned(),
        host: "ldap1.contoso.com".to_owned(),
        administrator_password: "Adm1n.Passw0rd".into(),
    };
    let own = OpenLdap::start(&config, &authority, &Owner::current(), &Trace::discard())
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut gc = Command::new(env!("CARGO_BIN_EXE_lab"));
    gc.arg("gc").env("TMPDIR", folder.path());
    let run = run_on("samba", folder.path(), A_MOMENT);
    for (mut sweeper, says) in [(gc, "removed container "), (run, "removed the container ")] {
        let mut killed = Running::start(FOR_EVER, "samba", "container.ready");
        killed.signal("KILL");
        killed.end();
        let left = engine.containers_of(killed.lab.id());
        assert_eq!(left.len(), 1, "SIGKILL leaves no time to tidy up");
        let output = sweeper.output().unwrap();
        assert_ends(&output, 0, &[&format!("{says}{}", left[0].name)]);
        assert_eq!(engine.containers_of(killed.lab.id()), []);
        let alive: Vec<String> = engine
            .containers_of(std::process::id())
            .into_iter()
            .map(|found| found.id)
            .collect();
        assert_eq!(alive, [own.container_id()]);
    }
}

#[tokio::test]
async fn up_on_samba_shows_a_directory_that_can_be_looked_at() {
    if engine_for(&["samba"]).await.is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut lab = Command::new(env!("CARGO_BIN_EXE_lab"))
        .arg("up")
        .arg(written(folder.path(), A_MOMENT))
        .args(["--on", "samba"])
        .env("TMPDIR", folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Open until the end: there are more lines to come.
    let mut lines = BufReader::new(lab.stdout.take().unwrap()).lines();
    let line = lines
        .by_ref()
        .map(Result::unwrap)
        .find(|line| line.contains(" ldapsearch "))
        .unwrap();
    // As a person would: into a shell.
    if Command::new("ldapsearch").arg("-VV").output().is_ok() {
        let output = Command::new("sh").args(["-c", line.trim()]).output().unwrap();
        assert_ends(&output, 0, &["dn: CN=install-admin,"]);
    } else {
        eprintln!("not run: ldapsearch is not installed");
    }
    drop(lab.stdin.take());
    assert!(lab.wait().unwrap().success());
    assert_eq!(worlds(folder.path()), Vec::<String>::new());
}
