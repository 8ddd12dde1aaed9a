//! What is left of a run that ended before its time: nothing, or what the next sweep removes, and only that.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test")]

mod support;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command};
use std::task::Poll;

use provlab_containers::{Kind, Owner, Server, sweep};
use provlab_platform::net::real::LabAuthority;
use provlab_platform::process::asked_to_end;
use provlab_platform::trace::Trace;
use support::{engine_for, openldap, player, plays};
use testcontainers::bollard::errors::Error as EngineError;
use testcontainers::core::client::docker_client_instance;

/// Starts a server, says which container it is, and ends as `part` says.
async fn play(part: &str) {
    let authority = LabAuthority::generate().unwrap();
    let server = openldap(&authority, &Trace::discard()).await;
    // Asked for before the container is told of: from then on a signal can come.
    let mut asked = std::pin::pin!(asked_to_end());
    let told = std::future::poll_fn(|context| Poll::Ready(asked.as_mut().poll(context)));
    assert!(told.await.is_pending());
    println!("\ncontainer {} {}", server.container_id(), Owner::current());
    match part {
        "panic" => panic!("on purpose"),
        "TERM" | "INT" => asked.await,
        _ => std::future::pending().await,
    }
}

/// Another process with a running server, and the container's identifier.
fn started(test: &str, part: &str) -> (Child, String) {
    let mut child = player(test, part).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let said = lines
        .map(Result::unwrap)
        .find_map(|line| line.strip_prefix("container ").map(str::to_owned));
    let Some(said) = said else {
        let mut complaint = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut complaint)
            .unwrap();
        panic!("the other process started nothing: {complaint}");
    };
    (child, said.split(' ').next().unwrap().to_owned())
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .args([&format!("-{name}"), &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

/// Whether the engine still has the container.
async fn exists(id: &str) -> bool {
    let docker = docker_client_instance().await.unwrap();
    match docker.inspect_container(id, None).await {
        Ok(_) => true,
        Err(EngineError::DockerResponseServerError { status_code: 404, .. }) => false,
        Err(e) => panic!("{e}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_removes_what_a_killed_process_left_and_nothing_else() {
    let test = "a_sweep_removes_what_a_killed_process_left_and_nothing_else";
    if plays("killed") {
        return play("killed").await;
    }
    let Some(engine) = engine_for(&[Kind::OpenLdap]).await else {
        return;
    };
    let authority = LabAuthority::generate().unwrap();
    let own = openldap(&authority, &Trace::discard()).await;
    let (mut other, left) = started(test, "killed");
    assert!(swept_ids(&engine, &left).await.is_empty(), "its owner lives");
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(exists(&left).await, "SIGKILL leaves no time to tidy up");
    assert_eq!(swept_ids(&engine, &left).await.len(), 1);
    assert!(!exists(&left).await);
    assert!(alive(&own).await);
    assert!(
        swept_ids(&engine, &left).await.is_empty(),
        "there is nothing left to sweep"
    );
}

/// The swept containers of the process that had `left`: other runs on this machine may be swept at the same time.
async fn swept_ids(engine: &provlab_containers::Engine, left: &str) -> Vec<sweep::Swept> {
    let swept = sweep::sweep(engine).await.unwrap();
    swept.into_iter().filter(|swept| swept.id == left).collect()
}

async fn alive(server: &Server) -> bool {
    server
        .exec(&["true"], b"")
        .await
        .is_ok_and(|output| output.success())
}

#[tokio::test]
async fn a_process_that_is_asked_to_end_leaves_nothing() {
    let test = "a_process_that_is_asked_to_end_leaves_nothing";
    for name in ["TERM", "INT"] {
        if plays(name) {
            return play(name).await;
        }
    }
    if engine_for(&[Kind::OpenLdap]).await.is_none() {
        return;
    }
    for name in ["TERM", "INT"] {
        let (mut other, left) = started(test, name);
        signal(&other, name);
        let status = other.wait().unwrap();
        assert!(status.code().is_some(), "SIG{name} itself ended it: {status}");
        assert!(!exists(&left).await, "SIG{name}");
    }
}

#[tokio::test]
async fn a_panic_leaves_nothing() {
    if plays("panic") {
        return play("panic").await;
    }
    if engine_for(&[Kind::OpenLdap]).await.is_none() {
        return;
    }
    let (mut other, left) = started("a_panic_leaves_nothing", "panic");
    assert!(!other.wait().unwrap().success());
    assert!(!exists(&left).await);
}
