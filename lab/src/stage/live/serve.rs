//! The other side of a mock process: `lab serve` builds the mock from its folder, tells where it listens, and
//! answers commands until its standard input ends.

use std::{
    fs,
    io::{Read as _, Write as _},
    path::Path,
    sync::Arc,
};

use provlab_platform::{
    Clock, Crypto, CryptoPolicy, Entropy, Platform, RedbStore, Trace,
    files::RealFiles,
    net::real::{LabAuthority, MAX_AUTHORITY_PEM_BYTES, NameTable, RealNet, Trust},
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use zeroize::Zeroizing;

use super::line::{Control, FromMock, MAX_LINE};
use crate::cli::{Exit, Mock, ServeArgs};

/// The mock's configuration, passwords included.
pub(super) const CONFIG_FILE: &str = "config.json";
/// The run's certificate authority with its key.
pub(super) const AUTHORITY_FILE: &str = "authority.pem";
/// Where the mock listened when it first started; a later start listens there again.
const NAMES_FILE: &str = "names.json";
/// The mock's durable state.
const STATE_FILE: &str = "state.redb";
/// The largest configuration that is read; accounts are declared by hand, populations by number.
const MAX_CONFIG_BYTES: u64 = 16 * 1024 * 1024;
/// The name by which the cloud's own events are told.
const CLOUD_HOST: &str = "cloud";

/// Runs `lab serve`.
pub fn serve(arguments: &ServeArgs) -> Exit {
    let served = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no runtime: {error}"))
        .and_then(|runtime| {
            let served = runtime.block_on(Box::pin(run(arguments)));
            // Standard input may be blocked in a read for ever.
            runtime.shutdown_background();
            served
        });
    match served {
        Ok(()) => Exit::Passed,
        Err(message) => {
            say(&FromMock::Failed(message));
            Exit::Defect
        }
    }
}

async fn run(arguments: &ServeArgs) -> Result<(), String> {
    let folder = &arguments.folder;
    match arguments.what {
        Mock::Directory => {
            let config: provlab_directory::Config = read_json(&folder.join(CONFIG_FILE))?;
            let host = config.domain_controllers.first().cloned().unwrap_or_default();
            let opened = Opened::open(folder, &host)?;
            let running = provlab_directory::start(opened.platform.clone(), config, opened.store.clone())
                .await
                .map_err(|error| error.to_string())?;
            opened.announce(folder)?;
            let handle = running.handle();
            answer(async |command| handle.control(command).await).await;
            running.shutdown().await;
        }
        Mock::Cloud => {
            let config: provlab_entra::config::Config = read_json(&folder.join(CONFIG_FILE))?;
            let opened = Opened::open(folder, CLOUD_HOST)?;
            let running = provlab_entra::start(opened.platform.clone(), config, opened.store.clone())
                .await
                .map_err(|error| error.to_string())?;
            opened.announce(folder)?;
            answer(async |command| running.control(command).await).await;
            running.shutdown().await;
        }
    }
    Ok(())
}

/// The doors of a mock process.
struct Opened {
    platform: Platform,
    net: RealNet,
    store: Arc<RedbStore>,
}

impl Opened {
    fn open(folder: &Path, host: &str) -> Result<Self, String> {
        let pem = Zeroizing::new(read_text(
            &folder.join(AUTHORITY_FILE),
            MAX_AUTHORITY_PEM_BYTES as u64,
        )?);
        let authority = LabAuthority::from_pem(&pem).map_err(|error| error.to_string())?;
        let trust = Trust::of_authority(authority).map_err(|error| error.to_string())?;
        let names = folder.join(NAMES_FILE);
        let names: NameTable = if names.exists() {
            read_json(&names)?
        } else {
            NameTable::new()
        };
        let clock = Clock::system();
        let trace = Trace::json_lines(std::io::stdout())
            .with_clock(&clock)
            .for_host(host);
        let net = RealNet::new(host, names, trust, &clock, &trace);
        let platform = Platform {
            host: host.to_owned(),
            net: Arc::new(net.clone()),
            clock,
            entropy: Entropy::system(),
            crypto: Crypto::real(CryptoPolicy::default()),
            files: Arc::new(RealFiles::new(folder.join("files"))),
            trace,
        };
        let store = RedbStore::open(folder.join(STATE_FILE)).map_err(|error| error.to_string())?;
        Ok(Self {
            platform,
            net,
            store: Arc::new(store),
        })
    }

    /// Keeps the addresses for a later start and tells them to the lab.
    fn announce(&self, folder: &Path) -> Result<(), String> {
        let names = self.net.bound();
        let text = serde_json::to_vec(&names).map_err(|error| error.to_string())?;
        let file = folder.join(NAMES_FILE);
        fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))?;
        say(&FromMock::Ready(names));
        Ok(())
    }
}

/// Carries out commands from standard input, one after another, until it ends or the process is asked to.
async fn answer<C, R, E>(control: impl AsyncFn(C) -> Result<R, E>)
where
    C: DeserializeOwned,
    R: Serialize,
    E: std::fmt::Display,
{
    let mut input = BufReader::new(tokio::io::stdin());
    let commands = async {
        let mut line = Zeroizing::new(Vec::new());
        loop {
            line.clear();
            let mut bounded = (&mut input).take(MAX_LINE as u64);
            if !matches!(bounded.read_until(b'\n', &mut line).await, Ok(count) if count > 0) {
                return;
            }
            match serde_json::from_slice::<Control<C>>(&line) {
                Ok(Control { id, command }) => say(&answered(id, control(command).await)),
                // Without its number a command cannot be answered, and nobody but the lab writes here.
                Err(error) => eprintln!("not a command: {error}"),
            }
        }
    };
    tokio::select! {
        biased;
        () = commands => {}
        () = provlab_platform::process::asked_to_end() => {}
    }
}

fn answered<R: Serialize, E: std::fmt::Display>(id: u64, done: Result<R, E>) -> FromMock {
    match done.map(serde_json::to_value) {
        Ok(Ok(reply)) => FromMock::Reply { id, reply },
        Ok(Err(error)) => FromMock::Refused {
            id,
            message: error.to_string(),
        },
        Err(error) => FromMock::Refused {
            id,
            message: error.to_string(),
        },
    }
}

/// Writes a line whole, so that events of other threads come before or after it.
fn say(said: &FromMock) {
    let Ok(mut line) = serde_json::to_vec(said) else {
        return;
    };
    line.push(b'\n');
    let mut out = std::io::stdout();
    // A lab that has gone away closes standard input too, which ends the process in order.
    let _ = out.write_all(&line).and_then(|()| out.flush());
}

fn read_json<T: DeserializeOwned>(file: &Path) -> Result<T, String> {
    let text = Zeroizing::new(read_text(file, MAX_CONFIG_BYTES)?);
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))
}

fn read_text(file: &Path, limit: u64) -> Result<String, String> {
    let mut text = String::new();
    let read = fs::File::open(file).and_then(|opened| opened.take(limit + 1).read_to_string(&mut text));
    match read {
        Ok(_) if text.len() as u64 <= limit => Ok(text),
        Ok(_) => Err(format!("{}: more than {limit} bytes", file.display())),
        Err(error) => Err(format!("{}: {error}", file.display())),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_up_to_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.json");
        fs::write(&file, "12345").unwrap();
        assert_eq!(read_text(&file, 5).unwrap(), "12345");
        assert!(read_text(&file, 4).unwrap_err().contains("more than 4 bytes"));
        assert!(read_json::<String>(&file).unwrap_err().contains("config.json"));
    }

    #[test]
    fn an_answer_carries_the_number_of_its_command() {
        let done: Result<&str, &str> = Ok("done");
        assert_eq!(
            answered(3, done),
            FromMock::Reply {
                id: 3,
                reply: "done".into()
            }
        );
        let refused: Result<&str, &str> = Err("no such account");
        assert_eq!(
            answered(4, refused),
            FromMock::Refused {
                id: 4,
                message: "no such account".into()
            }
        );
    }
}
