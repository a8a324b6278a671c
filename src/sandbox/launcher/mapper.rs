//! Maps every id into a user namespace that this process enters: only a process that stays outside may.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use nix::fcntl::OFlag;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{Pid, getppid, pipe2, read, write};

use crate::sys::{self, Parentage};

/// All ids there are, each as itself.
pub const EVERY_ID: &str = "0 0 4294967295";

/// A process in the namespace that its parent leaves.
pub struct Mapper {
    pid: Pid,
    go: OwnedFd,
}

impl Mapper {
    /// Starts it, before the namespace is entered.
    ///
    /// # Errors
    /// As `pipe(2)` and `fork(2)`.
    pub fn start() -> io::Result<Self> {
        let (wait, go) = pipe2(OFlag::O_CLOEXEC)?;
        let parent = Pid::this();
        if let Some(pid) = sys::fork(Parentage::Own)? {
            return Ok(Self { pid, go });
        }
        drop(go);
        let _ = set_pdeathsig(Signal::SIGKILL);
        let mut byte = [0];
        let told = read(wait.as_fd(), &mut byte);
        let done = match told {
            Ok(1) if getppid() == parent => ["uid_map", "gid_map"]
                .iter()
                .try_for_each(|file| fs::write(format!("/proc/{parent}/{file}"), EVERY_ID)),
            _ => Err(io::ErrorKind::BrokenPipe.into()),
        };
        let errno = done.err().map(|error| error.raw_os_error().unwrap_or(libc::EIO));
        sys::exit_now(errno.unwrap_or(0))
    }

    /// Has it map the ids, and reaps it.
    ///
    /// # Errors
    /// As writing `uid_map` (`user_namespaces(7)`).
    pub fn map_all(self) -> io::Result<()> {
        let written = write(&self.go, &[1]);
        let ended = waitpid(self.pid, None)?;
        written?;
        match ended {
            WaitStatus::Exited(_, 0) => Ok(()),
            WaitStatus::Exited(_, errno) => Err(io::Error::from_raw_os_error(errno)),
            _ => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}
