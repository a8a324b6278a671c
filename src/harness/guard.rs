//! A process between the bench, or a proof, and a program it has started, so that the program never outlives
//! it: however that ends, the kernel closes its end of a pipe, and the guard ends the program.
//!
//! The parent death signal would not do: the service loses it when it gives up root's id.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, dup2_stdout};

use crate::sys;

/// The hidden command that makes the binary a guard; what follows is the program guarded and its arguments.
pub const GUARD_COMMAND: &str = "__guard";

/// How long the service may take to end by itself, in milliseconds; and again for what it leaves.
const GRACE: u16 = 8000;

/// Starts the program that the first of `arguments` names, with the others, and ends it as soon as
/// standard input does.
#[must_use]
pub fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let mut words = arguments;
    let Some(program) = words.next() else {
        eprintln!(
            "codemode: a guard is given no program; `codemode bench` and `codemode prove` start it"
        );
        return ExitCode::from(2);
    };
    match guard(Command::new(program).args(words).stdin(Stdio::null())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("codemode: the program guarded cannot be started or waited for: {error}");
            ExitCode::FAILURE
        }
    }
}

fn guard(command: &mut Command) -> io::Result<()> {
    // The service's launcher and runs end a moment after its front, as our children then.
    set_child_subreaper(true)?;
    let mut child = command.spawn()?;
    // Not reaped before `wait`, so this is the child and no other process.
    let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
    // Whoever reads what it prints learns of its end, and not of ours.
    dup2_stdout(File::options().write(true).open("/dev/null")?)?;
    let pidfd = sys::open_pidfd(Pid::from_raw(pid))?;
    let input = io::stdin();
    if !ends(&[pidfd.as_fd(), input.as_fd()], PollTimeout::NONE)?.first().is_some_and(|end| *end) {
        let _ = sys::kill_by_pidfd(pidfd.as_fd(), Signal::SIGTERM);
        if !ends(&[pidfd.as_fd()], GRACE.into())?.contains(&true) {
            let _ = sys::kill_by_pidfd(pidfd.as_fd(), Signal::SIGKILL);
        }
    }
    child.wait()?;
    reap_the_rest();
    Ok(())
}

fn reap_the_rest() {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(GRACE.into()) {
        match sys::reap_any() {
            Ok(None) => std::thread::sleep(Duration::from_millis(2)),
            Ok(Some(_)) | Err(Errno::EINTR) => {}
            // None is left.
            Err(_) => return,
        }
    }
}

/// Waits for one of them, and says which have come to their end.
fn ends(waited_for: &[BorrowedFd<'_>], patience: PollTimeout) -> nix::Result<Vec<bool>> {
    let mut all: Vec<_> = waited_for.iter().map(|fd| PollFd::new(*fd, PollFlags::POLLIN)).collect();
    while let Err(errno) = poll(&mut all, patience) {
        if errno != Errno::EINTR {
            return Err(errno);
        }
    }
    Ok(all.iter().map(|fd| fd.any().unwrap_or(true)).collect())
}
