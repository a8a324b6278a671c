//! Scheduling of the calling process (`sched(7)`).

use nix::errno::Errno;

/// Makes the calling process, and all that it starts, give way to every ordinary process
/// (`SCHED_IDLE`). With `RLIMIT_NICE` at 0 nothing leads back.
///
/// # Errors
/// As `sched_setscheduler(2)`.
pub fn give_way() -> nix::Result<()> {
    // SAFETY: sched_param is plain data for which all-zero bytes are a valid value.
    let parameters: libc::sched_param = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer refers to a live value that is only read.
    let done = unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &raw const parameters) };
    Errno::result(done).map(drop)
}
