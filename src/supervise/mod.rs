//! Watching over one run from its request to the moment every process of it is gone.

mod control;
mod frames;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod marshal;
mod observed;
pub mod output;
mod pool;
pub mod proxy;
mod standing;
mod tools;
mod waits;

use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::sleep_until;

use self::control::{Control, Program, Spoken};
use self::output::{Writers, capture};
use self::proxy::ProxyStats;
use self::standing::{Streams, Unbuilt};
use crate::policy::domains::DomainPolicy;
use crate::sandbox::client::{RunEvent, RunHandle};
use crate::sandbox::messages::Readings;

pub use self::frames::Done;
pub use self::observed::{Observed, Request, Stopped};
pub use self::pool::{Pool, Ready};
pub use self::tools::{Answer, ToolSet, Tools};

/// How long the launcher may take for readings of a run whose guest says it met a limit. The guest waits
/// longer; a launcher among many that want its processor needs a tenth of a second.
const LOOK_PATIENCE: Duration = Duration::from_secs(2);
/// How long one is looked at again whose count is not settled.
const SETTLE_PATIENCE: Duration = Duration::from_millis(500);
/// How long between two such readings.
const LOOK_PAUSE: Duration = Duration::from_millis(20);
/// How long after the order the launcher may take to end a run.
const KILL_PATIENCE: Duration = Duration::from_secs(20);

/// Runs `request` in a sandbox and returns when nothing of it is left.
///
/// Resolving `cancel` ends the run early; dropping the future ends it too, without an account.
pub async fn run(
    pool: &Pool,
    domains: &Arc<DomainPolicy>,
    mut request: Request,
    cancel: impl Future<Output = ()>,
) -> Observed {
    let begun = Instant::now();
    tokio::pin!(cancel);
    let stdin = request.stdin.take();
    let again = stdin.is_none();
    let observed = attempt(pool, domains, &request, begun, stdin, cancel.as_mut()).await;
    // A sandbox that was lost before the program began (its launcher died) has run nothing of it.
    if again && observed.fault.is_some() && !observed.begun && observed.stopped.is_none() {
        return attempt(pool, domains, &request, begun, None, cancel).await;
    }
    observed
}

async fn attempt(
    pool: &Pool,
    domains: &Arc<DomainPolicy>,
    request: &Request,
    begun: Instant,
    stdin: Option<OwnedFd>,
    mut cancel: Pin<&mut impl Future<Output = ()>>,
) -> Observed {
    let mut observed = Observed::default();
    let standing = tokio::select! {
        standing = pool.take(&request.limits, stdin) => standing,
        // What was being built is dropped, and with it killed.
        () = &mut cancel => Err(Unbuilt::Cancelled),
    };
    let standing = standing.and_then(|standing| standing.requiring(&request.required));
    match standing {
        Ok(standing) => {
            observed.missing = standing.missing;
            observed.started_warm = Some(standing.warm);
            observed.start = begun.elapsed();
            let (handle, observed) = (standing.handle, &mut observed);
            let mut run = Supervised { request, handle, observed, over: None };
            let (streams, proxy) = (standing.streams, standing.proxy);
            if let Err(error) = run.supervise(streams, proxy, domains, cancel).await {
                observed.fault = Some(error.to_string());
            }
        }
        Err(Unbuilt::Refused(refusal)) => observed.refusal = Some(refusal),
        Err(Unbuilt::Fault(what)) => observed.fault = Some(what),
        Err(Unbuilt::Cancelled) => observed.stopped = Some(Stopped::Cancelled),
    }
    observed
}

struct Supervised<'a> {
    request: &'a Request,
    handle: RunHandle,
    observed: &'a mut Observed,
    /// When the program was known to have ended, or was ended.
    over: Option<Instant>,
}

impl Supervised<'_> {
    async fn supervise(
        &mut self,
        streams: Streams,
        proxy: Option<OwnedFd>,
        domains: &Arc<DomainPolicy>,
        cancel: Pin<&mut impl Future<Output = ()>>,
    ) -> io::Result<()> {
        let request = self.request;
        let limit = request.limits.output;
        let longest_result = usize::try_from(request.limits.result).unwrap_or(usize::MAX);
        let (say, writers) = watch::channel(Writers::Living);
        let handed_over = Instant::now();
        let _proxy = proxy.map(|socket| self.serve_proxy(socket, domains)).transpose()?;
        let control = Control::new(streams.control, longest_result);
        // All in one task: handing a short run from thread to thread takes longer than its work.
        let (stdout, stderr, ()) = tokio::join!(
            capture(streams.stdout, limit, request.stdout, writers.clone()),
            capture(streams.stderr, limit, request.stderr, writers),
            async {
                self.accompany(control, handed_over, cancel).await;
                self.observed.wall = handed_over.elapsed();
                self.observed.teardown = self.over.map(|over| over.elapsed()).unwrap_or_default();
                let _ = say.send(self.writers());
            },
        );
        (self.observed.stdout, self.observed.stderr) = (stdout?, stderr?);
        Ok(())
    }

    /// Who may still write, now that the run is no longer accompanied.
    fn writers(&self) -> Writers {
        if self.observed.end.is_some() {
            // Gone with the run, or held at its end.
            Writers::Gone
        } else if self.observed.fault.is_some() {
            Writers::Unknown(KILL_PATIENCE)
        } else {
            // They are being ended.
            Writers::Living
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
        cancel: Pin<&mut impl Future<Output = ()>>,
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
        let (calls, begun, waits) = (control.calls(), control.begun(), control.waits());
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
                    self.over = Some(Instant::now());
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
                self.over.get_or_insert_with(Instant::now);
                self.end_now().await;
                break;
            }
        }
        let mut heard_out = true;
        if talking && self.observed.stopped.is_none() {
            // What it said just before it ended may still lie in the socket.
            match tokio::time::timeout(Duration::from_secs(1), &mut talk).await {
                Ok((spoken, control)) => {
                    match spoken {
                        Spoken::Done(done) => self.observed.done = Some(done),
                        Spoken::Nonsense(error) => {
                            self.observed.stopped = Some(Stopped::Nonsense(error.to_string()));
                        }
                        Spoken::Silent => {}
                    }
                    silent_control = Some(control);
                }
                Err(_) => heard_out = false,
            }
        }
        if let Some(control) = silent_control {
            control.close();
        }
        self.observed.tool_wait = waits.total();
        self.observed.tool_calls = calls.load(Ordering::Relaxed);
        // Whoever was not heard out may have begun, and is not run again.
        self.observed.begun = begun.load(Ordering::Relaxed) || !heard_out;
    }

    async fn take_word(&mut self, spoken: Spoken, control: &Control) -> Option<Stopped> {
        match spoken {
            Spoken::Silent => None,
            Spoken::Nonsense(error) => Some(Stopped::Nonsense(error.to_string())),
            Spoken::Done(done) => {
                if let Some(errno) = done.errno {
                    self.observed.look = self.look().await;
                    if errno == libc::EAGAIN {
                        self.look_until_settled().await;
                    }
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

    /// The kernel counts a process from the middle of its `fork`, /proc shows it from the end, and on a
    /// busy host that is a while. Where no cgroup counts, a run near its limit is looked at again.
    async fn look_until_settled(&mut self) {
        // Init is one more than the code's.
        let limit = u64::from(self.request.limits.processes) + 1;
        let until = Instant::now() + SETTLE_PATIENCE;
        let near = |look: &Readings| {
            let count = look.processes.unwrap_or_default();
            look.process_refusals.is_none() && (limit / 2..limit).contains(&count)
        };
        while self.observed.look.as_ref().is_some_and(near) && Instant::now() < until {
            tokio::time::sleep(LOOK_PAUSE).await;
            match self.look().await {
                Some(look) => self.observed.look = Some(look),
                None => break,
            }
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
