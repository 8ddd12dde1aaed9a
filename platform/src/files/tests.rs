//! The same assertions on memory and on a folder of this machine.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn both(check: impl Fn(&dyn Files)) {
    check(&SimFiles::new());
    let folder = tempfile::tempdir().unwrap();
    check(&RealFiles::new(folder.path()));
}

#[test]
fn what_is_written_is_read_under_any_spelling() {
    both(|files| {
        let path = r"C:\ProgramData\Microsoft\TrustSettings.xml";
        assert_eq!(files.read(path).unwrap_err().kind, FilesErrorKind::NotFound);
        assert!(!files.exists(path).unwrap());
        files.write_atomic(path, b"one").unwrap();
        files
            .write_atomic("c:/programdata/MICROSOFT/trustsettings.XML", b"two")
            .unwrap();
        assert_eq!(files.read(path).unwrap(), b"two");
        assert!(files.exists(path).unwrap());
        assert_eq!(
            files.list(r"C:\ProgramData\Microsoft\").unwrap(),
            ["TrustSettings.xml"]
        );
        files.remove(path).unwrap();
        files.remove(path).unwrap();
        assert_eq!(files.read(path).unwrap_err().kind, FilesErrorKind::NotFound);
    });
}

#[test]
fn lists_files_of_one_folder_only() {
    both(|files| {
        for name in [
            r"C:\a\2.log",
            r"C:\a\1.log",
            r"C:\a\sub\3.log",
            r"C:\ab\4.log",
            r"D:\a\5.log",
        ] {
            files.append(name, b"line\n").unwrap();
            files.append(name, b"line\n").unwrap();
            assert_eq!(files.read(name).unwrap(), b"line\nline\n");
        }
        assert_eq!(files.list(r"C:\a").unwrap(), ["1.log", "2.log"]);
        assert_eq!(files.list(r"C:\").unwrap(), Vec::<String>::new());
        assert_eq!(files.list(r"C:\none").unwrap(), Vec::<String>::new());
    });
}

#[test]
fn a_held_file_can_be_written_and_its_lock_is_not_listed() {
    both(|files| {
        let path = r"C:\a\counter";
        let held = files.lock(path).unwrap();
        files.write_atomic(path, b"1").unwrap();
        drop(held);
        drop(files.lock(path).unwrap());
        assert_eq!(files.list(r"C:\a").unwrap(), ["counter"]);
        assert_eq!(files.lock("counter").unwrap_err().kind, FilesErrorKind::BadPath);
    });
}

#[test]
fn no_change_is_lost_between_those_who_hold_a_file() {
    const CHANGES: usize = 20;
    let folder = tempfile::tempdir().unwrap();
    let path = r"C:\a\counter";
    let count = |files: &RealFiles| files.read(path).map_or(0, |content| content.len());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let files = RealFiles::new(folder.path());
                for _ in 0..CHANGES {
                    let _held = files.lock(path).unwrap();
                    files.write_atomic(path, &vec![b'.'; count(&files) + 1]).unwrap();
                }
            });
        }
    });
    assert_eq!(count(&RealFiles::new(folder.path())), 4 * CHANGES);
}

#[test]
fn drives_and_ways_out_are_refused_everywhere() {
    both(|files| {
        for path in [r"C:\", r"C:\a\..\b", "/etc/passwd", ""] {
            assert_eq!(files.read(path).unwrap_err().kind, FilesErrorKind::BadPath);
            assert_eq!(
                files.write_atomic(path, b"").unwrap_err().kind,
                FilesErrorKind::BadPath
            );
            assert_eq!(files.append(path, b"").unwrap_err().kind, FilesErrorKind::BadPath);
            assert_eq!(files.remove(path).unwrap_err().kind, FilesErrorKind::BadPath);
        }
    });
}

#[test]
fn sizes_are_bounded() {
    both(|files| {
        let path = r"C:\big";
        let full = vec![0; MAX_FILE_BYTES];
        files.write_atomic(path, &full).unwrap();
        assert_eq!(files.read(path).unwrap().len(), MAX_FILE_BYTES);
        assert_eq!(
            files.append(path, b"x").unwrap_err().kind,
            FilesErrorKind::TooLarge
        );
        let over = vec![0; MAX_FILE_BYTES + 1];
        assert_eq!(
            files.write_atomic(path, &over).unwrap_err().kind,
            FilesErrorKind::TooLarge
        );
        assert_eq!(files.read(path).unwrap().len(), MAX_FILE_BYTES);
    });
}

#[test]
fn a_file_too_large_from_elsewhere_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let files = RealFiles::new(folder.path());
    files.write_atomic(r"C:\big", b"").unwrap();
    let outside = std::fs::File::options()
        .write(true)
        .open(files.locate(r"C:\big").unwrap())
        .unwrap();
    outside.set_len(MAX_FILE_BYTES as u64 + 1).unwrap();
    assert_eq!(files.read(r"C:\big").unwrap_err().kind, FilesErrorKind::TooLarge);
}

#[test]
fn a_kill_leaves_the_first_writes_and_nothing_of_the_later() {
    let files = SimFiles::new();
    files.write_atomic(r"C:\old", b"old").unwrap();
    files.crash_after(1);
    files.write_atomic(r"C:\new", b"new").unwrap();
    for attempt in [
        files.write_atomic(r"C:\old", b"x"),
        files.append(r"C:\old", b"x"),
        files.remove(r"C:\old"),
    ] {
        assert_eq!(attempt.unwrap_err().kind, FilesErrorKind::Crashed);
    }
    let survivor = files.clone();
    drop(files);
    survivor.restart();
    assert_eq!(survivor.mutations(), 2);
    assert_eq!(
        survivor.snapshot().into_keys().collect::<Vec<_>>(),
        [r"c:\new", r"c:\old"]
    );
    assert_eq!(survivor.read(r"C:\old").unwrap(), b"old");
    survivor.remove(r"C:\old").unwrap();
}

#[test]
fn leftovers_of_a_kill_are_not_listed() {
    let folder = tempfile::tempdir().unwrap();
    let files = RealFiles::new(folder.path());
    files.write_atomic(r"C:\a\file", b"").unwrap();
    std::fs::write(folder.path().join("C/a/1-0.provlab-tmp"), b"half").unwrap();
    assert_eq!(files.list(r"C:\a").unwrap(), ["file"]);
}

proptest! {
    #[test]
    fn no_path_leads_out_of_the_folder(path in r"[A-Z]:[\\/](\.\.?|[a-z ]{1,3})([\\/](\.\.?|[a-z ]{1,3})){0,3}") {
        let folder = tempfile::tempdir().unwrap();
        if let Ok(place) = RealFiles::new(folder.path()).locate(&path) {
            prop_assert!(place.starts_with(folder.path()));
            prop_assert!(place.components().all(|part| part != std::path::Component::ParentDir));
        }
    }
}
