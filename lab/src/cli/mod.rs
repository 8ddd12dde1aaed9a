//! The command line: `lab run · list · lint · schema · up · doctor · gc`.

mod args;
mod doctor;
mod ending;
mod exit;
mod gc;
mod list;
mod progress;
mod run;
mod select;
mod up;

use clap::Parser as _;

use args::{Command, LabArgs};
pub use args::{Mock, ServeArgs};
pub use exit::Exit;

/// Runs the command line of this process and says with which status it ends.
pub fn main() -> Exit {
    let arguments = match LabArgs::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let asked_for = !error.use_stderr();
            let _ = error.print();
            return if asked_for { Exit::Passed } else { Exit::Usage };
        }
    };
    match arguments.command {
        Command::Run(run) => run::run(&arguments.scenarios, &run),
        Command::List { markdown } => list::list(&arguments.scenarios, markdown),
        Command::Lint { files } => list::lint(&arguments.scenarios, &files),
        Command::Schema => list::schema(),
        Command::Up(up) => up::up(&arguments.scenarios, &up),
        Command::Doctor => doctor::doctor(),
        Command::Gc => gc::gc(),
        Command::Serve(serve) => crate::stage::serve(&serve),
    }
}
