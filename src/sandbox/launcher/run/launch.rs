//! How a run begins: its processes are made, and made anew should the warm interpreter be lost over it.

use std::cell::Cell;
use std::time::{Duration, Instant};

use nix::unistd::Pid;

use super::{HandedOn, Run};
use crate::policy::{Limits, Wall};
use crate::sandbox::child::JoinFiles;
use crate::sandbox::enforced::Refusal;
use crate::sandbox::launcher::birth::{Born, Child, Handed, Needs, Origin, give_cold, give_warm};
use crate::sandbox::launcher::failure::Step;
use crate::sandbox::launcher::groups::Groups;
use crate::sandbox::launcher::host::Host;
use crate::sandbox::launcher::outer::Outer;
use crate::sandbox::launcher::processes::CpuLedger;
use crate::sandbox::launcher::watch::WATCHDOG;
use crate::sandbox::messages::RunId;
use crate::sys;

impl Run {
    /// Makes the sandbox's processes and lets them go, those of a warm start if the interpreter is ready.
    ///
    /// # Errors
    /// A refusal; nothing of the run is left then.
    pub fn launch(
        host: &Host,
        on: &mut HandedOn,
        warm: Option<Origin<'_, impl FnOnce(&JoinFiles)>>,
        (id, slot): (RunId, u32),
        limits: Limits,
        handed: Handed,
    ) -> Result<Self, Refusal> {
        on.comes();
        let HandedOn { groups, networks, .. } = on;
        let groups =
            groups.take(&host.bases.bases, id, &limits).step("cgroup", Wall::CgroupMemory)?;
        let needs = Needs::of(host, slot, &limits, handed, &groups);
        let born = needs.and_then(|needs| match warm {
            None => give_cold(host, networks.as_mut(), needs),
            Some(origin) => give_warm(host, networks.as_mut(), origin, needs),
        });
        match born {
            Ok(born) => Ok(Self::of(host, born, slot, groups, limits)),
            Err(refusal) => {
                groups.remove_soon(&host.bases.bases);
                Err(refusal)
            }
        }
    }

    /// The warm interpreter was lost before it answered, and whatever it had forked is gone: starts fresh. What
    /// has been killed meanwhile is left to its end.
    ///
    /// # Errors
    /// A refusal; no process of the run is left then.
    pub fn start_over(&mut self, host: &Host, on: &mut HandedOn) -> Result<(), Refusal> {
        let Some(needs) = self.ordered.take().filter(|_| !self.killed.get()) else { return Ok(()) };
        self.init.end();
        self.stands = false;
        let Born { init, ours: setup, network, .. } =
            give_cold(host, on.networks.as_mut(), *needs)?;
        (self.init, self.setup, self.network, self.stands) = (init, setup, network, true);
        (self.sealed, self.warm) = (false, false);
        self.missing.clear();
        (self.scratch, self.proxy, self.refusal, self.exiting) = (None, None, None, None);
        Ok(())
    }

    fn of(host: &Host, born: Born, slot: u32, groups: Groups, limits: Limits) -> Self {
        let Born { init, ours: setup, ordered, network } = born;
        Self {
            slot,
            init,
            guest: None,
            setup,
            started: false,
            warm: ordered.is_some(),
            ordered,
            sealed: false,
            network,
            missing: Vec::new(),
            proxy: None,
            refusal: None,
            next_look: Instant::now() + WATCHDOG,
            collector: None,
            exiting: None,
            end: None,
            concluded: None,
            stands: true,
            killed: Cell::new(false),
            groups,
            limits,
            scratch: None,
            status: None,
            killed_for: None,
            stray: None,
            usage: sys::Usage::default(),
            exec_refusals: 0,
            shared_oom_kills: host.outer.as_ref().and_then(Outer::oom_kills),
            memory_peak: 0,
            threads_peak: 0,
            ledger: CpuLedger::default(),
            cpu_peak: Duration::ZERO,
        }
    }

    /// The warm interpreter has answered: knows its guest from now on, or ends for want of one.
    pub fn answered(&mut self, guest: Result<Pid, Refusal>) {
        self.ordered = None;
        match guest.and_then(Child::of) {
            Ok(guest) => self.guest = Some(guest),
            Err(refusal) => {
                self.refusal.get_or_insert(refusal);
                self.kill();
            }
        }
    }
}
