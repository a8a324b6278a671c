//! The birth of a run's first process, by the way that this host leaves open.

use std::os::fd::AsFd;

use nix::sched::CloneFlags;
use nix::unistd::Pid;

use super::{Given, Way, init, intermediate};
use crate::sys::{self, Parentage};

/// Makes the run's first process, a child of the caller's or of its parent's, which waits to be let
/// go: init, or the intermediate process that tells of it. `None` in a guest that becomes what the
/// caller is.
///
/// Only for a process with one thread.
///
/// # Errors
/// As `clone3(2)` and `fork(2)`.
pub fn give_birth(given: Given<'_>, parentage: Parentage) -> nix::Result<Option<Pid>> {
    let (born, live): (_, fn(Given<'_>)) = match given.prepared.way {
        Way::Clone => {
            let given_already =
                if given.prepared.network_given { CloneFlags::CLONE_NEWNET.bits() } else { 0 };
            let flags = (given.prepared.namespaces & !given_already).cast_unsigned().into();
            let group = given.files.groups.cloned_into.as_ref().map(AsFd::as_fd);
            (sys::clone_process(flags, group, parentage)?, init::run_init)
        }
        Way::Confined => (sys::fork(parentage)?, init::build_and_guard),
        Way::Unshare => (sys::fork(parentage)?, intermediate::run_intermediate),
    };
    if born.is_none() {
        live(given);
    }
    Ok(born)
}
