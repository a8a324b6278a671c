//! What a run does to the memory of the interpreter that it is forked from.
//!
//! A fork of the interpreter, made where runs are forked, runs almost nothing from the first step of a run to the
//! last, and stops. What it has written to by then every run will write to; the kernel is asked for all of it at
//! once, while the sandbox is still being built: else each page costs a fault.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getpid, getppid, pause};

use crate::mappings::{PageMap, mappings};
use crate::sys::{self, Parentage};

/// Addresses of pages, in order.
#[derive(Default)]
pub struct Pages {
    /// That a run writes to.
    pub written: Vec<u64>,
    /// Of files, that it touches.
    pub touched: Vec<u64>,
}

/// Which process has come back.
pub enum Rehearsal {
    /// The one that is to do what a run does, and then to stop (`SIGSTOP`).
    InFork,
    /// The interpreter, with what was seen; nothing if that can't be looked at.
    Seen(Pages),
}

/// Has a fork rehearse, with `pipe` in the place of its control socket. It ends with the caller, whatever holds
/// it up. `then` is done while all of the caller's pages are another process's, too.
pub fn rehearse(pipe: &OwnedFd, then: impl FnOnce(&Pages)) -> Rehearsal {
    settle();
    let bystander = match fork_that_ends_with_us() {
        Ok(None) => stand_by(),
        Ok(Some(bystander)) => bystander,
        Err(_) => return Rehearsal::Seen(Pages::default()),
    };
    let seen = match fork_that_ends_with_us() {
        Ok(None) => {
            // The numbers that a guest has.
            let kept = [0, 1, 2, pipe.as_raw_fd()].map(|number| (number, false));
            match sys::keep_only(&kept) {
                Ok(()) => return Rehearsal::InFork,
                Err(_) => sys::exit_now(127),
            }
        }
        Ok(Some(fork)) => watched(fork),
        Err(errno) => Err(errno.into()),
    };
    if let Ok(pages) = &seen {
        then(pages);
    }
    let ended = end(bystander);
    Rehearsal::Seen(seen.and_then(|pages| ended.map(|()| pages)).unwrap_or_default())
}

/// Has the C library put in order what was freed: the next large allocation does, and here it is none of a run's.
fn settle() {
    drop(std::hint::black_box(vec![0_u8; 32 << 10]));
}

fn fork_that_ends_with_us() -> nix::Result<Option<Pid>> {
    let caller = getpid();
    let fork = sys::fork(Parentage::Own)?;
    // A caller that was gone before sends no signal any more.
    if fork.is_none() && (set_pdeathsig(Signal::SIGKILL).is_err() || getppid() != caller) {
        sys::exit_now(127);
    }
    Ok(fork)
}

/// Has all pages, so that those which the caller writes to don't become the rehearsing fork's own.
fn stand_by() -> ! {
    loop {
        pause();
    }
}

fn watched(fork: Pid) -> io::Result<Pages> {
    if !matches!(wait(fork)?, WaitStatus::Stopped(..)) {
        return Err(Errno::ECHILD.into());
    }
    let pages = pages_of(fork);
    end(fork)?;
    pages
}

fn end(fork: Pid) -> io::Result<()> {
    kill(fork, Signal::SIGKILL)?;
    wait(fork)?;
    Ok(())
}

fn wait(fork: Pid) -> nix::Result<WaitStatus> {
    loop {
        match waitpid(fork, Some(WaitPidFlag::WUNTRACED)) {
            Err(Errno::EINTR) => {}
            told => return told,
        }
    }
}

/// What a fork of this process has to itself of the memory that is here too, and a file's that it has.
fn pages_of(fork: Pid) -> io::Result<Pages> {
    let (own, theirs) = (PageMap::of("self")?, PageMap::of(&fork.to_string())?);
    let mut pages = Pages::default();
    for mapping in mappings()? {
        let may = |what| mapping.access & what != 0;
        if !may(libc::PROT_READ) {
            continue;
        }
        for ((at, here), (_, there)) in
            own.pages(&mapping.place)?.zip(theirs.pages(&mapping.place)?)
        {
            if may(libc::PROT_WRITE) && here.present() && there.present() && there.alone() {
                pages.written.push(at as u64);
            }
            if there.present() && there.of_file() {
                pages.touched.push(at as u64);
            }
        }
    }
    Ok(pages)
}
