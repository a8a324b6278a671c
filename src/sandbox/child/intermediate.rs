//! The intermediate process: between the launcher and init where `clone3` is closed and only
//! `unshare` leads into new namespaces, as under the seccomp profile of a container.

use std::os::fd::AsFd;

use nix::sched::unshare;
use nix::unistd::{Pid, setpgid};

use super::super::record::{Record, Stage};
use super::{At, Failure, Given, init, tell};
use crate::sys::{self, Parentage};

/// Enters the namespaces, forks init as a child of the launcher's, tells its process id and ends.
pub(super) fn run_intermediate(given: Given<'_>) -> ! {
    let setup = given.files.setup.as_fd();
    match divide(given) {
        Ok(None) => init::build_and_guard(given),
        Ok(Some(init)) => {
            tell(setup, Record::Init(init.as_raw()));
            sys::exit_now(0)
        }
        Err(failure) => init::give_up(setup, &failure),
    }
}

fn divide(given: Given<'_>) -> Result<Option<Pid>, Failure> {
    // The launcher finds an init by this group, should we end before we told of it.
    setpgid(Pid::from_raw(0), Pid::from_raw(0)).at(Stage::Clone)?;
    // Before the cgroup namespace, whose root is then the run's own group.
    init::join_groups(&given.files.groups).at(Stage::Cgroup)?;
    // All at once: a filter compares the one number, and can allow no other.
    unshare(given.prepared.all_namespaces()).at(Stage::Clone)?;
    sys::fork(Parentage::Sibling).at(Stage::Fork)
}
