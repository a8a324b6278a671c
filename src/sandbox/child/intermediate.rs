//! The intermediate process: between the launcher and init where `clone3` is closed and only
//! `unshare` leads into new namespaces, as under the seccomp profile of a container.

use std::os::fd::AsFd;

use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Pid, setpgid};

use super::super::record::{Record, Stage};
use super::{At, Failure, Prepared, RunFiles, init, tell};
use crate::sys;

/// Enters `namespaces`, forks init as a child of the launcher's, tells its process id and ends.
/// The launcher calls it in the forked child.
pub fn run_intermediate(prepared: &Prepared, files: &RunFiles, namespaces: CloneFlags) -> ! {
    match divide(files, namespaces) {
        Ok(None) => init::build_and_guard(prepared, files),
        Ok(Some(init)) => {
            tell(files.setup.as_fd(), Record::Init(init.as_raw()));
            sys::exit_now(0)
        }
        Err(failure) => init::give_up(files.setup.as_fd(), &failure),
    }
}

fn divide(files: &RunFiles, namespaces: CloneFlags) -> Result<Option<Pid>, Failure> {
    // The launcher finds an init by this group, should we end before we told of it.
    setpgid(Pid::from_raw(0), Pid::from_raw(0)).at(Stage::Clone)?;
    // Before the cgroup namespace, whose root is then the run's own group.
    init::join_groups(files).at(Stage::Cgroup)?;
    // All at once: a filter compares the one number, and can allow no other.
    unshare(namespaces).at(Stage::Clone)?;
    sys::fork_sibling().at(Stage::Fork)
}
