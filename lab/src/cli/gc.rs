//! `lab gc`: removes what killed runs have left: folders of worlds, containers, and images of older recipes.

use super::Exit;
use crate::stage;

/// Removes what is left behind and says what it was.
pub(super) fn gc() -> Exit {
    let mut exit = Exit::Passed;
    let mut removed = 0;
    for folder in stage::left_behind() {
        match std::fs::remove_dir_all(&folder) {
            Ok(()) => {
                println!("removed {}", folder.display());
                removed += 1;
            }
            Err(error) => {
                eprintln!("{}: cannot be removed: {error}", folder.display());
                exit = Exit::Missing;
            }
        }
    }
    match stage::sweep_containers() {
        Ok(swept) => {
            for what in &swept {
                println!("removed {what}");
            }
            removed += swept.len();
        }
        // Without an engine there are no containers.
        Err(reason) => eprintln!("containers were not looked for: {reason}"),
    }
    if removed == 0 {
        println!("nothing was left behind");
    }
    exit
}
