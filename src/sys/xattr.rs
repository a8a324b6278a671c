//! Extended attributes of files (`xattr(7)`).

use std::ffi::CStr;

use nix::errno::Errno;

/// Whether the file at `path` has the attribute `name`.
///
/// # Errors
/// As `getxattr(2)`, but for `ENODATA`.
pub fn has_attribute(path: &CStr, name: &CStr) -> nix::Result<bool> {
    // SAFETY: both strings are NUL-terminated and only read; no byte is written with size 0.
    let length = unsafe { libc::getxattr(path.as_ptr(), name.as_ptr(), std::ptr::null_mut(), 0) };
    match Errno::result(length) {
        Ok(_) => Ok(true),
        Err(Errno::ENODATA) => Ok(false),
        Err(errno) => Err(errno),
    }
}
