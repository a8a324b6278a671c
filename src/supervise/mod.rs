//! Watching over one run from its request to the moment every process of it is gone.

mod control;
mod frames;
mod marshal;
mod observed;
pub mod output;
pub mod proxy;
mod tools;

use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl, open};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::sys::stat::Mode;
use nix::unistd::pipe2;
use tokio::sync::Notify;
use tokio::time::sleep_until;

use self::control::{Control, Program, Spoken};
use self::output::{Captured, capture};
use self::proxy::ProxyStats;
use crate::policy::Wall;
use crate::policy::domains::DomainPolicy;
use crate::sandbox::client::{Launcher, RunDescriptors, RunEvent, RunHandle};
use crate::sandbox::enforced::Refusal;
use crate::sandbox::messages::Readings;

pub use self::frames::Done;
pub use self::observed::{Observed, Request, Stopped};
pub use self::tools::{Answer, ToolSet, Tools};

/// How long a sandbox may take to stand.
const START_PATIENCE: Duration = Duration::from_secs(20);
/// How long a guest that says it met a limit is kept waiting for readings.
const LOOK_PATIENCE: Duration = Duration::from_millis(500);
/// How long after the order the launcher may take to end a run.
const KILL_PATIENCE: Duration = Duration::from_secs(20);

/// A reader of ours may be slow, and may be waited for.
const FOREVER: Duration = Duration::from_secs(u32::MAX as u64);

struct Streams {
    control: OwnedFd,
    stdout: OwnedFd,
    stderr: OwnedFd,
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
    Ok((Streams { control, stdout, stderr }, descriptors))
}

/// Runs `request` in a sandbox of `launcher` and returns when nothing of it is left.
///
/// Resolving `cancel` ends the run early; dropping the future ends it too, without an account.
pub async fn run(
    launcher: &Launcher,
    domains: &Arc<DomainPolicy>,
    mut request: Request,
    cancel: impl Future<Output = ()>,
) -> Observed {
    let begun = Instant::now();
    let mut observed = Observed::default();
    let stdin = request.stdin.take();
    let launched = async {
        let (ours, theirs) = streams(stdin)?;
        let handle = launcher.launch(&request.limits, theirs).await?;
        Ok::<_, io::Error>((ours, handle))
    };
    match launched.await {
        Ok((ours, handle)) => {
            let mut run = Supervised { request: &request, handle, observed: &mut observed };
            if let Err(error) = run.supervise(ours, begun, domains, cancel).await {
                observed.fault = Some(error.to_string());
            }
        }
        Err(error) => observed.fault = Some(format!("the launcher can't be reached: {error}")),
    }
    observed
}

fn refusal(wall: Wall, errno: i32) -> Refusal {
    Refusal {
        stage: "caller's policy".to_owned(),
        wall: Some(wall),
        errno: Some(errno),
        why: "it does not stand for this run".to_owned(),
        fix: crate::plan::host::cure(wall, Some(errno)).unwrap_or_default(),
    }
}

struct Supervised<'a> {
    request: &'a Request,
    handle: RunHandle,
    observed: &'a mut Observed,
}

impl Supervised<'_> {
    async fn supervise(
        &mut self,
        ours: Streams,
        begun: Instant,
        domains: &Arc<DomainPolicy>,
        cancel: impl Future<Output = ()>,
    ) -> io::Result<()> {
        let limits = self.request.limits;
        let over = Arc::new(Notify::new());
        let stdout =
            tokio::spawn(capture(ours.stdout, limits.output, self.request.stdout, over.clone()));
        let stderr = tokio::spawn(capture(ours.stderr, limits.output, self.request.stderr, over));
        tokio::pin!(cancel);
        let started = tokio::select! {
            started = self.await_started() => started,
            () = &mut cancel => {
                self.observed.stopped = Some(Stopped::Cancelled);
                None
            }
        };
        if let Some(proxy) = started {
            self.observed.start = begun.elapsed();
            let handed_over = Instant::now();
            let _proxy = proxy.map(|socket| self.serve_proxy(socket, domains)).transpose()?;
            let control = Control::new(ours.control, self.longest_frame())?;
            self.accompany(control, handed_over, cancel).await;
            self.observed.wall = handed_over.elapsed();
        } else if self.observed.refusal.is_none() {
            self.end_now().await;
        }
        // Every writer is gone with the run, so both streams end.
        for (task, place) in
            [(stdout, &mut self.observed.stdout), (stderr, &mut self.observed.stderr)]
        {
            let abort = task.abort_handle();
            let patience = if self.observed.fault.is_some() { KILL_PATIENCE } else { FOREVER };
            *place = match tokio::time::timeout(patience, task).await {
                Ok(captured) => captured.map_err(io::Error::other)??,
                Err(_) => {
                    abort.abort();
                    Captured::default()
                }
            };
        }
        Ok(())
    }

    /// A result may double in length when its quotes are escaped for the frame.
    fn longest_frame(&self) -> usize {
        let limits = &self.request.limits;
        usize::try_from(limits.result * 2 + (1 << 20)).unwrap_or(usize::MAX)
    }

    /// The proxy's socket (if any) once every wall stands; `None` if that failed.
    #[allow(clippy::option_option)]
    async fn await_started(&mut self) -> Option<Option<OwnedFd>> {
        match tokio::time::timeout(START_PATIENCE, self.handle.next()).await {
            Ok(Some(RunEvent::Started { missing, proxy })) => {
                let required = missing.iter().find(|(w, _)| self.request.required.contains(w));
                self.observed.refusal = required.map(|(wall, errno)| refusal(*wall, *errno));
                self.observed.missing = missing;
                if self.observed.refusal.is_some() {
                    self.end_now().await;
                    return None;
                }
                Some(proxy)
            }
            Ok(Some(RunEvent::Failed(refusal))) => {
                self.observed.refusal = Some(refusal);
                None
            }
            Ok(None) => self.fault("the launcher ended while the sandbox was being built"),
            Ok(Some(_)) => self.fault("the launcher spoke out of turn"),
            Err(_) => self.fault("the sandbox did not stand within 20 s"),
        }
    }

    fn fault<T>(&mut self, what: &str) -> Option<T> {
        self.observed.fault.get_or_insert_with(|| what.to_owned());
        None
    }

    fn serve_proxy(
        &mut self,
        socket: OwnedFd,
        domains: &Arc<DomainPolicy>,
    ) -> io::Result<tokio::task::JoinSet<()>> {
        let stats = Arc::new(ProxyStats::default());
        self.observed.proxy = Some(Arc::clone(&stats));
        let listener = tokio::net::TcpListener::from_std(socket.into())?;
        let mut tasks = tokio::task::JoinSet::new();
        let domains = Arc::clone(domains);
        // Ends with the set, when the run's supervision does.
        tasks.spawn(async move {
            let limits = proxy::ProxyLimits::default();
            proxy::serve(listener, domains, limits, stats, std::future::pending()).await;
        });
        Ok(tasks)
    }

    /// From the hand-over to the end of every process.
    async fn accompany(
        &mut self,
        mut control: Control,
        handed_over: Instant,
        cancel: std::pin::Pin<&mut impl Future<Output = ()>>,
    ) {
        let request = self.request;
        let program = Program {
            filename: &request.filename,
            code: &request.code,
            argv: &request.argv,
            tools: request.tools.listed(),
            config: &request.config,
            context: &request.context,
            limit: request.limits.result,
        };
        let calls = control.calls();
        let talk = async {
            // A guest that doesn't read has ended, or will meet its deadline.
            if control.hand_over(&program).await.is_err() {
                return (Spoken::Silent, control);
            }
            let spoken = control.converse(&request.tools).await;
            (spoken, control)
        };
        let deadline = sleep_until((handed_over + request.limits.wall_time).into());
        tokio::pin!(talk, deadline, cancel);
        let (mut talking, mut stop) = (true, None);
        let mut silent_control = None;
        loop {
            tokio::select! {
                event = self.handle.next() => match event {
                    Some(RunEvent::Ended(end)) => {
                        self.observed.end = Some(end);
                        break;
                    }
                    Some(RunEvent::Failed(refusal)) => {
                        self.observed.refusal = Some(refusal);
                        break;
                    }
                    Some(_) => {}
                    None => {
                        self.fault::<()>("the launcher ended while the code ran");
                        break;
                    }
                },
                (spoken, control) = &mut talk, if talking => {
                    talking = false;
                    stop = self.take_word(spoken, &control).await;
                    // Kept open: the guest may still have something to say that nobody reads.
                    silent_control = Some(control);
                }
                () = &mut deadline => stop = Some(Stopped::Deadline),
                () = &mut cancel => stop = Some(Stopped::Cancelled),
            }
            if self.observed.end.is_some() {
                break;
            }
            if let Some(reason) = stop.take() {
                self.observed.stopped.get_or_insert(reason);
                self.end_now().await;
                break;
            }
        }
        if talking && self.observed.stopped.is_none() {
            // What it said just before it ended may still lie in the socket.
            let rest = tokio::time::timeout(Duration::from_secs(1), &mut talk).await;
            if let Ok((spoken, control)) = rest {
                match spoken {
                    Spoken::Done(done) => self.observed.done = Some(done),
                    Spoken::Nonsense(error) => {
                        self.observed.stopped = Some(Stopped::Nonsense(error.to_string()));
                    }
                    Spoken::Silent => {}
                }
                silent_control = Some(control);
            }
        }
        drop(silent_control);
        self.observed.tool_calls = calls.load(Ordering::Relaxed);
    }

    async fn take_word(&mut self, spoken: Spoken, control: &Control) -> Option<Stopped> {
        match spoken {
            Spoken::Silent => None,
            Spoken::Nonsense(error) => Some(Stopped::Nonsense(error.to_string())),
            Spoken::Done(done) => {
                if done.errno.is_some() {
                    self.observed.look = self.look().await;
                    control.say_goodbye();
                }
                self.observed.done = Some(done);
                None
            }
        }
    }

    /// Readings while the processes still stand. A run that ends meanwhile keeps its end.
    async fn look(&mut self) -> Option<Readings> {
        self.handle.look().await.ok()?;
        let answer = tokio::time::timeout(LOOK_PATIENCE, self.handle.next()).await;
        match answer {
            Ok(Some(RunEvent::Looked(readings))) => Some(readings),
            Ok(Some(RunEvent::Ended(end))) => {
                self.observed.end = Some(end);
                None
            }
            _ => None,
        }
    }

    /// Kills the run and waits until the launcher has seen every process gone.
    async fn end_now(&mut self) {
        let killed = tokio::time::timeout(KILL_PATIENCE, self.handle.kill()).await;
        if !matches!(killed, Ok(Ok(()))) {
            self.fault::<()>("the launcher can't be reached");
            return;
        }
        let gone = async {
            loop {
                match self.handle.next().await {
                    Some(RunEvent::Ended(end)) => return Some(Ok(end)),
                    Some(RunEvent::Failed(refusal)) => return Some(Err(refusal)),
                    Some(_) => {}
                    None => return None,
                }
            }
        };
        match tokio::time::timeout(KILL_PATIENCE, gone).await {
            Ok(Some(Ok(end))) => self.observed.end = Some(end),
            // Killed before it stood: it has no end of its own.
            Ok(Some(Err(_))) | Ok(None) => {}
            Err(_) => {
                self.fault::<()>("processes of the run were still there 20 s after the kill");
            }
        }
    }
}
