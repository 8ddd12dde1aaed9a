//! Sees what an attack must not do: panic, hang, or take memory without end.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    sync::{Mutex, Once, PoisonError},
    time::{Duration, Instant},
};

/// Longest wall time of one case. Virtual waits take none; only an endless loop comes here.
const CASE_LIMIT: Duration = Duration::from_secs(60);

/// Most memory that this process may hold: several worlds, and the largest messages that their limits let in.
const MAX_RESIDENT_BYTES: usize = 2 << 30;

thread_local! {
    static PANICS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

static RUNNING: Mutex<BTreeMap<String, (String, Instant)>> = Mutex::new(BTreeMap::new());

/// Starts watching; later calls do nothing.
pub fn begin() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            // A world runs on the thread of its test, so this is where its tasks panic.
            PANICS.with_borrow_mut(|panics| panics.push(info.to_string()));
            usual(info);
        }));
        std::thread::spawn(|| {
            loop {
                std::thread::sleep(Duration::from_secs(1));
                let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some((case, _)) = running.values().find(|(_, begun)| begun.elapsed() > CASE_LIMIT) {
                    eprintln!("hangs for {CASE_LIMIT:?}: {case}");
                    std::process::exit(101);
                }
            }
        });
    });
}

/// A case of `door` begins.
pub fn case_begins(door: &str, replay: &str) {
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    running.insert(door.to_owned(), (replay.to_owned(), Instant::now()));
}

/// Every case of `door` is over.
pub fn door_ends(door: &str) {
    RUNNING
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .remove(door);
}

/// What panicked on this thread since the last call.
pub fn panics() -> Vec<String> {
    PANICS.with_borrow_mut(std::mem::take)
}

/// Checks the memory of this process, where the system tells it.
///
/// # Errors
/// How much it is.
pub fn memory() -> Result<(), String> {
    const PAGE_BYTES: usize = 4096;
    let Ok(text) = std::fs::read_to_string("/proc/self/statm") else {
        return Ok(());
    };
    let pages = text
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<usize>().ok())
        .unwrap_or(0);
    let resident = pages * PAGE_BYTES;
    if resident > MAX_RESIDENT_BYTES {
        Err(format!("{} MB are resident", resident >> 20))
    } else {
        Ok(())
    }
}
