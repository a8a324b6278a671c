//! The cradle: a small process of its own that inits are forked from, children of the launcher's (`CLONE_PARENT`).
//!
//! What is forked from the launcher closes its descriptors, some hundreds, and takes down a copy of its memory, and
//! the launcher copies what it writes to next, after each. The cradle (`warm/cradle.rs`) holds nothing. It lives in the
//! template root and in the launcher's user namespace with the launcher's capabilities, and hears the launcher only.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use caps::Capability;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::unistd::Pid;

use super::birth::Child;
use super::failure::{Step, of_stage};
use super::host::Host;
use super::networks::{Network, Networks};
use crate::plan::CRADLE_PATH;
use crate::policy::Wall;
use crate::sandbox::child::RunFiles;
use crate::sandbox::enforced::Refusal;
use crate::sandbox::order::{InitOrder, LARGEST};
use crate::sandbox::record::Record;
use crate::sys::{self, ExecImage, Parentage};

/// How long one fork may take, in milliseconds.
const FORKING: u16 = 5_000;

/// What is done from here as by the launcher: namespaces are entered, groups of root's joined, and the launcher's id
/// may be mapped, if it is 0 (Linux 5.12).
const CAPABILITIES: [Capability; 3] =
    [Capability::CAP_SYS_ADMIN, Capability::CAP_DAC_OVERRIDE, Capability::CAP_SETFCAP];

/// See the module. It is killed and reaped when dropped.
pub struct Cradle {
    socket: OwnedFd,
    process: Child,
}

impl Cradle {
    /// Starts it. Whether it works shows with the first fork.
    ///
    /// # Errors
    /// As `socketpair(2)` and `fork(2)`.
    pub fn start(host: &Host) -> Result<Self, Refusal> {
        let flags = SockFlag::SOCK_CLOEXEC;
        let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags)
            .step("cradle", None)?;
        let prepared = serde_json::to_vec(&host.prepared)
            .map_err(std::io::Error::from)
            .step("cradle", None)?;
        if prepared.len() <= LARGEST {
            sys::send(ours.as_fd(), &prepared, &[]).step("cradle", None)?;
        }
        let path = CRADLE_PATH.to_owned();
        let path =
            std::ffi::CString::new(path).map_err(std::io::Error::from).step("cradle", None)?;
        let image = ExecImage::new(path.clone(), vec![path], Vec::new());
        let forked = sys::fork(Parentage::Own).step("cradle", None)?;
        let Some(pid) = forked else { become_cradle(&image, &theirs) };
        Ok(Self { socket: ours, process: Child::of(pid)? })
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.process.pid
    }

    /// Forks a run's init, in a network namespace that is handed on, if runs are given one. `None` if the cradle is
    /// lost: nobody knows then whether it has forked.
    ///
    /// # Errors
    /// A refusal.
    pub fn fork(
        &mut self,
        networks: Option<&mut Networks>,
        files: &RunFiles,
    ) -> Result<Option<(Child, Option<Network>)>, Refusal> {
        let network = networks.map(Networks::take).transpose();
        let network = network.step("network namespace", Wall::NetworkNamespace)?;
        match self.order(files, network.as_ref()) {
            Some(Record::Init(pid)) => Ok(Some((Child::of(Pid::from_raw(pid))?, network))),
            Some(Record::Failed(stage, errno)) => Err(of_stage(stage, errno)),
            _ => Ok(None),
        }
    }

    /// Gives an order and waits for the answer.
    fn order(&self, files: &RunFiles, network: Option<&Network>) -> Option<Record> {
        let (order, descriptors) = InitOrder::of(files, network.map(Network::namespace))?;
        let text = serde_json::to_vec(&order).ok()?;
        sys::send(self.socket.as_fd(), &text, &descriptors).ok()?;
        let mut ready = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
        loop {
            match poll(&mut ready, PollTimeout::from(FORKING)) {
                Err(Errno::EINTR) => {}
                Ok(1..) => break,
                _ => return None,
            }
        }
        let mut bytes = [0; Record::SIZE];
        let (length, _) = sys::receive(self.socket.as_fd(), &mut bytes, libc::MSG_DONTWAIT).ok()?;
        bytes.get(..length).and_then(Record::decode)
    }
}

impl Drop for Cradle {
    fn drop(&mut self) {
        self.process.end();
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
