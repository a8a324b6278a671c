//! A guest that is forked from a warm interpreter, and joins the namespaces which an init has built.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sched::{CloneFlags, setns};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Pid, close, setsid, write};

use super::super::record::Stage;
use super::{At, Becomes, ChildWall, Failure, JoinFiles, Prepared, borrowed, guest, init};
use crate::sys::{self, HotPages};

/// Where init is referred to, once descriptors are arranged.
const INIT: i32 = 6;

/// Forks a run's guest, a child of the caller's parent, into the pid namespace of its init. `None` in
/// the guest, once it has joined the rest and every wall stands.
///
/// Only for a process with one thread and `CAP_SYS_ADMIN` in its own user namespace, which owns those of
/// its inits.
///
/// # Errors
/// As `setns(2)` and `clone3(2)`; `ENOMEM` if init is gone.
pub fn give_guest(
    prepared: &Prepared,
    becomes: &Becomes,
    files: &JoinFiles,
) -> nix::Result<Option<Pid>> {
    let Becomes::Itself { thread, hot, .. } = becomes else { return Err(Errno::EINVAL) };
    // For children only: the caller stays where it is.
    setns(files.pid_namespace.as_fd(), CloneFlags::CLONE_NEWPID)?;
    let group = files.groups.cloned_into.as_ref().map(AsFd::as_fd);
    let guest = sys::clone_sibling_keeping(*thread, group)?;
    if guest.is_none() {
        if let Err(failure) = join(prepared, hot, files) {
            // Where the socket is by now depends on how far it came.
            guest::give_up(told_by(files), &failure);
        }
        guest::confine_and_become(prepared, becomes, &files.guest);
    }
    Ok(guest)
}

fn told_by(files: &JoinFiles) -> BorrowedFd<'_> {
    sys::borrow(guest::REPORT).unwrap_or(files.report.as_fd())
}

fn join(prepared: &Prepared, hot: &HotPages, files: &JoinFiles) -> Result<(), Failure> {
    init::join_groups(&files.groups).at(Stage::Cgroup)?;
    if prepared.first_to_go {
        go_first().at(Stage::Cgroup)?;
    }
    arrange(files).at(Stage::Descriptors)?;
    // In the groups, to which it counts, and while init still builds.
    hot.touch();
    let report = borrowed(guest::REPORT);
    // Until init has built what is joined.
    init::wait_for_go(report).at(Stage::Start)?;
    setns(borrowed(INIT), prepared.all_namespaces() - CloneFlags::CLONE_NEWPID).at(Stage::Join)?;
    close(INIT).at(Stage::Join)?;
    init::take_ids(prepared.id).at(Stage::Ids)?;
    // With the launcher, as init does.
    set_pdeathsig(Signal::SIGKILL).at(Stage::ParentDeath)?;
    if prepared.puts_up(ChildWall::Session) {
        setsid().map(drop).at(Stage::Session)?;
    }
    umask(Mode::from_bits_truncate(0o022));
    Ok(())
}

/// By the launcher's /proc, which is still in sight. For init the launcher does it.
fn go_first() -> nix::Result<()> {
    let score =
        open(c"/proc/self/oom_score_adj", OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    write(&score, b"1000").map(drop)
}

fn arrange(files: &JoinFiles) -> nix::Result<()> {
    let guest = &files.guest;
    let report = files.report.as_raw_fd();
    let ruleset = guest.ruleset.as_ref().map_or(report, AsRawFd::as_raw_fd);
    sys::keep_only(&[
        (guest.stdin.as_raw_fd(), false),
        (guest.stdout.as_raw_fd(), false),
        (guest.stderr.as_raw_fd(), false),
        (guest.control.as_raw_fd(), false),
        (report, true),
        (ruleset, true),
        (files.init.as_raw_fd(), true),
    ])
}
