//! Keeps a warm interpreter at hand: hears it, and replaces it should it die. Runs start fresh meanwhile.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};
use nix::unistd::Pid;

use super::host::Host;
use super::warm::Warm;
use super::worker::WARM;
use crate::sandbox::enforced::Refusal;

/// One that lived no longer than this is not replaced at once.
const SHORT_LIFE: Duration = Duration::from_secs(10);
/// The first and the longest wait then.
const WAITS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// See the module.
pub struct Keeping {
    warm: Option<Warm>,
    /// When the next one is started.
    due: Option<Instant>,
    wait: Duration,
}

impl Keeping {
    /// Keeps `warm`; nothing if there is none.
    #[must_use]
    pub fn new(warm: Option<Warm>) -> Self {
        Self { warm, due: None, wait: WAITS.0 }
    }

    /// The one that can be forked from, if it is there.
    #[must_use]
    pub fn ready(&self) -> Option<&Warm> {
        self.warm.as_ref().filter(|warm| warm.is_loaded())
    }

    /// Its process id, if there is one.
    #[must_use]
    pub fn pid(&self) -> Option<Pid> {
        self.warm.as_ref().map(Warm::pid)
    }

    /// When [`Keeping::start_if_due`] has something to do.
    #[must_use]
    pub fn next_start(&self) -> Option<Instant> {
        self.due
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

    /// Hears it; the reason once it is lost.
    pub fn hear(&mut self, epoll: &Epoll) -> Option<Refusal> {
        let warm = self.warm.as_mut()?;
        let lost = warm.hear().err()?;
        let _ = epoll.delete(warm.socket.as_fd());
        let lived = warm.started.elapsed();
        self.warm = None;
        self.wait = if lived < SHORT_LIFE { (self.wait * 2).min(WAITS.1) } else { WAITS.0 };
        let pause = if lived < SHORT_LIFE { self.wait } else { Duration::ZERO };
        self.due = Some(Instant::now() + pause);
        Some(lost)
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
            self.due = Some(now + WAITS.1);
        }
    }
}
