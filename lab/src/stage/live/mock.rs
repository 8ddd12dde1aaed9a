//! A mock as a process of its own: started on its folder, asked, and started again after a crash.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use provlab_platform::{
    Trace,
    net::real::{LabAuthority, NameTable},
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{process::Command, time::timeout};

use super::{
    child::Child,
    folder::{write_private, write_private_json},
    line::{Control, FromMock, Said},
    serve::{AUTHORITY_FILE, CONFIG_FILE},
};
use crate::{
    cli::Mock,
    world::{Power, WorldError},
};

/// How long a mock may take to listen; a debug build with a large population is slow.
const READY_LIMIT: Duration = Duration::from_secs(120);
/// How long a command may take.
const REPLY_LIMIT: Duration = Duration::from_secs(120);

/// A running mock.
pub(super) struct MockProcess {
    what: Mock,
    name: String,
    folder: PathBuf,
    binary: PathBuf,
    trace: Trace,
    child: Child,
    next: u64,
}

impl MockProcess {
    /// Writes the mock's folder, starts it, and waits until it listens. Gives the names it is found by.
    pub(super) async fn start(
        what: Mock,
        name: &str,
        folder: PathBuf,
        config: &impl Serialize,
        authority: &LabAuthority,
        binary: &Path,
        trace: &Trace,
    ) -> Result<(Self, NameTable), WorldError> {
        let unwritable = |error| WorldError::Lab(format!("{}: cannot be written: {error}", folder.display()));
        std::fs::create_dir_all(&folder).map_err(unwritable)?;
        write_private_json(&folder.join(CONFIG_FILE), config).map_err(unwritable)?;
        write_private(&folder.join(AUTHORITY_FILE), authority.to_pem().as_bytes()).map_err(unwritable)?;
        let child = launch(what, name, &folder, binary, trace)?;
        let (name, binary, trace) = (name.to_owned(), binary.to_owned(), trace.clone());
        let mut mock = Self {
            what,
            name,
            folder,
            binary,
            trace,
            child,
            next: 0,
        };
        let names = mock.ready().await?;
        Ok((mock, names))
    }

    /// Sends a command and waits for the answer.
    pub(super) async fn ask<R: DeserializeOwned>(
        &mut self,
        command: impl Serialize,
    ) -> Result<R, WorldError> {
        self.next += 1;
        let wanted = self.next;
        self.child.say(&Control { id: wanted, command }).await?;
        let answer = async {
            loop {
                match self.child.hear().await {
                    Some(Said::Mock(FromMock::Reply { id, reply })) if id == wanted => break Some(Ok(reply)),
                    Some(Said::Mock(FromMock::Refused { id, message })) if id == wanted => {
                        break Some(Err(message));
                    }
                    // The answer to a command that was given up.
                    Some(_) => {}
                    None => break None,
                }
            }
        };
        match timeout(REPLY_LIMIT, answer).await {
            Ok(Some(Ok(reply))) => serde_json::from_value(reply).map_err(|error| self.child.broken(error)),
            Ok(Some(Err(message))) => Err(WorldError::Refused {
                by: self.name.clone(),
                message,
            }),
            Ok(None) => Err(self.gone("while a command was under way").await),
            Err(_) => Err(self.child.broken(format!("no answer within {REPLY_LIMIT:?}"))),
        }
    }

    /// Ends the process as a power failure would and starts it on what it had stored, on the same ports.
    pub(super) async fn crash(&mut self) -> Result<(), WorldError> {
        self.child.kill().await;
        self.child = launch(self.what, &self.name, &self.folder, &self.binary, &self.trace)?;
        self.ready().await.map(drop)
    }

    /// Pauses, resumes, stops or starts the process.
    pub(super) async fn power(&mut self, power: Power) -> Result<(), WorldError> {
        match power {
            Power::Pause => self.child.pause(),
            Power::Resume => self.child.resume(),
            Power::Stop => {
                self.child.kill().await;
                Ok(())
            }
            Power::Start => {
                self.child = launch(self.what, &self.name, &self.folder, &self.binary, &self.trace)?;
                self.ready().await.map(drop)
            }
        }
    }

    /// Asks the process to end, and makes sure that it does.
    pub(super) async fn close(&mut self, limit: Duration) {
        self.child.close(limit).await;
    }

    async fn ready(&mut self) -> Result<NameTable, WorldError> {
        match timeout(READY_LIMIT, self.child.hear()).await {
            Ok(Some(Said::Mock(FromMock::Ready(names)))) => Ok(names),
            Ok(Some(Said::Mock(FromMock::Failed(message)))) => Err(self.child.broken(message)),
            Ok(Some(_)) => Err(self.child.broken("it spoke before it listened")),
            Ok(None) => Err(self.gone("before it listened").await),
            Err(_) => Err(self
                .child
                .broken(format!("it does not listen after {READY_LIMIT:?}"))),
        }
    }

    async fn gone(&mut self, when: &str) -> WorldError {
        match self.child.ended().await {
            Ok(ended) => self
                .child
                .broken(format!("it ended {when} ({}): {}", ended.status, ended.complaint)),
            Err(error) => error,
        }
    }
}

fn launch(what: Mock, name: &str, folder: &Path, binary: &Path, trace: &Trace) -> Result<Child, WorldError> {
    let mut command = Command::new(binary);
    command.arg("serve").arg(what.word()).arg("--folder").arg(folder);
    Child::start(name, command, trace, |said| matches!(said, Said::Mock(_)))
}
