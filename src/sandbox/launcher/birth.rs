//! The birth of a run's init: into namespaces of its own, by the way that this host leaves open.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sched::CloneFlags;
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

use super::failure::{Step, of_stage};
use super::host::{Host, Way};
use super::prepare;
use super::run::end_now;
use crate::policy::{NetworkMode, Wall};
use crate::sandbox::child::{RunFiles, run_confined, run_init, run_intermediate};
use crate::sandbox::enforced::Refusal;
use crate::sandbox::record::{Record, Stage};
use crate::sys::{self, Cloned};

/// All but the cgroup namespace, which is entered once the process is in its groups.
fn namespaces(network: NetworkMode) -> CloneFlags {
    let all = CloneFlags::CLONE_NEWUSER
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS;
    if network == NetworkMode::All { all - CloneFlags::CLONE_NEWNET } else { all }
}

/// Makes init, a child of this process, which waits to be let go. `ours` is our end of its socket.
///
/// # Errors
/// A refusal; no process is left then.
pub fn give(
    host: &Host,
    files: RunFiles,
    group: Option<BorrowedFd<'_>>,
    ours: BorrowedFd<'_>,
) -> Result<(Pid, OwnedFd), Refusal> {
    let namespaces = namespaces(host.plan.network);
    match host.way {
        Way::Clone => {
            let flags = namespaces.bits().cast_unsigned().into();
            let cloned = sys::clone_process(flags, group).step("clone", Wall::UserNamespace)?;
            match cloned {
                Cloned::Child => run_init(&host.prepared, &files),
                Cloned::Parent { pid, pidfd } => Ok((pid, pidfd)),
            }
        }
        Way::Confined => {
            let Some(init) = sys::fork().step("fork", None)? else {
                run_confined(&host.prepared, &files)
            };
            drop(files);
            Ok((init, sys::open_pidfd(init).step("pidfd", None)?))
        }
        Way::Unshare => {
            let all = namespaces | CloneFlags::CLONE_NEWCGROUP;
            let Some(intermediate) = sys::fork().step("fork", None)? else {
                run_intermediate(&host.prepared, &files, all)
            };
            drop(files);
            let _ = waitpid(intermediate, None);
            adopt(intermediate, ours)
        }
    }
}

/// Takes over the init of which an intermediate process told before it ended.
fn adopt(intermediate: Pid, ours: BorrowedFd<'_>) -> Result<(Pid, OwnedFd), Refusal> {
    let (mut init, mut failed) = (None, None);
    let mut bytes = [0; Record::SIZE];
    while let Ok((length @ 1.., _)) = sys::receive(ours, &mut bytes, 0) {
        match bytes.get(..length).and_then(Record::decode) {
            Some(Record::Init(pid)) => init = Some(Pid::from_raw(pid)),
            Some(Record::Failed(stage, errno)) => failed = Some((stage, errno)),
            _ => {}
        }
    }
    let pidfd = match init {
        Some(pid) => sys::open_pidfd(pid).map(|pidfd| (pid, pidfd)),
        None => Err(Errno::ECHILD),
    };
    match (pidfd, failed) {
        (Ok(born), None) => return Ok(born),
        (Ok((pid, pidfd)), Some(_)) => end_now(pid, pidfd.as_fd()),
        // Without a word it gets none from us either, and ends.
        (Err(_), _) => end_group(intermediate),
    }
    let (stage, errno) = failed.unwrap_or((Stage::Clone, Errno::ECHILD as i32));
    Err(of_stage(stage, errno))
}

/// Ends and reaps a child that is known only by the group that its intermediate process led.
fn end_group(leader: Pid) {
    let group = Pid::from_raw(-leader.as_raw());
    let _ = nix::sys::signal::kill(group, nix::sys::signal::Signal::SIGKILL);
    while matches!(waitpid(group, None), Ok(_) | Err(Errno::EINTR)) {}
}

/// Maps the ids of a new init, and makes it the first to go should memory run out on the host.
///
/// # Errors
/// A refusal naming the id map.
pub fn admit(host: &Host, init: Pid, slot: u32) -> Result<(), Refusal> {
    if host.way != Way::Confined {
        map_ids(init, host.inner_map(slot)).step("id map", Wall::UserNamespace)?;
    }
    if !host.counts("memory") {
        // Nothing but this tells the kernel whose memory it was. Inherited by all that follows; to
        // take it back is to write below /proc, which Landlock refuses.
        fs::write(format!("/proc/{init}/oom_score_adj"), "1000").step("memory", None)?;
    }
    Ok(())
}

fn map_ids(init: Pid, outside: (u32, u32)) -> io::Result<()> {
    let inside = prepare::INSIDE_ID;
    let map = |file: &str, outside: u32| {
        fs::write(format!("/proc/{init}/{file}"), format!("{inside} {outside} 1"))
    };
    map("uid_map", outside.0)?;
    map("gid_map", outside.1)
}
