//! From a plan, inside the template, to every byte a child reads.

use std::ffi::CString;

use crate::plan::{Entry, LIBRARY_PATH, PROXY_PORT, Plan, WRITABLE, seccomp};
use crate::policy::{Limits, NetworkMode, Start, Wall};
use crate::sandbox::child::{
    ChildWall, InTwo, LateMount, MountKind, Prepared, RESOURCE_LIMITS, ResourceLimit, Way,
    WritableDir,
};
use crate::sandbox::enforced::Refusal;
use crate::sys::{self, ExecImage};

use nix::sched::CloneFlags;
use nix::sys::resource::{Resource, getrlimit};

use super::confinement::Confinement;
use super::failure::Step;
use super::landlock::Landlock;
use super::processors::Processors;
use super::template::LATE;

/// User and group id inside every sandbox.
pub const INSIDE_ID: u32 = 1000;

fn c_string(text: &str) -> Result<CString, Refusal> {
    CString::new(text).map_err(std::io::Error::from).step("plan", None)
}

fn c_strings(texts: &[String]) -> Result<Vec<CString>, Refusal> {
    texts.iter().map(|text| c_string(text)).collect()
}

/// The fresh interpreter that a run becomes.
///
/// # Errors
/// A refusal for a plan with NUL bytes in it.
pub fn interpreter(plan: &Plan, confined: Option<&Confinement>) -> Result<ExecImage, Refusal> {
    image(plan, confined, &[], &[])
}

/// The warm interpreter that runs are forked from, if the plan wants one and guests can join their inits
/// on this host: in a container they can't, and all of a run would have to be forked from it, three times. Libraries for numbers start
/// threads when they are loaded, unless told not to, and what has threads can't be forked from.
///
/// # Errors
/// As [`interpreter`].
pub fn warm_interpreter(plan: &Plan, way: Way) -> Result<Option<ExecImage>, Refusal> {
    let (Start::Warm { preload }, Way::Clone) = (&plan.start, way) else { return Ok(None) };
    let arguments: Vec<String> =
        [LIBRARY_PATH.to_owned()].into_iter().chain(preload.iter().cloned()).collect();
    image(plan, None, &arguments, &ONE_THREAD).map(Some)
}

/// What the libraries for numbers are told so that they start no threads.
const ONE_THREAD: [&str; 5] = [
    "OPENBLAS_NUM_THREADS=1",
    "OMP_NUM_THREADS=1",
    "MKL_NUM_THREADS=1",
    "BLIS_NUM_THREADS=1",
    "NUMEXPR_NUM_THREADS=1",
];

fn image(
    plan: &Plan,
    confined: Option<&Confinement>,
    arguments: &[String],
    environment: &[&str],
) -> Result<ExecImage, Refusal> {
    let mut all = plan.arguments.clone();
    if let (Some(confined), Some(guest)) = (confined, all.last_mut()) {
        confined.guest().clone_into(guest);
    }
    all.extend_from_slice(arguments);
    let mut variables = plan.environment.clone();
    variables.extend(environment.iter().map(|variable| (*variable).to_owned()));
    Ok(ExecImage::new(c_string(&plan.executable)?, c_strings(&all)?, c_strings(&variables)?))
}

/// All but the cgroup namespace, which is entered once the process is in its groups.
fn namespaces(plan: &Plan) -> CloneFlags {
    let all = CloneFlags::CLONE_NEWUSER
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS;
    let left_out = [
        (CloneFlags::CLONE_NEWNET, !plan.has_own_network()),
        (CloneFlags::CLONE_NEWIPC, !plan.puts_up(Wall::IpcNamespace)),
        (CloneFlags::CLONE_NEWUTS, !plan.puts_up(Wall::UtsNamespace)),
    ];
    left_out.into_iter().filter(|(_, out)| *out).fold(all, |all, (flag, _)| all - flag)
}

/// Whether runs get network namespaces that are made ahead and handed on: empty ones only, not for a single run, and not where
/// the launcher can't enter them.
#[must_use]
pub fn network_given(plan: &Plan, way: Way) -> bool {
    let empty = plan.network == NetworkMode::None && plan.has_own_network();
    plan.keep && empty && way == Way::Clone
}

/// Lays everything out.
///
/// # Errors
/// A refusal for a seccomp policy that doesn't compile or a plan with NUL bytes in it.
pub fn prepare(
    plan: &Plan,
    landlock: Option<&Landlock>,
    confined: Option<&Confinement>,
    way: Way,
    processors: &Processors,
    memory_counted: bool,
) -> Result<Prepared, Refusal> {
    let filters = seccomp::filters()
        .map_err(|error| std::io::Error::other(error.to_string()))
        .step("seccomp policy", Wall::Seccomp)?;
    let judged = plan.puts_up(Wall::Seccomp);
    let further = [
        (confined.is_some(), filters.confined),
        (processors.division.is_some(), filters.kept),
        (!memory_counted, filters.uncounted),
    ];
    let further = further
        .into_iter()
        .filter_map(|(needed, filter)| (needed && judged).then_some(filter))
        .collect();
    let filter = |filter| if judged { filter } else { sys::no_judgement() };
    let proxied = plan.network == NetworkMode::Restricted && plan.has_own_network();
    let gated = plan.exec_closed && plan.puts_up(Wall::ExecGate);
    Ok(Prepared {
        way,
        namespaces: namespaces(plan).bits(),
        network_given: network_given(plan, way),
        id: INSIDE_ID,
        // A confined run has no place that is its own, so it writes nowhere.
        writable: if confined.is_some() { Vec::new() } else { writable()? },
        late: late(plan)?,
        further_filters: further,
        // Elsewhere a run's own groups, or the host's other work, are what it competes with.
        gives_way: way != Way::Clone,
        first_to_go: !memory_counted,
        kept_to: processors.left_to_runs(),
        directory: c_string(if confined.is_some() { "/" } else { "/sandbox" })?,
        proc_required: plan.walls.required.contains(&Wall::Proc),
        landlock_write: landlock.map_or(0, Landlock::writable),
        proxy_port: proxied.then_some(PROXY_PORT),
        gate: gated.then(sys::exec_gate),
        joined_gate: gated.then(joined_gate),
        guest_filter: filter(filters.run),
        in_two: InTwo { early: filter(filters.early), late: filter(filters.late) },
        init_filter: filters.init,
        off: off(plan),
    })
}

/// An account is taken of who is held at its end, so nothing of the code may go on meanwhile.
fn joined_gate() -> Vec<sys::Instruction> {
    if sys::gate_holds() { sys::exec_and_exit_gate() } else { sys::exec_gate() }
}

/// Walls of the child's that are to be left down.
fn off(plan: &Plan) -> Vec<ChildWall> {
    let of_the_child = [
        (Wall::UtsNamespace, ChildWall::UtsNamespace),
        (Wall::CgroupNamespace, ChildWall::CgroupNamespace),
        (Wall::Root, ChildWall::Root),
        (Wall::Proc, ChildWall::Proc),
        (Wall::Rlimits, ChildWall::Rlimits),
        (Wall::Session, ChildWall::Session),
        (Wall::Descriptors, ChildWall::Descriptors),
        (Wall::Capabilities, ChildWall::Capabilities),
    ];
    of_the_child
        .into_iter()
        .filter(|(wall, _)| !plan.puts_up(*wall))
        .map(|(_, wall)| wall)
        .collect()
}

fn writable() -> Result<Vec<WritableDir>, Refusal> {
    WRITABLE
        .iter()
        .map(|target| {
            let name = target.rsplit('/').next().unwrap_or_default();
            let mode = if name == "tmp" || name == "shm" { 0o1777 } else { 0o755 };
            Ok(WritableDir {
                source: c_string(&format!("/tmp/{name}"))?,
                target: c_string(target)?,
                mode,
            })
        })
        .collect()
}

/// The entries below a writable place, with the directories on the way to them.
fn late(plan: &Plan) -> Result<Vec<LateMount>, Refusal> {
    let (late, _) = plan.rootfs.split();
    let mut mounts = Vec::new();
    for (index, (path, entry)) in late.into_iter().enumerate() {
        for above in parents(path) {
            mounts.push(LateMount {
                source: CString::default(),
                target: c_string(above)?,
                kind: MountKind::Parent,
            });
        }
        let (source, kind) = match entry {
            Entry::Directory | Entry::File(_) => (String::new(), MountKind::Parent),
            Entry::Link(text) => (text.clone(), MountKind::Link),
            Entry::Bind { directory: true, .. } => {
                (format!("{LATE}/{index}"), MountKind::Directory)
            }
            Entry::Bind { .. } => (format!("{LATE}/{index}"), MountKind::File),
        };
        mounts.push(LateMount { source: c_string(&source)?, target: c_string(path)?, kind });
    }
    Ok(mounts)
}

/// `/tmp/a` and `/tmp/a/b` for `/tmp/a/b/c`: what lies between a writable place and `path`.
fn parents(path: &str) -> Vec<&str> {
    let Some(place) = WRITABLE
        .iter()
        .find(|place| path.strip_prefix(**place).is_some_and(|rest| rest.starts_with('/')))
    else {
        return Vec::new();
    };
    let slashes = path.match_indices('/').map(|(at, _)| at);
    slashes.filter(|at| *at > place.len()).filter_map(|at| path.get(..at)).collect()
}

/// For a test of what breaks without its size: so many times more room than the limit. Not without end, for it is
/// memory of the host's.
const ROOMY: u64 = 16;

/// Mount options of a run's scratch file system.
///
/// # Errors
/// Never in practice: the text holds digits only.
pub fn scratch_options(plan: &Plan, limits: &Limits) -> Result<CString, Refusal> {
    let room = if plan.puts_up(Wall::Root) { 1 } else { ROOMY };
    let size = limits.scratch_size.saturating_mul(room);
    // The file system's own directories take inodes too: its root and the writable places.
    let inodes = limits.scratch_inodes.saturating_mul(room) + WRITABLE.len() as u64 + 1;
    c_string(&format!("mode=0755,size={size},nr_inodes={inodes}"))
}

/// Per-process limits of a run. Where a cgroup counts memory or processes, it must be the one
/// to refuse, since only it can prove the refusal; these then stand a little above it.
#[must_use]
pub fn rlimits(
    limits: &Limits,
    memory_counted: bool,
    processes_counted: bool,
    confined: bool,
) -> [ResourceLimit; RESOURCE_LIMITS] {
    const NONE: u64 = libc::RLIM_INFINITY;
    let cpu = limits.cpu_time.as_secs_f64().ceil() as u64;
    let processes = u64::from(limits.processes) + if processes_counted { 16 } else { 1 };
    let processes = if confined {
        // In the user namespace of the service this one would count the service, too.
        getrlimit(Resource::RLIMIT_NPROC).unwrap_or((NONE, NONE))
    } else {
        (processes, processes)
    };
    let (data, space) = if memory_counted {
        (NONE, NONE)
    } else {
        // Address space is reserved far ahead of use (thread arenas, BLAS), so only writable
        // private memory comes near what the limit means. It gets some slack, in which the
        // watchdog can see what a refusal would hide.
        (limits.memory.saturating_add(256 << 20), limits.memory.saturating_add(4 << 30))
    };
    let pair =
        |resource: Resource, soft, hard| ResourceLimit { resource: resource as u32, soft, hard };
    let same = |resource, value| pair(resource, value, value);
    [
        // One second more to die by, should the code catch the first signal.
        pair(Resource::RLIMIT_CPU, cpu + 1, cpu + 2),
        same(Resource::RLIMIT_FSIZE, limits.file_size),
        pair(Resource::RLIMIT_NPROC, processes.0, processes.1),
        same(Resource::RLIMIT_DATA, data),
        same(Resource::RLIMIT_AS, space),
        same(Resource::RLIMIT_CORE, 0),
        same(Resource::RLIMIT_MEMLOCK, 64 << 10),
        same(Resource::RLIMIT_MSGQUEUE, 0),
        same(Resource::RLIMIT_SIGPENDING, 1024),
        same(Resource::RLIMIT_NICE, 0),
        same(Resource::RLIMIT_RTPRIO, 0),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_a_late_entry_is_made_first() {
        assert_eq!(parents("/tmp/a/b/c"), ["/tmp/a", "/tmp/a/b"]);
        assert_eq!(parents("/dev/shm/x"), Vec::<&str>::new());
        assert_eq!(parents("/usr/lib"), Vec::<&str>::new());
    }

    #[test]
    fn without_a_cgroup_memory_is_limited_per_process() {
        let limits = Limits::default();
        let data = |counted| rlimits(&limits, counted, true, false)[3];
        assert_eq!(data(false).soft, limits.memory + (256 << 20));
        assert_eq!(data(true).soft, libc::RLIM_INFINITY);
    }
}
