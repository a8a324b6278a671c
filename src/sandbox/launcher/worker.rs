//! The launcher's loop: one thread, one epoll, every run a small state machine.

mod guard;
mod orders;

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::birth::Handed;
use super::cradle::Cradle;
use super::failure::fail;
use super::handed_on::HandedOn;
use super::host::{Host, Slots};
use super::keeping::Keeping;
use super::networks::Networks;
use super::run::Run;
use super::warm::Warm;
use crate::sandbox::enforced::Refusal;
use crate::sandbox::messages::{Event, LARGEST, Outputs, Request, RunId};
use crate::sys;

/// What an epoll event is about: the front, or one descriptor of a run.
const FRONT: u64 = 0;
const SETUP: u64 = 1;
const PIDFD: u64 = 2;
const COLLECTOR: u64 = 3;
const GUEST: u64 = 4;
/// How far a run's number is shifted before what it is about.
const SHIFT: u32 = 3;

/// So many times as long as the last looks took there are none.
const REST: u32 = 4;
/// The warm interpreter's token.
pub const WARM: u64 = SETUP;

/// Runs whose account has been given while the kernel still takes them down. Beyond that accounts wait.
const MOST_LINGERING: usize = 256;

fn token(run: RunId, what: u64) -> u64 {
    run << SHIFT | what
}

/// Serves one front until it goes away.
pub struct Worker<'a> {
    host: &'a Host,
    front: BorrowedFd<'a>,
    epoll: Epoll,
    runs: HashMap<RunId, Run>,
    /// Ended runs of which the kernel still holds something.
    lingering: HashMap<RunId, Run>,
    slots: Slots,
    warm: Keeping,
    cradle: Cradle,
    handed_on: HandedOn,
    /// No run is looked at before that.
    rest_until: Instant,
    /// When the group around the service is looked at next.
    next_guard: Instant,
    /// For what the front says.
    buffer: Vec<u8>,
}

impl<'a> Worker<'a> {
    /// Prepares to serve `front`, with a warm interpreter if there is one.
    ///
    /// # Errors
    /// As `epoll_create(2)`.
    pub fn new(
        host: &'a Host,
        front: BorrowedFd<'a>,
        warm: Option<Warm>,
        networks: Option<Networks>,
    ) -> nix::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        epoll.add(front, EpollEvent::new(EpollFlags::EPOLLIN, FRONT))?;
        let warm = Keeping::new(warm);
        warm.watch(&epoll)?;
        Ok(Self {
            host,
            front,
            epoll,
            runs: HashMap::new(),
            lingering: HashMap::new(),
            slots: Slots::default(),
            warm,
            cradle: Cradle::new(),
            handed_on: HandedOn::new(networks),
            next_guard: Instant::now(),
            rest_until: Instant::now(),
            buffer: vec![0; LARGEST],
        })
    }

    /// Serves until the front is gone; then ends every run.
    ///
    /// # Errors
    /// As `epoll_wait(2)`.
    pub fn serve(mut self) -> nix::Result<()> {
        let mut events = [EpollEvent::empty(); 64];
        loop {
            let ready = match self.epoll.wait(&mut events, self.timeout()) {
                Ok(ready) => ready,
                Err(Errno::EINTR) => continue,
                Err(errno) => return Err(errno),
            };
            for event in events.iter().take(ready) {
                let (run, what) = (event.data() >> SHIFT, event.data() & ((1 << SHIFT) - 1));
                match what {
                    FRONT if run == 0 => {
                        if !self.hear_front() {
                            self.end_all();
                            return Ok(());
                        }
                    }
                    _ if run == 0 => self.hear_warm(),
                    SETUP => self.hear_child(run),
                    GUEST => self.guest_ended(run),
                    PIDFD => self.ended(run),
                    _ => self.collected(run),
                }
            }
            self.look_around();
        }
    }

    fn timeout(&self) -> EpollTimeout {
        const LINGER: Duration = Duration::from_millis(1);
        let now = Instant::now();
        let next = self
            .runs
            .values()
            .filter(|run| !run.has_ended())
            .map(|run| run.next_look.max(self.rest_until).saturating_duration_since(now))
            .chain(self.lingering.values().next().map(|_| LINGER))
            .chain(self.warm.next_look().map(|next| next.saturating_duration_since(now)))
            .chain(self.handed_on.next_look().map(|next| next.saturating_duration_since(now)))
            .chain(self.cradle_due().map(|due| due.saturating_duration_since(now)))
            .chain(self.guards().map(|_| self.next_guard.saturating_duration_since(now)))
            .min();
        match next {
            None => EpollTimeout::NONE,
            // Rounded up, or a deadline in the same millisecond would spin.
            Some(wait) => {
                EpollTimeout::try_from(wait + Duration::from_millis(1)).unwrap_or(EpollTimeout::MAX)
            }
        }
    }

    /// `false` once the front is gone or speaks nonsense.
    fn hear_front(&mut self) -> bool {
        let (length, descriptors) = match sys::receive(self.front, &mut self.buffer, 0) {
            Ok((0, _)) => return false,
            Ok(received) => received,
            Err(Errno::EAGAIN | Errno::EINTR | Errno::EMSGSIZE) => return true,
            Err(_) => return false,
        };
        let Some(Ok(request)) = self.buffer.get(..length).map(serde_json::from_slice) else {
            return false;
        };
        match request {
            Request::Launch { run, limits } => {
                let [stdin, stdout, stderr, control, ..] = descriptors;
                let (Some(stdin), Some(stdout), Some(stderr), Some(control)) =
                    (stdin, stdout, stderr, control)
                else {
                    let refusal = fail("launch", None, &Errno::EMFILE.into());
                    self.tell(&Event::Failed { run, refusal }, None);
                    return true;
                };
                self.launch(run, limits, Handed { stdin, stdout, stderr, control });
            }
            Request::Kill { run } => {
                if let Some(run) = self.runs.get(&run) {
                    run.kill();
                }
            }
            Request::Look { run } => {
                if let Some(known) = self.runs.get_mut(&run) {
                    let readings = known.readings();
                    self.tell(&Event::Looked { run, readings }, None);
                }
            }
        }
        true
    }

    fn tell(&self, event: &Event, descriptor: Option<&OwnedFd>) {
        let Ok(text) = serde_json::to_vec(event) else { return };
        let descriptor = descriptor.map(AsFd::as_fd);
        // A front that is gone is noticed by its end of the socket.
        let _ = sys::send(self.front, &text, descriptor.as_slice());
    }

    /// Has the kernel tell what a run says, if that is new, and how its processes end, if they are known.
    fn watch(&mut self, id: RunId, says: bool) {
        let Some(run) = self.runs.get(&id) else { return };
        let words = says.then_some((&run.setup, SETUP));
        let init = run.ordered.is_none().then_some((&run.init.pidfd, PIDFD));
        let guest = run.guest.as_ref().map(|guest| (&guest.pidfd, GUEST));
        let watched = [words, init, guest].into_iter().flatten().try_for_each(|(fd, what)| {
            self.epoll.add(fd, EpollEvent::new(EpollFlags::EPOLLIN, token(id, what)))
        });
        if let Err(errno) = watched {
            self.give_up(id, fail("launcher", None, &errno.into()));
        }
    }

    /// Ends a run that has not started.
    fn give_up(&mut self, id: RunId, refusal: Refusal) {
        let Some(run) = self.runs.remove(&id) else { return };
        run.kill();
        self.tell(&Event::Failed { run: id, refusal }, None);
        self.bury(id, run);
    }

    fn hear_child(&mut self, id: RunId) {
        let Some(run) = self.runs.get_mut(&id) else { return };
        if !run.hear() {
            let _ = self.epoll.delete(&run.setup);
        }
        self.proceed(id);
    }

    /// Passes on how far a run has come.
    fn proceed(&mut self, id: RunId) {
        let Some(run) = self.runs.get_mut(&id) else { return };
        if run.starts() {
            let (missing, warm) = (run.missing.clone(), run.warm);
            let proxy = run.proxy.take();
            self.tell(&Event::Started { run: id, missing, warm }, proxy.as_ref());
        }
        self.hear_exit(id);
    }

    /// Takes the account of a run whose guest is held at its end: to take it down need not be waited for.
    fn hear_exit(&mut self, id: RunId) {
        let few = self.lingering.len() < MOST_LINGERING;
        let Some(run) = self.runs.get_mut(&id) else { return };
        let Some(code) = run.exiting.take() else { return };
        if few && run.take_exit(code) {
            self.conclude(id, false);
        } else {
            run.let_exit();
        }
    }

    /// The guest, a child of ours, is gone.
    fn guest_ended(&mut self, id: RunId) {
        self.hear_child(id);
        let Some(run) = self.runs.get_mut(&id) else { return };
        run.guest_ended();
        // Its account need not wait for what is left to be taken down.
        if self.lingering.len() < MOST_LINGERING && run.is_deserted() {
            self.conclude(id, false);
        }
    }

    /// Init is gone, and with it every process of the run.
    fn ended(&mut self, id: RunId) {
        // What it said last may still be waiting in its socket.
        self.hear_child(id);
        if let Some(run) = self.lingering.get(&id) {
            let _ = self.epoll.delete(&run.init.pidfd);
        }
        let Some(run) = self.runs.get_mut(&id) else { return };
        let _ = self.epoll.delete(&run.init.pidfd);
        let _ = self.epoll.delete(&run.setup);
        if !run.has_ended() {
            self.conclude(id, true);
        }
    }

    fn conclude(&mut self, id: RunId, init_ended: bool) {
        let Some(run) = self.runs.get_mut(&id) else { return };
        run.conclude(self.host.outer.as_ref(), init_ended);
        run.collect(self.host.outputs.as_ref().map(AsFd::as_fd));
        match &run.collector {
            Some(collector) => {
                let event = EpollEvent::new(EpollFlags::EPOLLIN, token(id, COLLECTOR));
                if self.epoll.add(&collector.account, event).is_err() {
                    self.collected(id);
                }
            }
            None => self.finish(id, None),
        }
    }

    fn collected(&mut self, id: RunId) {
        let Some(run) = self.runs.get_mut(&id) else { return };
        let Some(collector) = run.collector.take() else { return };
        let _ = self.epoll.delete(&collector.account);
        let outputs = collector.finish();
        self.finish(id, Some(outputs));
    }

    fn finish(&mut self, id: RunId, outputs: Option<Outputs>) {
        let Some(mut run) = self.runs.remove(&id) else { return };
        let end = run.take_end(outputs);
        match (run.refusal.take(), end) {
            (Some(refusal), _) if !run.started => {
                self.tell(&Event::Failed { run: id, refusal }, None);
            }
            (_, Some(end)) => self.tell(&Event::Ended { run: id, end: Box::new(end) }, None),
            (_, None) => {}
        }
        let _ = self.epoll.delete(&run.setup);
        self.bury(id, run);
    }

    fn bury(&mut self, id: RunId, mut run: Run) {
        if run.clear(self.host, &mut self.handed_on) {
            self.slots.give_back(run.slot);
        } else {
            self.lingering.insert(id, run);
        }
    }

    fn look_around(&mut self) {
        let now = Instant::now();
        if self.rest_until <= now {
            for run in self.runs.values_mut() {
                if !run.has_ended() && run.next_look <= now {
                    run.look(now, self.host.processors);
                }
            }
            // Many processes take long to look at, which must not become all that we do.
            self.rest_until = Instant::now() + now.elapsed() * REST;
        }
        self.guard(now);
        let overdue = self.warm.hear_overdue(&self.epoll, now);
        self.heed(overdue);
        self.warm.start_if_due(self.host, &self.epoll, now);
        self.look_after_cradle(now);
        self.handed_on.look(&self.host.bases.bases, now);
        for (id, run) in std::mem::take(&mut self.lingering) {
            self.bury(id, run);
        }
    }

    fn end_all(&mut self) {
        for run in self.runs.values() {
            run.kill();
        }
        // With it, whatever it has not told of yet.
        self.warm.end();
        self.cradle.end();
        self.end_strangers();
        for run in self.runs.values_mut().chain(self.lingering.values_mut()) {
            run.ordered = None;
        }
        for (id, mut run) in self.runs.drain() {
            run.await_end();
            self.lingering.insert(id, run);
        }
        self.lingering.values().for_each(Run::kill);
        // The kernel empties a group a moment after its last process is reaped.
        for _ in 0..200 {
            self.lingering.retain(|_, run| !run.clear(self.host, &mut self.handed_on));
            if self.lingering.is_empty() {
                self.handed_on.groups.keep(0, &self.host.bases.bases);
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
