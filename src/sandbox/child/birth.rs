//! The birth of a run's first process, by the way that this host leaves open.

use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::sched::CloneFlags;
use nix::unistd::Pid;

use super::{Given, Way, init, intermediate};
use crate::sys::{self, Parentage};

/// Makes the run's first process, which waits to be let go: init, or the intermediate process that tells of it.
/// It is a child of the caller's or, where `clone3` is the way, of its parent's.
///
/// Only for a process with one thread.
///
/// # Errors
/// As `clone3(2)` and `fork(2)`; `EINVAL` if it can't be of that parentage.
pub fn give_birth(given: Given<'_>, parentage: Parentage) -> nix::Result<Pid> {
    if parentage == Parentage::Sibling && given.prepared.way != Way::Clone {
        return Err(Errno::EINVAL);
    }
    let (born, live): (_, fn(Given<'_>) -> !) = match given.prepared.way {
        Way::Clone => {
            let given_already =
                if given.prepared.network_given { CloneFlags::CLONE_NEWNET.bits() } else { 0 };
            let flags = (given.prepared.namespaces & !given_already).cast_unsigned().into();
            let group = given.files.groups.cloned_into.as_ref().map(AsFd::as_fd);
            (sys::clone_process(flags, parentage, group)?, init::run_init)
        }
        Way::Confined => (sys::fork(Parentage::Own)?, init::build_and_guard),
        Way::Unshare => (sys::fork(Parentage::Own)?, intermediate::run_intermediate),
    };
    Ok(born.unwrap_or_else(|| live(given)))
}
