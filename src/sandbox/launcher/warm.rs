//! The warm interpreter: loaded once, never given a program, and forked from for every run.
//!
//! It lives in the template root and the user namespace of the launcher, and is sent nothing that came out
//! of a sandbox. It has one capability there, `CAP_SYS_ADMIN`, to have its children born in the pid namespace
//! of an init (`setns(2)`); nothing of the host's belongs to that user namespace. What it forks are
//! children of the launcher's (`CLONE_PARENT`).

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use caps::Capability;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, pipe2, read};

use super::birth::{Child, await_word, order_sockets};
use super::failure::{Step, of_stage};
use super::host::Host;
use crate::sandbox::child::{JoinFiles, show_late_mounts};
use crate::sandbox::enforced::Refusal;
use crate::sandbox::order::{Order, Word};
use crate::sandbox::record::Record;
use crate::sys::{self, ExecImage, Parentage};

/// How long it may take to load its modules.
const LOADING: Duration = Duration::from_secs(60);
/// How long one fork may take.
pub const FORKING: Duration = Duration::from_secs(5);
/// How much of what it printed is kept, in bytes.
const PRINTED: usize = 2_000;

/// See the module. It is killed and reaped when dropped.
pub struct Warm {
    /// Our end of its socket.
    pub socket: OwnedFd,
    /// When it was started.
    pub started: Instant,
    process: Child,
    printed: OwnedFd,
    output: Vec<u8>,
    loading: Option<String>,
    loaded: bool,
}

impl Warm {
    /// Starts it; it loads its modules on its own.
    ///
    /// # Errors
    /// A refusal.
    pub fn start(host: &Host, image: &ExecImage) -> Result<Self, Refusal> {
        let (ours, theirs) = order_sockets(host, "warm interpreter")?;
        // As in a run, where both are pipes: the interpreter looks when it starts.
        let (printed, writer) =
            pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).step("warm interpreter", None)?;
        let input = open("/dev/null", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())
            .step("warm interpreter", None)?;
        let kept = [&input, &writer, &writer, &theirs].map(|fd| (fd.as_raw_fd(), false));
        let forked = sys::fork(Parentage::Own).step("warm interpreter", None)?;
        let Some(pid) = forked else { become_interpreter(host, image, &kept) };
        Ok(Self {
            socket: ours,
            started: Instant::now(),
            process: Child::of(pid)?,
            printed,
            output: Vec::new(),
            loading: None,
            loaded: false,
        })
    }

    /// Whether it can be forked from.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        self.loaded
    }

    /// Waits until it can be forked from.
    ///
    /// # Errors
    /// The refusal that names the module that is the cause, if one is.
    pub fn await_loaded(&mut self) -> Result<(), Refusal> {
        let until = Instant::now() + LOADING;
        while !self.loaded {
            let left = until.saturating_duration_since(Instant::now());
            let mut ready = [
                PollFd::new(self.socket.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.printed.as_fd(), PollFlags::POLLIN),
            ];
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
            match poll(&mut ready, timeout) {
                Ok(0) => return Err(self.refused("it took longer than 60 s to load")),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno).step("warm interpreter", None),
            }
            self.take_output();
            if ready_to_read(self.socket.as_fd()) {
                self.hear()?;
            }
        }
        Ok(())
    }

    /// Takes one word of its.
    ///
    /// # Errors
    /// The refusal, if it is gone or can't be forked from.
    pub fn hear(&mut self) -> Result<(), Refusal> {
        self.take_output();
        let mut buffer = [0; 4096];
        let length = match sys::receive(self.socket.as_fd(), &mut buffer, libc::MSG_DONTWAIT) {
            Ok((length, _)) => length,
            // A reset is told once if it ended with something unread; what it said before that follows.
            Err(Errno::EAGAIN | Errno::EINTR | Errno::ECONNRESET) => return Ok(()),
            Err(errno) => return Err(errno).step("warm interpreter", None),
        };
        let word = buffer.get(..length).and_then(|text| serde_json::from_slice(text).ok());
        match word {
            Some(Word::Loading { module }) => self.loading = Some(module),
            Some(Word::Loaded) => {
                self.loading = None;
                self.loaded = true;
            }
            Some(Word::Refused { why }) => return Err(self.refused(&why)),
            None => return Err(self.refused(&self.how_it_ended())),
        }
        Ok(())
    }

    fn how_it_ended(&self) -> String {
        let closed = || "it closed descriptor 3, by which it is spoken to".to_owned();
        self.process.how_it_ended().unwrap_or_else(closed)
    }

    fn take_output(&mut self) {
        let mut buffer = [0; 1024];
        while let Ok(length @ 1..) = read(&self.printed, &mut buffer) {
            self.output.extend(buffer.iter().take(length));
            let over = self.output.len().saturating_sub(PRINTED);
            self.output.drain(..over);
        }
    }

    fn refused(&self, why: &str) -> Refusal {
        let printed = String::from_utf8_lossy(&self.output);
        let last = printed.lines().map(str::trim).rfind(|line| !line.is_empty());
        let last = last.map(|line| format!(" (it printed: {line})")).unwrap_or_default();
        let (what, fix) = match &self.loading {
            Some(module) => (
                format!("module {module}: "),
                "make it importable for this interpreter or take it out of `preload` \
                 (CODEMODE_PRELOAD); or set start: fresh (CODEMODE_START)",
            ),
            None => (String::new(), "set start: fresh (CODEMODE_START)"),
        };
        Refusal {
            stage: "warm interpreter".to_owned(),
            wall: None,
            errno: None,
            why: format!("{what}{why}{last}"),
            fix: fix.to_owned(),
        }
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.process.pid
    }

    /// Has it fork a run's guest, a child of ours beside `living` others: [`Warm::answer`] tells of it. If it can't be
    /// told it is ended, and its socket closes.
    pub fn order(&self, files: &JoinFiles, living: usize) {
        let (order, descriptors) = Order::of(files, living);
        let sent = serde_json::to_vec(&order)
            .map_err(|_| Errno::EINVAL)
            .and_then(|text| sys::send(self.socket.as_fd(), &text, &descriptors));
        if sent.is_err() {
            self.process.kill();
        }
    }

    /// What it has answered to the oldest order: whom it forked, or what the kernel refused. `None` if it
    /// says nothing yet.
    ///
    /// # Errors
    /// The refusal, if it is gone. Whatever it may have forked besides gets no word from us.
    pub fn answer(&mut self) -> Result<Option<Result<Pid, Refusal>>, Refusal> {
        let mut bytes = [0; Record::SIZE];
        let length = match sys::receive(self.socket.as_fd(), &mut bytes, libc::MSG_DONTWAIT) {
            Ok((length, _)) => length,
            Err(Errno::EAGAIN | Errno::EINTR | Errno::ECONNRESET) => return Ok(None),
            Err(errno) => return Err(errno).step("warm interpreter", None),
        };
        match bytes.get(..length).and_then(Record::decode) {
            Some(Record::Init(pid)) => Ok(Some(Ok(Pid::from_raw(pid)))),
            Some(Record::Failed(stage, errno)) => Ok(Some(Err(of_stage(stage, errno)))),
            _ => {
                self.take_output();
                let ended = self.how_it_ended();
                self.process.kill();
                Err(self.refused(&ended))
            }
        }
    }

    /// Waits until it says something, for as long as a fork may take; `false` if it says nothing.
    pub fn await_answer(&self) -> bool {
        await_word(self.socket.as_fd(), FORKING)
    }

    /// What is to be said of one that let an order wait for too long. It is ended.
    pub fn overdue(&self) -> Refusal {
        self.process.kill();
        self.refused("it took longer than 5 s to fork")
    }
}

impl Drop for Warm {
    fn drop(&mut self) {
        self.process.end();
    }
}

fn ready_to_read(socket: BorrowedFd<'_>) -> bool {
    let mut ready = [PollFd::new(socket, PollFlags::POLLIN)];
    matches!(poll(&mut ready, PollTimeout::ZERO), Ok(1..))
}

/// In the forked process: becomes the interpreter, with nothing of ours but its socket.
fn become_interpreter(host: &Host, image: &ExecImage, kept: &[(i32, bool)]) -> ! {
    let done = set_pdeathsig(Signal::SIGKILL)
        .and_then(|()| sys::keep_only(kept))
        .and_then(|()| show_late_mounts(&host.prepared))
        .and_then(|()| sys::keep_only_capability(u32::from(Capability::CAP_SYS_ADMIN.index())))
        .and_then(|()| sys::default_sigpipe())
        .and_then(|()| SigSet::empty().thread_set_mask())
        .map(|()| image.exec());
    let _ = done;
    sys::exit_now(127)
}
