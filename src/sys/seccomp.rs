//! Installing seccomp filters, and the gate through which one `execve` passes
//! (`seccomp(2)`, `seccomp_unotify(2)`; Linux 5.5 for the answer "continue").

use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

/// One BPF instruction, laid out as the kernel's `struct sock_filter`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instruction {
    /// Operation.
    pub code: u16,
    /// Jump if true.
    pub jt: u8,
    /// Jump if false.
    pub jf: u8,
    /// Operand.
    pub k: u32,
}

#[repr(C)]
struct Program {
    length: u16,
    filter: *const Instruction,
}

fn install(filter: &[Instruction], flags: libc::c_ulong) -> nix::Result<i64> {
    let length = u16::try_from(filter.len()).map_err(|_| Errno::EINVAL)?;
    let program = Program { length, filter: filter.as_ptr() };
    // SAFETY: `program` is laid out as struct sock_fprog and points to `length` instructions
    // that outlive the call; the kernel checks and copies them.
    let done = unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program)
    };
    Errno::result(done)
}

/// Puts the calling thread under `filter` for good. Needs no_new_privs.
///
/// # Errors
/// `EACCES` without no_new_privs, `EINVAL` for a program the kernel doesn't accept.
pub fn install_filter(filter: &[Instruction]) -> nix::Result<()> {
    install(filter, 0).map(drop)
}

/// A filter with a listener, whose callers hear no signal but `SIGKILL` once their call is received.
const HOLDING: libc::c_ulong =
    libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;

/// Whether a call that a listener has received holds its caller still: else a handler of any signal
/// would run meanwhile (Linux before 5.19).
#[must_use]
pub fn gate_holds() -> bool {
    // SAFETY: the kernel judges the flags, then fails to read a program at address 0.
    let done = unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, HOLDING, libc::c_ulong::MIN)
    };
    Errno::result(done) == Err(Errno::EFAULT)
}

/// Like [`install_filter`]; returns the listener on which calls answered by `USER_NOTIF` wait. They hold
/// their caller still where [`gate_holds`].
///
/// # Errors
/// As [`install_filter`]; `EBUSY` if a filter with a listener already stands.
pub fn install_filter_with_listener(filter: &[Instruction]) -> nix::Result<OwnedFd> {
    let listener = match install(filter, HOLDING) {
        Err(Errno::EINVAL) => install(filter, libc::SECCOMP_FILTER_FLAG_NEW_LISTENER),
        other => other,
    };
    let fd = listener? as i32;
    // SAFETY: the kernel returned a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Whether the kernel can hand a system call to a listener.
///
/// # Errors
/// `ENOSYS` or `EINVAL` where it has no seccomp filters, `EOPNOTSUPP` where it lacks the action.
pub fn filter_abi_available() -> nix::Result<()> {
    let action: u32 = libc::SECCOMP_RET_USER_NOTIF;
    // SAFETY: the kernel only reads the action.
    let done = unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_GET_ACTION_AVAIL, 0, &raw const action)
    };
    Errno::result(done).map(drop)
}

/// A filter that lets everything pass, in the place of one that a test leaves out.
#[must_use]
pub fn no_judgement() -> Vec<Instruction> {
    const RETURN: u16 = 0x06; // BPF_RET | BPF_K
    vec![Instruction { code: RETURN, jt: 0, jf: 0, k: libc::SECCOMP_RET_ALLOW }]
}

/// A filter that hands `execve` and `execveat` to a listener and lets all else pass.
#[must_use]
pub fn exec_gate() -> Vec<Instruction> {
    gate(&[libc::SYS_execve, libc::SYS_execveat])
}

/// The same for `exit_group` too: how a process ends is known before it is taken down.
#[must_use]
pub fn exec_and_exit_gate() -> Vec<Instruction> {
    gate(&[libc::SYS_execve, libc::SYS_execveat, libc::SYS_exit_group])
}

fn gate(calls: &[i64]) -> Vec<Instruction> {
    const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
    const JUMP_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
    const RETURN: u16 = 0x06; // BPF_RET | BPF_K
    let one = |code, jt, k| Instruction { code, jt, jf: 0, k };
    // Offset 0 of struct seccomp_data is the call's number. The architecture needs no look: the
    // allow-list beside this filter kills every other one.
    let mut filter = vec![one(LOAD, 0, 0)];
    // Each jumps over those behind it and the first return.
    let jumps = calls.iter().zip((1..=calls.len() as u8).rev());
    filter.extend(jumps.map(|(call, over)| one(JUMP_EQUAL, over, *call as u32)));
    filter.push(one(RETURN, 0, libc::SECCOMP_RET_ALLOW));
    filter.push(one(RETURN, 0, libc::SECCOMP_RET_USER_NOTIF));
    filter
}

// _IOWR('!', 0, struct seccomp_notif) and _IOWR('!', 1, struct seccomp_notif_resp).
const NOTIF_RECV: libc::c_ulong = 0xc050_2100;
const NOTIF_SEND: libc::c_ulong = 0xc018_2101;
const _: () = assert!(size_of::<libc::seccomp_notif>() == 0x50);
const _: () = assert!(size_of::<libc::seccomp_notif_resp>() == 0x18);

/// A call that waits at the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Knock {
    /// What it is answered by.
    pub cookie: u64,
    /// The thread that makes it, as the listener's pid namespace counts; 0 if it isn't in there.
    pub thread: i32,
    /// The exit code, if it would end its process; else it would start a program.
    pub exit: Option<i32>,
}

/// Waits for the next call that knocks at the gate.
///
/// # Errors
/// `ENOENT` if the caller died meanwhile, `EINTR`.
pub fn next_knock(listener: BorrowedFd<'_>) -> nix::Result<Knock> {
    // SAFETY: seccomp_notif is plain data, and the kernel demands that it be zeroed.
    let mut attempt: libc::seccomp_notif = unsafe { std::mem::zeroed() };
    // SAFETY: `attempt` is live, writable and of the size encoded in the request.
    let done = unsafe { libc::ioctl(listener.as_raw_fd(), NOTIF_RECV as _, &raw mut attempt) };
    Errno::result(done)?;
    let ends = i64::from(attempt.data.nr) == libc::SYS_exit_group;
    // The kernel keeps eight bits of the code (exit_group(2)).
    let exit = ends.then_some((attempt.data.args[0] & 0xff) as i32);
    Ok(Knock { cookie: attempt.id, thread: attempt.pid.cast_signed(), exit })
}

/// Lets the call behind `cookie` go on (`Ok`) or fail with an errno.
///
/// # Errors
/// `ENOENT` if the caller died meanwhile.
pub fn answer_knock(
    listener: BorrowedFd<'_>,
    cookie: u64,
    answer: Result<(), Errno>,
) -> nix::Result<()> {
    let mut response = libc::seccomp_notif_resp { id: cookie, val: 0, error: 0, flags: 0 };
    match answer {
        Ok(()) => response.flags = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32,
        Err(errno) => response.error = -(errno as i32),
    }
    // SAFETY: `response` is live and of the size encoded in the request.
    let done = unsafe { libc::ioctl(listener.as_raw_fd(), NOTIF_SEND as _, &raw mut response) };
    Errno::result(done).map(drop)
}
