//! Steps that change the child's mount namespace. The root is the launcher's own: read-only,
//! minimal, and copied with the namespace; what is a run's own is laid over it.

use std::ffi::CStr;
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::Mode;
use nix::unistd::{mkdir, symlinkat};

use super::{ChildWall, LateMount, MountKind, Prepared};

const NONE: Option<&CStr> = None;

fn guarded() -> MsFlags {
    MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC
}

/// Mounts one sized and counted tmpfs and shows its directories at the writable places. Returns
/// its root, which no path leads to afterwards.
pub(super) fn scratch(prepared: &Prepared, options: &CStr) -> nix::Result<OwnedFd> {
    let guarded = if prepared.puts_up(ChildWall::Root) { guarded() } else { MsFlags::empty() };
    mount(Some(c"scratch"), c"/tmp", Some(c"tmpfs"), guarded, Some(options))?;
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let root = open(c"/tmp", flags, Mode::empty())?;
    for place in &prepared.writable {
        mkdir(place.source.as_c_str(), Mode::from_bits_truncate(place.mode))?;
    }
    for place in &prepared.writable {
        // The last one covers /tmp itself, so sources are reached until then.
        let source = Some(place.source.as_c_str());
        mount(source, place.target.as_c_str(), NONE, MsFlags::MS_BIND, NONE)?;
    }
    Ok(root)
}

fn one_late(late: &LateMount) -> nix::Result<()> {
    let target = late.target.as_c_str();
    let dir = Mode::from_bits_truncate(0o755);
    let exists = |result: nix::Result<()>| match result {
        Err(Errno::EEXIST) => Ok(()),
        other => other,
    };
    match late.kind {
        MountKind::Parent => return exists(mkdir(target, dir)),
        MountKind::Link => {
            return symlinkat(late.source.as_c_str(), nix::fcntl::AT_FDCWD, target);
        }
        MountKind::Directory => exists(mkdir(target, dir))?,
        MountKind::File => {
            let flags = OFlag::O_CREAT | OFlag::O_CLOEXEC | OFlag::O_WRONLY;
            drop(open(target, flags, Mode::from_bits_truncate(0o444))?);
        }
    }
    let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
    mount(Some(late.source.as_c_str()), target, NONE, flags, NONE)
}

/// Brings back parts of the root that the scratch mounts hide (a venv under `/tmp`, say).
pub(super) fn late_mounts(prepared: &Prepared) -> nix::Result<()> {
    prepared.late.iter().try_for_each(one_late)
}

/// Gives the calling process a mount namespace in which it sees those parts of the root where a run sees them.
/// For an interpreter that is to be forked from, and may lie there itself.
///
/// # Errors
/// As `unshare(2)` and `mount(2)`.
pub fn show_late_mounts(prepared: &Prepared) -> nix::Result<()> {
    if prepared.late.is_empty() {
        return Ok(());
    }
    unshare(CloneFlags::CLONE_NEWNS)?;
    scratch(prepared, c"mode=0755,size=1m,nr_inodes=4096").map(drop)?;
    late_mounts(prepared)
}

/// Mounts a `/proc` of this pid namespace: processes only (`subset=pid`, Linux 5.8).
pub(super) fn fresh_proc() -> nix::Result<()> {
    mount(Some(c"proc"), c"/proc", Some(c"proc"), guarded(), Some(c"subset=pid"))
}

/// Hides the launcher's `/proc` behind an empty directory.
pub(super) fn hide_proc() -> nix::Result<()> {
    let flags = guarded() | MsFlags::MS_RDONLY;
    mount(Some(c"none"), c"/proc", Some(c"tmpfs"), flags, Some(c"size=0,nr_inodes=1"))
}
