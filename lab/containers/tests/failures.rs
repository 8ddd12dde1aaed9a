//! Each way in which a start can fail has a message of its own, which says what was met and what helps.
//!
//! The engine here is a stub, and the start happens in a process of its own, because the engine is found by the
//! environment.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test")]

mod support;

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use provlab_containers::{OpenLdap, Owner};
use provlab_platform::net::real::LabAuthority;
use provlab_platform::trace::Trace;
use support::stub::{Answer, Stub};
use support::{openldap_config, player, plays};

const PART: &str = "starter";

/// Starts a server in another process against that engine, and returns the complaint.
fn complaint(test: &str, docker_host: &str, path: Option<&Path>) -> String {
    let mut command = player(test, PART);
    command.env("DOCKER_HOST", docker_host);
    if let Some(path) = path {
        command.env("PATH", path);
    }
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let complaint = said
        .split_once("complaint: ")
        .unwrap_or_else(|| panic!("no complaint in {said}"))
        .1;
    complaint.split_once("\nend of complaint").unwrap().0.to_owned()
}

/// The other process.
async fn start() {
    let authority = LabAuthority::generate().unwrap();
    let started = OpenLdap::start(
        &openldap_config(),
        &authority,
        &Owner::current(),
        &Trace::discard(),
    )
    .await;
    let error = started.err().unwrap();
    println!("complaint: {error}\nend of complaint");
    assert!(!format!("{error:?} {error}").contains(support::PASSWORD));
}

fn assert_says(complaint: &str, all: &[&str]) {
    for text in all {
        assert!(complaint.contains(text), "no `{text}` in: {complaint}");
    }
}

/// A test of this file: the same start against an engine that answers otherwise in one point.
macro_rules! a_start_fails {
    ($test:ident, $answers:expr, $says:expr, |$stub:ident| $then:expr) => {
        #[tokio::test]
        async fn $test() {
            if plays(PART) {
                return start().await;
            }
            let answers: &[Answer] = $answers;
            let $stub = Stub::with(answers);
            assert_says(
                &complaint(stringify!($test), &$stub.docker_host, None),
                $says,
            );
            $then;
        }
    };
}

a_start_fails!(
    the_engine_refuses,
    &[("GET /version", 500, br#"{"message":"the daemon is unwell"}"#)],
    &[
        "no container engine at tcp://127.0.0.1",
        "the daemon is unwell",
        "500",
        "help: see the engine's log"
    ],
    |stub| assert_eq!(stub.count("POST"), 0)
);

a_start_fails!(
    the_engine_talks_nonsense,
    &[("GET /version", 200, b"<html>a router's start page</html>")],
    &[
        "no container engine at tcp://127.0.0.1",
        "refused to say its version"
    ],
    |stub| assert_eq!(stub.count("POST"), 0)
);

a_start_fails!(
    the_engine_forbids_it,
    &[(
        "POST /containers/create",
        403,
        br#"{"message":"authorization denied by plugin"}"#
    )],
    &[
        "refused to start the openldap container",
        "authorization denied by plugin",
        "403",
        "help:"
    ],
    |stub| assert_eq!(stub.count("POST /containers/stub/start"), 0)
);

a_start_fails!(
    the_disk_is_full,
    &[(
        "POST /containers/create",
        500,
        br#"{"message":"mkdir /var/lib/docker/x: no space left on device"}"#
    )],
    &[
        "disk is full",
        "start the openldap container",
        "docker system prune"
    ],
    |stub| assert_eq!(stub.count("POST /containers/create"), 1)
);

// Somebody may take a port between its choice and its use: others are tried, and no container is left behind.
a_start_fails!(
    the_port_is_taken,
    &[(
        "POST /containers/stub/start",
        500,
        br#"{"message":"Bind for 127.0.0.1:1 failed: port is already allocated"}"#
    )],
    &[
        "a port of the openldap container is taken",
        "127.0.0.1:1",
        "ss -ltnp"
    ],
    |stub| {
        assert_eq!(stub.count("POST /containers/create"), 3);
        assert_eq!(stub.count("DELETE /containers/provlab-openldap-"), 3);
    }
);

a_start_fails!(
    the_container_dies_while_it_is_waited_for,
    &[
        (
            "GET /containers/stub/json",
            200,
            br#"{"State":{"Running":false,"ExitCode":1}}"#
        ),
        (
            "GET /containers/stub/logs",
            200,
            b"\x02\0\0\0\0\0\0\x18slapd: bad configuration"
        ),
    ],
    &[
        "ended by itself with exit status 1",
        "\n  | slapd: bad configuration"
    ],
    |stub| assert_eq!(stub.count("DELETE /containers/stub"), 1)
);

#[tokio::test]
async fn the_engine_is_absent() {
    if plays(PART) {
        return start().await;
    }
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let no_socket = format!("unix://{}/docker.sock", folder.path().display());
    let complaint = |at: &str| complaint("the_engine_is_absent", at, None);
    assert_says(
        &complaint(&format!("tcp://{nobody}")),
        &["nothing listens on the port", "help: start the engine"],
    );
    assert_says(
        &complaint(&no_socket),
        &[&no_socket, "no such socket", "help: install an engine"],
    );
    assert_says(&complaint("nonsense"), &["at nonsense", "help: set DOCKER_HOST"]);
}

/// No image, no registry, and a `debootstrap` that cannot help.
#[tokio::test]
async fn there_is_no_base_image() {
    if plays(PART) {
        return start().await;
    }
    let no_images: &[Answer] = &[
        ("GET /images/", 404, br#"{"message":"No such image"}"#),
        (
            "POST /images/create",
            500,
            br#"{"message":"registry: no route to host"}"#,
        ),
    ];
    let stub = Stub::with(no_images);
    let complaint = |path: &Path| complaint("there_is_no_base_image", &stub.docker_host, Some(path));
    let folder = tempfile::tempdir().unwrap();
    let without = complaint(folder.path());
    assert_says(
        &without,
        &[
            "no base image",
            "registry: no route to host",
            "cannot be made here",
            "help:",
        ],
    );
    if without.contains("name no mirror") {
        eprintln!("not run: debootstrap's own failures: this machine's apt sources name no mirror of Debian");
        return;
    }
    assert_says(
        &without,
        &["debootstrap is not installed", "apt-get install debootstrap"],
    );
    install_debootstrap(
        folder.path(),
        "echo 'E: debootstrap can only run as root'; exit 1",
    );
    assert_says(
        &complaint(folder.path()),
        &[
            "\n  | E: debootstrap can only run as root",
            "help: run once as root",
        ],
    );
    install_debootstrap(folder.path(), "echo 'E: no such mirror' >&2; exit 1");
    assert_says(
        &complaint(folder.path()),
        &["\n  | E: no such mirror", "help: mend what its output says"],
    );
    assert_eq!(stub.count("POST /build"), 0);
}

fn install_debootstrap(folder: &Path, script: &str) {
    let path = folder.join("debootstrap");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}
