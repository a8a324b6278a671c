//! What signals do to the calling process (`sigaction(2)`).

use std::mem;
use std::ptr;

use nix::errno::Errno;

/// Signals have numbers below this one on Linux.
const SIGNALS: usize = 65;

/// Gives signals their default effect again that whoever started this process had ignored: `execve`
/// hands that on. With `SIGCHLD` ignored, nobody below could wait for a child.
pub fn heed(signals: impl IntoIterator<Item = i32>) {
    // SAFETY: sigaction is plain data for which all-zero bytes are a valid value (SIG_DFL).
    let default: libc::sigaction = unsafe { mem::zeroed() };
    for signal in signals {
        // SAFETY: SIG_DFL installs no function. Numbers that can't be set are refused (EINVAL).
        unsafe { libc::sigaction(signal, &raw const default, ptr::null_mut()) };
    }
}

/// Every signal but `SIGPIPE`, which Rust's runtime ignores for good.
pub fn all_but_broken_pipes() -> impl Iterator<Item = i32> {
    (1..SIGNALS as i32).filter(|signal| *signal != libc::SIGPIPE)
}

/// The functions that a process has set up for signals.
pub struct Handlers(Box<[Option<libc::sigaction>; SIGNALS]>);

impl Handlers {
    /// Takes them all away: each such signal has its default effect afterwards.
    ///
    /// # Errors
    /// As `sigaction(2)`.
    pub fn take() -> nix::Result<Self> {
        // SAFETY: sigaction is plain data for which all-zero bytes are a valid value (SIG_DFL).
        let default: libc::sigaction = unsafe { mem::zeroed() };
        let mut taken = Box::new([None; SIGNALS]);
        for (signal, place) in taken.iter_mut().enumerate().skip(1) {
            let mut found = default;
            // SAFETY: `found` is alive and writable; nothing is set. Numbers that the C library keeps
            // for itself are refused (EINVAL) and passed over.
            let asked = unsafe { libc::sigaction(signal as i32, ptr::null(), &raw mut found) };
            if asked != 0 || matches!(found.sa_sigaction, libc::SIG_DFL | libc::SIG_IGN) {
                continue;
            }
            *place = Some(found);
            // SAFETY: SIG_DFL installs no function.
            let done =
                unsafe { libc::sigaction(signal as i32, &raw const default, ptr::null_mut()) };
            Errno::result(done)?;
        }
        Ok(Self(taken))
    }

    /// Sets them up again, in the process they were taken from or in a copy of it.
    ///
    /// # Errors
    /// As `sigaction(2)`.
    pub fn put_back(&self) -> nix::Result<()> {
        for (signal, handler) in self.0.iter().enumerate() {
            if let Some(handler) = handler {
                // SAFETY: the function was set up for this signal before, in this address space or the
                // one that it is a copy of.
                let done = unsafe {
                    libc::sigaction(signal as i32, ptr::from_ref(handler), ptr::null_mut())
                };
                Errno::result(done)?;
            }
        }
        Ok(())
    }
}
