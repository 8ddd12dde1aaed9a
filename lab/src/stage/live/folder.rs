//! The folder of a world on the real stages, and how to tell which folders nobody needs any more.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::Command,
};

use serde::Serialize;
use tempfile::TempDir;
use zeroize::Zeroizing;

/// Every world folder is called `provlab-<process>-<random>`.
const PREFIX: &str = "provlab-";
/// The file that says whose a folder is: the process number and its mark, one a line.
const OWNER: &str = "owner";
/// An owner file is this long at most.
const MAX_OWNER_BYTES: u64 = 1024;

/// A world's folder, readable by its owner alone; dropping it removes it.
pub(super) struct WorldFolder {
    folder: TempDir,
}

impl WorldFolder {
    /// Makes a folder in the system's folder for temporary files.
    pub(super) fn make() -> io::Result<Self> {
        Self::make_in(&std::env::temp_dir())
    }

    fn make_in(parent: &Path) -> io::Result<Self> {
        let process = std::process::id();
        let prefix = format!("{PREFIX}{process}-");
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let folder = builder.prefix(&prefix).tempdir_in(parent)?;
        let mark = mark_of(process)?.unwrap_or_default();
        fs::write(folder.path().join(OWNER), format!("{process}\n{mark}\n"))?;
        Ok(Self { folder })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Leaves the folder where it is, for a person to look at. It is nobody's from then on, so it stays
    /// until that person removes it.
    pub(super) fn keep(self) -> PathBuf {
        let _ = fs::remove_file(self.folder.path().join(OWNER));
        self.folder.keep()
    }
}

/// Writes a file that may hold passwords: for the owner's eyes only.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(bytes)
}

/// The same for a value, as JSON.
pub(super) fn write_private_json(path: &Path, value: &impl Serialize) -> io::Result<()> {
    let text = Zeroizing::new(serde_json::to_vec_pretty(value)?);
    write_private(path, &text)
}

/// World folders whose lab no longer lives, because it was killed.
pub fn left_behind() -> Vec<PathBuf> {
    left_behind_in(&std::env::temp_dir(), mark_of)
}

fn left_behind_in(parent: &Path, mark_of: fn(u32) -> io::Result<Option<String>>) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(parent) else {
        return Vec::new();
    };
    let mut found: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX))
        // Not through links: what is removed later must be the folder itself.
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .filter(|folder| {
            // In doubt a folder stays: to remove that of a living lab would end its run.
            owner_of(folder)
                .is_some_and(|(process, mark)| mark_of(process).is_ok_and(|living| living != Some(mark)))
        })
        .collect();
    found.sort();
    found
}

/// The process that a folder belongs to, and its mark; nothing for folders that are not ours.
fn owner_of(folder: &Path) -> Option<(u32, String)> {
    let file = folder.join(OWNER);
    let plain = fs::symlink_metadata(&file).is_ok_and(|meta| meta.is_file() && meta.len() <= MAX_OWNER_BYTES);
    if !plain {
        return None;
    }
    let text = fs::read_to_string(file).ok()?;
    let (process, mark) = text.split_once('\n')?;
    Some((process.parse().ok()?, mark.trim_end().to_owned()))
}

/// When a process was started, in the system's own form, so that another one with the same number is told
/// from it; `None` if there is no such process.
fn mark_of(process: u32) -> io::Result<Option<String>> {
    if Path::new("/proc/self/stat").exists() {
        return match fs::read_to_string(format!("/proc/{process}/stat")) {
            Ok(stat) => Ok(start_time(&stat)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        };
    }
    let listed = Command::new("ps")
        .args(["-o", "lstart=", "-p", &process.to_string()])
        .output()?;
    let text = String::from_utf8_lossy(&listed.stdout).trim().to_owned();
    Ok((!text.is_empty()).then_some(text))
}

/// Field 22 of `/proc/<process>/stat`. The name in field 2 may hold spaces and parentheses.
fn start_time(stat: &str) -> Option<String> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(19).map(str::to_owned)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_left_behind_only_when_its_lab_is_gone() {
        let parent = tempfile::tempdir().unwrap();
        let world = WorldFolder::make_in(parent.path()).unwrap();
        fs::create_dir(parent.path().join("provlab-1-of-somebody-else")).unwrap();
        fs::create_dir(parent.path().join("another")).unwrap();
        assert_eq!(left_behind_in(parent.path(), mark_of), Vec::<PathBuf>::new());
        assert_eq!(left_behind_in(parent.path(), |_| Ok(None)), [world.path()]);
        assert_eq!(
            left_behind_in(parent.path(), |_| Ok(Some("another process".into()))),
            [world.path()]
        );
        let unknown = |_| Err(io::Error::other("no such tool"));
        assert_eq!(left_behind_in(parent.path(), unknown), Vec::<PathBuf>::new());
    }

    #[test]
    fn a_kept_folder_is_nobodys_and_a_dropped_one_is_gone() {
        let parent = tempfile::tempdir().unwrap();
        let dropped = WorldFolder::make_in(parent.path()).unwrap();
        let path = dropped.path().to_owned();
        drop(dropped);
        assert!(!path.exists());
        let kept = WorldFolder::make_in(parent.path()).unwrap().keep();
        assert!(kept.is_dir());
        assert_eq!(left_behind_in(parent.path(), |_| Ok(None)), Vec::<PathBuf>::new());
    }

    #[test]
    fn the_start_time_is_found_behind_any_name() {
        let fields: Vec<String> = (3..=30).map(|number| format!("f{number}")).collect();
        let stat = format!("42 (a) b (c) {}", fields.join(" "));
        assert_eq!(start_time(&stat).as_deref(), Some("f22"));
        assert_eq!(start_time("42 (x) S 1"), None);
        assert_eq!(start_time(""), None);
    }

    #[cfg(unix)]
    #[test]
    fn private_files_are_for_the_owner() {
        use std::os::unix::fs::PermissionsExt as _;
        let parent = tempfile::tempdir().unwrap();
        let file = parent.path().join("config.json");
        write_private_json(&file, &"secret").unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let folder = WorldFolder::make_in(parent.path()).unwrap();
        assert_eq!(
            fs::metadata(folder.path()).unwrap().permissions().mode() & 0o777,
            0o700
        );
    }
}
