//! The cradle: a small process of its own that inits are forked from, children of the launcher's (`CLONE_PARENT`).
//!
//! What is forked from the launcher closes its descriptors, some hundreds, and takes down a copy of its memory, and
//! the launcher copies what it writes to next, after each. The cradle (`warm/cradle.rs`) holds two. It lives in the
//! template root and in the launcher's user namespace, and hears the launcher only.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use caps::Capability;
use nix::errno::Errno;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::backoff::Backoff;
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
/// something of it; longer only for one that the kernel holds in a call, which a fork of its own would be held in, too.
const FORKING: Duration = Duration::from_secs(1);

/// What came of asking for an init.
pub enum Forked {
    /// It is there, in this network namespace, if runs are given one.
    Init(Child, Option<Network>),
    /// There is no cradle.
    Nothing,
    /// There is none any more, and nobody knows whether it has forked: it is gone, mute, or can't do it.
    Lost,
}

/// Keeps a cradle at hand, and replaces it should it die.
pub struct Cradle {
    process: Option<Process>,
    /// When one is started where there is none.
    due: Instant,
    backoff: Backoff,
    /// Why the last one was lost, until somebody asks.
    lost: Option<String>,
}

impl Cradle {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self { process: None, due: Instant::now(), backoff: Backoff::new(), lost: None }
    }

    /// Its process id, if there is one.
    #[must_use]
    pub fn pid(&self) -> Option<Pid> {
        self.process.as_ref().map(|process| process.child.pid)
    }

    /// When [`Cradle::start_if_due`] has something to do.
    #[must_use]
    pub fn next_look(&self) -> Option<Instant> {
        self.process.is_none().then_some(self.due)
    }

    /// Starts one, if there is none and it is time. Whether it works shows with the first fork.
    pub fn start_if_due(&mut self, host: &Host, now: Instant) {
        if self.next_look().is_some_and(|next| next <= now) {
            match Process::start(host) {
                Ok(process) => self.process = Some(process),
                Err(refusal) => self.lose(Duration::ZERO, refusal.to_string()),
            }
        }
    }

    fn lose(&mut self, lived: Duration, why: String) {
        self.due = Instant::now() + self.backoff.after(lived);
        self.lost = Some(why);
    }

    /// Why one was lost since this was asked, if one was.
    pub fn take_loss(&mut self) -> Option<String> {
        self.lost.take()
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
            Ok(pid) => Ok(Forked::Init(Child::of(pid)?, network)),
            Err(why) => {
                let lived = process.started.elapsed();
                self.process = None;
                self.lose(lived, why);
                Ok(Forked::Lost)
            }
        }
    }
}

/// A cradle. It is killed and reaped when dropped.
struct Process {
    socket: OwnedFd,
    child: Child,
    started: Instant,
}

impl Process {
    fn start(host: &Host) -> Result<Self, Refusal> {
        let (ours, theirs) = order_sockets(host, "cradle")?;
        let path = CString::new(CRADLE_PATH).map_err(io::Error::from).step("cradle", None)?;
        let image = ExecImage::new(path.clone(), vec![path], Vec::new());
        let forked = sys::fork(Parentage::Own).step("cradle", None)?;
        let Some(pid) = forked else { become_cradle(&image, &theirs) };
        Ok(Self { socket: ours, child: Child::of(pid)?, started: Instant::now() })
    }

    /// Gives an order and waits for the answer: whom it has forked, or why it is of no use.
    fn order(&self, files: &RunFiles, network: Option<&Network>) -> Result<Pid, String> {
        let answer = self.exchange(files, network).map_err(|errno| match errno {
            Errno::ETIMEDOUT => "it took longer than 1 s to fork".to_owned(),
            // Only of one that is gone: asking waits for the end.
            Errno::EPIPE | Errno::ECONNRESET => {
                self.child.how_it_ended().unwrap_or_else(|| errno.to_string())
            }
            errno => errno.to_string(),
        })?;
        match answer {
            Record::Init(pid) => Ok(Pid::from_raw(pid)),
            Record::Failed(stage, errno) => Err(of_stage(stage, errno).to_string()),
            _ => Err("it answered what is no answer".to_owned()),
        }
    }

    fn exchange(&self, files: &RunFiles, network: Option<&Network>) -> nix::Result<Record> {
        let order = InitOrder::of(files, network.map(Network::namespace));
        let (order, descriptors) = order.ok_or(Errno::EINVAL)?;
        let text = serde_json::to_vec(&order).map_err(|_| Errno::EINVAL)?;
        sys::send(self.socket.as_fd(), &text, &descriptors)?;
        if !await_word(self.socket.as_fd(), FORKING) {
            return Err(Errno::ETIMEDOUT);
        }
        let mut bytes = [0; Record::SIZE];
        match sys::receive(self.socket.as_fd(), &mut bytes, libc::MSG_DONTWAIT)? {
            (0, _) => Err(Errno::EPIPE),
            (length, _) => bytes.get(..length).and_then(Record::decode).ok_or(Errno::EBADMSG),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.end();
    }
}

/// In the forked process: becomes the cradle, with nothing of ours but its socket.
fn become_cradle(image: &ExecImage, socket: &OwnedFd) -> ! {
    // To enter network namespaces.
    let kept = u32::from(Capability::CAP_SYS_ADMIN.index());
    let done = set_pdeathsig(Signal::SIGKILL)
        .and_then(|()| sys::keep_only(&[(socket.as_raw_fd(), false)]))
        .and_then(|()| sys::keep_only_capability(kept))
        .map(|()| image.exec());
    let _ = done;
    sys::exit_now(127)
}
