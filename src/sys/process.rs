//! Making, ending and reaping processes.

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;
use nix::unistd::Pid;

/// Whose child a new process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parentage {
    /// The caller's.
    Own,
    /// The caller's parent's (`CLONE_PARENT`).
    Sibling,
}

/// Past 32 bits, where the `libc` crate's constant overflows.
const CLONE_INTO_CGROUP: u64 = 1 << 33;

#[repr(C, align(8))]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// `clone3(2)` (Linux 5.3) with `CLONE_NEW*` flags, optionally straight into a cgroup v2 group
/// (`CLONE_INTO_CGROUP`, Linux 5.7), a child of the caller's or, with the signal at its end that the caller has,
/// of its parent's. `None` in the child.
///
/// Only for a process with one thread: the child gets a copy of the caller's memory and goes on
/// as if from `fork`, so no lock may be held by another thread.
///
/// # Errors
/// `ENOSPC` or `EPERM` where user namespaces are switched off, `EAGAIN` at a process limit.
pub fn clone_process(
    flags: u64,
    parentage: Parentage,
    cgroup: Option<BorrowedFd<'_>>,
) -> nix::Result<Option<Pid>> {
    let (more, exit_signal) = match parentage {
        Parentage::Own => (0, libc::SIGCHLD),
        Parentage::Sibling => (libc::CLONE_PARENT as u64, 0),
    };
    let (flags, exit_signal) = (flags | more, exit_signal as u64);
    clone_into(cgroup, CloneArgs { flags, exit_signal, ..CloneArgs::default() })
}

/// `clone3` with `arguments` that ask for no stack and no TLS, so that the child runs on a copy of the
/// caller's, and name as tid address nothing but what [`ThreadId::find`] has checked.
fn clone_into(
    cgroup: Option<BorrowedFd<'_>>,
    mut arguments: CloneArgs,
) -> nix::Result<Option<Pid>> {
    if let Some(group) = cgroup {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = group.as_raw_fd() as u64;
    }
    // SAFETY: `arguments` is laid out as struct clone_args (version 2). The child runs on a copy of this
    // stack like a forked one; the single-thread contract rules out locks held elsewhere. The kernel
    // writes a thread id, if asked to, to the child's copy of the checked place.
    let pid =
        unsafe { libc::syscall(libc::SYS_clone3, &raw mut arguments, size_of::<CloneArgs>()) };
    child_or_parent(Errno::result(pid)?)
}

fn child_or_parent(pid: i64) -> nix::Result<Option<Pid>> {
    Ok((pid != 0).then(|| Pid::from_raw(pid as i32)))
}

/// Whether `clone3(2)` can be called. Container runtimes let it answer `ENOSYS`, because a filter
/// can't read its flags.
#[must_use]
pub fn clone_process_available() -> bool {
    // SAFETY: a size of 0 is refused (EINVAL) before the null pointer is read.
    let refused = unsafe { libc::syscall(libc::SYS_clone3, std::ptr::null::<CloneArgs>(), 0usize) };
    Errno::result(refused) == Err(Errno::EINVAL)
}

/// `fork(2)` by the raw call, for a process with one thread. `None` in the child.
///
/// # Errors
/// `EAGAIN` at a process limit, `ENOMEM`; for a sibling `EINVAL` from process 1 of a pid namespace.
pub fn fork(parentage: Parentage) -> nix::Result<Option<Pid>> {
    let flags = match parentage {
        Parentage::Own => libc::SIGCHLD,
        Parentage::Sibling => libc::SIGCHLD | libc::CLONE_PARENT,
    };
    // SAFETY: clone without shared memory or a stack of its own, as fork does; the single-thread
    // contract is the caller's, as for `clone_process`.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) };
    child_or_parent(Errno::result(pid)?)
}

/// Where the C library remembers the id of the calling thread.
#[derive(Clone, Copy, Debug)]
pub struct ThreadId(*mut libc::pid_t);

impl ThreadId {
    /// Asks the kernel, to which the C library named the place at its start
    /// (`PR_GET_TID_ADDRESS`, a kernel with `CONFIG_CHECKPOINT_RESTORE`).
    ///
    /// # Errors
    /// `EINVAL` if the kernel doesn't tell, `ENOTSUP` for a C library that keeps something else there.
    pub fn find() -> nix::Result<Self> {
        let mut place: *mut libc::pid_t = std::ptr::null_mut();
        // SAFETY: the kernel writes one pointer to `place`, which is alive and writable.
        let done = unsafe { libc::prctl(libc::PR_GET_TID_ADDRESS, &raw mut place) };
        Errno::result(done)?;
        // SAFETY: gettid has no arguments and can't fail.
        let own = unsafe { libc::gettid() };
        // SAFETY: a place that is set is an aligned int of the C library's thread block, which lives as
        // long as this thread.
        if place.is_null() || unsafe { place.read_volatile() } != own {
            return Err(Errno::ENOTSUP);
        }
        Ok(Self(place))
    }
}

/// Like [`clone_process`], for a child of the caller's parent in which the C library goes on to be used: its own
/// `fork` would have set the thread's id anew there.
///
/// # Errors
/// As [`clone_process`].
pub fn clone_sibling_keeping(
    thread: ThreadId,
    cgroup: Option<BorrowedFd<'_>>,
) -> nix::Result<Option<Pid>> {
    let flags = libc::CLONE_PARENT | libc::CLONE_CHILD_SETTID | libc::CLONE_CHILD_CLEARTID;
    let (flags, child_tid) = (flags as u64, thread.0 as u64);
    clone_into(cgroup, CloneArgs { flags, child_tid, ..CloneArgs::default() })
}

/// A descriptor that refers to the process `pid` (`pidfd_open(2)`, Linux 5.3). Sound only for a
/// child that was not reaped: another process may get the id of any other.
///
/// # Errors
/// `ESRCH`, `EMFILE`.
pub fn open_pidfd(pid: Pid) -> nix::Result<OwnedFd> {
    // SAFETY: integers only.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0u32) };
    let fd = Errno::result(fd)? as i32;
    // SAFETY: pidfd_open returned a new descriptor (close-on-exec) that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Ends the process at once, running no destructor and no exit handler.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: _exit never returns and touches no memory of ours.
    unsafe { libc::_exit(code) }
}

/// Gives `SIGPIPE` its default effect back, which Rust's runtime took away.
///
/// # Errors
/// As `signal(2)`.
pub fn default_sigpipe() -> nix::Result<()> {
    // SAFETY: SIG_DFL installs no handler, so no code of ours runs in signal context.
    let before = unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    if before == libc::SIG_ERR { Err(Errno::last()) } else { Ok(()) }
}

/// Sends `signal` to the process behind `pidfd` (`pidfd_send_signal(2)`, Linux 5.1).
///
/// # Errors
/// `ESRCH` if it is gone already.
pub fn kill_by_pidfd(pidfd: BorrowedFd<'_>, signal: Signal) -> nix::Result<()> {
    // SAFETY: integers and a null siginfo only.
    let done = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            pidfd.as_raw_fd(),
            signal as i32,
            std::ptr::null::<libc::siginfo_t>(),
            0u32,
        )
    };
    Errno::result(done).map(drop)
}

/// Resources a reaped process and its own reaped descendants used (`getrusage(2)`).
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// CPU time in user mode.
    pub user: Duration,
    /// CPU time in the kernel.
    pub system: Duration,
    /// Largest resident set of any one of them, in bytes.
    pub max_rss: u64,
}

fn duration(time: libc::timeval) -> Duration {
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_usec.unsigned_abs() as u32 * 1000)
}

impl Usage {
    /// That of two, together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            user: self.user + other.user,
            system: self.system + other.system,
            max_rss: self.max_rss.max(other.max_rss),
        }
    }
}

fn wait4(pid: i32, flags: i32) -> nix::Result<Option<(Pid, WaitStatus, Usage)>> {
    let mut status = 0;
    // SAFETY: rusage is plain data for which all-zero bytes are a valid value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both out-pointers refer to live, writable values.
    let pid = unsafe { libc::wait4(pid, &raw mut status, flags, &raw mut usage) };
    let pid = Errno::result(pid)?;
    if pid == 0 {
        return Ok(None);
    }
    let pid = Pid::from_raw(pid);
    let usage = Usage {
        user: duration(usage.ru_utime),
        system: duration(usage.ru_stime),
        max_rss: usage.ru_maxrss.unsigned_abs() * 1024,
    };
    Ok(Some((pid, WaitStatus::from_raw(pid, status)?, usage)))
}

/// Reaps `pid` if it has ended, without waiting.
///
/// # Errors
/// `ECHILD` if it isn't a child of the caller.
pub fn reap(pid: Pid) -> nix::Result<Option<(WaitStatus, Usage)>> {
    Ok(wait4(pid.as_raw(), libc::WNOHANG)?.map(|(_, status, usage)| (status, usage)))
}

/// Reaps any ended child, without waiting.
///
/// # Errors
/// `ECHILD` if there is none at all.
pub fn reap_any() -> nix::Result<Option<(Pid, WaitStatus)>> {
    Ok(wait4(-1, libc::WNOHANG)?.map(|(pid, status, _)| (pid, status)))
}

/// Waits for any child to end.
///
/// # Errors
/// `ECHILD` if there is none, `EINTR`.
pub fn wait_any() -> nix::Result<(Pid, WaitStatus)> {
    wait4(-1, 0)?.map(|(pid, status, _)| (pid, status)).ok_or(Errno::ECHILD)
}
