//! Whose a container is: the process that started it, recognisable after its number has been given to another.

use std::fs;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// Most bytes of a file under `/proc` that are read here.
const MAX_PROC_BYTES: usize = 4096;

/// The labels that every container and image of ours carries.
pub(crate) mod label {
    /// Process number and start time of the owner.
    pub(crate) const OWNER: &str = "dev.provlab.owner";
    /// The machine and boot that the owner's process number counts on.
    pub(crate) const BOOT: &str = "dev.provlab.boot";
    /// What kind of server it is.
    pub(crate) const KIND: &str = "dev.provlab.kind";
    /// Digest of the recipe with what is filled into it.
    pub(crate) const DIGEST: &str = "dev.provlab.digest";
    /// Digest of the recipe before that.
    pub(crate) const RECIPE: &str = "dev.provlab.recipe";
}

/// A process, named so that a later one with the same number is not taken for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Process number.
    pub pid: u32,
    /// Clock ticks between the machine's start and the process's (`/proc/PID/stat`, field 22); 0 where there is no `/proc`.
    pub started: u64,
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.pid, self.started)
    }
}

impl FromStr for Owner {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (pid, started) = text.split_once(':').ok_or(())?;
        Ok(Self {
            pid: pid.parse().map_err(|_| ())?,
            started: started.parse().map_err(|_| ())?,
        })
    }
}

impl Owner {
    /// This process.
    #[must_use]
    pub fn current() -> Self {
        let pid = std::process::id();
        Self {
            pid,
            started: start_time(pid).unwrap_or(0),
        }
    }

    /// Whether the process still runs.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        start_time(self.pid) == Some(self.started)
    }
}

fn start_time(pid: u32) -> Option<u64> {
    let stat = read(&format!("/proc/{pid}/stat"))?;
    start_time_in(&stat)
}

/// Field 22, unless field 3 says that only the exit status is left of the process. Field 2, the command in brackets, may hold
/// blanks and brackets of its own.
fn start_time_in(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    match fields.next()? {
        "Z" | "X" => None,
        _ => fields.nth(18)?.parse().ok(),
    }
}

fn read(path: &str) -> Option<String> {
    use std::io::Read;
    let mut text = String::new();
    fs::File::open(path)
        .ok()?
        .take(MAX_PROC_BYTES as u64)
        .read_to_string(&mut text)
        .ok()?;
    Some(text)
}

/// Where process numbers count: a machine, its boot, and the namespace of process numbers.
///
/// An engine may serve several machines, and containers that share its socket: an owner that counts elsewhere is never
/// judged here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Boot {
    machine: String,
    boot: String,
    namespace: String,
}

/// Whether an owner's death can be told from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kinship {
    /// The same boot and namespace: look for the process.
    Same,
    /// An earlier boot of this machine: nothing of it lives.
    EarlierBoot,
    /// Somebody else's.
    Foreign,
}

impl Boot {
    pub(crate) fn current() -> Self {
        let machine = read("/etc/machine-id")
            .or_else(|| read("/etc/hostname"))
            .unwrap_or_default();
        let namespace = fs::read_link("/proc/self/ns/pid").map(|link| link.to_string_lossy().into_owned());
        Self {
            // The machine's identity is confidential (machine-id(5)): a digest of it says the same.
            machine: hex::encode(&Sha256::digest(machine.trim())[..6]),
            boot: read("/proc/sys/kernel/random/boot_id")
                .unwrap_or_default()
                .trim()
                .to_owned(),
            namespace: namespace.unwrap_or_default().replace(' ', ""),
        }
    }

    pub(crate) fn judge(&self, other: &str) -> Kinship {
        let mut parts = other.splitn(3, ' ');
        let (Some(machine), Some(boot), Some(namespace)) = (parts.next(), parts.next(), parts.next()) else {
            return Kinship::Foreign;
        };
        match (
            machine == self.machine,
            boot == self.boot,
            namespace == self.namespace,
        ) {
            (true, true, true) => Kinship::Same,
            (true, false, _) => Kinship::EarlierBoot,
            _ => Kinship::Foreign,
        }
    }
}

impl std::fmt::Display for Boot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.machine, self.boot, self.namespace)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_process_is_known_by_its_start_time() {
        let own = Owner::current();
        assert!(own.is_alive());
        let reused = Owner {
            started: own.started + 1,
            ..own
        };
        assert!(!reused.is_alive());
        assert_eq!(own.to_string().parse(), Ok(own));
    }

    #[test]
    fn a_command_with_blanks_and_brackets_does_not_shift_the_fields() {
        let fields: Vec<String> = (4..=52).map(|field| field.to_string()).collect();
        let stat = |state: &str| format!("17 (a ) (b) {state} {}", fields.join(" "));
        assert_eq!(start_time_in(&stat("S")), Some(22));
        assert_eq!(start_time_in(&stat("Z")), None, "a zombie is dead");
        assert_eq!(start_time_in("17 (a"), None);
        assert_eq!(start_time_in(""), None);
    }

    #[test]
    fn owners_of_other_machines_are_not_judged() {
        let here = Boot {
            machine: "m".to_owned(),
            boot: "b".to_owned(),
            namespace: "n".to_owned(),
        };
        assert_eq!(here.judge(&here.to_string()), Kinship::Same);
        assert_eq!(here.judge("m earlier n"), Kinship::EarlierBoot);
        assert_eq!(here.judge("m b other"), Kinship::Foreign);
        assert_eq!(here.judge("other b n"), Kinship::Foreign);
        assert_eq!(here.judge("m"), Kinship::Foreign);
    }
}
