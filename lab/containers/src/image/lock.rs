//! One build at a time on this machine, across processes.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::PathBuf;

use crate::ContainerError;

/// In the folder for temporary files, shared by all users of the machine's engine.
const LOCK_FILE: &str = "provlab-images.lock";

/// Held until dropped; the system lets go of it when the process ends, however that happens.
pub(super) struct Lock {
    _file: File,
}

/// Waits for the lock.
pub(super) async fn acquire() -> Result<Lock, ContainerError> {
    acquire_at(std::env::temp_dir().join(LOCK_FILE)).await
}

async fn acquire_at(path: PathBuf) -> Result<Lock, ContainerError> {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::fs::TryLockError;

    #[tokio::test]
    async fn the_second_waits_for_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = acquire_at(path.clone()).await.unwrap();
        let other = File::open(&path).unwrap();
        assert!(matches!(other.try_lock(), Err(TryLockError::WouldBlock)));
        let second = tokio::spawn(acquire_at(path));
        drop(first);
        assert!(second.await.unwrap().is_ok());
    }
}
