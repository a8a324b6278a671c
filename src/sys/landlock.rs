//! The two Landlock calls a child makes itself (`landlock(7)`); rulesets are built with the
//! `landlock` crate in the parent.

use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;

#[repr(C, packed)]
struct PathBeneath {
    allowed_access: u64,
    parent_fd: i32,
}

/// The highest Landlock ABI of the running kernel.
///
/// # Errors
/// `ENOSYS` where Landlock isn't built in, `EOPNOTSUPP` where it is switched off at boot.
pub fn landlock_abi() -> nix::Result<i64> {
    const VERSION: u32 = 1;
    // SAFETY: a null attribute of size 0 with this flag only asks for the version.
    let abi = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::null::<libc::c_void>(),
            0usize,
            VERSION,
        )
    };
    Errno::result(abi)
}

/// Adds `access` (`LANDLOCK_ACCESS_FS_*`) beneath `parent` to `ruleset`.
///
/// # Errors
/// `EINVAL` for rights the ruleset doesn't handle.
pub fn add_path_rule(
    ruleset: BorrowedFd<'_>,
    parent: BorrowedFd<'_>,
    access: u64,
) -> nix::Result<()> {
    const RULE_PATH_BENEATH: libc::c_int = 1;
    let rule = PathBeneath { allowed_access: access, parent_fd: parent.as_raw_fd() };
    // SAFETY: `rule` is laid out as struct landlock_path_beneath_attr (packed) and outlives the
    // call, which only reads it.
    let done = unsafe {
        libc::syscall(
            libc::SYS_landlock_add_rule,
            ruleset.as_raw_fd(),
            RULE_PATH_BENEATH,
            &raw const rule,
            0u32,
        )
    };
    Errno::result(done).map(drop)
}

/// Puts the calling thread under `ruleset` for good. Needs no_new_privs.
///
/// # Errors
/// `EPERM` without no_new_privs, `E2BIG` past 16 layers.
pub fn restrict_self(ruleset: BorrowedFd<'_>) -> nix::Result<()> {
    // SAFETY: integers only.
    let done =
        unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0u32) };
    Errno::result(done).map(drop)
}
