//! Everything a child reads, ready before it exists.

use std::ffi::CString;
use std::os::fd::OwnedFd;

use nix::sched::CpuSet;
use nix::sys::resource::Resource;

use crate::sys::{ExecImage, Instruction};

/// A directory of the scratch file system and the place it is shown at.
pub struct WritableDir {
    /// Directory below the scratch mount, as seen while that is mounted on `/tmp`.
    pub source: CString,
    /// Where the code sees it.
    pub target: CString,
    /// Mode of the directory.
    pub mode: u32,
}

/// What a late mount needs at its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
pub struct LateMount {
    /// Where it is kept in the template, or a link's text.
    pub source: CString,
    /// Where the code expects it.
    pub target: CString,
    /// How to make it.
    pub kind: MountKind,
}

/// What is the same for every run of a launcher.
pub struct Prepared {
    /// The interpreter to become.
    pub exec: ExecImage,
    /// User and group id inside.
    pub id: u32,
    /// Writable directories, all on one scratch file system.
    pub writable: Vec<WritableDir>,
    /// Parts of the root that lie below a writable directory.
    pub late: Vec<LateMount>,
    /// Whether the run stays in the launcher's own namespaces, because the host allows no others.
    pub confined: bool,
    /// Filters for what this host lacks, beside the guest's.
    pub further_filters: Vec<Vec<Instruction>>,
    /// Set where runs share a container with the service: they give way to it.
    pub gives_way: bool,
    /// Processors that the run is kept to.
    pub kept_to: Option<CpuSet>,
    /// Working directory.
    pub directory: CString,
    /// Host name inside.
    pub hostname: &'static str,
    /// Whether a fresh `/proc` must mount, or may be left empty.
    pub proc_required: bool,
    /// Whether Landlock must stand, once a ruleset exists.
    pub landlock_write: u64,
    /// Whether loopback is brought up and the proxy's socket opened (its port).
    pub proxy_port: Option<u16>,
    /// Whether the exec gate closes behind the interpreter.
    pub gate: Option<[Instruction; 5]>,
    /// The guest's filter.
    pub guest_filter: Vec<Instruction>,
    /// Init's filter.
    pub init_filter: Vec<Instruction>,
}

/// What is one run's own.
pub struct RunFiles {
    /// The child's end of the launcher's socket.
    pub setup: OwnedFd,
    /// Files to write oneself into, to join control groups that can't be cloned into.
    pub groups: Vec<OwnedFd>,
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
    /// Mount options of the scratch file system.
    pub scratch_options: CString,
    /// Soft and hard limits.
    pub rlimits: [(Resource, u64, u64); 11],
    /// Open descriptors; set last, when the set-up needs none any more.
    pub open_files: u64,
}
