//! The `codemode` binary: a launcher if asked to be one, else the command line.

#![deny(unsafe_code)]

use std::process::ExitCode;

use codemode::bench::limit;
use codemode::harness::guard;
use codemode::prove::victim;
use codemode::sandbox::{client, launcher};
use codemode::sys;

fn main() -> ExitCode {
    // All that follows waits for children; a signal like SIGHUP stays ignored for whom `nohup` started.
    sys::heed([libc::SIGCHLD]);
    // Before anything else: the launcher has one thread and parses no arguments.
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next().as_deref().and_then(|first| first.to_str()) {
        Some(client::LAUNCHER_COMMAND) => launcher::main(),
        Some(guard::GUARD_COMMAND) => guard::main(arguments),
        Some(victim::VICTIM_COMMAND) => victim::main(),
        Some(limit::LIMIT_COMMAND) => limit::main(arguments),
        _ => codemode::cli::main(),
    }
}
