//! Pages of the calling process, made its own ahead of use.

use std::ffi::c_void;

use nix::errno::Errno;

/// The most pieces that one call takes (`UIO_MAXIOV`).
const MOST: usize = 1024;

/// Pages that a process forked from this one will write to first.
///
/// After a fork each first touch of a page is a fault of its own; the kernel takes a list in one call.
pub struct HotPages(Vec<libc::iovec>);

impl HotPages {
    /// From addresses, one in each page.
    #[must_use]
    pub fn new(addresses: &[u64]) -> Self {
        let byte = |at: &u64| libc::iovec { iov_base: *at as *mut c_void, iov_len: 1 };
        Self(addresses.iter().map(byte).collect())
    }

    /// Touches them all. What can't be touched any more is left to be faulted in, or not, in its time.
    ///
    /// For a process with one thread: a byte of each page is written as it is.
    pub fn touch(&self) {
        let mut rest = self.0.as_slice();
        while !rest.is_empty() {
            let now = rest.get(..MOST.min(rest.len())).unwrap_or_default();
            let done = write_to_itself(now).unwrap_or(0);
            // It stops at the first that isn't there; one byte each.
            let passed = if done < now.len() { done + 1 } else { done };
            rest = rest.get(passed..).unwrap_or_default();
        }
    }
}

fn write_to_itself(pieces: &[libc::iovec]) -> nix::Result<usize> {
    let count = pieces.len() as libc::c_ulong;
    // SAFETY: getpid has no arguments and can't fail.
    let own = unsafe { libc::getpid() };
    // SAFETY: source and target are the same bytes of this process, which has no other thread that could
    // change them meanwhile; an address that is not mapped writable ends the call (EFAULT).
    let done =
        unsafe { libc::process_vm_writev(own, pieces.as_ptr(), count, pieces.as_ptr(), count, 0) };
    Errno::result(done).map(|done| done as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_touched_stays_as_it_was_and_gaps_are_passed_over() {
        let pages = vec![7_u8; 64 << 10];
        let at = |offset: usize| pages.as_ptr() as u64 + offset as u64;
        // Nothing is mapped at address 1.
        let hot = HotPages::new(&[at(0), 1, at(8192), 1, at(16384)]);
        hot.touch();
        assert!(pages.iter().all(|byte| *byte == 7));
        assert_eq!(write_to_itself(&HotPages::new(&[at(0)]).0), Ok(1));
    }
}
