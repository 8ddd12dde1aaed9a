//! A build context as a tar archive (POSIX ustar): a handful of small files, so no library.

use super::recipe::ContextFile;

const BLOCK: usize = 512;

/// The archive of `files`, all owned by root and readable by all.
///
/// Paths are constants of the recipes, shorter than the 100 bytes of the header's field.
pub(super) fn archive(files: &[ContextFile]) -> Vec<u8> {
    let mut archive = Vec::new();
    for file in files {
        archive.extend_from_slice(&header(file.path, file.text.len()));
        archive.extend_from_slice(file.text.as_bytes());
        archive.resize(archive.len().next_multiple_of(BLOCK), 0);
    }
    archive.resize(archive.len() + 2 * BLOCK, 0);
    archive
}

fn header(path: &str, size: usize) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, path);
    put(100, "0000644\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{size:011o}\0"));
    put(136, "00000000000\0");
    // The checksum counts itself as blanks.
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::Write;
    use std::process::{Command, Stdio};

    /// Another implementation reads it back.
    #[test]
    fn tar_lists_and_extracts_it() {
        let files = [("Dockerfile", "FROM x\n".repeat(200)), ("empty", String::new())]
            .map(|(path, text)| ContextFile { path, text });
        let folder = tempfile::tempdir().unwrap();
        let mut tar = Command::new("tar")
            .args(["-x", "-C"])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        tar.stdin.take().unwrap().write_all(&archive(&files)).unwrap();
        assert!(tar.wait().unwrap().success());
        for file in files {
            assert_eq!(
                std::fs::read_to_string(folder.path().join(file.path)).unwrap(),
                file.text
            );
        }
    }
}
