//! The cradle: a small process of its own that inits are forked from, children of the launcher's (`CLONE_PARENT`).
//!
//! What is forked from the launcher closes its descriptors, some hundreds, and takes down a copy of its memory, and
//! the launcher copies what it writes to next, after each. The cradle (`warm/cradle.rs`) holds nothing. It lives in the
//! template root and in the launcher's user namespace, and hears the launcher only.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use caps::Capability;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::birth::{Child, await_word, order_sockets};
use super::failure::{Step, of_stage};
use super::host::Host;
use super::networks::{Network, Networks};
use crate::plan::CRADLE_PATH;
use crate::policy::Wall;
use crate::sandbox::child::RunFiles;
use crate::sandbox::enforced::Refusal;
use crate::sandbox::order::InitOrder;
use crate::sandbox::record::Record;
use crate::sys::{self, ExecImage, Parentage};

/// How long one fork may take. The launcher waits meanwhile, and so does whoever else wants
/// something of it.
const FORKING: Duration = Duration::from_secs(1);

/// A cradle that is lost sooner than so long after its start is not replaced before: the first and the longest wait.
const WAITS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// To enter network namespaces; and for a launcher whose own id is 0 and mapped, which only who made the user
/// namespace may have allowed (Linux 5.12).
const CAPABILITIES: [Capability; 2] = [Capability::CAP_SYS_ADMIN, Capability::CAP_SETFCAP];

/// What came of asking for an init.
pub enum Forked {
    /// It is there, in this network namespace, if runs are given one.
    Init(Child, Option<Network>),
    /// There is no cradle.
    Nothing,
    /// There is none any more, and nobody knows whether it has forked.
    Lost,
}

/// Keeps a cradle at hand, and replaces it should it die.
pub struct Cradle {
    process: Option<Process>,
    /// When one is started where there is none, and how long after that the next one would be.
    next: (Instant, Duration),
    lost: bool,
}

impl Cradle {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self { process: None, next: (Instant::now(), WAITS.0), lost: false }
    }

    /// Its process id, if there is one.
    #[must_use]
    pub fn pid(&self) -> Option<Pid> {
        self.process.as_ref().map(|process| process.child.pid)
    }

    /// When [`Cradle::start_if_due`] has something to do.
    #[must_use]
    pub fn next_look(&self) -> Option<Instant> {
        self.process.is_none().then_some(self.next.0)
    }

    /// Starts one, if there is none and it is time. Whether it works shows with the first fork.
    pub fn start_if_due(&mut self, host: &Host, now: Instant) {
        if self.next_look().is_some_and(|next| next <= now) {
            self.process = Process::start(host).ok();
            let wait = if now > self.next.0 + WAITS.1 { WAITS.0 } else { self.next.1 };
            self.next = (now + wait, WAITS.1.min(wait * 2));
        }
    }

    /// Whether one was lost since this was asked.
    pub fn was_lost(&mut self) -> bool {
        std::mem::take(&mut self.lost)
    }

    /// Ends it.
    pub fn end(&mut self) {
        self.process = None;
    }

    /// Has it fork a run's init.
    ///
    /// # Errors
    /// A refusal.
    pub fn fork(
        &mut self,
        networks: Option<&mut Networks>,
        files: &RunFiles,
    ) -> Result<Forked, Refusal> {
        let Some(process) = &self.process else { return Ok(Forked::Nothing) };
        let network = networks.map(Networks::take).transpose();
        let network = network.step("network namespace", Wall::NetworkNamespace)?;
        match process.order(files, network.as_ref()) {
            Some(Record::Init(pid)) => Ok(Forked::Init(Child::of(Pid::from_raw(pid))?, network)),
            Some(Record::Failed(stage, errno)) => Err(of_stage(stage, errno)),
            _ => {
                (self.process, self.lost) = (None, true);
                Ok(Forked::Lost)
            }
        }
    }
}

/// A cradle. It is killed and reaped when dropped.
struct Process {
    socket: OwnedFd,
    child: Child,
}

impl Process {
    fn start(host: &Host) -> Result<Self, Refusal> {
        let (ours, theirs) = order_sockets(host, "cradle")?;
        let path = CString::new(CRADLE_PATH).map_err(io::Error::from).step("cradle", None)?;
        let image = ExecImage::new(path.clone(), vec![path], Vec::new());
        let forked = sys::fork(Parentage::Own).step("cradle", None)?;
        let Some(pid) = forked else { become_cradle(&image, &theirs) };
        Ok(Self { socket: ours, child: Child::of(pid)? })
    }

    /// Gives an order and waits for the answer; `None` if there is none.
    fn order(&self, files: &RunFiles, network: Option<&Network>) -> Option<Record> {
        let (order, descriptors) = InitOrder::of(files, network.map(Network::namespace))?;
        let text = serde_json::to_vec(&order).ok()?;
        sys::send(self.socket.as_fd(), &text, &descriptors).ok()?;
        if !await_word(self.socket.as_fd(), FORKING) {
            return None;
        }
        let mut bytes = [0; Record::SIZE];
        let (length, _) = sys::receive(self.socket.as_fd(), &mut bytes, libc::MSG_DONTWAIT).ok()?;
        bytes.get(..length).and_then(Record::decode)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.end();
    }
}

/// In the forked process: becomes the cradle, with nothing of ours but its socket.
fn become_cradle(image: &ExecImage, socket: &OwnedFd) -> ! {
    let wanted = CAPABILITIES.iter().fold(0, |mask, capability| mask | 1 << capability.index());
    let done = set_pdeathsig(Signal::SIGKILL)
        .and_then(|()| sys::keep_only(&[(socket.as_raw_fd(), false)]))
        .and_then(|()| sys::keep_only_capabilities(wanted))
        .map(|()| image.exec());
    let _ = done;
    sys::exit_now(127)
}
