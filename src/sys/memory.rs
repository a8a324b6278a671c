//! Pages of the calling process, made its own ahead of use.

use std::ffi::c_void;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use nix::errno::Errno;

use super::page_size;

/// The most pieces that one call takes (`UIO_MAXIOV`).
const MOST: usize = 1024;

/// Pages that a process forked from this one will write to first.
///
/// After a fork each first touch of a page is a fault of its own. The kernel takes a list in one call
/// ([`HotPages::touch`]), or copies them with the fork ([`HotPages::pin`]).
pub struct HotPages {
    bytes: Vec<libc::iovec>,
    /// What pins them.
    pinned: Option<OwnedFd>,
}

impl HotPages {
    /// From addresses in order, one in each page.
    #[must_use]
    pub fn new(addresses: &[u64]) -> Self {
        let byte = |at: &u64| libc::iovec { iov_base: *at as *mut c_void, iov_len: 1 };
        Self { bytes: addresses.iter().map(byte).collect(), pinned: None }
    }

    /// Has the kernel copy them with each fork, for a third of what touching them there takes: of a page that is
    /// pinned for a device no process forked from this one gets to share the original (Linux 5.9). Buffers of
    /// an io_uring are pinned so, and nothing else is done with that.
    ///
    /// A page that is shared with another process by now becomes one of this process's own, and a small one.
    /// Each copy counts to the control group of this process. To be called again once memory has been moved.
    ///
    /// # Errors
    /// As `io_uring_setup(2)` and `io_uring_register(2)`: `EPERM` or `ENOSYS` where it is switched off, `ENOMEM`
    /// beyond `RLIMIT_MEMLOCK`; `E2BIG` for more than 1024 stretches of pages.
    pub fn pin(&mut self) -> nix::Result<()> {
        self.unpin();
        // On the stack: what is freed again here a run would find, and write to.
        let mut stretches = [libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 }; MOST];
        let count = self.stretches(&mut stretches)?;
        if let Some(stretches) = stretches.get(..count).filter(|stretches| !stretches.is_empty()) {
            let ring = new_ring()?;
            register(&ring, stretches)?;
            self.pinned = Some(ring);
        }
        Ok(())
    }

    /// A fork shares them again, from now on or a little later.
    pub fn unpin(&mut self) {
        self.pinned = None;
    }

    /// Touches them all, if they are not this process's own already. What can't be touched any more is left to be
    /// faulted in, or not, in its time.
    ///
    /// For a process with one thread: a byte of each page is written as it is.
    pub fn touch(&self) {
        if self.pinned.is_some() {
            return;
        }
        let mut rest = self.bytes.as_slice();
        while !rest.is_empty() {
            let now = rest.get(..MOST.min(rest.len())).unwrap_or_default();
            let done = write_to_itself(now).unwrap_or(0);
            // It stops at the first that isn't there; one byte each.
            let passed = if done < now.len() { done + 1 } else { done };
            rest = rest.get(passed..).unwrap_or_default();
        }
    }

    /// Puts pages that follow one another together; how many stretches there are.
    fn stretches(&self, found: &mut [libc::iovec]) -> nix::Result<usize> {
        let (page, mut count, mut end) = (page_size(), 0, None);
        for byte in &self.bytes {
            let start = byte.iov_base as usize / page * page;
            if end == Some(start) {
                if let Some(last) = found.get_mut(count - 1) {
                    last.iov_len += page;
                }
            } else {
                let next = found.get_mut(count).ok_or(Errno::E2BIG)?;
                *next = libc::iovec { iov_base: start as *mut c_void, iov_len: page };
                count += 1;
            }
            end = Some(start + page);
        }
        Ok(count)
    }
}

/// Size of `struct io_uring_params`.
const PARAMETERS: usize = 120;
/// `IORING_REGISTER_BUFFERS`.
const REGISTER_BUFFERS: u32 = 0;

/// An io_uring by which nothing is ever submitted.
fn new_ring() -> nix::Result<OwnedFd> {
    let mut parameters = [0_u64; PARAMETERS / 8];
    // SAFETY: all-zero parameters are valid, and the kernel writes no more than their size.
    let ring = unsafe { libc::syscall(libc::SYS_io_uring_setup, 1_u32, parameters.as_mut_ptr()) };
    let ring = Errno::result(ring)? as i32;
    // SAFETY: a new descriptor (close-on-exec) that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(ring) })
}

fn register(ring: &OwnedFd, stretches: &[libc::iovec]) -> nix::Result<()> {
    let (number, count) = (ring.as_raw_fd(), stretches.len() as u32);
    // SAFETY: the list is live and only read. The pages stay where they are and as they are: nothing is ever
    // read into a buffer of this ring, and an address that is not mapped is refused (EFAULT).
    let done = unsafe {
        libc::syscall(
            libc::SYS_io_uring_register,
            number,
            REGISTER_BUFFERS,
            stretches.as_ptr(),
            count,
        )
    };
    Errno::result(done).map(drop)
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
        assert_eq!(write_to_itself(&HotPages::new(&[at(0)]).bytes), Ok(1));
    }

    /// Whether a process has a page to itself: an entry of its pagemap, bit 56.
    fn is_alone(process: nix::unistd::Pid, page: u64) -> bool {
        use std::os::unix::fs::FileExt as _;
        let file = std::fs::File::open(format!("/proc/{process}/pagemap")).unwrap();
        let mut entry = [0; 8];
        file.read_exact_at(&mut entry, page / page_size() as u64 * 8).unwrap();
        u64::from_ne_bytes(entry) >> 56 & 1 == 1
    }

    #[test]
    fn a_fork_has_a_copy_of_what_is_pinned_and_shares_the_rest() {
        let page = page_size();
        let area = vec![7_u8; 64 * page];
        let first = (area.as_ptr() as usize).next_multiple_of(page) as u64;
        let at = |number: u64| first + number * page as u64;
        // Two that follow one another, and one.
        let wanted = [at(10), at(11), at(20)];
        let mut hot = HotPages::new(&wanted);
        match hot.pin() {
            Ok(()) => {}
            Err(errno @ (Errno::EPERM | Errno::ENOSYS | Errno::ENOMEM)) => {
                eprintln!("skipped: this host lets nobody pin pages ({errno})");
                return;
            }
            Err(errno) => panic!("{errno}"),
        }
        let alone_in_a_fork = || {
            let fork = crate::sys::fork(crate::sys::Parentage::Own).unwrap();
            let Some(fork) = fork else {
                loop {
                    nix::unistd::pause();
                }
            };
            let alone = (0..30).map(at).filter(|page| is_alone(fork, *page)).collect::<Vec<_>>();
            nix::sys::signal::kill(fork, nix::sys::signal::Signal::SIGKILL).unwrap();
            nix::sys::wait::waitpid(fork, None).unwrap();
            alone
        };
        assert_eq!(alone_in_a_fork(), wanted);
        hot.unpin();
        // The kernel takes a ring down in its own time.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while !alone_in_a_fork().is_empty() {
            assert!(std::time::Instant::now() < deadline, "they are copied still");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        assert!(area.iter().all(|byte| *byte == 7));
    }
}
