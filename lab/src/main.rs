//! The `lab` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    // On the real stages each host's agent is a process of this same file, started under the agent's name.
    if provlab::stage::started_as_agent() {
        return provlab_agent::cli::main();
    }
    std::process::Termination::report(provlab::cli::main())
}
