//! The `stevedore` program.

fn main() -> std::process::ExitCode {
    stevedore_cli::main()
}
