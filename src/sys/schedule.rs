//! Scheduling (`sched(7)`) and resource limits (`getrlimit(2)`) of the calling process.

use nix::errno::Errno;

/// Makes the calling process, and all that it starts, give way to every ordinary process
/// (`SCHED_IDLE`). With `RLIMIT_NICE` at 0 nothing leads back.
///
/// # Errors
/// As `sched_setscheduler(2)`.
pub fn give_way() -> nix::Result<()> {
    set_policy(libc::SCHED_IDLE)
}

/// Has the calling thread interrupt nobody when it is woken: it has its share of the processor, and waits for
/// its turn (`SCHED_BATCH`).
///
/// # Errors
/// As `sched_setscheduler(2)`.
pub fn interrupt_nobody() -> nix::Result<()> {
    set_policy(libc::SCHED_BATCH)
}

fn set_policy(policy: libc::c_int) -> nix::Result<()> {
    // SAFETY: sched_param is plain data for which all-zero bytes are a valid value.
    let parameters: libc::sched_param = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer refers to a live value that is only read.
    let done = unsafe { libc::sched_setscheduler(0, policy, &raw const parameters) };
    Errno::result(done).map(drop)
}

/// Limits a resource by the kernel's number for it (`setrlimit(2)`).
///
/// # Errors
/// As `setrlimit(2)`.
pub fn limit(resource: u32, soft: u64, hard: u64) -> nix::Result<()> {
    let limit = libc::rlimit { rlim_cur: soft, rlim_max: hard };
    // SAFETY: the pointer refers to a live value that is only read; an unknown number is refused.
    let done = unsafe { libc::setrlimit(resource as _, &raw const limit) };
    Errno::result(done).map(drop)
}
