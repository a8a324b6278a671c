//! The template: the minimal root in which the launcher itself lives, and of which every run's
//! mount namespace is a copy.
//!
//! Built once. Afterwards the launcher's own mount namespace holds nothing of the host but what
//! the plan shows, so a run has no old root to leave behind, and copying the namespace costs as
//! many mounts as the plan has.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use codemode_warm_embed::{CRADLE, LIBRARY};
use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::statfs::{PROC_SUPER_MAGIC, statfs};
use nix::unistd::{chdir, getegid, geteuid, pivot_root};

use super::binds;
use super::failure::{Step, fail};
use super::mapper::Mapper;
use crate::plan::{CRADLE_PATH, Entry, GUEST_PATH, LIBRARY_PATH, Plan};
use crate::policy::{Start, Wall};
use crate::sandbox::enforced::Refusal;

/// Where parts of the root that a scratch mount will hide are kept in the template.
pub const LATE: &str = "/.late";

const NONE: Option<&str> = None;
const OLD: &str = "/old";
const NEW: &str = "/new";
/// While the template is built.
const MOUNTS: &str = "/old/proc/self/mountinfo";

/// Leaves the host's user and mount namespaces. Root keeps every id in the new one, and with it what files
/// it reaches, but no power over anything of the host's.
///
/// # Errors
/// A refusal that names the wall, the errno and what to change on this host.
///
/// Root that makes a single fresh run has no use for a user namespace of its own (`own`), and is spared the
/// time.
pub fn leave_host_namespaces(privileged: bool, own: bool) -> Result<(), Refusal> {
    if own || !privileged {
        enter_user_namespace(privileged)?;
    } else {
        unshare(CloneFlags::CLONE_NEWNS).step("mount namespace", Wall::MountNamespace)?;
    }
    let private = MsFlags::MS_PRIVATE | MsFlags::MS_REC;
    mount(NONE, "/", NONE, private, NONE).step("private mounts", Wall::MountNamespace)
}

fn enter_user_namespace(privileged: bool) -> Result<(), Refusal> {
    let (uid, gid) = (geteuid(), getegid());
    let mapper = privileged.then(Mapper::start).transpose().step("id map", Wall::UserNamespace)?;
    // Both at once: a container's filter that compares the flags has one number to allow.
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)
        .step("user namespace", Wall::UserNamespace)?;
    if let Some(mapper) = mapper {
        mapper.map_all().step("id map", Wall::UserNamespace)?;
    } else {
        let map = |file: &str, text: String| {
            fs::write(format!("/proc/self/{file}"), text).step("id map", Wall::UserNamespace)
        };
        map("setgroups", "deny".into())?;
        map("uid_map", format!("{uid} {uid} 1")).map_err(|mut refusal| {
            if uid.is_root() {
                // user_namespaces(7), since Linux 5.12.
                "a root without CAP_SETFCAP can't map its own id: start codemode as another user \
                 (in Docker --user 1000:1000)"
                    .clone_into(&mut refusal.fix);
            }
            refusal
        })?;
        map("gid_map", format!("{gid} {gid} 1"))?;
    }
    Ok(())
}

/// Builds the root that `plan` describes and makes it this process's root.
///
/// # Errors
/// A refusal naming the path that could not be shown.
pub fn enter(plan: &Plan) -> Result<(), Refusal> {
    set_host_aside().step("new root", Wall::Root)?;
    let options = "mode=0755,size=16m,nr_inodes=4096";
    let guarded = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    fs::create_dir(NEW).step("new root", Wall::Root)?;
    mount(Some("root"), NEW, Some("tmpfs"), guarded, Some(options)).step("new root", Wall::Root)?;
    let (late, early) = plan.rootfs.split();
    for (path, entry) in early {
        place(path, entry).map_err(|error| fail("root", Wall::Root, &error).about(path))?;
    }
    for (index, (path, entry)) in late.iter().enumerate() {
        if matches!(entry, Entry::Bind { .. }) {
            place(&format!("{LATE}/{index}"), entry)
                .map_err(|error| fail("root", Wall::Root, &error).about(path))?;
        }
    }
    if !plan.puts_up(Wall::Root) {
        show_the_host().step("root", Wall::Root)?;
    }
    // A device is written through its own driver, whatever its mount says.
    let devices = Path::new(NEW).join("dev");
    let more = |point: &Path| match point.starts_with(&devices) {
        true => MsFlags::MS_NOEXEC,
        false => MsFlags::MS_NODEV,
    };
    if plan.puts_up(Wall::Root) {
        binds::restrict(Path::new(NEW), Path::new(MOUNTS), more).step("root", Wall::Root)?;
    }
    put(GUEST_PATH, &plan.guest, 0o644).step("guest", Wall::Root)?;
    if plan.start != Start::Fresh {
        put(LIBRARY_PATH, LIBRARY, 0o644).step("warm interpreter", Wall::Root)?;
        put(CRADLE_PATH, CRADLE, 0o500).step("cradle", Wall::Root)?;
    }
    bind_proc().step("template /proc", Wall::Proc)?;
    become_root().step("pivot_root", Wall::Root)
}

/// For a test: shows whatever directories of the host's root the plan does not, as they are there.
fn show_the_host() -> io::Result<()> {
    for entry in fs::read_dir(OLD)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let target = PathBuf::from(format!("{NEW}/{name}"));
        if name == "proc" || target.exists() || !entry.file_type()?.is_dir() {
            continue;
        }
        fs::create_dir(&target)?;
        binds::bind(&entry.path(), &target)?;
    }
    Ok(())
}

/// Puts a tmpfs in the root's place, with the host's tree at `/old`.
fn set_host_aside() -> io::Result<()> {
    let places = ["/tmp", "/var", "/mnt", "/run", "/usr"];
    let place = places.into_iter().find(|place| Path::new(place).is_dir());
    let place = place.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
    // The mount hides this directory only for as long as the tree takes to move aside.
    mount(Some("aside"), place, Some("tmpfs"), MsFlags::empty(), Some("mode=0755"))?;
    fs::create_dir(format!("{place}{OLD}"))?;
    pivot_root(place, format!("{place}{OLD}").as_str())?;
    Ok(chdir("/")?)
}

fn place(path: &str, entry: &Entry) -> io::Result<()> {
    let target = PathBuf::from(format!("{NEW}{path}"));
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent)?;
    }
    match entry {
        Entry::Directory => fs::create_dir_all(&target),
        Entry::Link(text) => symlink(text, &target),
        Entry::File(contents) => fs::write(&target, contents),
        Entry::Bind { source, directory, device } => {
            if *directory {
                fs::create_dir_all(&target)?;
            } else {
                let mut options = fs::OpenOptions::new();
                options.create_new(true).write(true).mode(0o444).open(&target)?;
            }
            binds::bind(Path::new(&format!("{OLD}{source}")), &target)?;
            if *device { check_device(source, &target) } else { Ok(()) }
        }
    }
}

fn put(path: &str, contents: &[u8], mode: u32) -> io::Result<()> {
    let target = PathBuf::from(format!("{NEW}{path}"));
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut options = fs::OpenOptions::new();
    options.create_new(true).write(true).mode(mode).open(&target)?.write_all(contents)
}

/// Containers put their own things in the place of devices; what the code gets must be what the
/// name says.
fn check_device(source: &str, target: &Path) -> io::Result<()> {
    let minor = match source.rsplit('/').next() {
        Some("null") => 3,
        Some("zero") => 5,
        Some("random") => 8,
        Some("urandom") => 9,
        _ => return Err(io::Error::from_raw_os_error(libc::ENODEV)),
    };
    let found = fs::metadata(target)?;
    let expected = found.file_type().is_char_device() && found.rdev() == libc::makedev(1, minor);
    if expected { Ok(()) } else { Err(io::Error::from_raw_os_error(libc::ENODEV)) }
}

/// The launcher reaches its children by the host's /proc; a run covers it with its own. It must
/// be complete (with its submounts), or the kernel refuses runs a fresh one (`mount_too_revealing`).
fn bind_proc() -> nix::Result<()> {
    if statfs("/old/proc")?.filesystem_type() != PROC_SUPER_MAGIC {
        return Err(Errno::ENODEV);
    }
    let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
    mount(Some("/old/proc"), "/new/proc", NONE, flags, NONE)
}

fn become_root() -> nix::Result<()> {
    chdir(NEW)?;
    pivot_root(".", ".")?;
    umount2(".", MntFlags::MNT_DETACH)?;
    chdir("/")?;
    let read_only = MsFlags::MS_REMOUNT
        | MsFlags::MS_BIND
        | MsFlags::MS_RDONLY
        | MsFlags::MS_NOSUID
        | MsFlags::MS_NODEV;
    mount(NONE, "/", NONE, read_only, NONE)
}
