//! A host's files in memory, with a kill between any two mutations.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{FileLock, Files, FilesError, FilesErrorKind, MAX_FILE_BYTES, WindowsPath};

/// Files in memory. Clones share them, so they outlive the component that is killed and started again.
#[derive(Debug, Clone, Default)]
pub struct SimFiles {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<String, Entry>,
    /// Mutations that still succeed; `None` for no limit.
    mutations_left: Option<usize>,
    mutations: usize,
}

#[derive(Debug)]
struct Entry {
    /// The name as it was first written; look-ups go by the lower-case key.
    name: String,
    content: Vec<u8>,
}

impl SimFiles {
    /// A host without files.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets `count` further mutations succeed; every one after that fails with [`FilesErrorKind::Crashed`] and changes
    /// nothing, as if the process had been killed there. Reads still work, so that the killed code can run out.
    pub fn crash_after(&self, count: usize) {
        self.lock().mutations_left = Some(count);
    }

    /// The host runs again: mutations succeed from now on.
    pub fn restart(&self) {
        self.lock().mutations_left = None;
    }

    /// How many mutations have succeeded so far; the range in which a kill can be placed.
    #[must_use]
    pub fn mutations(&self) -> usize {
        self.lock().mutations
    }

    /// Every file with its content, by lower-case path; for assertions.
    #[must_use]
    pub fn snapshot(&self) -> BTreeMap<String, Vec<u8>> {
        self.lock()
            .files
            .iter()
            .map(|(key, entry)| (key.clone(), entry.content.clone()))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn mutate<T>(
        &self,
        path: &str,
        change: impl FnOnce(&mut State) -> Result<T, FilesError>,
    ) -> Result<T, FilesError> {
        let mut state = self.lock();
        match state.mutations_left {
            Some(0) => {
                return Err(FilesError::new(
                    FilesErrorKind::Crashed,
                    path,
                    "the host was killed before this write",
                ));
            }
            Some(left) => state.mutations_left = Some(left - 1),
            None => {}
        }
        let done = change(&mut state)?;
        state.mutations += 1;
        Ok(done)
    }
}

fn file_of(path: &str) -> Result<(String, String), FilesError> {
    let parsed = WindowsPath::parse(path)?;
    match parsed.parts.last() {
        Some(name) => Ok((parsed.key(), name.clone())),
        None => Err(FilesError::new(
            FilesErrorKind::BadPath,
            path,
            "a drive is not a file",
        )),
    }
}

impl Files for SimFiles {
    fn read(&self, path: &str) -> Result<Vec<u8>, FilesError> {
        let (key, _) = file_of(path)?;
        let state = self.lock();
        match state.files.get(&key) {
            Some(entry) => Ok(entry.content.clone()),
            None => Err(FilesError::new(FilesErrorKind::NotFound, path, "no such file")),
        }
    }

    fn write_atomic(&self, path: &str, content: &[u8]) -> Result<(), FilesError> {
        let (key, name) = file_of(path)?;
        if content.len() > MAX_FILE_BYTES {
            return Err(FilesError::too_large(path));
        }
        self.mutate(path, |state| {
            let entry = state.files.entry(key).or_insert_with(|| Entry {
                name,
                content: Vec::new(),
            });
            entry.content = content.to_vec();
            Ok(())
        })
    }

    fn append(&self, path: &str, content: &[u8]) -> Result<(), FilesError> {
        let (key, name) = file_of(path)?;
        self.mutate(path, |state| {
            let entry = state.files.entry(key).or_insert_with(|| Entry {
                name,
                content: Vec::new(),
            });
            if entry.content.len().saturating_add(content.len()) > MAX_FILE_BYTES {
                return Err(FilesError::too_large(path));
            }
            entry.content.extend_from_slice(content);
            Ok(())
        })
    }

    fn remove(&self, path: &str) -> Result<(), FilesError> {
        let (key, _) = file_of(path)?;
        self.mutate(path, |state| {
            state.files.remove(&key);
            Ok(())
        })
    }

    fn exists(&self, path: &str) -> Result<bool, FilesError> {
        let key = WindowsPath::parse(path)?.key();
        Ok(self.lock().files.contains_key(&key))
    }

    fn list(&self, dir: &str) -> Result<Vec<String>, FilesError> {
        let prefix = format!("{}\\", WindowsPath::parse(dir)?.key());
        let state = self.lock();
        let mut names: Vec<String> = state
            .files
            .range(prefix.clone()..)
            .take_while(|(key, _)| key.starts_with(&prefix))
            .filter(|(key, _)| !key[prefix.len()..].contains('\\'))
            .map(|(_, entry)| entry.name.clone())
            .collect();
        names.sort();
        Ok(names)
    }

    // A simulated world is one thread that does not yield between a read and a write.
    fn lock(&self, path: &str) -> Result<FileLock, FilesError> {
        file_of(path).map(|_| FileLock { _held: None })
    }
}
