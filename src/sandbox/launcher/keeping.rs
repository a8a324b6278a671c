//! Keeps a warm interpreter at hand: hears it, and replaces it should it die. Runs start fresh meanwhile.

use std::collections::VecDeque;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};
use nix::unistd::Pid;

use super::backoff::Backoff;
use super::host::Host;
use super::warm::{FORKING, Warm};
use super::worker::WARM;
use crate::sandbox::child::JoinFiles;
use crate::sandbox::enforced::Refusal;
use crate::sandbox::messages::RunId;

/// The most orders that are unanswered at a time. Each holds descriptors of a run under way, of which the
/// kernel allows a user so many.
const MOST_ORDERS: usize = 8;

/// What a warm interpreter was heard to say.
pub enum Heard {
    /// Nothing of a run.
    Nothing,
    /// Whom it has forked for this run, or what the kernel refused.
    Answer(RunId, Result<Pid, Refusal>),
    /// It is gone.
    Lost {
        /// Why.
        why: Refusal,
        /// Whose orders it leaves unanswered.
        orders: Vec<RunId>,
    },
}

/// See the module.
pub struct Keeping {
    warm: Option<Warm>,
    /// Its orders that are unanswered, oldest first, and when they were given.
    orders: VecDeque<(RunId, Instant)>,
    /// When the next one is started.
    due: Option<Instant>,
    backoff: Backoff,
}

impl Keeping {
    /// Keeps `warm`; nothing if there is none.
    #[must_use]
    pub fn new(warm: Option<Warm>) -> Self {
        Self { warm, orders: VecDeque::new(), due: None, backoff: Backoff::new() }
    }

    /// Whether one is there that can be forked from.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.warm.as_ref().is_some_and(Warm::is_loaded)
    }

    /// Whether it has told of everything that it has forked.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.orders.is_empty()
    }

    /// Whether it has as many orders as it may have.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.orders.len() >= MOST_ORDERS
    }

    /// Has it fork this run's guest, beside `living` others. [`Keeping::hear`] tells what came of that.
    pub fn order(&mut self, run: RunId, files: &JoinFiles, living: usize) {
        if let Some(warm) = &self.warm {
            warm.order(files, living);
            self.orders.push_back((run, Instant::now()));
        }
    }

    /// Its process id, if there is one.
    #[must_use]
    pub fn pid(&self) -> Option<Pid> {
        self.warm.as_ref().map(Warm::pid)
    }

    /// When [`Keeping::start_if_due`] or [`Keeping::hear_overdue`] has something to do.
    #[must_use]
    pub fn next_look(&self) -> Option<Instant> {
        self.due.or_else(|| self.overdue_from())
    }

    fn overdue_from(&self) -> Option<Instant> {
        self.orders.front().map(|(_, given)| *given + FORKING)
    }

    /// Has `epoll` tell of it.
    ///
    /// # Errors
    /// As `epoll_ctl(2)`.
    pub fn watch(&self, epoll: &Epoll) -> nix::Result<()> {
        match &self.warm {
            // Its socket closes when it ends.
            Some(warm) => epoll.add(&warm.socket, EpollEvent::new(EpollFlags::EPOLLIN, WARM)),
            None => Ok(()),
        }
    }

    /// Hears one word of its.
    pub fn hear(&mut self, epoll: &Epoll) -> Heard {
        let Some(warm) = &mut self.warm else { return Heard::Nothing };
        if self.orders.is_empty() {
            return match warm.hear() {
                Ok(()) => Heard::Nothing,
                Err(why) => self.lose(epoll, why),
            };
        }
        match warm.answer() {
            Ok(None) => Heard::Nothing,
            Ok(Some(answer)) => match self.orders.pop_front() {
                Some((run, _)) => Heard::Answer(run, answer),
                None => Heard::Nothing,
            },
            Err(why) => self.lose(epoll, why),
        }
    }

    /// Waits for one word of its, for as long as a fork may take.
    pub fn await_word(&mut self, epoll: &Epoll) -> Heard {
        match &self.warm {
            None => Heard::Nothing,
            Some(warm) if warm.await_answer() => self.hear(epoll),
            Some(_) => self.lose_overdue(epoll),
        }
    }

    /// Gives it up if an order has been unanswered for too long.
    pub fn hear_overdue(&mut self, epoll: &Epoll, now: Instant) -> Heard {
        match self.overdue_from() {
            Some(from) if from <= now => self.lose_overdue(epoll),
            _ => Heard::Nothing,
        }
    }

    fn lose_overdue(&mut self, epoll: &Epoll) -> Heard {
        match self.warm.as_ref().map(Warm::overdue) {
            Some(why) => self.lose(epoll, why),
            None => Heard::Nothing,
        }
    }

    /// Ends it for good.
    pub fn end(&mut self) {
        *self = Self::new(None);
    }

    fn lose(&mut self, epoll: &Epoll, why: Refusal) -> Heard {
        if let Some(warm) = self.warm.take() {
            let _ = epoll.delete(warm.socket.as_fd());
            self.due = Some(Instant::now() + self.backoff.after(warm.started.elapsed()));
        }
        Heard::Lost { why, orders: self.orders.drain(..).map(|(run, _)| run).collect() }
    }

    /// Starts another once it is time.
    pub fn start_if_due(&mut self, host: &Host, epoll: &Epoll, now: Instant) {
        let (Some(image), true) = (&host.warm, self.due.is_some_and(|due| due <= now)) else {
            return;
        };
        self.warm = Warm::start(host, image).ok();
        let watched = self.warm.is_some() && self.watch(epoll).is_ok();
        if watched {
            self.due = None;
        } else {
            self.warm = None;
            self.due = Some(now + self.backoff.after(Duration::ZERO));
        }
    }
}
