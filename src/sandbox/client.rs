//! The front's side of the launcher: starting it, asking it for sandboxes, hearing from it.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::sync::mpsc;

use super::enforced::{Profile, Refusal};
use super::messages::{self, End, Event, LARGEST, Readings, Request, RunId};
use crate::plan::Plan;
use crate::policy::{Limits, Wall};
use crate::sys;

/// The hidden command that makes the binary a launcher.
pub const LAUNCHER_COMMAND: &str = "__launcher";

/// How long a launcher may take to set itself up, and to load a warm interpreter's modules, in milliseconds.
const SETUP_PATIENCE: i32 = 90_000;

/// Why there is no launcher.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// It says what it lacks.
    #[error("{0}")]
    Refused(Refusal),
    /// It could not be started or spoken to.
    #[error("cannot start the launcher: {0}")]
    Start(#[source] io::Error),
    /// It ended, or kept silent, before it was set up.
    #[error("the launcher {0}; run `codemode doctor` to see what this host lacks")]
    Silent(&'static str),
    /// The plan is larger than a message may be.
    #[error("the plan takes {0} bytes of {LARGEST}; allow fewer commands")]
    TooLarge(usize),
}

/// A launcher that is set up, before it is attached to a runtime.
pub struct Spawned {
    socket: OwnedFd,
    child: Child,
    profile: Profile,
}

/// A launcher that was started and knows nothing yet.
pub struct Begun {
    socket: OwnedFd,
    child: Child,
}

/// Starts `binary` as a launcher, which loads while the caller finds out what to tell it.
///
/// To be called before the process has other threads or gives up its privileges.
///
/// # Errors
/// [`LaunchError::Start`].
pub fn begin(binary: &Path) -> Result<Begun, LaunchError> {
    let kind = SockType::SeqPacket;
    let (ours, theirs) = socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC)
        .map_err(|errno| LaunchError::Start(errno.into()))?;
    let child = Command::new(binary)
        .arg(LAUNCHER_COMMAND)
        // Nothing of our environment: the key may stand in it.
        .env_clear()
        .stdin(Stdio::from(theirs))
        .stdout(Stdio::null())
        .spawn()
        .map_err(LaunchError::Start)?;
    Ok(Begun { socket: ours, child })
}

impl Begun {
    /// Hands the plan over and waits until the launcher is set up.
    ///
    /// # Errors
    /// [`LaunchError`].
    pub fn set_up(self, plan: &Plan) -> Result<Spawned, LaunchError> {
        let start = |errno: Errno| LaunchError::Start(errno.into());
        let text =
            messages::encode_setup(plan).map_err(|error| LaunchError::Start(error.into()))?;
        if text.len() > LARGEST {
            return Err(LaunchError::TooLarge(text.len()));
        }
        sys::send(self.socket.as_fd(), &text, &[]).map_err(start)?;
        let mut child = self.child;
        let profile = await_ready(self.socket.as_fd()).inspect_err(|_| {
            // It ends with its end of the socket.
            let _ = child.wait();
        })?;
        fcntl(&self.socket, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(start)?;
        Ok(Spawned { socket: self.socket, child, profile })
    }
}

fn await_ready(socket: BorrowedFd<'_>) -> Result<Profile, LaunchError> {
    let start = |errno: Errno| LaunchError::Start(errno.into());
    let mut ready = [PollFd::new(socket, PollFlags::POLLIN)];
    if poll(&mut ready, PollTimeout::try_from(SETUP_PATIENCE).unwrap_or(PollTimeout::MAX))
        .map_err(start)?
        == 0
    {
        return Err(LaunchError::Silent("did not answer within 90 s"));
    }
    let mut buffer = vec![0; LARGEST];
    let (length, _) = sys::receive(socket, &mut buffer, 0).map_err(start)?;
    match buffer.get(..length).and_then(|text| serde_json::from_slice(text).ok()) {
        Some(Event::Ready(profile)) => Ok(profile),
        Some(Event::Refused(refusal)) => Err(LaunchError::Refused(refusal)),
        _ => Err(LaunchError::Silent("ended before it was set up")),
    }
}

/// What happens to one run.
#[derive(Debug)]
pub enum RunEvent {
    /// Every wall stands; the interpreter waits.
    Started {
        /// Walls that the plan allows to be missing, and are.
        missing: Vec<(Wall, i32)>,
        /// The proxy's listening socket.
        proxy: Option<OwnedFd>,
        /// Whether the interpreter was forked from a warm one.
        warm: bool,
    },
    /// It could not be built.
    Failed(Refusal),
    /// The readings asked for.
    Looked(Readings),
    /// Every process is gone.
    Ended(Box<End>),
}

type Runs = Mutex<HashMap<RunId, mpsc::UnboundedSender<RunEvent>>>;

struct Shared {
    /// A sequenced-packet socket; tokio watches its readiness, `sys` moves the datagrams.
    socket: UnixStream,
    runs: Runs,
    next: AtomicU64,
    restarts: AtomicU64,
}

/// A launcher attached to a tokio runtime.
pub struct Launcher {
    shared: Arc<Shared>,
    profile: Profile,
    child: Mutex<Child>,
    reader: tokio::task::JoinHandle<()>,
}

/// Descriptors for a run's standard streams and control socket.
pub struct RunDescriptors {
    /// Standard input.
    pub stdin: OwnedFd,
    /// Standard output.
    pub stdout: OwnedFd,
    /// Standard error.
    pub stderr: OwnedFd,
    /// The guest's end of the control socket.
    pub control: OwnedFd,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Spawned {
    /// What it found it can do.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Attaches it to the current tokio runtime.
    ///
    /// # Errors
    /// As registering a descriptor with the runtime.
    pub fn attach(self) -> io::Result<Launcher> {
        let shared = Arc::new(Shared {
            socket: UnixStream::from_std(self.socket.into())?,
            runs: Mutex::default(),
            // Run 0 would be taken for the front's own socket.
            next: AtomicU64::new(1),
            restarts: AtomicU64::new(0),
        });
        let reader = tokio::spawn(read_events(Arc::clone(&shared)));
        Ok(Launcher { shared, profile: self.profile, child: Mutex::new(self.child), reader })
    }
}

impl Launcher {
    /// What it found it can do.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Whether it is still there.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        !self.reader.is_finished()
    }

    /// How often its keeper has started it anew.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.shared.restarts.load(Ordering::Relaxed)
    }

    /// Asks for a sandbox.
    ///
    /// # Errors
    /// As `sendmsg(2)`; `EPIPE` once the launcher is gone.
    pub async fn launch(
        &self,
        limits: &Limits,
        descriptors: RunDescriptors,
    ) -> io::Result<RunHandle> {
        let run = self.shared.next.fetch_add(1, Ordering::Relaxed);
        let (sender, events) = mpsc::unbounded_channel();
        lock(&self.shared.runs).insert(run, sender);
        let handle = RunHandle { run, events, shared: Arc::clone(&self.shared), over: false };
        let text = serde_json::to_vec(&Request::Launch { run, limits: *limits })?;
        let RunDescriptors { stdin, stdout, stderr, control } = descriptors;
        let fds = [stdin.as_fd(), stdout.as_fd(), stderr.as_fd(), control.as_fd()];
        self.shared.send(&text, &fds).await?;
        Ok(handle)
    }
}

impl Drop for Launcher {
    fn drop(&mut self) {
        self.reader.abort();
        // Its socket closes with the last handle; it then ends every run and itself. Waiting here
        // means that nothing of it is left when the caller goes on.
        let _ = nix::sys::socket::shutdown(
            std::os::fd::AsRawFd::as_raw_fd(&self.shared.socket),
            nix::sys::socket::Shutdown::Both,
        );
        let _ = lock(&self.child).wait();
    }
}

impl Shared {
    async fn send(&self, text: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        self.socket
            .async_io(Interest::WRITABLE, || Ok(sys::send(self.socket.as_fd(), text, fds)?))
            .await
            .map(drop)
    }

    fn send_now(&self, request: &Request) -> nix::Result<()> {
        let text = serde_json::to_vec(request).map_err(|_| Errno::EINVAL)?;
        sys::send(self.socket.as_fd(), &text, &[]).map(drop)
    }

    fn deliver(&self, run: RunId, event: RunEvent) {
        if let Some(sender) = lock(&self.runs).get(&run) {
            let _ = sender.send(event);
        }
    }
}

async fn read_events(shared: Arc<Shared>) {
    let mut buffer = vec![0; LARGEST];
    loop {
        let received = shared
            .socket
            .async_io(Interest::READABLE, || {
                Ok(sys::receive(shared.socket.as_fd(), &mut buffer, libc::MSG_DONTWAIT)?)
            })
            .await;
        let (length, [descriptor, ..]) = match received {
            Ok((0, _)) | Err(_) => break,
            Ok(received) => received,
        };
        let event = buffer.get(..length).map(serde_json::from_slice);
        match event {
            Some(Ok(Event::Started { run, missing, warm })) => {
                shared.deliver(run, RunEvent::Started { missing, proxy: descriptor, warm });
            }
            Some(Ok(Event::Failed { run, refusal })) => {
                shared.deliver(run, RunEvent::Failed(refusal));
            }
            Some(Ok(Event::Looked { run, readings })) => {
                shared.deliver(run, RunEvent::Looked(readings));
            }
            Some(Ok(Event::Ended { run, end })) => shared.deliver(run, RunEvent::Ended(end)),
            // The runs of the one that died get no more events: their channels close.
            Some(Ok(Event::Restarted)) => {
                shared.restarts.fetch_add(1, Ordering::Relaxed);
                tracing::warn!("the launcher ended and was started anew");
                lock(&shared.runs).clear();
            }
            Some(Ok(Event::WarmLost { why })) => {
                tracing::warn!(%why, "the warm interpreter is gone; another is started");
            }
            Some(Ok(Event::CradleLost { why })) => {
                tracing::warn!(%why, "the cradle is gone; another is started, and runs start a little later meanwhile");
            }
            Some(Ok(Event::Ready(_) | Event::Refused(_)) | Err(_)) | None => break,
        }
    }
    lock(&shared.runs).clear();
}

/// One run, as its supervisor holds it. Dropped before its end, it is killed.
pub struct RunHandle {
    run: RunId,
    events: mpsc::UnboundedReceiver<RunEvent>,
    shared: Arc<Shared>,
    over: bool,
}

impl RunHandle {
    /// The next event; `None` if the launcher is gone, and with it every process of the run.
    pub async fn next(&mut self) -> Option<RunEvent> {
        let event = self.events.recv().await;
        self.over |= matches!(event, None | Some(RunEvent::Failed(_) | RunEvent::Ended(_)));
        event
    }

    /// Whether nothing has happened to it since the last event.
    pub fn is_quiet(&mut self) -> bool {
        matches!(self.events.try_recv(), Err(mpsc::error::TryRecvError::Empty))
    }

    /// Ends every process of the run. An event tells when they are gone.
    ///
    /// # Errors
    /// As `sendmsg(2)`.
    pub async fn kill(&self) -> io::Result<()> {
        let text = serde_json::to_vec(&Request::Kill { run: self.run })?;
        self.shared.send(&text, &[]).await
    }

    /// Asks for readings; an event brings them.
    ///
    /// # Errors
    /// As `sendmsg(2)`.
    pub async fn look(&self) -> io::Result<()> {
        let text = serde_json::to_vec(&Request::Look { run: self.run })?;
        self.shared.send(&text, &[]).await
    }
}

impl Drop for RunHandle {
    fn drop(&mut self) {
        lock(&self.shared.runs).remove(&self.run);
        if self.over {
            return;
        }
        if self.shared.send_now(&Request::Kill { run: self.run }) == Err(Errno::EAGAIN)
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let (shared, run) = (Arc::clone(&self.shared), self.run);
            runtime.spawn(async move {
                if let Ok(text) = serde_json::to_vec(&Request::Kill { run }) {
                    let _ = shared.send(&text, &[]).await;
                }
            });
        }
    }
}
