//! Which file the child processes are started from: the mocks and the agents are the `lab` binary itself.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use tokio::process::Command;

/// Names the `lab` binary where it is not beside the running program.
const VARIABLE: &str = "PROVLAB_LAB";
/// The name under which the binary is the agent.
const AGENT: &str = "provagent";
/// The binary's own name.
const LAB: &str = "lab";

/// Whether this process was started under the agent's name.
pub fn started_as_agent() -> bool {
    std::env::args_os().next().is_some_and(|name| is_agent(&name))
}

fn is_agent(name: &OsString) -> bool {
    Path::new(name).file_stem().is_some_and(|stem| stem == AGENT)
}

/// The `lab` binary: this program, what `PROVLAB_LAB` names, or the file beside or above a test program.
///
/// # Errors
/// What to do where there is none.
pub(in crate::stage) fn lab_binary() -> Result<PathBuf, String> {
    if cfg!(not(unix)) {
        return Err("the stage `live` needs a Unix system; run the scenario on `sim`".into());
    }
    let current = std::env::current_exe().map_err(|error| format!("this program has no path: {error}"))?;
    if current.file_stem().is_some_and(|stem| stem == LAB) {
        return Ok(current);
    }
    let named = std::env::var_os(VARIABLE).map(PathBuf::from);
    choose(&current, named, Path::is_file)
}

fn choose(current: &Path, named: Option<PathBuf>, there: fn(&Path) -> bool) -> Result<PathBuf, String> {
    if let Some(named) = named {
        let missing = || format!("{VARIABLE} names {}, which is no file", named.display());
        return if there(&named) { Ok(named) } else { Err(missing()) };
    }
    // Test programs lie in `deps`, one folder below the binaries of the same build.
    let folders = current.ancestors().skip(1).take(2);
    let mut files = folders.map(|folder| folder.join(LAB).with_extension(std::env::consts::EXE_EXTENSION));
    files.find(|file| there(file)).ok_or_else(|| {
        format!(
            "there is no `lab` binary beside {}; build it (cargo build -p provlab) or name it in {VARIABLE}",
            current.display()
        )
    })
}

/// A command that runs the binary as the agent.
pub(super) fn agent_command(binary: &Path) -> Command {
    let mut command = Command::new(binary);
    #[cfg(unix)]
    command.arg0(AGENT);
    command
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_name_decides_who_a_process_is() {
        assert!(is_agent(&"provagent".into()));
        assert!(is_agent(&"/opt/bin/provagent".into()));
        assert!(!is_agent(&"/opt/provagent/lab".into()));
    }

    #[test]
    fn the_binary_is_found_beside_or_above_a_test() {
        let test = Path::new("/target/debug/deps/scenarios-1234");
        let above = choose(test, None, |file| file == Path::new("/target/debug/lab"));
        assert_eq!(above.unwrap(), Path::new("/target/debug/lab"));
        let beside = choose(test, None, |file| file == Path::new("/target/debug/deps/lab"));
        assert_eq!(beside.unwrap(), Path::new("/target/debug/deps/lab"));
        let named = choose(test, Some("/opt/lab".into()), |file| {
            file == Path::new("/opt/lab")
        });
        assert_eq!(named.unwrap(), Path::new("/opt/lab"));
        assert!(
            choose(test, Some("/opt/lab".into()), |_| false)
                .unwrap_err()
                .contains("/opt/lab")
        );
        assert!(
            choose(test, None, |_| false)
                .unwrap_err()
                .contains("cargo build -p provlab")
        );
    }
}
