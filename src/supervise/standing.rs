//! A sandbox whose walls stand and whose interpreter waits for its program.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use nix::fcntl::{FcntlArg, OFlag, fcntl, open};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::sys::stat::Mode;
use nix::unistd::pipe2;
use tokio::net::UnixStream;
use tokio::net::unix::pipe::Receiver;

use crate::plan::host::cure;
use crate::policy::{Limits, Wall};
use crate::sandbox::client::{Launcher, RunDescriptors, RunEvent, RunHandle};
use crate::sandbox::enforced::Refusal;

/// How long a sandbox may take to stand.
const PATIENCE: Duration = Duration::from_secs(20);

/// Our ends of a sandbox's streams, known to the runtime while no caller waits yet.
pub struct Streams {
    /// Control socket.
    pub control: UnixStream,
    /// Standard output.
    pub stdout: Receiver,
    /// Standard error.
    pub stderr: Receiver,
}

/// See the module. Single use: it is consumed by its run, and killed when dropped.
pub struct Standing {
    /// Our ends.
    pub streams: Streams,
    /// The run, as its launcher knows it.
    pub handle: RunHandle,
    /// Walls that the plan allows to be missing, and are.
    pub missing: Vec<(Wall, i32)>,
    /// The proxy's listening socket.
    pub proxy: Option<OwnedFd>,
    /// Whether the interpreter was forked from a warm one.
    pub warm: bool,
}

/// Why there is no sandbox.
pub enum Unbuilt {
    /// The launcher says why.
    Refused(Refusal),
    /// A fault of ours.
    Fault(String),
    /// Nobody waits for it any more.
    Cancelled,
}

fn streams(stdin: Option<OwnedFd>) -> io::Result<(Streams, RunDescriptors)> {
    let (control, guest) =
        socketpair(AddressFamily::Unix, SockType::Stream, None, SockFlag::SOCK_CLOEXEC)?;
    let (stdout, stdout_writer) = pipe2(OFlag::O_CLOEXEC)?;
    let (stderr, stderr_writer) = pipe2(OFlag::O_CLOEXEC)?;
    for ours in [&control, &stdout, &stderr] {
        // Ours only: the other ends are the code's, which expects blocking streams.
        fcntl(ours, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    }
    let stdin = match stdin {
        Some(stdin) => stdin,
        None => open("/dev/null", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?,
    };
    let descriptors =
        RunDescriptors { stdin, stdout: stdout_writer, stderr: stderr_writer, control: guest };
    let streams = Streams {
        control: UnixStream::from_std(control.into())?,
        stdout: Receiver::from_owned_fd_unchecked(stdout)?,
        stderr: Receiver::from_owned_fd_unchecked(stderr)?,
    };
    Ok((streams, descriptors))
}

impl Standing {
    /// Has `launcher` build one, with an empty standard input unless one is given.
    ///
    /// # Errors
    /// [`Unbuilt`]; nothing of it is left, or soon will be.
    pub async fn build(
        launcher: &Launcher,
        limits: &Limits,
        stdin: Option<OwnedFd>,
    ) -> Result<Self, Unbuilt> {
        let fault = |what: &str| Unbuilt::Fault(what.to_owned());
        let unreachable =
            |error: io::Error| Unbuilt::Fault(format!("the launcher can't be reached: {error}"));
        let (streams, descriptors) = streams(stdin).map_err(unreachable)?;
        let mut handle = launcher.launch(limits, descriptors).await.map_err(unreachable)?;
        match tokio::time::timeout(PATIENCE, handle.next()).await {
            Ok(Some(RunEvent::Started { missing, proxy, warm })) => {
                Ok(Self { streams, handle, missing, proxy, warm })
            }
            Ok(Some(RunEvent::Failed(refusal))) => Err(Unbuilt::Refused(refusal)),
            Ok(None) => Err(fault("the launcher ended while the sandbox was being built")),
            Ok(Some(_)) => Err(fault("the launcher spoke out of turn")),
            Err(_) => Err(fault("the sandbox did not stand within 20 s")),
        }
    }

    /// Itself, unless it lacks a wall that its run requires.
    ///
    /// # Errors
    /// The refusal that names the wall.
    pub fn requiring(self, required: &[Wall]) -> Result<Self, Unbuilt> {
        let Some((wall, errno)) = self.missing.iter().find(|(wall, _)| required.contains(wall))
        else {
            return Ok(self);
        };
        Err(Unbuilt::Refused(Refusal {
            stage: "caller's policy".to_owned(),
            wall: Some(*wall),
            errno: Some(*errno),
            why: "it does not stand for this run".to_owned(),
            fix: cure(*wall, Some(*errno)).unwrap_or_default(),
        }))
    }
}
