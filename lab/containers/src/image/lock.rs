//! One build at a time on this machine, across processes.

use std::fs::{File, OpenOptions};
use std::io;

use crate::ContainerError;

/// In the folder for temporary files, shared by all users of the machine's engine.
const LOCK_FILE: &str = "provlab-images.lock";

/// Held until dropped; the system lets go of it when the process ends, however that happens.
pub(super) struct Lock {
    _file: File,
}

/// Waits for the lock.
pub(super) async fn acquire() -> Result<Lock, ContainerError> {
    let path = std::env::temp_dir().join(LOCK_FILE);
    let doing = format!("lock {}", path.display());
    tokio::task::spawn_blocking(move || {
        let file = match OpenOptions::new().append(true).create(true).open(&path) {
            // Another user's: a lock needs no right to write.
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => File::open(&path)?,
            opened => opened?,
        };
        file.lock()?;
        Ok(Lock { _file: file })
    })
    .await
    .unwrap_or_else(|e| Err(io::Error::other(e)))
    .map_err(ContainerError::machine(doing))
}
