//! `lab doctor`: what this machine has, and so which stages can run.

use std::path::Path;

use super::Exit;
use crate::scenario::StageName;

/// Where a Docker engine listens unless `DOCKER_HOST` says otherwise.
const DOCKER_SOCKET: &str = "/var/run/docker.sock";

/// Prints one line a finding.
pub(super) fn doctor() -> Exit {
    for stage in StageName::ALL {
        let finding = match crate::stage::availability(stage) {
            Ok(()) => "ready".to_owned(),
            Err(reason) => format!("not run: {reason}"),
        };
        println!("stage {:<9} {finding}", stage.as_str());
    }
    let engine = match std::env::var("DOCKER_HOST") {
        Ok(host) => format!("DOCKER_HOST names {host}"),
        Err(_) if Path::new(DOCKER_SOCKET).exists() => format!("a socket at {DOCKER_SOCKET}"),
        Err(_) => "none found".into(),
    };
    println!("Docker engine   {engine}");
    for (tool, use_) in [
        ("ldapsearch", "looking around in a directory (Debian: ldap-utils)"),
        ("curl", "looking around in the cloud"),
        (
            "python3",
            "the client tests (Debian: python3-ldap3, python3-msal)",
        ),
    ] {
        let found = if on_path(tool) { "found" } else { "not found" };
        println!("{tool:<15} {found}; for {use_}");
    }
    Exit::Passed
}

/// Whether a program of that name is on `PATH`.
fn on_path(tool: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(tool).is_file()))
}
