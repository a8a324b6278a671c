//! Everything a child reads, ready before it exists.

use std::ffi::CString;
use std::os::fd::OwnedFd;

use nix::sched::CloneFlags;
use serde::{Deserialize, Serialize};

use crate::sys::{ExecImage, Handlers, HotPages, Instruction, ThreadId};

/// How a process gets into new namespaces on this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Way {
    /// `clone3(2)`, straight into them.
    Clone,
    /// `unshare(2)` in an intermediate process, where `clone3` is closed.
    Unshare,
    /// Not at all: the host allows no user namespaces, and the policy accepts that.
    Confined,
}

/// What the guest becomes once its walls stand.
pub enum Becomes {
    /// Another program: a fresh interpreter.
    Program(ExecImage),
    /// What it was forked from: a warm interpreter, to which it returns.
    Itself {
        /// Where the C library keeps the thread's id.
        thread: ThreadId,
        /// What the interpreter has set up for signals, taken from whoever forks.
        handlers: Handlers,
        /// What a run touches first.
        hot: HotPages,
    },
}

/// All that a new process is given.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    /// What is the same for every run.
    pub prepared: &'a Prepared,
    /// What a guest becomes that init forks.
    pub becomes: Option<&'a Becomes>,
    /// What is this run's own.
    pub files: &'a RunFiles,
}

/// A wall that the child puts up by a step of its own, and that a build for tests can leave down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum ChildWall {
    UtsNamespace,
    CgroupNamespace,
    Root,
    Proc,
    Rlimits,
    Session,
    Descriptors,
    Capabilities,
}

/// A directory of the scratch file system and the place it is shown at.
#[derive(Debug, Serialize, Deserialize)]
pub struct WritableDir {
    /// Directory below the scratch mount, as seen while that is mounted on `/tmp`.
    pub source: CString,
    /// Where the code sees it.
    pub target: CString,
    /// Mode of the directory.
    pub mode: u32,
}

/// What a late mount needs at its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MountKind {
    /// A directory, to mount a directory on.
    Directory,
    /// A plain directory, nothing mounted.
    Parent,
    /// An empty file, to mount a file on.
    File,
    /// A symbolic link to `source`.
    Link,
}

/// Something below a scratch directory, which the scratch mount would hide.
#[derive(Debug, Serialize, Deserialize)]
pub struct LateMount {
    /// Where it is kept in the template, or a link's text.
    pub source: CString,
    /// Where the code expects it.
    pub target: CString,
    /// How to make it.
    pub kind: MountKind,
}

/// What is the same for every run of a launcher.
#[derive(Debug, Serialize, Deserialize)]
pub struct Prepared {
    /// How a process gets into new namespaces.
    pub way: Way,
    /// The namespaces of a run (`CLONE_NEW*`), all but the cgroup namespace, which is entered once the
    /// process is in its groups.
    pub namespaces: i32,
    /// Whether who forks is in the run's network namespace by then.
    pub network_given: bool,
    /// User and group id inside.
    pub id: u32,
    /// Writable directories, all on one scratch file system.
    pub writable: Vec<WritableDir>,
    /// Parts of the root that lie below a writable directory.
    pub late: Vec<LateMount>,
    /// Filters for what this host lacks, beside the guest's.
    pub further_filters: Vec<Vec<Instruction>>,
    /// Set where runs share a container with the service: they give way to it.
    pub gives_way: bool,
    /// Set where no group counts the run's memory: should it run out on the host, the run goes first.
    pub first_to_go: bool,
    /// Processors that the run is kept to.
    pub kept_to: Option<Vec<usize>>,
    /// Working directory.
    pub directory: CString,
    /// Whether a fresh `/proc` must mount, or may be left empty.
    pub proc_required: bool,
    /// Whether Landlock must stand, once a ruleset exists.
    pub landlock_write: u64,
    /// Whether loopback is brought up and the proxy's socket opened (its port).
    pub proxy_port: Option<u16>,
    /// Whether the exec gate closes behind the interpreter.
    pub gate: Option<Vec<Instruction>>,
    /// The same for a guest that joins, which is also heard when it ends.
    pub joined_gate: Option<Vec<Instruction>>,
    /// The guest's filter.
    pub guest_filter: Vec<Instruction>,
    /// The guest's filter in two parts, of which a warm interpreter installs the first.
    pub in_two: InTwo,
    /// Init's filter.
    pub init_filter: Vec<Instruction>,
    /// Walls that a build for tests leaves down.
    pub off: Vec<ChildWall>,
}

/// The two parts of the guest's filter.
#[derive(Debug, Serialize, Deserialize)]
pub struct InTwo {
    /// Allows what the guest needs on its way; installed once, before anything is forked.
    pub early: Vec<Instruction>,
    /// Takes that away; installed by each guest.
    pub late: Vec<Instruction>,
}

impl Prepared {
    /// All namespaces of a run, the cgroup namespace too.
    #[must_use]
    pub fn all_namespaces(&self) -> CloneFlags {
        let all = CloneFlags::from_bits_retain(self.namespaces);
        if self.puts_up(ChildWall::CgroupNamespace) {
            all | CloneFlags::CLONE_NEWCGROUP
        } else {
            all
        }
    }

    /// Whether the child puts up `wall`: always, but in a build for tests.
    #[must_use]
    pub fn puts_up(&self, wall: ChildWall) -> bool {
        !cfg!(feature = "walls-off") || !self.off.contains(&wall)
    }

    /// Whether the run stays in the launcher's own namespaces.
    #[must_use]
    pub fn confined(&self) -> bool {
        self.way == Way::Confined
    }
}

/// One resource limit (`getrlimit(2)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceLimit {
    /// The kernel's number for the resource.
    pub resource: u32,
    /// Soft limit.
    pub soft: u64,
    /// Hard limit.
    pub hard: u64,
}

/// How many resources are limited before the last one, the open descriptors.
pub const RESOURCE_LIMITS: usize = 11;

/// What a run's guest is given.
pub struct GuestFiles {
    /// Standard input.
    pub stdin: OwnedFd,
    /// Standard output.
    pub stdout: OwnedFd,
    /// Standard error.
    pub stderr: OwnedFd,
    /// The guest's end of the control socket.
    pub control: OwnedFd,
    /// Landlock ruleset with all rules but those for the scratch directories.
    pub ruleset: Option<OwnedFd>,
    /// Resource limits.
    pub rlimits: [ResourceLimit; RESOURCE_LIMITS],
    /// Open descriptors; set last, when the set-up needs none any more.
    pub open_files: u64,
}

/// The control groups of a run.
pub struct GroupFiles {
    /// A v2 group to be cloned into.
    pub cloned_into: Option<OwnedFd>,
    /// Files to write oneself into, to join those that can't be cloned into.
    pub joined: Vec<OwnedFd>,
}

/// Where a run's guest comes from.
pub enum Guest {
    /// Init forks it, and gives it this.
    Forked(Box<GuestFiles>),
    /// A warm interpreter forks it, and it joins. This is init's end of the socket between the two.
    Joins(OwnedFd),
}

/// What is one run's own.
pub struct RunFiles {
    /// The child's end of the launcher's socket.
    pub setup: OwnedFd,
    /// Control groups.
    pub groups: GroupFiles,
    /// Where its guest comes from.
    pub guest: Guest,
    /// Mount options of the scratch file system.
    pub scratch_options: CString,
}

/// What a guest is given that a warm interpreter forks into the namespaces of an init.
pub struct JoinFiles {
    /// Refers to init (pidfd), of which the kernel shows a process's namespaces.
    pub init: OwnedFd,
    /// Init's pid namespace, from before init took its ids: meanwhile the kernel shows nothing of it.
    pub pid_namespace: OwnedFd,
    /// Its end of the socket to init.
    pub report: OwnedFd,
    /// Control groups.
    pub groups: GroupFiles,
    /// Its own.
    pub guest: GuestFiles,
}
