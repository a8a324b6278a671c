//! The birth of a run's init: into namespaces of its own, by the way that this host leaves open.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::Pid;

use super::cradle::{Cradle, Forked};
use super::failure::{Step, fail, of_stage};
use super::groups::Groups;
use super::host::Host;
use super::networks::{Network, Networks};
use super::prepare;
use crate::policy::{Limits, Wall};
use crate::sandbox::child::{
    Given, GroupFiles, Guest, GuestFiles, JoinFiles, RunFiles, Way, give_birth,
};
use crate::sandbox::enforced::Refusal;
use crate::sandbox::order::LARGEST;
use crate::sandbox::record::{Record, Stage};
use crate::sys::{self, Parentage};

/// A child of this process.
pub struct Child {
    /// Its process id.
    pub pid: Pid,
    /// Refers to it.
    pub pidfd: OwnedFd,
}

impl Child {
    /// One that was not reaped.
    ///
    /// # Errors
    /// A refusal, when descriptors run out; it is killed and reaped then, for nobody else knows of it.
    pub fn of(pid: Pid) -> Result<Self, Refusal> {
        let pidfd = sys::open_pidfd(pid).step("pidfd", None).inspect_err(|_| {
            // Not reaped yet, so the id is still its own.
            let _ = kill(pid, Signal::SIGKILL);
            let _ = waitpid(pid, None);
        })?;
        Ok(Self { pid, pidfd })
    }

    /// Kills it, with its pid namespace if it is an init.
    pub fn kill(&self) {
        // ESRCH: it is gone already, which is what was asked for.
        let _ = sys::kill_by_pidfd(self.pidfd.as_fd(), Signal::SIGKILL);
    }

    /// How it ended, for people; `None` if it goes on for a second. It stays to be reaped.
    #[must_use]
    pub fn how_it_ended(&self) -> Option<String> {
        if !await_word(self.pidfd.as_fd(), Duration::from_secs(1)) {
            return None;
        }
        Some(match waitid(Id::Pid(self.pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) {
            Ok(WaitStatus::Signaled(_, signal, _)) => format!("it was ended by {signal}"),
            Ok(WaitStatus::Exited(_, code)) => format!("it ended with exit code {code}"),
            _ => "it ended".to_owned(),
        })
    }

    /// Kills it, with its pid namespace if it is an init, and reaps it.
    pub fn end(&self) {
        self.kill();
        let _ = waitpid(self.pid, None);
    }
}

/// What has been born for a run.
pub struct Born {
    /// Process 1 of the run.
    pub init: Child,
    /// Our end of init's socket.
    pub ours: OwnedFd,
    /// What it was made with, where its guest is still to be forked from the warm interpreter, so that it
    /// can be made anew should that be lost.
    pub ordered: Option<Box<Needs>>,
    /// The run's network namespace, where it is to be handed on.
    pub network: Option<Network>,
}

/// Descriptors that the front hands over for a run.
pub struct Handed {
    /// Standard input.
    pub stdin: OwnedFd,
    /// Standard output.
    pub stdout: OwnedFd,
    /// Standard error.
    pub stderr: OwnedFd,
    /// The guest's end of the control socket.
    pub control: OwnedFd,
}

/// What a run's processes are made with.
pub struct Needs {
    /// Which host id it gets, as an offset.
    pub slot: u32,
    /// Its control groups.
    pub groups: GroupFiles,
    /// Its guest's.
    pub guest: GuestFiles,
    /// Mount options of its scratch file system.
    pub scratch_options: CString,
}

impl Needs {
    /// For a run in these groups, with these limits and descriptors.
    ///
    /// # Errors
    /// A refusal.
    pub fn of(
        host: &Host,
        slot: u32,
        limits: &Limits,
        handed: Handed,
        groups: &Groups,
    ) -> Result<Self, Refusal> {
        let ruleset = match &host.landlock {
            Ok(landlock) => landlock
                .ruleset()
                .map_err(|error| std::io::Error::other(error.to_string()))
                .step("landlock ruleset", Wall::Landlock)?,
            Err(_) => None,
        };
        let (memory, processes) = (host.counts("memory"), host.counts("pids"));
        let cloned_into = groups.v2().map(|group| group.try_clone_to_owned()).transpose();
        let joined = groups.entries(host.way() == Way::Unshare);
        Ok(Self {
            slot,
            groups: GroupFiles {
                cloned_into: cloned_into.step("cgroup", None)?,
                joined: joined.step("cgroup", Wall::CgroupMemory)?,
            },
            guest: GuestFiles {
                stdin: handed.stdin,
                stdout: handed.stdout,
                stderr: handed.stderr,
                control: handed.control,
                ruleset,
                rlimits: prepare::rlimits(limits, memory, processes, host.way() == Way::Confined),
                open_files: u64::from(limits.open_files),
            },
            scratch_options: prepare::scratch_options(&host.plan, limits)?,
        })
    }
}

/// A pair of sockets between us (not blocking) and an init.
fn setup_sockets() -> nix::Result<(OwnedFd, OwnedFd)> {
    let (ours, theirs) = sockets()?;
    fcntl(&ours, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok((ours, theirs))
}

fn sockets() -> nix::Result<(OwnedFd, OwnedFd)> {
    socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)
}

/// A pair of sockets between us and a process that is given orders, which finds in its own what is the same for every
/// run.
///
/// # Errors
/// A refusal of this `stage`.
pub fn order_sockets(host: &Host, stage: &str) -> Result<(OwnedFd, OwnedFd), Refusal> {
    let (ours, theirs) = sockets().step(stage, None)?;
    let prepared = serde_json::to_vec(&host.prepared).map_err(io::Error::from).step(stage, None)?;
    if prepared.len() > LARGEST {
        return Err(fail(stage, None, &io::ErrorKind::FileTooLarge.into()));
    }
    sys::send(ours.as_fd(), &prepared, &[]).step(stage, None)?;
    Ok((ours, theirs))
}

/// Waits until there is something to read, for `patience` at most; `false` if there is nothing.
pub fn await_word(socket: BorrowedFd<'_>, patience: Duration) -> bool {
    let mut ready = [PollFd::new(socket, PollFlags::POLLIN)];
    let timeout = PollTimeout::try_from(patience).unwrap_or(PollTimeout::MAX);
    loop {
        match poll(&mut ready, timeout) {
            Err(Errno::EINTR) => {}
            heard => return matches!(heard, Ok(1..)),
        }
    }
}

/// Where a run's processes come from that has a warm interpreter.
pub struct Origin<'a, F> {
    /// Forks init.
    pub cradle: &'a mut Cradle,
    /// Orders the guest from the interpreter, to join init when that is there.
    pub order: F,
}

/// Makes a run's init, by this process, and has that make the guest; and lets them go.
///
/// # Errors
/// A refusal; no process is left then.
pub fn give_cold(
    host: &Host,
    networks: Option<&mut Networks>,
    needs: Needs,
) -> Result<Born, Refusal> {
    let (ours, setup) = setup_sockets().step("socket", None)?;
    let Needs { slot, groups, guest, scratch_options } = needs;
    let files = RunFiles { setup, groups, guest: Guest::Forked(Box::new(guest)), scratch_options };
    let (init, network) = fork(host, networks, &files, ours.as_fd())?;
    let_go(host, &init, slot, ours.as_fd())?;
    Ok(Born { init, ours, ordered: None, network })
}

/// Makes a run's init, by the cradle, or this process where there is none, and the guest by the warm interpreter at the
/// same time; and lets them go.
///
/// # Errors
/// A refusal; no process is left then.
pub fn give_warm<F: FnOnce(&JoinFiles)>(
    host: &Host,
    mut networks: Option<&mut Networks>,
    Origin { cradle, order }: Origin<'_, F>,
    needs: Needs,
) -> Result<Born, Refusal> {
    let Needs { slot, groups, guest, scratch_options } = needs;
    let (mut files, mut ours, mut report) = joined_by(groups, scratch_options)?;
    let (init, network) = match cradle.fork(networks.as_deref_mut(), &files)? {
        Forked::Init(init, network) => (init, network),
        Forked::Nothing => fork(host, networks, &files, ours.as_fd())?,
        Forked::Lost => {
            // What it may have forked finds nobody at the other end of its sockets, and ends.
            let RunFiles { groups, scratch_options, .. } = files;
            (files, ours, report) = joined_by(groups, scratch_options)?;
            fork(host, networks, &files, ours.as_fd())?
        }
    };
    let RunFiles { groups, scratch_options, .. } = files;
    let ways = ways_in(&init).step("join namespaces", None).inspect_err(|_| init.end())?;
    let_go(host, &init, slot, ours.as_fd())?;
    let files = JoinFiles { init: ways.0, pid_namespace: ways.1, report, groups, guest };
    order(&files);
    let JoinFiles { groups, guest, .. } = files;
    let ordered = Some(Box::new(Needs { slot, groups, guest, scratch_options }));
    Ok(Born { init, ours, ordered, network })
}

/// What an init is given that a guest from elsewhere joins; our end of its socket, and the guest's of theirs.
fn joined_by(
    groups: GroupFiles,
    scratch_options: CString,
) -> Result<(RunFiles, OwnedFd, OwnedFd), Refusal> {
    let (ours, setup) = setup_sockets().step("socket", None)?;
    let (inits, report) = sockets().step("socket", None)?;
    Ok((RunFiles { setup, groups, guest: Guest::Joins(inits), scratch_options }, ours, report))
}

/// What leads into the namespaces of an init that waits: it, and its pid namespace.
fn ways_in(init: &Child) -> io::Result<(OwnedFd, OwnedFd)> {
    let pid_namespace = fs::File::open(format!("/proc/{}/ns/pid", init.pid))?;
    Ok((init.pidfd.try_clone()?, pid_namespace.into()))
}

/// Forks a run's first process from this one, and finds its init.
fn fork(
    host: &Host,
    networks: Option<&mut Networks>,
    files: &RunFiles,
    ours: BorrowedFd<'_>,
) -> Result<(Child, Option<Network>), Refusal> {
    let given = Given { prepared: &host.prepared, becomes: Some(&host.becomes), files };
    let birth = || give_birth(given, Parentage::Own);
    let (network, first) = match networks {
        Some(networks) => {
            let (network, first) =
                networks.within(birth).step("network namespace", Wall::NetworkNamespace)?;
            (Some(network), first)
        }
        None => (None, birth()),
    };
    let first = first.step("clone", Wall::UserNamespace)?;
    Ok((find_init(host, first, ours)?, network))
}

/// Admits an init, and lets it build.
fn let_go(host: &Host, init: &Child, slot: u32, ours: BorrowedFd<'_>) -> Result<(), Refusal> {
    admit(host, init.pid, slot)
        .and_then(|()| sys::send(ours, &[1], &[]).step("start", None).map(drop))
        .inspect_err(|_| init.end())
}

/// The init that the run's first process is, or makes.
fn find_init(host: &Host, first: Pid, ours: BorrowedFd<'_>) -> Result<Child, Refusal> {
    match host.way() {
        Way::Clone | Way::Confined => Child::of(first),
        Way::Unshare => {
            let _ = waitpid(first, None);
            adopt(first, ours)
        }
    }
}

/// Takes over the init of which an intermediate process told before it ended.
fn adopt(intermediate: Pid, ours: BorrowedFd<'_>) -> Result<Child, Refusal> {
    let (mut init, mut failed) = (None, None);
    let mut bytes = [0; Record::SIZE];
    while let Ok((length @ 1.., _)) = sys::receive(ours, &mut bytes, 0) {
        match bytes.get(..length).and_then(Record::decode) {
            Some(Record::Init(pid)) => init = Some(Pid::from_raw(pid)),
            Some(Record::Failed(stage, errno)) => failed = Some((stage, errno)),
            _ => {}
        }
    }
    let child = init.ok_or(()).and_then(|pid| Child::of(pid).map_err(drop));
    match (child, failed) {
        (Ok(child), None) => return Ok(child),
        (Ok(child), Some(_)) => child.end(),
        // Without a word it gets none from us either, and ends.
        (Err(_), _) => end_group(intermediate),
    }
    let (stage, errno) = failed.unwrap_or((Stage::Clone, Errno::ECHILD as i32));
    Err(of_stage(stage, errno))
}

/// Ends and reaps a child that is known only by the group that its intermediate process led.
fn end_group(leader: Pid) {
    let group = Pid::from_raw(-leader.as_raw());
    let _ = kill(group, Signal::SIGKILL);
    while matches!(waitpid(group, None), Ok(_) | Err(Errno::EINTR)) {}
}

/// Maps the ids of a new init, and makes it the first to go should memory run out on the host.
fn admit(host: &Host, init: Pid, slot: u32) -> Result<(), Refusal> {
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
