//! The orders that the warm interpreter and the cradle are given, and what comes of them: the interpreter forks a run's
//! guest while its init builds, and the launcher goes on meanwhile.

use std::time::Instant;

use nix::errno::Errno;
use nix::unistd::Pid;

use super::Worker;
use crate::policy::Limits;
use crate::sandbox::child::JoinFiles;
use crate::sandbox::enforced::Refusal;
use crate::sandbox::launcher::birth::{Handed, Origin};
use crate::sandbox::launcher::failure::fail;
use crate::sandbox::launcher::keeping::Heard;
use crate::sandbox::launcher::processes;
use crate::sandbox::launcher::run::Run;
use crate::sandbox::messages::{Event, RunId};

impl Worker<'_> {
    /// Begins with a run, or says why not.
    pub(super) fn launch(&mut self, id: RunId, limits: Limits, handed: Handed) {
        if let Err(refusal) = self.try_launch(id, limits, handed) {
            self.tell(&Event::Failed { run: id, refusal }, None);
        }
    }

    fn try_launch(&mut self, id: RunId, limits: Limits, handed: Handed) -> Result<(), Refusal> {
        while self.warm.is_busy() {
            let heard = self.warm.await_word(&self.epoll);
            self.heed(heard);
        }
        let slot =
            self.slots.take().ok_or_else(|| fail("launcher", None, &Errno::EAGAIN.into()))?;
        let (warm, living) = (&mut self.warm, self.runs.len());
        let cradle = &mut self.cradle;
        let origin = warm
            .is_ready()
            .then_some(Origin { cradle, order: |files: &JoinFiles| warm.order(id, files, living) });
        match Run::launch(self.host, &mut self.handed_on, origin, (id, slot), limits, handed) {
            Ok(run) => self.runs.insert(id, run),
            Err(refusal) => {
                self.slots.give_back(slot);
                return Err(refusal);
            }
        };
        self.watch(id, true);
        Ok(())
    }

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
        let known = known.chain(self.cradle.pid()).collect();
        processes::end_children_but(&known);
    }

    /// When there is a cradle to be started: for the guests that the warm interpreter forks, and not for a single run.
    /// Their inits are forked from this process meanwhile.
    pub(super) fn cradle_due(&self) -> Option<Instant> {
        let wanted = self.host.plan.keep && self.warm.is_ready();
        self.cradle.next_look().filter(|_| wanted)
    }

    /// Starts one then. What one that was lost may have forked is ended once nothing is a stranger only because the
    /// warm interpreter has not told of it yet.
    pub(super) fn look_after_cradle(&mut self, now: Instant) {
        if self.cradle_due().is_some() {
            self.cradle.start_if_due(self.host, now);
        }
        if self.warm.is_idle()
            && let Some(why) = self.cradle.take_loss()
        {
            self.end_strangers();
            self.tell(&Event::CradleLost { why }, None);
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
