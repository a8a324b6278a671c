//! The launcher: a process of its own that makes sandboxes on request.
//!
//! One thread, started by `execve` with an empty environment, so that it never held a key; it
//! lives in the template root and never touches the network. A front speaks to it over the
//! socket on its standard input.

mod backoff;
mod binds;
mod birth;
mod cgroup;
mod collect;
mod confinement;
mod cradle;
mod failure;
#[cfg(any(test, feature = "fuzzing"))]
pub(super) mod fuzzing;
mod group;
mod groups;
mod handed_on;
mod host;
mod keeping;
mod landlock;
mod mapper;
mod networks;
mod outer;
mod prepare;
mod processes;
mod processors;
mod profile;
mod run;
mod seat;
mod template;
mod warm;
mod watch;
mod worker;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use caps::{CapSet, Capability, CapsHashSet};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sched::sched_setaffinity;
use nix::sys::prctl::{set_child_subreaper, set_no_new_privs, set_pdeathsig};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::stat::Mode;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, geteuid, setgroups, setsid};

use self::confinement::Confinement;
use self::failure::Step;
use self::host::Host;
use self::networks::Networks;
use self::outer::Outer;
use self::processors::Processors;
use self::seat::Seat;
use self::warm::Warm;
use self::worker::Worker;
use super::child::{Becomes, Way};
use super::enforced::{Profile, Refusal};
use super::messages::{Event, LARGEST, decode_setup};
use crate::plan::Plan;
use crate::policy::{Start, Wall};
use crate::sys::{self, Parentage};

/// Runs the launcher on the socket that is standard input. Returns when the front is gone.
#[must_use]
pub fn main() -> ExitCode {
    // What this process ignores its runs would.
    sys::heed(sys::all_but_broken_pipes());
    let Ok(front) = sys::adopt(0) else { return ExitCode::from(2) };
    leave_signals_to_the_front();
    sys::raise_open_files();
    let Some(plan) = receive_plan(front.as_fd()) else { return ExitCode::from(2) };
    match set_up(plan) {
        Ok((host, profile)) => {
            let code = if host.plan.keep {
                keep(&host, &front, profile)
            } else {
                work(&host, &front, Some(profile))
            };
            host.bases.remove_all();
            ExitCode::from(code)
        }
        Err(refusal) => {
            tell(front.as_fd(), &Event::Refused(refusal));
            ExitCode::from(FAILED)
        }
    }
}

/// How a launcher ends: because its front did, because of a fault, or because no run could start.
const SERVED: u8 = 0;
const FAILED: u8 = 1;
const REFUSED: u8 = 3;

/// A terminal's Ctrl-C and a service manager's SIGTERM reach every process of a group, but a
/// drain is the front's to conduct: the launcher ends when the front is gone.
fn leave_signals_to_the_front() {
    let mut set = SigSet::empty();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        set.add(signal);
    }
    let _ = set.thread_block();
    let _ = setsid();
}

fn tell(front: BorrowedFd<'_>, event: &Event) {
    if let Ok(text) = serde_json::to_vec(event) {
        let _ = sys::send(front, &text, &[]);
    }
}

fn receive_plan(front: BorrowedFd<'_>) -> Option<Plan> {
    let mut buffer = vec![0; LARGEST];
    let (length, _) = sys::receive(front, &mut buffer, 0).ok()?;
    decode_setup(buffer.get(..length)?)
}

fn set_up(plan: Plan) -> Result<(Host, Profile), Refusal> {
    let privileged = is_privileged();
    if privileged {
        // No run may inherit the groups of whoever started the service.
        setgroups(&[]).step("groups", None)?;
    }
    let seat = Seat::take(privileged).step("seat", None)?;
    let bases = cgroup::discover(&seat.name(), |controller| plan.counts_by(controller));
    // Both before the template, from which control groups are out of sight.
    let processors = Processors::find();
    if let Some((_, service)) = &processors.division {
        sched_setaffinity(Pid::from_raw(0), service).step("scheduling", None)?;
    }
    let counted = bases.find("memory").is_some();
    let outer = if counted { None } else { Outer::find() };
    let mut plan = plan;
    if !counted {
        // Mapped as shared it is memory that nothing here would count.
        plan.rootfs.entries.remove("/dev/zero");
    }
    let built = enter(&plan, privileged).and_then(|entered| {
        let landlock = entered.landlock.as_ref().ok();
        let confinement = entered.confinement.as_ref();
        let way = if confinement.is_some() { Way::Confined } else { host::probe_way() };
        let becomes = Becomes::Program(prepare::interpreter(&plan, confinement)?);
        let warm = prepare::warm_interpreter(&plan, way)?;
        let prepared = prepare::prepare(&plan, landlock, confinement, way, &processors, counted)?;
        if entered.confinement.is_none() {
            keep_few_capabilities(
                !plan.puts_up(Wall::DistinctUid) || !privileged,
                !privileged || lives_apart(&plan),
            )
            .step("capabilities", None)?;
        }
        set_no_new_privs().step("no_new_privs", Wall::NoNewPrivs)?;
        Ok((entered, becomes, warm, prepared))
    });
    let (Entered { confinement, landlock, outputs }, becomes, warm, prepared) = match built {
        Ok(built) => built,
        Err(refusal) => {
            bases.remove_all();
            return Err(refusal);
        }
    };
    let findings = profile::Findings {
        way: prepared.way,
        privileged,
        bases: &bases,
        processors: processors.left_to_service(),
        landlock: landlock.as_ref().map_err(|errno| *errno),
        first_id: seat::FIRST_ID + seat.first_slot(),
        exclusive: seat.is_exclusive(),
    };
    let profile = profile::profile(&plan, &findings);
    if let Err(refusal) = profile::insist(&plan, &profile) {
        bases.remove_all();
        return Err(refusal);
    }
    let host = Host {
        plan,
        prepared,
        becomes,
        warm,
        privileged,
        seat,
        bases,
        outer,
        processors: processors.count,
        landlock,
        outputs,
        _confinement: confinement,
    };
    Ok((host, profile))
}

/// Where the launcher has its runs.
struct Entered {
    /// Set if that is no place of its own.
    confinement: Option<Confinement>,
    landlock: Result<landlock::Landlock, Errno>,
    outputs: Option<OwnedFd>,
}

fn enter(plan: &Plan, privileged: bool) -> Result<Entered, Refusal> {
    let outputs = match &plan.outputs {
        Some(path) => {
            let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
            Some(open(path, flags, Mode::empty()).step("outputs directory", None)?)
        }
        None => None,
    };
    match template::leave_host_namespaces(privileged, lives_apart(plan)) {
        Ok(()) => {
            template::enter(plan)?;
            let landlock = landlock::Landlock::new(plan, &["/"]);
            Ok(Entered { confinement: None, landlock, outputs })
        }
        Err(refusal) if refusal.wall == Some(Wall::UserNamespace) => {
            let confinement = Confinement::make(plan, refusal)?;
            let landlock = landlock::Landlock::new(plan, &confinement.readable(plan));
            Ok(Entered { confinement: Some(confinement), landlock, outputs: None })
        }
        Err(refusal) => Err(refusal),
    }
}

/// Whether the launcher, as root, has a user namespace of its own: where it enters what belongs to that.
fn lives_apart(plan: &Plan) -> bool {
    plan.keep || plan.start != Start::Fresh
}

/// Root in a user namespace that has every id, with the capabilities to map ids and to mount.
/// Root of a rootless container or of `unshare -r` is an ordinary user here.
fn is_privileged() -> bool {
    let has = |capability| caps::has_cap(None, CapSet::Effective, capability).unwrap_or(false);
    let maps_all = |file: &str| {
        let map = std::fs::read_to_string(format!("/proc/self/{file}")).unwrap_or_default();
        map.split_whitespace().eq(mapper::EVERY_ID.split(' '))
    };
    geteuid().is_root()
        && maps_all("uid_map")
        && maps_all("gid_map")
        && [
            Capability::CAP_SYS_ADMIN,
            Capability::CAP_SETUID,
            Capability::CAP_SETGID,
            Capability::CAP_SETFCAP,
        ]
        .into_iter()
        .all(has)
}

/// Keeps what mapping ids takes, access to files of other owners (a run's descriptors to be counted, its
/// outputs to be copied, control groups below a root that is writable to nobody), and what lets a warm
/// interpreter enter the pid namespaces of runs. All of it counts in a user namespace of the
/// launcher's own: of the host's files it can reach no other by then, and nothing else is ruled from there.
fn keep_few_capabilities(maps_own_id: bool, apart: bool) -> std::io::Result<()> {
    let mut keep = CapsHashSet::from([
        Capability::CAP_SETUID,
        Capability::CAP_SETGID,
        Capability::CAP_DAC_OVERRIDE,
    ]);
    if apart {
        keep.insert(Capability::CAP_SYS_ADMIN);
    }
    if maps_own_id {
        // To map an id that is 0 in the namespace above, where that is ours (Linux 5.12).
        keep.insert(Capability::CAP_SETFCAP);
    }
    let mask = keep.iter().fold(0, |mask, capability| mask | 1 << capability.index());
    sys::drop_bounding_except(mask)?;
    let other = |error: caps::errors::CapsError| std::io::Error::other(error.to_string());
    caps::clear(None, CapSet::Ambient).map_err(other)?;
    caps::set(None, CapSet::Effective, &keep).map_err(other)?;
    caps::set(None, CapSet::Permitted, &keep).map_err(other)?;
    caps::clear(None, CapSet::Inheritable).map_err(other)
}

/// Takes this process off the network, where runs are to be.
fn networks(host: &Host) -> Result<Option<Networks>, Refusal> {
    let given = host.prepared.network_given;
    given.then(Networks::new).transpose().step("network namespace", Wall::NetworkNamespace)
}

/// Serves the front, which is told the profile if it still waits for it.
fn work(host: &Host, front: &OwnedFd, profile: Option<Profile>) -> u8 {
    // Outside a pid namespace a guest that outlives its init is nobody's but ours to reap.
    if host.way() == Way::Confined && set_child_subreaper(true).is_err() {
        return FAILED;
    }
    // Before the warm interpreter, which then is in one, too.
    let networks = match networks(host) {
        Ok(networks) => networks,
        Err(refusal) => {
            tell(front.as_fd(), &Event::Refused(refusal));
            return REFUSED;
        }
    };
    let mut warm = host.warm.as_ref().map(|image| Warm::start(host, image)).transpose();
    if let Some(profile) = profile {
        // Who only now chose the modules is told at once which of them can't be loaded.
        if let Ok(Some(loading)) = &mut warm
            && let Err(refusal) = loading.await_loaded()
        {
            warm = Err(refusal);
        }
        match &warm {
            Ok(_) => tell(front.as_fd(), &Event::Ready(profile)),
            Err(refusal) => {
                tell(front.as_fd(), &Event::Refused(refusal.clone()));
                return REFUSED;
            }
        }
    }
    let served = Worker::new(host, front.as_fd(), warm.unwrap_or_default(), networks)
        .and_then(Worker::serve);
    if served.is_ok() { SERVED } else { FAILED }
}

/// A launcher that lived no longer than this is not replaced at once.
const SHORT_LIFE: Duration = Duration::from_millis(200);

/// Stands behind a working launcher and starts another should it die.
fn keep(host: &Host, front: &OwnedFd, profile: Profile) -> u8 {
    let mut profile = Some(profile);
    // The inits of a launcher that died become ours to reap.
    if set_child_subreaper(true).is_err() {
        return FAILED;
    }
    loop {
        let begun = Instant::now();
        match sys::fork(Parentage::Own) {
            Ok(None) => {
                // Without a keeper nobody would clean up; and the keeper's end is the service's.
                let _ = set_pdeathsig(Signal::SIGKILL);
                sys::exit_now(work(host, front, profile.take()).into())
            }
            Ok(Some(worker)) => {
                let status = await_end(worker);
                // Its sandboxes die with it (parent death signal). No other run may get their host
                // ids or group names before the last of them is gone.
                while wait_for_any() {}
                for code in [SERVED, REFUSED] {
                    if matches!(status, Ok(WaitStatus::Exited(_, ended)) if ended == i32::from(code))
                    {
                        return code;
                    }
                }
                profile = None;
                host.bases.bases.iter().for_each(group::Base::remove_leftovers);
                if begun.elapsed() < SHORT_LIFE {
                    std::thread::sleep(SHORT_LIFE);
                }
                tell(front.as_fd(), &Event::Restarted);
            }
            Err(_) => return FAILED,
        }
    }
}

/// Waits for the end of a working launcher. One that was stopped holds up every run, and only the service as a
/// whole is anybody's to stop: it is told to go on.
fn await_end(worker: Pid) -> nix::Result<WaitStatus> {
    loop {
        match waitpid(worker, Some(WaitPidFlag::WUNTRACED)) {
            Ok(WaitStatus::Stopped(..)) => drop(kill(worker, Signal::SIGCONT)),
            Err(Errno::EINTR) => {}
            ended => return ended,
        }
    }
}

/// Reaps one child; `false` once there is none left.
fn wait_for_any() -> bool {
    matches!(sys::wait_any(), Ok(_) | Err(Errno::EINTR))
}
