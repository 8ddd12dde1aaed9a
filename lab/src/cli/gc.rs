//! `lab gc`: removes the world folders of runs that were killed.

use super::Exit;
use crate::stage::left_behind;

/// Removes what is left behind and says what it was.
pub(super) fn gc() -> Exit {
    let mut exit = Exit::Passed;
    let folders = left_behind();
    for folder in &folders {
        match std::fs::remove_dir_all(folder) {
            Ok(()) => println!("removed {}", folder.display()),
            Err(error) => {
                eprintln!("{}: cannot be removed: {error}", folder.display());
                exit = Exit::Missing;
            }
        }
    }
    if folders.is_empty() {
        println!("nothing was left behind");
    }
    exit
}
