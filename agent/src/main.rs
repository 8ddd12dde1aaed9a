//! The program `provagent`.

fn main() -> std::process::ExitCode {
    provlab_agent::cli::main()
}
