//! What comes of the orders that the warm interpreter is given: it forks a run's guest while its init builds, and
//! the launcher goes on meanwhile.

use std::time::{Duration, Instant};

use nix::unistd::Pid;

use super::Worker;
use crate::sandbox::enforced::Refusal;
use crate::sandbox::launcher::cradle::Cradle;
use crate::sandbox::launcher::keeping::Heard;
use crate::sandbox::launcher::processes;
use crate::sandbox::launcher::run::Run;
use crate::sandbox::messages::{Event, RunId};

/// One that is lost sooner than so long after its start is not replaced before.
const CRADLES: Duration = Duration::from_secs(1);

impl Worker<'_> {
    /// The warm interpreter has said something, or is gone.
    pub(super) fn hear_warm(&mut self) {
        let heard = self.warm.hear(&self.epoll);
        self.heed(heard);
    }

    pub(super) fn heed(&mut self, heard: Heard) {
        match heard {
            Heard::Nothing => {}
            Heard::Answer(id, guest) => self.answered(id, guest),
            Heard::Lost { why, orders } => {
                for run in orders.iter().filter_map(|id| self.runs.get(id)) {
                    run.init.kill();
                }
                self.end_strangers();
                orders.into_iter().for_each(|id| self.unanswered(id));
                self.tell(&Event::WarmLost { why: why.to_string() }, None);
            }
        }
    }

    /// Ends every child of this process that is of no run, nor the warm interpreter, nor the cradle: what one of these
    /// forked in its last moment, and nobody heard of.
    pub(super) fn end_strangers(&self) {
        let runs = self.runs.values().chain(self.lingering.values());
        let known = runs.flat_map(Run::children).chain(self.warm.pid());
        let known = known.chain(self.cradle.as_ref().map(Cradle::pid)).collect();
        processes::end_children_but(&known);
    }

    /// Starts a cradle if there is none for the guests that the warm interpreter forks, at most one a second. Without
    /// one inits are forked from this process.
    pub(super) fn have_cradle(&mut self) {
        let now = Instant::now();
        if self.cradle.is_none() && self.warm.is_ready() && self.next_cradle <= now {
            self.end_strangers();
            self.cradle = Cradle::start(self.host).ok();
            self.next_cradle = now + CRADLES;
        }
    }

    /// The warm interpreter has answered for a run.
    fn answered(&mut self, id: RunId, guest: Result<Pid, Refusal>) {
        let run = self.runs.get_mut(&id).or_else(|| self.lingering.get_mut(&id));
        if let Some(run) = run {
            run.answered(guest);
        }
        self.watch(id, false);
        // It may be further than that.
        self.proceed(id);
    }

    /// The warm interpreter was lost before it answered for a run.
    fn unanswered(&mut self, id: RunId) {
        if let Some(run) = self.lingering.get_mut(&id) {
            run.ordered = None;
        }
        let Some(run) = self.runs.get_mut(&id) else { return };
        let _ = self.epoll.delete(&run.setup);
        match run.start_over(self.host, &mut self.handed_on) {
            Ok(()) => self.watch(id, true),
            Err(refusal) => self.give_up(id, refusal),
        }
    }
}
