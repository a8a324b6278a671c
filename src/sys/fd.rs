//! File descriptors by number.

use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;

/// Takes ownership of a descriptor that was inherited under a known number.
///
/// # Errors
/// `EBADF` if no such descriptor is open.
///
/// Call it at most once per number: two owners would close it twice.
pub fn adopt(number: RawFd) -> nix::Result<OwnedFd> {
    // SAFETY: fcntl(F_GETFD) only asks whether the number is open.
    Errno::result(unsafe { libc::fcntl(number, libc::F_GETFD) })?;
    // SAFETY: the descriptor is open (asked above), and by this function's contract the caller
    // is its only owner.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Closes every descriptor from `first` up (`close_range(2)`, Linux 5.9).
///
/// Only for a process about to `execve` or to work with known numbers: owners of closed
/// descriptors must be forgotten, never dropped.
///
/// # Errors
/// `ENOSYS` before Linux 5.9.
fn close_from(first: RawFd) -> nix::Result<()> {
    // SAFETY: integers only. Ownership is the caller's matter, as documented.
    let done = unsafe { libc::syscall(libc::SYS_close_range, first as u32, u32::MAX, 0u32) };
    Errno::result(done).map(drop)
}

/// Makes `number` a copy of `source`, open across `execve` unless `close_on_exec`.
///
/// # Errors
/// As `dup3(2)`; a descriptor that already has the number gets its flag set instead.
fn dup_onto(source: RawFd, number: RawFd, close_on_exec: bool) -> nix::Result<()> {
    let flag = if close_on_exec { libc::O_CLOEXEC } else { 0 };
    let done = if source == number {
        let flag = if close_on_exec { libc::FD_CLOEXEC } else { 0 };
        // SAFETY: integers only.
        unsafe { libc::fcntl(number, libc::F_SETFD, flag) }
    } else {
        // SAFETY: integers only.
        unsafe { libc::dup3(source, number, flag) }
    };
    Errno::result(done).map(drop)
}

/// Borrows a descriptor by number for the rest of the process.
///
/// For a process that has arranged its descriptors under fixed numbers and closes them only by
/// ending or by `execve`.
///
/// # Errors
/// `EBADF` if no such descriptor is open.
pub fn borrow(number: RawFd) -> nix::Result<BorrowedFd<'static>> {
    // SAFETY: fcntl(F_GETFD) only asks whether the number is open.
    Errno::result(unsafe { libc::fcntl(number, libc::F_GETFD) })?;
    // SAFETY: the descriptor is open (asked above) and by this function's contract stays so.
    Ok(unsafe { BorrowedFd::borrow_raw(number) })
}

/// Raises the soft limit of open files to the hard one; each run takes several. Where that can't
/// be done the runs beyond the limit are refused one by one.
pub fn raise_open_files() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

/// Copies `source` to a free number from `least` up, close-on-exec.
///
/// # Errors
/// `EMFILE` at the limit of open files.
fn dup_above(source: RawFd, least: RawFd) -> nix::Result<RawFd> {
    // SAFETY: integers only.
    Errno::result(unsafe { libc::fcntl(source, libc::F_DUPFD_CLOEXEC, least) })
}

/// Makes the descriptors `sources` the numbers from 0 up, each closed on exec or not, and closes
/// every other one.
///
/// For a process whose earlier owners of descriptors are never dropped again.
///
/// # Errors
/// As `fcntl(2)`, `dup3(2)` and `close_range(2)`; `EINVAL` for more than 16 sources.
pub fn keep_only(sources: &[(RawFd, bool)]) -> nix::Result<()> {
    const MOST: usize = 16;
    let count = sources.len() as RawFd;
    let mut parked = [0; MOST];
    if sources.len() > MOST {
        return Err(Errno::EINVAL);
    }
    // First out of the way, so that no source is overwritten before it was copied.
    for (place, (source, _)) in parked.iter_mut().zip(sources) {
        *place = dup_above(*source, count)?;
    }
    for (number, (place, (_, close_on_exec))) in parked.iter().zip(sources).enumerate() {
        dup_onto(*place, number as RawFd, *close_on_exec)?;
    }
    close_from(count)
}
