//! An `execve` call with every byte ready beforehand.

use std::ffi::{CStr, CString, c_char};
use std::ptr;

use nix::errno::Errno;

/// Path, arguments and environment of a program, with the pointer arrays `execve(2)` wants.
///
/// Made in the parent; [`ExecImage::exec`] allocates nothing and so may run after `clone`.
pub struct ExecImage {
    path: CString,
    argument_pointers: Vec<*const c_char>,
    environment_pointers: Vec<*const c_char>,
    _strings: Vec<CString>,
}

impl ExecImage {
    /// Lays out the arrays for `path` with `arguments` (the first is `argv[0]`) and `environment`
    /// (`NAME=value`).
    #[must_use]
    pub fn new(path: CString, arguments: Vec<CString>, environment: Vec<CString>) -> Self {
        let pointers = |strings: &[CString]| {
            strings.iter().map(|s| s.as_ptr()).chain([ptr::null()]).collect::<Vec<_>>()
        };
        let argument_pointers = pointers(&arguments);
        let environment_pointers = pointers(&environment);
        let strings = arguments.into_iter().chain(environment).collect();
        Self { path, argument_pointers, environment_pointers, _strings: strings }
    }

    /// The program's path.
    #[must_use]
    pub fn path(&self) -> &CStr {
        &self.path
    }

    /// Replaces the calling process. Returns only on failure, with its errno.
    #[must_use]
    pub fn exec(&self) -> Errno {
        // SAFETY: the path and both arrays are NUL-terminated and null-terminated; the strings
        // they point to live in `self` (a CString's heap buffer doesn't move with its owner).
        unsafe {
            libc::execve(
                self.path.as_ptr(),
                self.argument_pointers.as_ptr(),
                self.environment_pointers.as_ptr(),
            );
        }
        Errno::last()
    }
}
