//! `lab doctor`: what this machine has, and so which stages can run. It changes nothing.

use provlab_platform::{Crypto, CryptoPolicy};

use super::Exit;
use crate::{
    scenario::StageName,
    stage::{availability, describe_engine},
};

/// Where findings begin.
const COLUMN: usize = 16;

/// Programs that some things need, and what for.
const TOOLS: [(&str, &str); 4] = [
    (
        "debootstrap",
        "a base image where no registry answers (Debian: debootstrap, as root)",
    ),
    ("ldapsearch", "looking around in a directory (Debian: ldap-utils)"),
    ("curl", "looking around in the cloud"),
    (
        "python3",
        "the client tests (Debian: python3-ldap3, python3-msal)",
    ),
];

/// Prints one finding after the other.
pub(super) fn doctor() -> Exit {
    let engine = describe_engine();
    match &engine {
        Ok((engine, base)) => {
            found("Docker engine", engine);
            found("base image", base);
        }
        Err(reason) => found("Docker engine", reason),
    }
    let hardened = Crypto::real(CryptoPolicy { fips: true });
    if let Some(lock) = hardened.fips_lock() {
        found("FIPS lock", &format!("MD5 is refused by {lock}"));
    }
    for (tool, purpose) in TOOLS {
        let word = if on_path(tool) { "found" } else { "not found" };
        found(tool, &format!("{word}; for {purpose}"));
    }
    for stage in StageName::ALL {
        let ready = match stage {
            StageName::Sim | StageName::Live => availability(stage),
            StageName::Samba | StageName::Openldap => engine.clone().map(drop),
        };
        let finding = ready.map_or_else(|reason| format!("not run: {reason}"), |()| "ready".into());
        found(&format!("stage {stage}"), &finding);
    }
    Exit::Passed
}

/// Further lines of a finding stand below its first one.
fn found(what: &str, finding: &str) {
    let further = format!("\n{:COLUMN$}", "");
    println!("{what:<COLUMN$}{}", finding.replace('\n', &further));
}

/// Whether a program of that name is on `PATH`.
fn on_path(tool: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(tool).is_file()))
}
