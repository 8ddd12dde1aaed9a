//! A host's files in a folder of this machine.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::{FileLock, Files, FilesError, FilesErrorKind, MAX_FILE_BYTES, WindowsPath};

/// What [`Files::write_atomic`] writes before the rename ends so; such leftovers of a kill are never listed.
const TEMPORARY_SUFFIX: &str = ".provlab-tmp";
/// The file beside another one by which [`Files::lock`] holds it; never listed.
const LOCK_SUFFIX: &str = ".provlab-lock";

/// Maps `C:\A\b` to `<root>/C/A/b`.
#[derive(Debug)]
pub struct RealFiles {
    root: PathBuf,
    temporary: AtomicU64,
}

impl RealFiles {
    /// Files under `root`, which is made when the first file is written.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            temporary: AtomicU64::new(0),
        }
    }

    /// Where on this machine the file of a Windows path is or would be.
    ///
    /// # Errors
    /// [`FilesErrorKind::BadPath`] for a path that is not absolute or leads out, [`FilesErrorKind::Io`] if a folder cannot be read.
    pub fn locate(&self, path: &str) -> Result<PathBuf, FilesError> {
        let parsed = WindowsPath::parse(path)?;
        let mut place = self.root.join(parsed.drive.to_string());
        for part in &parsed.parts {
            let exact = place.join(part);
            place = match fs::symlink_metadata(&exact) {
                Ok(_) => exact,
                Err(_) => same_name(&place, part)
                    .map_err(|e| FilesError::io(path, &e))?
                    .unwrap_or(exact),
            };
        }
        Ok(place)
    }

    fn locate_file(&self, path: &str) -> Result<PathBuf, FilesError> {
        let parsed = WindowsPath::parse(path)?;
        if parsed.parts.is_empty() {
            return Err(FilesError::new(
                FilesErrorKind::BadPath,
                path,
                "a drive is not a file",
            ));
        }
        self.locate(path)
    }
}

/// The entry of `dir` whose name differs from `name` in case only.
fn same_name(dir: &Path, name: &str) -> std::io::Result<Option<PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(e) => return Err(e),
    };
    let wanted = name.to_lowercase();
    let mut found: Vec<PathBuf> = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry
            .file_name()
            .to_str()
            .is_some_and(|n| n.to_lowercase() == wanted)
        {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found.into_iter().next())
}

/// Makes a file that its owner alone may read: keys and secrets are among a host's files.
fn create_private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

impl Files for RealFiles {
    fn read(&self, path: &str) -> Result<Vec<u8>, FilesError> {
        let place = self.locate_file(path)?;
        let mut content = Vec::new();
        File::open(place)
            .and_then(|file| file.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut content))
            .map_err(|e| FilesError::io(path, &e))?;
        if content.len() > MAX_FILE_BYTES {
            return Err(FilesError::too_large(path));
        }
        Ok(content)
    }

    fn write_atomic(&self, path: &str, content: &[u8]) -> Result<(), FilesError> {
        if content.len() > MAX_FILE_BYTES {
            return Err(FilesError::too_large(path));
        }
        let place = self.locate_file(path)?;
        let folder = place.parent().unwrap_or(&self.root);
        let number = self.temporary.fetch_add(1, Ordering::Relaxed);
        let temporary = folder.join(format!("{}-{number}{TEMPORARY_SUFFIX}", std::process::id()));
        let written = fs::create_dir_all(folder).and_then(|()| {
            let mut file = create_private(&temporary)?;
            file.write_all(content)?;
            file.sync_all()?;
            fs::rename(&temporary, &place)?;
            // The rename itself lasts only once the folder is on the medium.
            File::open(folder)?.sync_all()
        });
        written.map_err(|e| {
            // Best effort: the error that is reported is the first one.
            let _ = fs::remove_file(&temporary);
            FilesError::io(path, &e)
        })
    }

    fn append(&self, path: &str, content: &[u8]) -> Result<(), FilesError> {
        let place = self.locate_file(path)?;
        let io = |e: std::io::Error| FilesError::io(path, &e);
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder).map_err(io)?;
        }
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(place)
            .map_err(io)?;
        let present = usize::try_from(file.metadata().map_err(io)?.len()).unwrap_or(usize::MAX);
        if present.saturating_add(content.len()) > MAX_FILE_BYTES {
            return Err(FilesError::too_large(path));
        }
        file.write_all(content).map_err(io)
    }

    fn remove(&self, path: &str) -> Result<(), FilesError> {
        match fs::remove_file(self.locate_file(path)?) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(FilesError::io(path, &e)),
            _ => Ok(()),
        }
    }

    fn exists(&self, path: &str) -> Result<bool, FilesError> {
        Ok(self.locate(path)?.is_file())
    }

    fn list(&self, dir: &str) -> Result<Vec<String>, FilesError> {
        let entries = match fs::read_dir(self.locate(dir)?) {
            Ok(entries) => entries,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(FilesError::io(dir, &e)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|e| FilesError::io(dir, &e))?;
            if let Ok(name) = entry.file_name().into_string()
                && !name.ends_with(TEMPORARY_SUFFIX)
                && !name.ends_with(LOCK_SUFFIX)
                && entry.path().is_file()
            {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    fn lock(&self, path: &str) -> Result<FileLock, FilesError> {
        let mut beside = self.locate_file(path)?.into_os_string();
        beside.push(LOCK_SUFFIX);
        let beside = PathBuf::from(beside);
        let held = beside
            .parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| OpenOptions::new().create(true).append(true).open(&beside))
            .and_then(|file| file.lock().map(|()| file));
        held.map(|file| FileLock { _held: Some(file) })
            .map_err(|e| FilesError::io(path, &e))
    }
}
