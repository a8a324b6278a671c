//! The child side of a launch: from `clone` to the interpreter, as an ordered list of named steps.
//!
//! Nothing here allocates, locks or unwinds. All bytes were laid out by the parent
//! ([`Prepared`], [`RunFiles`]); each step is one call or a short fixed sequence, and a failure is
//! one record with the step and the errno. Imports `sys`, the record and nothing else of ours.
//!
//! Where the kernel's `clone3` is closed, an *intermediate* process comes first and enters the
//! namespaces for init. Two processes come out of it: *init*, process 1 of the pid namespace, which reaps and stands
//! guard at the exec gate, and the *guest*, which becomes the interpreter: a fresh one by `execve`, or,
//! forked from a warm one, by returning to it. A warm interpreter is large, so that only the guest is
//! forked from it, and *joins* the namespaces of an init that the launcher or its cradle has forked.
//!
//! Compiled twice: into the launcher, and for the library that a warm interpreter loads and the cradle (`warm/`).

mod birth;
mod guest;
mod init;
mod intermediate;
mod join;
mod mounts;
mod network;
mod prepared;

use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;

use super::record::{Record, Stage};
use crate::sys;

pub use birth::give_birth;
pub use join::give_guest;
pub use mounts::show_late_mounts;
pub use prepared::{
    Becomes, ChildWall, Given, GroupFiles, Guest, GuestFiles, InTwo, JoinFiles, LateMount,
    MountKind, Prepared, RESOURCE_LIMITS, ResourceLimit, RunFiles, Way, WritableDir,
};

/// A step that failed.
struct Failure {
    stage: Stage,
    errno: Errno,
}

/// Names a step in front of its result.
trait At<T> {
    fn at(self, stage: Stage) -> Result<T, Failure>;
}

impl<T> At<T> for nix::Result<T> {
    fn at(self, stage: Stage) -> Result<T, Failure> {
        self.map_err(|errno| Failure { stage, errno })
    }
}

/// A descriptor by the number it was put at. Without it there is nobody to tell, so the end.
fn borrowed(number: i32) -> BorrowedFd<'static> {
    sys::borrow(number).unwrap_or_else(|_| sys::exit_now(126))
}

fn tell(socket: BorrowedFd<'_>, record: Record) {
    // Nobody to tell means that the launcher is gone, and then so are we (parent death signal).
    let _ = sys::send(socket, &record.encode(), &[]);
}

fn tell_with(
    socket: BorrowedFd<'_>,
    record: Record,
    descriptor: BorrowedFd<'_>,
) -> nix::Result<()> {
    sys::send(socket, &record.encode(), &[descriptor]).map(drop)
}

/// Keeps a wall's absence from stopping the launch where the plan allows that, and tells of it.
fn tolerate(socket: impl AsFd, required: bool, result: Result<(), Failure>) -> Result<(), Failure> {
    match result {
        Err(failure) if !required => {
            tell(socket.as_fd(), Record::Missing(failure.stage, failure.errno as i32));
            Ok(())
        }
        other => other,
    }
}
