//! `lab doctor`: what this machine has, and so which stages can run.

use super::Exit;
use crate::scenario::StageName;

/// Prints one line a finding.
pub(super) fn doctor() -> Exit {
    for stage in StageName::ALL {
        let finding = match crate::stage::availability(stage) {
            Ok(()) => "ready".to_owned(),
            Err(reason) => format!("not run: {reason}"),
        };
        println!("stage {:<9} {finding}", stage.as_str());
    }
    match crate::stage::describe_engine() {
        Ok((engine, base)) => {
            println!("Docker engine   {engine}");
            println!("base image      {base}");
        }
        Err(reason) => println!("Docker engine   {reason}"),
    }
    for (tool, use_) in [
        ("ldapsearch", "looking around in a directory (Debian: ldap-utils)"),
        (
            "debootstrap",
            "a base image where no registry answers (Debian: debootstrap, as root)",
        ),
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
