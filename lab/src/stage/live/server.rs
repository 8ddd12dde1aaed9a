//! What a world of processes asks of a directory, whichever product serves it.

use std::time::Duration;

use async_trait::async_trait;
use provlab_directory::control::{Command, Reply};
use provlab_platform::net::real::NameTable;
use tokio::sync::Mutex;

use super::{
    mock::MockProcess,
    reader::{self, Reader},
};
use crate::world::{Power, WorldError};

/// The running directory of one domain.
#[async_trait(?Send)]
pub(in crate::stage) trait DirectoryServer {
    /// Where its domain controllers really listen.
    fn names(&self) -> &NameTable;

    /// The name that an account logs on by, where it is not `NETBIOS\account`.
    fn logon_name(&self, account: &str) -> Option<String> {
        let _ = account;
        None
    }

    /// Carries a command out, or shows the directory's state.
    ///
    /// # Errors
    /// If the directory refuses, cannot do it, or is gone.
    async fn ask(&self, command: Command) -> Result<Reply, WorldError>;

    /// Ends it as a power failure would, and starts it again on what it had stored, on the same ports.
    ///
    /// # Errors
    /// If it does not come back.
    async fn crash(&self) -> Result<(), WorldError>;

    /// Pauses, resumes, stops or starts it.
    ///
    /// # Errors
    /// If it cannot be done, or the directory does not start again.
    async fn power(&self, power: Power) -> Result<(), WorldError>;

    /// Returns when it has ended without having been told to, as far as that can be watched.
    async fn broken(&self) -> WorldError {
        std::future::pending().await
    }

    /// Puts the last lines of a log that it keeps for itself into the trace.
    async fn trace_log(&self) {}

    /// Ends it; after `limit` without mercy.
    async fn close(&self, limit: Duration);
}

/// The whole content of a domain is asked for, and not a part of it.
pub(super) fn asks_for_everything(command: &Command) -> bool {
    matches!(command, Command::Dump { base: None, attributes, system: false, deleted: false }
        if attributes.is_empty())
}

/// The embedded directory, in a process of its own.
pub(super) struct EmbeddedServer {
    process: Mutex<MockProcess>,
    names: NameTable,
    reader: Reader,
}

impl EmbeddedServer {
    /// `reader` reads what `process` serves under `names`.
    pub(super) fn new(process: MockProcess, names: NameTable, reader: Reader) -> Self {
        Self {
            process: Mutex::new(process),
            names,
            reader,
        }
    }
}

#[async_trait(?Send)]
impl DirectoryServer for EmbeddedServer {
    fn names(&self) -> &NameTable {
        &self.names
    }

    async fn ask(&self, command: Command) -> Result<Reply, WorldError> {
        if asks_for_everything(&command) {
            let tree = Box::pin(reader::dump(&self.reader)).await;
            return tree.map(Reply::Tree).map_err(|error| self.reader.refused(&error));
        }
        self.process.lock().await.ask(command).await
    }

    async fn crash(&self) -> Result<(), WorldError> {
        self.process.lock().await.crash().await
    }

    async fn power(&self, power: Power) -> Result<(), WorldError> {
        self.process.lock().await.power(power).await
    }

    async fn close(&self, limit: Duration) {
        self.process.lock().await.close(limit).await;
    }
}
