//! The mount calls that work on descriptors (`open_tree(2)`, `move_mount(2)`, `mount_setattr(2)`;
//! Linux 5.2 and 5.12).

use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;

#[repr(C)]
struct MountAttributes {
    set: u64,
    clear: u64,
    propagation: u64,
    userns_fd: u64,
}

/// Copies the mount at `path`, with all beneath it, as a detached tree.
///
/// # Errors
/// `EPERM` without `CAP_SYS_ADMIN` in the mount namespace's owner, `EINVAL` for unbindable or
/// partly locked trees.
pub fn clone_tree(path: &CStr) -> nix::Result<OwnedFd> {
    let flags = libc::OPEN_TREE_CLONE | libc::OPEN_TREE_CLOEXEC | libc::AT_RECURSIVE as u32;
    // SAFETY: `path` is NUL-terminated and only read.
    let fd = unsafe { libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, path.as_ptr(), flags) };
    let fd = Errno::result(fd)? as i32;
    // SAFETY: open_tree returned a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Attaches a detached tree at `path`.
///
/// # Errors
/// As `move_mount(2)`.
pub fn move_tree(tree: BorrowedFd<'_>, path: &CStr) -> nix::Result<()> {
    const MOVE_MOUNT_F_EMPTY_PATH: u32 = 0x4;
    // SAFETY: both strings are NUL-terminated and only read.
    let done = unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_FDCWD,
            path.as_ptr(),
            MOVE_MOUNT_F_EMPTY_PATH,
        )
    };
    Errno::result(done).map(drop)
}

/// Adds the attributes `set` (`MOUNT_ATTR_*`) to a whole detached tree and makes it private.
///
/// # Errors
/// `ENOSYS` before Linux 5.12; `EPERM` for attributes that are locked.
pub fn set_attributes(tree: BorrowedFd<'_>, set: u64) -> nix::Result<()> {
    let attributes = MountAttributes { set, clear: 0, propagation: libc::MS_PRIVATE, userns_fd: 0 };
    // SAFETY: `attributes` is laid out as struct mount_attr of this size and outlives the call.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | libc::AT_RECURSIVE,
            &raw const attributes,
            size_of::<MountAttributes>(),
        )
    };
    Errno::result(done).map(drop)
}
