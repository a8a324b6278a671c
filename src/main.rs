//! The `codemode` binary: a launcher if asked to be one, else the command line.

#![deny(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    // Before anything else: the launcher has one thread and parses no arguments.
    if std::env::args_os()
        .nth(1)
        .is_some_and(|arg| arg == codemode::sandbox::client::LAUNCHER_COMMAND)
    {
        return codemode::sandbox::launcher::main();
    }
    codemode::cli::main()
}
