//! The birth of a run's init: into namespaces of its own, by the way that this host leaves open.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

use super::failure::{Step, of_stage};
use super::host::Host;
use super::prepare;
use super::run::end_now;
use super::warm::{Unborn, Warm};
use crate::policy::Wall;
use crate::sandbox::child::{Given, RunFiles, Way, give_birth};
use crate::sandbox::enforced::Refusal;
use crate::sandbox::record::{Record, Stage};
use crate::sys::{self, Parentage};

/// A new init, which waits to be let go.
pub struct Born {
    /// Its process id, a child of this process.
    pub pid: Pid,
    /// Refers to it.
    pub pidfd: OwnedFd,
    /// Our end of its socket.
    pub ours: OwnedFd,
    /// Whether it was forked from the warm interpreter.
    pub warm: bool,
}

/// A pair of sockets between us (not blocking) and an init.
///
/// # Errors
/// As `socketpair(2)`.
pub fn setup_sockets() -> nix::Result<(OwnedFd, OwnedFd)> {
    let flags = SockFlag::SOCK_CLOEXEC;
    let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags)?;
    fcntl(&ours, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok((ours, theirs))
}

/// Makes an init: forked from `warm`, or by this process itself if there is none or it is lost over it.
/// `ours` is our end of the socket in `files`.
///
/// # Errors
/// A refusal; no process is left then.
pub fn give(
    host: &Host,
    warm: Option<&Warm>,
    mut files: RunFiles,
    mut ours: OwnedFd,
) -> Result<Born, Refusal> {
    if let Some(warm) = warm {
        match warm.fork(&files) {
            Ok(first) => {
                drop(files);
                let (pid, pidfd) = find_init(host, first, ours.as_fd())?;
                return Ok(Born { pid, pidfd, ours, warm: true });
            }
            Err(Unborn::Refused(refusal)) => return Err(refusal),
            // What it may have forked all the same hears nothing on the old socket, and ends.
            Err(Unborn::Gone) => (ours, files.setup) = setup_sockets().step("socket", None)?,
        }
    }
    let given = Given { prepared: &host.prepared, becomes: &host.becomes, files: &files };
    let first = give_birth(given, Parentage::Own).step("clone", Wall::UserNamespace)?;
    // Whoever becomes another program doesn't come back.
    let Some(first) = first else { sys::exit_now(127) };
    drop(files);
    let (pid, pidfd) = find_init(host, first, ours.as_fd())?;
    Ok(Born { pid, pidfd, ours, warm: false })
}

/// The init that the run's first process is, or makes.
fn find_init(host: &Host, first: Pid, ours: BorrowedFd<'_>) -> Result<(Pid, OwnedFd), Refusal> {
    match host.way() {
        Way::Clone | Way::Confined => Ok((first, sys::open_pidfd(first).step("pidfd", None)?)),
        Way::Unshare => {
            let _ = waitpid(first, None);
            adopt(first, ours)
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
    if host.way() != Way::Confined {
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
