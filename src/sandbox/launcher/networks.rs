//! Empty network namespaces, each handed from one run to the next.
//!
//! The kernel takes half a millisecond to make one and as long, in one thread for the whole host, to take
//! it down. One without an interface up holds nothing but what its sockets did. It belongs to the
//! launcher's user namespace, so no process of a run, not even init while it has capabilities, may change
//! anything in it; and it is handed on only when every process of the last run is gone, no socket is left
//! that was made in it, and every counter that can be read in it stands where it stood at first.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd, OwnedFd};

use nix::sched::{CloneFlags, setns, unshare};

/// The most that are kept.
const MOST: usize = 64;

/// Below /proc/PID/net: all that is counted there of sockets (proc(5)).
const COUNTERS: [&str; 4] = ["netstat", "snmp", "snmp6", "ip6_flowlabel"];
/// More than any of them has, in bytes.
const LARGEST: usize = 16 << 10;

/// See the module.
pub struct Networks {
    /// Where this process itself is: another empty one.
    home: OwnedFd,
    kept: Vec<OwnedFd>,
    untouched: Vec<u8>,
}

fn own_namespace() -> io::Result<OwnedFd> {
    Ok(File::open("/proc/self/ns/net")?.into())
}

/// All counters in one text. Each file is made anew by the kernel for every `read`, so there is one.
fn counters() -> io::Result<Vec<u8>> {
    let mut text = Vec::with_capacity(LARGEST);
    for name in COUNTERS {
        match File::open(format!("/proc/self/net/{name}")) {
            Ok(file) => read_once(&file, &mut text)?,
            // Not every kernel has every protocol.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(text)
}

fn read_once(mut file: &File, text: &mut Vec<u8>) -> io::Result<()> {
    let mut buffer = [0; LARGEST];
    let length = file.read(&mut buffer)?;
    text.extend(buffer.iter().take(length));
    Ok(())
}

/// Sockets that exist, whoever holds them.
fn sockets() -> io::Result<Option<u64>> {
    let mut text = Vec::new();
    read_once(&File::open("/proc/self/net/sockstat")?, &mut text)?;
    let text = String::from_utf8_lossy(&text);
    let used = text.strip_prefix("sockets: used ").and_then(|rest| rest.lines().next());
    Ok(used.and_then(|used| used.trim().parse().ok()))
}

impl Networks {
    /// Takes this process into an empty network namespace, its home from then on.
    ///
    /// # Errors
    /// As `unshare(2)`, or reading below /proc.
    pub fn new() -> io::Result<Self> {
        unshare(CloneFlags::CLONE_NEWNET)?;
        Ok(Self { home: own_namespace()?, kept: Vec::new(), untouched: counters()? })
    }

    /// Does `work` in a namespace that no living run is in, and comes back home.
    ///
    /// # Errors
    /// As `unshare(2)` and `setns(2)`.
    pub fn within<T>(&mut self, work: impl FnOnce() -> T) -> io::Result<(OwnedFd, T)> {
        let namespace = match self.kept.pop() {
            Some(kept) => {
                setns(kept.as_fd(), CloneFlags::CLONE_NEWNET)?;
                kept
            }
            None => {
                unshare(CloneFlags::CLONE_NEWNET)?;
                own_namespace()?
            }
        };
        let done = work();
        setns(self.home.as_fd(), CloneFlags::CLONE_NEWNET)?;
        Ok((namespace, done))
    }

    /// Keeps the namespace of a run of which no process is left, if it is as it was at first.
    pub fn take_back(&mut self, namespace: OwnedFd) {
        if self.kept.len() < MOST && matches!(self.is_untouched(&namespace), Ok(true)) {
            self.kept.push(namespace);
        }
    }

    fn is_untouched(&self, namespace: &OwnedFd) -> io::Result<bool> {
        setns(namespace.as_fd(), CloneFlags::CLONE_NEWNET)?;
        let found =
            sockets().and_then(|sockets| Ok(sockets == Some(0) && counters()? == self.untouched));
        setns(self.home.as_fd(), CloneFlags::CLONE_NEWNET)?;
        found
    }
}
