//! The launcher's loop: one thread, one epoll, every run a small state machine.

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::birth::Handed;
use super::failure::fail;
use super::groups::KeptGroups;
use super::host::{Host, Slots};
use super::keeping::Keeping;
use super::networks::Networks;
use super::outer::Outer;
use super::processes;
use super::run::{HandedOn, Run};
use super::warm::Warm;
use crate::policy::Limits;
use crate::sandbox::enforced::Refusal;
use crate::sandbox::messages::{Event, LARGEST, LauncherKill, Outputs, Request, RunId};
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
/// How often the group around the service is looked at, and when half of it is in use.
const GUARD: Duration = Duration::from_millis(20);
const GUARD_TIGHT: Duration = Duration::from_millis(4);

/// The warm interpreter's token.
pub const WARM: u64 = SETUP;

/// Runs whose account has been given while the kernel still takes them down. Beyond that accounts wait.
const MOST_LINGERING: usize = 256;

/// Ends every child of this process that is of no run, nor the warm interpreter.
fn end_strangers<'r>(runs: impl Iterator<Item = &'r Run>, warm: &Keeping) {
    let known = runs.flat_map(Run::children).chain(warm.pid()).collect();
    processes::end_children_but(&known);
}

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
            handed_on: HandedOn { groups: KeptGroups::default(), networks },
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
            .chain(self.warm.next_start().map(|next| next.saturating_duration_since(now)))
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

    fn launch(&mut self, id: RunId, limits: Limits, handed: Handed) {
        if let Err(refusal) = self.try_launch(id, limits, handed) {
            self.tell(&Event::Failed { run: id, refusal }, None);
        }
    }

    fn try_launch(&mut self, id: RunId, limits: Limits, handed: Handed) -> Result<(), Refusal> {
        let io = |errno: Errno| fail("launcher", None, &errno.into());
        let slot = self.slots.take().ok_or_else(|| io(Errno::EAGAIN))?;
        let (runs, lingering, warm) = (&self.runs, &self.lingering, &self.warm);
        let end_strangers = || end_strangers(runs.values().chain(lingering.values()), warm);
        let launched = Run::launch(
            self.host,
            &mut self.handed_on,
            warm.ready(),
            end_strangers,
            (id, slot),
            limits,
            handed,
        );
        let mut run = match launched {
            Ok(run) => run,
            Err(refusal) => {
                self.slots.give_back(slot);
                return Err(refusal);
            }
        };
        let watch = |fd: BorrowedFd<'_>, what| {
            self.epoll.add(fd, EpollEvent::new(EpollFlags::EPOLLIN, token(id, what)))
        };
        let watched = watch(run.setup.as_fd(), SETUP)
            .and_then(|()| watch(run.init.pidfd.as_fd(), PIDFD))
            .and_then(|()| {
                run.guest.iter().try_for_each(|guest| watch(guest.pidfd.as_fd(), GUEST))
            });
        if let Err(errno) = watched {
            run.abandon();
            self.bury(id, run);
            return Err(io(errno));
        }
        self.runs.insert(id, run);
        Ok(())
    }

    /// The warm interpreter has said something, or is gone.
    fn hear_warm(&mut self) {
        let Some(lost) = self.warm.hear(&self.epoll) else { return };
        // What it forked in its last moment and nobody heard of.
        end_strangers(self.runs.values().chain(self.lingering.values()), &self.warm);
        self.tell(&Event::WarmLost { why: lost.to_string() }, None);
    }

    fn hear_child(&mut self, id: RunId) {
        let Some(run) = self.runs.get_mut(&id) else { return };
        let before = run.started;
        if !run.hear() {
            let _ = self.epoll.delete(&run.setup);
        }
        if run.started && !before {
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
        self.warm.start_if_due(self.host, &self.epoll, now);
        for (id, run) in std::mem::take(&mut self.lingering) {
            self.bury(id, run);
        }
    }

    /// The group to be guarded, while anything runs in it.
    fn guards(&self) -> Option<&'a Outer> {
        self.host.outer.as_ref().filter(|_| self.runs.values().any(|run| !run.has_ended()))
    }

    /// Ends the largest run when the group that all share with the service is full: the kernel would
    /// choose a process, after it has made every one of them wait.
    fn guard(&mut self, now: Instant) {
        let Some(outer) = self.guards().filter(|_| self.next_guard <= now) else { return };
        let in_use = outer.in_use().unwrap_or(0);
        self.next_guard = now + if outer.is_tight(in_use) { GUARD_TIGHT } else { GUARD };
        if !outer.is_full(in_use) {
            return;
        }
        let living = self.runs.values_mut().filter(|run| !run.has_ended());
        let sizes = living.map(|run| (run.size(), run));
        if let Some((_, largest)) = sizes.max_by_key(|(memory, _)| *memory) {
            largest.kill_for(LauncherKill::Shared { in_use, limit: outer.limit });
        }
    }

    fn end_all(&mut self) {
        for run in self.runs.values() {
            run.kill();
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
                self.handed_on.groups.remove_all(&self.host.bases.bases);
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
