//! Sandboxes made ahead of the runs that will take them.
//!
//! Each is complete: every wall stands and a fresh interpreter waits for its program. A run takes
//! one and it is gone with it. What a run may narrow and the kernel must enforce was fixed when its
//! sandbox was built, so only runs with those limits take from here; for the others one is built.
//! Wall time, output and result are ours to enforce and may differ.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::standing::{Standing, Unbuilt};
use crate::policy::Limits;
use crate::sandbox::client::Launcher;

/// How many sandboxes wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ready {
    /// At least, however idle.
    pub least: usize,
    /// At most, however busy.
    pub most: usize,
}

/// How often demand is looked at.
const TICK: Duration = Duration::from_secs(1);
/// How long a build waits while others still stand ready: it takes a processor for some milliseconds that
/// the run which has just taken one may want, and less from a warm interpreter.
const LULL: Duration = Duration::from_millis(20);
const LULL_WARM: Duration = Duration::from_millis(3);
/// What remains of a demand after one tick: a tenth after 15 s.
const MEMORY: f64 = 0.85;

struct Stock {
    waiting: VecDeque<Standing>,
    /// Runs of late, fading.
    demand: f64,
}

struct Shared {
    launcher: Arc<Launcher>,
    limits: Limits,
    ready: Ready,
    stock: Mutex<Stock>,
    taken: Notify,
}

/// See the module.
pub struct Pool {
    shared: Arc<Shared>,
    builder: Option<JoinHandle<()>>,
}

/// The part of the limits that a sandbox is built with.
fn built_in(limits: &Limits) -> Limits {
    Limits { wall_time: Duration::ZERO, output: 0, result: 0, ..*limits }
}

impl Pool {
    /// A pool for runs with `limits`. Belongs to the current tokio runtime.
    #[must_use]
    pub fn new(launcher: Arc<Launcher>, limits: Limits, ready: Ready) -> Self {
        let stock = Mutex::new(Stock { waiting: VecDeque::new(), demand: 0.0 });
        let shared = Arc::new(Shared { launcher, limits, ready, stock, taken: Notify::new() });
        let builder = (ready.most > 0).then(|| tokio::spawn(keep_stocked(Arc::clone(&shared))));
        Self { shared, builder }
    }

    /// The launcher behind it.
    #[must_use]
    pub fn launcher(&self) -> &Launcher {
        &self.shared.launcher
    }

    /// How many stand and wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.stock().waiting.len()
    }

    /// A sandbox for one run: one that waits, if its limits fit, or one that is built now.
    ///
    /// # Errors
    /// [`Unbuilt`].
    pub async fn take(&self, limits: &Limits, stdin: Option<OwnedFd>) -> Result<Standing, Unbuilt> {
        if stdin.is_none() && built_in(limits) == built_in(&self.shared.limits) {
            let waiting = self.shared.next_waiting();
            self.shared.taken.notify_one();
            if let Some(standing) = waiting {
                return Ok(standing);
            }
        }
        Standing::build(&self.shared.launcher, limits, stdin).await
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if let Some(builder) = &self.builder {
            builder.abort();
        }
        // Those that wait are killed with their handles, before the launcher is let go.
        self.shared.stock().waiting.clear();
    }
}

impl Shared {
    fn stock(&self) -> MutexGuard<'_, Stock> {
        self.stock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The one that waited longest and is still there.
    fn next_waiting(&self) -> Option<Standing> {
        let mut stock = self.stock();
        stock.demand += 1.0;
        while let Some(mut standing) = stock.waiting.pop_front() {
            if standing.handle.is_quiet() {
                return Some(standing);
            }
        }
        None
    }

    /// How many should wait: as many as runs came of late, within bounds.
    fn target(&self, stock: &Stock) -> usize {
        (stock.demand.ceil() as usize).max(self.ready.least).min(self.ready.most)
    }
}

/// Builds one at a time, so that running code is held up by one build at most.
async fn keep_stocked(shared: Arc<Shared>) {
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut lull = LULL;
    loop {
        let (waiting, target) = {
            let stock = shared.stock();
            (stock.waiting.len(), shared.target(&stock))
        };
        if waiting < target {
            if waiting > 0 {
                // No hurry: leave the processor to the run that has just taken one.
                // There is, when they run low.
                let hurry = if 2 * waiting < target { 4 } else { 1 };
                tokio::time::sleep(lull / hurry).await;
            }
            match Standing::build(&shared.launcher, &shared.limits, None).await {
                Ok(standing) => {
                    lull = if standing.warm { LULL_WARM } else { LULL };
                    shared.stock().waiting.push_back(standing);
                }
                // Whoever runs next is told why; here there is nobody to tell.
                Err(_) => tokio::time::sleep(TICK).await,
            }
            continue;
        }
        tokio::select! {
            _ = tick.tick() => {
                let mut stock = shared.stock();
                stock.demand *= MEMORY;
                let target = shared.target(&stock);
                stock.waiting.truncate(target);
                // One that died while it waited is replaced before it is needed.
                stock.waiting.retain_mut(|standing| standing.handle.is_quiet());
            }
            () = shared.taken.notified() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_kernel_enforces_decides_whether_a_sandbox_fits() {
        let limits = Limits::default();
        let shorter = Limits { wall_time: Duration::from_secs(1), output: 7, ..limits };
        assert_eq!(built_in(&limits), built_in(&shorter));
        let smaller = Limits { memory: 1 << 26, ..limits };
        assert_ne!(built_in(&limits), built_in(&smaller));
    }
}
