//! Init: process 1 of the sandbox. It builds what is the sandbox's as a whole, starts the guest,
//! then seals itself and waits.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::{set_dumpable, set_no_new_privs, set_pdeathsig};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::sys::stat::{Mode, umask};
use nix::sys::wait::WaitStatus;
use nix::unistd::{Gid, Pid, Uid, getpid, sethostname, setresgid, setresuid, setsid, write};

use super::super::record::{Record, Stage};
use super::{
    At, ChildWall, Failure, Given, GroupFiles, Guest, GuestFiles, Prepared, RunFiles, borrowed,
    guest, mounts, network, tell, tell_with, tolerate,
};
use crate::sys::{self, Knock, Parentage};

/// Host name inside.
const HOST_NAME: &str = "sandbox";

/// Descriptors by number. Everything else that the launcher had open is closed before anything
/// is done.
const SETUP: i32 = 0;
const STDIN: i32 = 1;
const STDOUT: i32 = 2;
const STDERR: i32 = 3;
const CONTROL: i32 = 4;
const RULESET: i32 = 5;

/// Descriptors by number once the guest is forked.
const REPORT: i32 = 1;
const CHILDREN: i32 = 2;

/// Runs as process 1 until the guest has ended.
pub(super) fn run_init(given: Given<'_>) -> ! {
    let joined = join_groups(&given.files.groups).at(Stage::Cgroup).and_then(|()| {
        if !given.prepared.puts_up(ChildWall::CgroupNamespace) {
            return Ok(());
        }
        // After that, so that its root is the run's own group.
        unshare(CloneFlags::CLONE_NEWCGROUP).at(Stage::CgroupNamespace)
    });
    if let Err(failure) = joined {
        give_up(given.files.setup.as_fd(), &failure);
    }
    build_and_guard(given)
}

/// The same in the namespaces and groups that the process is in already: those that an intermediate
/// process entered for it, or the launcher's own.
pub(super) fn build_and_guard(given: Given<'_>) -> ! {
    if let Err(errno) = keep_the_runs_own(given.files) {
        give_up(given.files.setup.as_fd(), &Failure { stage: Stage::Descriptors, errno });
    }
    // From here on only the fixed numbers are right; nothing drops the old owners.
    let go_on = || match &given.files.guest {
        Guest::Forked(files) => fork_guest(given, files).map(Some),
        Guest::Joins(_) => admit_guest().map(|()| None),
    };
    match build(given.prepared, given.files).and_then(|()| go_on()) {
        Ok(guest) => see_off_and_guard(given, guest),
        Err(failure) => give_up(borrowed(SETUP), &failure),
    }
}

pub(super) fn give_up(setup: BorrowedFd<'_>, failure: &Failure) -> ! {
    tell(setup, Record::Failed(failure.stage, failure.errno as i32));
    sys::exit_now(127)
}

/// Joins the control groups that it was not cloned into. One thread and no other process yet: everything
/// that follows is born inside.
pub(super) fn join_groups(groups: &GroupFiles) -> nix::Result<()> {
    groups.joined.iter().try_for_each(|group| write(group, b"0").map(drop))
}

fn keep_the_runs_own(files: &RunFiles) -> nix::Result<()> {
    let setup = files.setup.as_raw_fd();
    let guest = match &files.guest {
        Guest::Forked(guest) => guest,
        Guest::Joins(report) => {
            return sys::keep_only(&[(setup, true), (report.as_raw_fd(), true)]);
        }
    };
    let ruleset = guest.ruleset.as_ref().map_or(setup, AsRawFd::as_raw_fd);
    let kept = [
        setup,
        guest.stdin.as_raw_fd(),
        guest.stdout.as_raw_fd(),
        guest.stderr.as_raw_fd(),
        guest.control.as_raw_fd(),
        ruleset,
    ];
    sys::keep_only(&kept.map(|number| (number, true)))
}

fn build(prepared: &Prepared, files: &RunFiles) -> Result<(), Failure> {
    let setup = borrowed(SETUP);
    wait_for_go(setup).at(Stage::Start)?;
    if !prepared.confined() {
        take_ids(prepared.id).at(Stage::Ids)?;
    }
    die_with_launcher(setup).at(Stage::ParentDeath)?;
    if !prepared.confined() {
        furnish(prepared, files, setup)?;
    }
    if prepared.puts_up(ChildWall::Session) {
        setsid().map(drop).at(Stage::Session)?;
    }
    umask(Mode::from_bits_truncate(0o022));
    // Of a process that can't be dumped nobody gets to see the namespaces, so a guest joins first.
    set_dumpable(matches!(files.guest, Guest::Joins(_))).at(Stage::Undumpable)
}

/// Makes what the run's own namespaces hold.
fn furnish(
    prepared: &Prepared,
    files: &RunFiles,
    setup: BorrowedFd<'static>,
) -> Result<(), Failure> {
    let scratch = mounts::scratch(prepared, &files.scratch_options).at(Stage::Scratch)?;
    tell_with(setup, Record::Scratch, scratch.as_fd()).at(Stage::Scratch)?;
    mounts::late_mounts(prepared).at(Stage::LateMounts)?;
    proc(prepared, setup)?;
    if prepared.puts_up(ChildWall::UtsNamespace) {
        sethostname(HOST_NAME).at(Stage::HostName)?;
    }
    if let Some(port) = prepared.proxy_port {
        sys::loopback_up().at(Stage::Loopback)?;
        let socket = network::proxy_socket(port).at(Stage::ProxySocket)?;
        tell_with(setup, Record::Proxy, socket.as_fd()).at(Stage::ProxySocket)?;
    }
    Ok(())
}

pub(super) fn wait_for_go(setup: BorrowedFd<'_>) -> nix::Result<()> {
    let mut byte = [0u8; 1];
    match sys::receive(setup, &mut byte, 0)? {
        (1, _) => Ok(()),
        _ => Err(Errno::EPIPE),
    }
}

pub(super) fn take_ids(id: u32) -> nix::Result<()> {
    let (uid, gid) = (Uid::from_raw(id), Gid::from_raw(id));
    setresgid(gid, gid, gid)?;
    setresuid(uid, uid, uid)
}

fn die_with_launcher(setup: BorrowedFd<'_>) -> nix::Result<()> {
    // After the ids, whose change clears it (prctl(2), PR_SET_PDEATHSIG).
    set_pdeathsig(Signal::SIGKILL)?;
    // A launcher that died before the line above sends no signal any more, but its socket is shut.
    let mut sockets = [PollFd::new(setup, PollFlags::empty())];
    match poll(&mut sockets, PollTimeout::ZERO)? {
        0 => Ok(()),
        _ => Err(Errno::EPIPE),
    }
}

fn proc(prepared: &Prepared, setup: BorrowedFd<'_>) -> Result<(), Failure> {
    if !prepared.puts_up(ChildWall::Proc) {
        return Ok(());
    }
    let fresh = mounts::fresh_proc().at(Stage::Proc);
    let missing = fresh.is_err();
    tolerate(setup, prepared.proc_required, fresh)?;
    if missing { mounts::hide_proc().at(Stage::Proc) } else { Ok(()) }
}

/// Lets a guest in that is forked elsewhere: all is there that it joins.
fn admit_guest() -> Result<(), Failure> {
    let report = borrowed(REPORT);
    let children = children_signal().at(Stage::Fork)?;
    sys::send(report, &[1], &[]).at(Stage::Fork)?;
    let kept = [SETUP, REPORT, children.as_raw_fd()].map(|number| (number, true));
    std::mem::forget(children);
    sys::keep_only(&kept).at(Stage::Fork)
}

/// Forks the guest, and leaves init with three descriptors.
fn fork_guest(given: Given<'_>, files: &GuestFiles) -> Result<Pid, Failure> {
    let becomes = given.becomes.ok_or(Errno::EINVAL).at(Stage::Fork)?;
    let kind = SockType::SeqPacket;
    let (ours, theirs) =
        socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC).at(Stage::Fork)?;
    let children = children_signal().at(Stage::Fork)?;
    let init = getpid();
    let prepared = given.prepared;
    let Some(guest) = sys::fork(Parentage::Own).at(Stage::Fork)? else {
        if prepared.confined() {
            guest::die_with_init(init);
        }
        let ruleset = files.ruleset.as_ref().map(|_| RULESET);
        let inherited = [STDIN, STDOUT, STDERR, CONTROL, theirs.as_raw_fd()];
        guest::become_guest(prepared, becomes, files, inherited, ruleset);
        // It has become another program, or it has ended.
        sys::exit_now(127)
    };
    if prepared.confined() {
        // Without a pid namespace nothing else tells the launcher whom to reap after us.
        tell(borrowed(SETUP), Record::Guest(guest.as_raw()));
    }
    // What the run holds open must not stay open here: a reader would wait for our copies.
    let kept = [(SETUP, true), (ours.as_raw_fd(), true), (children.as_raw_fd(), true)];
    std::mem::forget((ours, theirs, children));
    sys::keep_only(&kept).at(Stage::Fork)?;
    Ok(guest)
}

fn see_off_and_guard(given: Given<'_>, guest: Option<Pid>) -> ! {
    let setup = borrowed(SETUP);
    let sealed = see_guest_off(given, borrowed(REPORT))
        // /proc/1 belongs to nobody inside from here on: no memory, descriptor or binary of ours is
        // reached through it. The guest has no program yet.
        .and_then(|gate| set_dumpable(false).at(Stage::Undumpable).map(|()| gate))
        .and_then(|gate| seal_init(given.prepared).at(Stage::InitSeal).map(|()| gate));
    match sealed {
        Ok(gate) => {
            tell(setup, Record::Sealed);
            guard(setup, guest, gate)
        }
        Err(failure) => give_up(setup, &failure),
    }
}

/// Reads the guest's records until its end of the socket closes, which `execve` does, and lets its
/// one `execve` through the gate on the way. A guest that starts no program has none to be let through.
fn see_guest_off(given: Given<'_>, report: BorrowedFd<'_>) -> Result<Option<OwnedFd>, Failure> {
    let may_exec = matches!(given.files.guest, Guest::Forked(_));
    let mut gate: Option<OwnedFd> = None;
    loop {
        // A guest that fails on its way to the gate never knocks, but leaves a record.
        let knocking = gate.as_ref().map_or(report, AsFd::as_fd);
        let mut events =
            [PollFd::new(report, PollFlags::POLLIN), PollFd::new(knocking, PollFlags::POLLIN)];
        poll(&mut events, PollTimeout::NONE).at(Stage::Exec)?;
        if events[0].any() != Some(true) {
            // Without a gate both entries are the socket, and a record may come between the looks at them.
            let Some(gate) = &gate else { continue };
            let knock = sys::next_knock(gate.as_fd()).at(Stage::ExecGate)?;
            if knock.exit.is_none() && !may_exec {
                return Err(Errno::EPERM).at(Stage::ExecGate);
            }
            sys::answer_knock(gate.as_fd(), knock.cookie, Ok(())).at(Stage::ExecGate)?;
            continue;
        }
        let mut bytes = [0u8; Record::SIZE];
        let (length, [descriptor, ..]) = sys::receive(report, &mut bytes, 0).at(Stage::Exec)?;
        match Record::decode(&bytes[..length]) {
            _ if length == 0 => break,
            Some(Record::Failed(stage, errno)) => {
                return Err(Failure { stage, errno: Errno::from_raw(errno) });
            }
            Some(Record::Gate) => gate = descriptor,
            _ => return Err(Errno::EBADMSG).at(Stage::Exec),
        }
    }
    match (&gate, &given.prepared.gate) {
        (None, Some(_)) => Err(Errno::EBADMSG).at(Stage::ExecGate),
        _ => Ok(gate),
    }
}

fn seal_init(prepared: &Prepared) -> nix::Result<()> {
    if !prepared.confined() {
        sys::lock_securebits()?;
        sys::drop_every_capability()?;
    } else {
        sys::drop_held_capabilities()?;
    }
    set_no_new_privs()?;
    sys::install_filter(&prepared.init_filter)
}

/// Reaps whoever ends, refuses whoever knocks at the gate, and ends with the guest, or when the launcher
/// has seen the end of one that is not its child.
fn guard(setup: BorrowedFd<'_>, guest: Option<Pid>, gate: Option<OwnedFd>) -> ! {
    let mut refused = 0;
    let ended = wait_for_guest(setup, guest, gate.as_ref(), &mut refused);
    if refused > 0 {
        tell(setup, Record::ExecRefused(refused));
    }
    match ended {
        Ok(Some(WaitStatus::Exited(_, code))) => tell(setup, Record::Exited(code)),
        Ok(Some(WaitStatus::Signaled(_, signal, _))) => {
            tell(setup, Record::Signaled(signal as i32));
        }
        Ok(Some(_)) => tell(setup, Record::Failed(Stage::InitSeal, Errno::ECHILD as i32)),
        Ok(None) => {}
        Err(errno) => tell(setup, Record::Failed(Stage::InitSeal, errno as i32)),
    }
    sys::exit_now(0)
}

/// The process id of a guest that joins: the first in the namespace after init.
const JOINED_GUEST: i32 = 2;

/// How the guest ended; `None` once the launcher has shut its end of the socket.
fn wait_for_guest(
    setup: BorrowedFd<'_>,
    guest: Option<Pid>,
    gate: Option<&OwnedFd>,
    refused: &mut i32,
) -> nix::Result<Option<WaitStatus>> {
    let children = borrowed(CHILDREN);
    let mut gate = gate.map_or(children, AsFd::as_fd);
    // The knock of a guest that is held at its end.
    let mut held = None;
    loop {
        // The guest may have ended before the first look.
        loop {
            match sys::reap_any() {
                Ok(Some((pid, status))) if Some(pid) == guest => return Ok(Some(status)),
                Ok(Some(_)) => {}
                Ok(None) => break,
                // No process has been left to it.
                Err(Errno::ECHILD) if guest.is_none() => break,
                Err(errno) => return Err(errno),
            }
        }
        let mut events = [
            PollFd::new(children, PollFlags::POLLIN),
            PollFd::new(gate, PollFlags::POLLIN),
            PollFd::new(setup, PollFlags::POLLIN),
        ];
        poll(&mut events, PollTimeout::NONE)?;
        if events[2].any() == Some(true) {
            let mut byte = [0; 1];
            match sys::receive(setup, &mut byte, 0)? {
                (0, _) => return Ok(None),
                _ => let_go(gate, held.take()),
            }
        }
        if events[0].any() == Some(true) {
            drain(children)?;
        } else if events[1].revents().is_some_and(|seen| seen.contains(PollFlags::POLLHUP)) {
            // The last process behind the gate is on its way out; its signal follows.
            gate = children;
        } else if events[1].any() == Some(true) {
            let Ok(knock) = sys::next_knock(gate) else { continue };
            match knock.exit {
                Some(code) if guest.is_none() && knock.thread == JOINED_GUEST => {
                    held = Some(knock);
                    tell(setup, Record::Exiting(code));
                }
                Some(_) => let_go(gate, Some(knock)),
                None => {
                    if *refused == 0 {
                        // So that nobody takes the run for one without.
                        tell(setup, Record::ExecRefused(1));
                    }
                    *refused = i32::saturating_add(*refused, 1);
                    // Whoever knocked may be gone by now (ENOENT); there is nothing to refuse then.
                    let _ = sys::answer_knock(gate, knock.cookie, Err(Errno::EPERM));
                }
            }
        }
    }
}

/// Takes the pending child signal; reaping finds out which children it spoke of.
fn drain(children: BorrowedFd<'_>) -> nix::Result<()> {
    let mut signal = [0u8; size_of::<libc::signalfd_siginfo>()];
    match nix::unistd::read(children, &mut signal) {
        Ok(_) | Err(Errno::EAGAIN) => Ok(()),
        Err(errno) => Err(errno),
    }
}

fn children_signal() -> nix::Result<SignalFd> {
    let mut set = SigSet::empty();
    set.add(Signal::SIGCHLD);
    set.thread_block()?;
    SignalFd::with_flags(&set, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
}

fn let_go(gate: BorrowedFd<'_>, knock: Option<Knock>) {
    if let Some(knock) = knock {
        let _ = sys::answer_knock(gate, knock.cookie, Ok(()));
    }
}
