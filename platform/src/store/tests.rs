//! The same assertions on memory and on a file.
#![allow(clippy::unwrap_used)]

use super::*;

fn both(check: impl Fn(&dyn Store)) {
    check(&MemoryStore::new());
    let folder = tempfile::tempdir().unwrap();
    check(&RedbStore::open(folder.path().join("state.redb")).unwrap());
}

fn row(key: &str, value: &str) -> (Vec<u8>, Vec<u8>) {
    (key.into(), value.into())
}

#[test]
fn batches_apply_in_their_order_and_rows_come_sorted() {
    both(|store| {
        assert!(store.load("users").unwrap().is_empty());
        let mut batch = Batch::new();
        batch
            .put("users", "b", "1")
            .put("users", "a", "1")
            .put("groups", "g", "1");
        batch
            .put("users", "b", "2")
            .remove("groups", "g")
            .remove("nothing", "there");
        assert_eq!(batch.len(), 6);
        store.commit(batch).unwrap();
        assert_eq!(store.load("users").unwrap(), [row("a", "1"), row("b", "2")]);
        assert!(store.load("groups").unwrap().is_empty());
        let mut more = Batch::new();
        more.remove("users", "a");
        let mut whole = Batch::new();
        whole.put("users", "c", "3").append(more);
        store.commit(whole).unwrap();
        assert_eq!(store.load("users").unwrap(), [row("b", "2"), row("c", "3")]);
        assert!(Batch::new().is_empty());
        store.commit(Batch::new()).unwrap();
    });
}

#[test]
fn a_batch_over_a_limit_changes_nothing() {
    both(|store| {
        let name = "t".repeat(MAX_TABLE_NAME_BYTES);
        let key = vec![1; MAX_KEY_BYTES];
        let mut fits = Batch::new();
        fits.put(&name, key.clone(), "v")
            .put("t", "k", vec![0; MAX_VALUE_BYTES]);
        store.commit(fits).unwrap();
        assert_eq!(store.load(&name).unwrap().len(), 1);
        let over: [(String, Vec<u8>, Vec<u8>); 3] = [
            (format!("{name}t"), b"k".to_vec(), Vec::new()),
            (name.clone(), [key, vec![1]].concat(), Vec::new()),
            (name.clone(), b"k".to_vec(), vec![0; MAX_VALUE_BYTES + 1]),
        ];
        for (table, key, value) in over {
            let mut batch = Batch::new();
            batch.put(&name, "first", "v").put(table, key, value);
            assert!(matches!(store.commit(batch), Err(StoreError::TooLarge { .. })));
        }
        assert_eq!(store.load(&name).unwrap().len(), 1);
    });
}

#[test]
fn a_file_keeps_what_was_committed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.redb");
    let mut batch = Batch::new();
    batch.put("t", "k", "v");
    RedbStore::open(&path).unwrap().commit(batch).unwrap();
    assert_eq!(
        RedbStore::open(&path).unwrap().load("t").unwrap(),
        [row("k", "v")]
    );
    std::fs::write(&path, b"this is no store").unwrap();
    let error = RedbStore::open(&path).unwrap_err().to_string();
    assert!(error.contains("state.redb"), "{error}");
}

#[test]
fn a_kill_between_commits() {
    let store = MemoryStore::new();
    store.crash_after(1);
    for (key, lives) in [("a", true), ("b", false)] {
        let mut batch = Batch::new();
        batch.put("t", key, "v").put("u", key, "v");
        assert_eq!(store.clone().commit(batch).is_ok(), lives);
    }
    store.restart();
    assert_eq!(
        (
            store.load("t").unwrap().len(),
            store.load("u").unwrap().len(),
            store.commits()
        ),
        (1, 1, 1)
    );
}
