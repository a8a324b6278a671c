//! Empty network namespaces, each handed from one run to the next.
//!
//! The kernel takes half a millisecond to make one and as long, in one thread for the whole host, to take
//! it down. One without an interface up holds nothing but what its sockets did. It belongs to the
//! launcher's user namespace, so no process of a run, not even init while it has capabilities, may change
//! anything in it; and it is handed on only when every process of the last run is gone, no socket is left
//! that was made in it, and every counter that can be read in it stands where it stood at first.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt as _;

use nix::sched::{CloneFlags, setns, unshare};

/// The most that are kept.
const MOST: usize = 32;

/// Below /proc/PID/net: how many sockets exist, whoever holds them.
const SOCKETS: &str = "sockstat";
/// There, too: all that is counted of sockets (proc(5)).
const COUNTERS: [&str; 4] = ["netstat", "snmp", "snmp6", "ip6_flowlabel"];
/// They are read in pieces of so many bytes: what the launcher writes to is copied after each fork.
const PIECE: usize = 4 << 10;

/// One namespace, and the files that tell what happened in it.
pub struct Network {
    namespace: OwnedFd,
    sockets: File,
    counters: Vec<File>,
}

impl Network {
    /// The one that this process is in.
    fn here() -> io::Result<Self> {
        // These files are of the namespace in which they are opened, from wherever they are read.
        let open = |name: &str| File::open(format!("/proc/self/net/{name}"));
        let mut counters = Vec::with_capacity(COUNTERS.len());
        for name in COUNTERS {
            match open(name) {
                Ok(file) => counters.push(file),
                // Not every kernel has every protocol.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        let namespace = File::open("/proc/self/ns/net")?.into();
        Ok(Self { namespace, sockets: open(SOCKETS)?, counters })
    }

    /// What each of the counters says.
    fn counted(&self) -> io::Result<Vec<Vec<u8>>> {
        let mut texts = Vec::with_capacity(self.counters.len());
        for file in &self.counters {
            let mut text = Vec::new();
            in_pieces(file, |piece| {
                text.extend_from_slice(piece);
                true
            })?;
            texts.push(text);
        }
        Ok(texts)
    }

    /// Whether the counters say this.
    fn counts(&self, texts: &[Vec<u8>]) -> io::Result<bool> {
        if texts.len() != self.counters.len() {
            return Ok(false);
        }
        for (file, text) in self.counters.iter().zip(texts) {
            let mut rest = Some(text.as_slice());
            in_pieces(file, |piece| {
                rest = rest.and_then(|rest| rest.strip_prefix(piece));
                rest.is_some()
            })?;
            if rest.is_none_or(|rest| !rest.is_empty()) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Sockets that exist, whoever holds them.
    fn sockets(&self) -> io::Result<Option<u64>> {
        let mut used = None;
        in_pieces(&self.sockets, |piece| {
            let text = str::from_utf8(piece).unwrap_or_default();
            let first = text.strip_prefix("sockets: used ").and_then(|rest| rest.lines().next());
            used = first.and_then(|used| used.trim().parse().ok());
            false
        })?;
        Ok(used)
    }

    /// Refers to it.
    #[must_use]
    pub fn namespace(&self) -> BorrowedFd<'_> {
        self.namespace.as_fd()
    }

    fn enter(&self) -> io::Result<()> {
        Ok(setns(self.namespace.as_fd(), CloneFlags::CLONE_NEWNET)?)
    }
}

/// Hands `file` piece by piece to `take`, until that has enough. The kernel makes a file like these anew when it is
/// read from its beginning, and reads of what follows are of the same making.
fn in_pieces(file: &File, mut take: impl FnMut(&[u8]) -> bool) -> io::Result<()> {
    let mut buffer = [0; PIECE];
    let mut at = 0;
    loop {
        let length = file.read_at(&mut buffer, at)?;
        if length == 0 || !take(buffer.get(..length).unwrap_or_default()) {
            return Ok(());
        }
        at += length as u64;
    }
}

/// See the module.
pub struct Networks {
    /// Where this process itself is: another empty one.
    home: Network,
    kept: Vec<Network>,
    untouched: Vec<Vec<u8>>,
}

impl Networks {
    /// Takes this process into an empty network namespace, its home from then on.
    ///
    /// # Errors
    /// As `unshare(2)`, or reading below /proc.
    pub fn new() -> io::Result<Self> {
        unshare(CloneFlags::CLONE_NEWNET)?;
        let home = Network::here()?;
        let untouched = home.counted()?;
        Ok(Self { home, kept: Vec::new(), untouched })
    }

    /// Does `work` in a namespace that no living run is in, and comes back home.
    ///
    /// # Errors
    /// As `unshare(2)` and `setns(2)`.
    pub fn within<T>(&mut self, work: impl FnOnce() -> T) -> io::Result<(Network, T)> {
        let network = self.take()?;
        network.enter()?;
        let done = work();
        self.home.enter()?;
        Ok((network, done))
    }

    /// One that no living run is in.
    ///
    /// # Errors
    /// As `unshare(2)` and `setns(2)`.
    pub fn take(&mut self) -> io::Result<Network> {
        if let Some(kept) = self.kept.pop() {
            return Ok(kept);
        }
        unshare(CloneFlags::CLONE_NEWNET)?;
        let made = Network::here();
        self.home.enter()?;
        made
    }

    /// Keeps the namespace of a run of which no process is left, if it is as it was at first.
    pub fn take_back(&mut self, network: Network) {
        if self.kept.len() < MOST && matches!(self.is_untouched(&network), Ok(true)) {
            self.kept.push(network);
        }
    }

    /// How many are kept.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.kept.len()
    }

    /// Lets all but so many go.
    pub fn keep(&mut self, count: usize) {
        self.kept.truncate(count);
    }

    fn is_untouched(&self, network: &Network) -> io::Result<bool> {
        Ok(network.sockets()? == Some(0) && network.counts(&self.untouched)?)
    }
}
