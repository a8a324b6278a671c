//! A launcher's seat: a small number that no other living launcher of this host has.
//!
//! It names the launcher's control groups and picks its range of host ids. As root it is held by
//! a lock on a file, which the kernel lets go of with the launcher's last process, however that
//! ends. Without root there is one id and nothing to share; the process id will do.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};

/// The first host id given to a run of a privileged launcher. Above the ranges of distributions,
/// systemd and container runtimes (all below 0x7000_0000), below 2^31.
pub const FIRST_ID: u32 = 0x7000_0000;

/// The most runs of one launcher at a time.
pub const SLOTS: u32 = 0x1_0000;

/// Where the locks lie.
const DIRECTORY: &str = "/run/codemode";
/// Seats with a range of host ids each: 2^12 of 2^16, from [`FIRST_ID`] to 2^31.
const SEATS: u32 = 0x1000;
const LOCKED: &str = "codemode-";
const BY_PID: &str = "codemode-pid-";

/// See the module.
pub struct Seat {
    number: u32,
    lock: Option<Flock<File>>,
}

impl Seat {
    /// Takes the first free seat.
    ///
    /// # Errors
    /// As `mkdir(2)`, `open(2)` and `flock(2)`; `EUSERS` if every seat is taken.
    pub fn take(privileged: bool) -> io::Result<Self> {
        let by_pid = Self { number: std::process::id(), lock: None };
        if !privileged {
            return Ok(by_pid);
        }
        match fs::DirBuilder::new().recursive(true).mode(0o700).create(DIRECTORY) {
            // A container with a read-only root: its process ids are its own, too.
            Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => return Ok(by_pid),
            other => other?,
        }
        for number in 0..SEATS {
            if let Some(lock) = lock(number)? {
                return Ok(Self { number, lock: Some(lock) });
            }
        }
        Err(io::Error::from_raw_os_error(libc::EUSERS))
    }

    /// Whether no other launcher of this host can have the same range of host ids.
    #[must_use]
    pub fn is_exclusive(&self) -> bool {
        self.lock.is_some()
    }

    /// Name of the launcher's control groups.
    #[must_use]
    pub fn name(&self) -> String {
        let prefix = if self.lock.is_some() { LOCKED } else { BY_PID };
        format!("{prefix}{}", self.number)
    }

    /// The first host id of its range, as an offset.
    #[must_use]
    pub fn first_slot(&self) -> u32 {
        self.number % SEATS * SLOTS
    }
}

/// Locks a seat; `None` if a living launcher has it.
fn lock(number: u32) -> io::Result<Option<Flock<File>>> {
    let path = PathBuf::from(DIRECTORY).join(format!("seat-{number}"));
    let file = File::options().create(true).truncate(false).write(true).open(path)?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(Some(lock)),
        Err((_, nix::errno::Errno::EWOULDBLOCK)) => Ok(None),
        Err((_, errno)) => Err(errno.into()),
    }
}

/// A control group of a launcher that is gone. Nobody gets its seat while this is held.
pub struct Abandoned {
    _seat: Option<Flock<File>>,
}

/// Whether a control group of this name belonged to a launcher that is gone.
#[must_use]
pub fn abandoned(group: &str) -> Option<Abandoned> {
    if let Some(pid) = group.strip_prefix(BY_PID) {
        let pid: u32 = pid.parse().ok()?;
        return (!is_alive(pid)).then_some(Abandoned { _seat: None });
    }
    let number = group.strip_prefix(LOCKED)?.parse().ok().filter(|number| *number < SEATS)?;
    lock(number).ok().flatten().map(|seat| Abandoned { _seat: Some(seat) })
}

fn is_alive(pid: u32) -> bool {
    // A zombie waits for a parent that may never reap; it makes no sandboxes any more.
    fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).is_ok_and(|stat| {
        let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        !matches!(state, Some('Z' | 'X'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_living_process_keeps_its_groups_and_a_dead_one_does_not() {
        assert!(abandoned(&format!("{BY_PID}{}", std::process::id())).is_none());
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let gone = format!("{BY_PID}{}", child.id());
        child.wait().unwrap();
        assert!(abandoned(&gone).is_some());
        assert!(abandoned("somebody-else").is_none());
        assert!(abandoned("codemode-x").is_none());
    }

    #[test]
    fn an_abandoned_seat_is_taken_by_nobody_while_its_groups_are_removed() {
        if !nix::unistd::geteuid().is_root() {
            println!("skipped: seats are root's");
            return;
        }
        drop(Seat::take(true).unwrap());
        let last = SEATS - 1;
        let held = abandoned(&format!("{LOCKED}{last}"));
        assert!(held.is_some());
        assert!(lock(last).unwrap().is_none());
        drop(held);
        assert!(lock(last).unwrap().is_some());
    }

    #[test]
    fn the_ranges_of_two_seats_do_not_meet_and_stay_below_2_to_the_31() {
        let first = |number| Seat { number, lock: None }.first_slot();
        assert_eq!(first(1) - first(0), SLOTS);
        assert!(FIRST_ID + first(SEATS - 1) + (SLOTS - 1) < 1 << 31);
    }
}
