//! Keeping what a run left in `/outputs`: regular files only, copied by a process of its own
//! after every process of the run is gone.
//!
//! Source and target are reached from directory descriptors, one component at a time, without
//! following links; what is not a regular file or a directory is left behind and counted.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::dir::Dir;
use nix::fcntl::{AtFlags, OFlag, openat, renameat};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::sys::stat::{FileStat, Mode, SFlag, fstatat, mkdirat};
use nix::unistd::{Pid, UnlinkatFlags, alarm, pipe2, unlinkat};

use crate::sandbox::messages::Outputs;
use crate::sys;

/// Seconds that copying may take.
const PATIENCE: u32 = 60;
/// Directories deeper than this are left behind.
const DEEPEST: u32 = 32;

/// A copying process at work.
pub struct Collector {
    /// Its process id, to be reaped by the worker.
    pub pid: Pid,
    /// Closes when it is done; carries its account.
    pub account: OwnedFd,
}

impl Collector {
    /// Starts copying from `scratch`'s `outputs` into `target`.
    ///
    /// # Errors
    /// As `pipe(2)` and `fork(2)`.
    ///
    /// No more than `most` bytes are copied: links and holes can make files look larger than the
    /// space they take.
    pub fn start(scratch: BorrowedFd<'_>, target: BorrowedFd<'_>, most: u64) -> nix::Result<Self> {
        let (account, ours) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
        match sys::fork(sys::Parentage::Own)? {
            Some(pid) => Ok(Self { pid, account }),
            None => {
                // A disk may be slow, but not for ever; and nobody waits once the launcher is gone.
                let _ = set_pdeathsig(Signal::SIGKILL);
                let _ = alarm::set(PATIENCE);
                let outputs = collect(scratch, target, most);
                if let Ok(text) = serde_json::to_vec(&outputs) {
                    let _ = nix::unistd::write(&ours, &text);
                }
                sys::exit_now(0)
            }
        }
    }

    /// The account, once the process is done.
    #[must_use]
    pub fn finish(self) -> Outputs {
        let _ = nix::sys::wait::waitpid(self.pid, None);
        let mut buffer = [0; 4096];
        let text = nix::unistd::read(&self.account, &mut buffer)
            .ok()
            .and_then(|length| serde_json::from_slice(buffer.get(..length)?).ok());
        text.unwrap_or_else(|| Outputs {
            failed: 1,
            reason: Some("the copying process died".to_owned()),
            ..Outputs::default()
        })
    }
}

fn directory_flags() -> OFlag {
    OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC
}

fn collect(scratch: BorrowedFd<'_>, target: BorrowedFd<'_>, most: u64) -> Outputs {
    let mut outputs = Outputs { most, ..Outputs::default() };
    if let Err(errno) = copy_directory(scratch, c"outputs", target, 0, &mut outputs) {
        failed(&mut outputs, &errno.into());
    }
    outputs
}

fn failed(outputs: &mut Outputs, error: &io::Error) {
    outputs.failed += 1;
    outputs.reason = Some(error.to_string());
}

fn copy_directory(
    parent: BorrowedFd<'_>,
    name: &CStr,
    target: BorrowedFd<'_>,
    depth: u32,
    outputs: &mut Outputs,
) -> nix::Result<()> {
    let source = openat(parent, name, directory_flags(), Mode::empty())?;
    let mut entries = Dir::from_fd(source.try_clone().map_err(|_| nix::errno::Errno::EMFILE)?)?;
    for entry in entries.iter() {
        let name = entry?.file_name().to_owned();
        if name.as_c_str() == c"." || name.as_c_str() == c".." {
            continue;
        }
        let done = copy_entry(source.as_fd(), &name, target, depth, outputs);
        if let Err(error) = done {
            failed(outputs, &error);
        }
    }
    Ok(())
}

fn kind(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT
}

fn copy_entry(
    source: BorrowedFd<'_>,
    name: &CString,
    target: BorrowedFd<'_>,
    depth: u32,
    outputs: &mut Outputs,
) -> io::Result<()> {
    let stat = fstatat(source, name.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW)?;
    match kind(&stat) {
        SFlag::S_IFREG => copy_file(source, name, target, outputs),
        SFlag::S_IFDIR if depth < DEEPEST => {
            match mkdirat(target, name.as_c_str(), Mode::from_bits_truncate(0o755)) {
                Ok(()) | Err(nix::errno::Errno::EEXIST) => {}
                Err(errno) => return Err(errno.into()),
            }
            // O_NOFOLLOW: a link that stands in the target under this name is an error.
            let below = openat(target, name.as_c_str(), directory_flags(), Mode::empty())?;
            Ok(copy_directory(source, name, below.as_fd(), depth + 1, outputs)?)
        }
        _ => {
            outputs.skipped += 1;
            Ok(())
        }
    }
}

/// Writes a fresh file beside the target and renames it, so that whatever stood there (a link,
/// say) is replaced and never written through, and nobody sees half a file.
fn copy_file(
    source: BorrowedFd<'_>,
    name: &CString,
    target: BorrowedFd<'_>,
    outputs: &mut Outputs,
) -> io::Result<()> {
    let read = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let mut from = File::from(openat(source, name.as_c_str(), read, Mode::empty())?);
    if from.metadata()?.len() > outputs.most - outputs.bytes {
        let most = outputs.most;
        return Err(io::Error::other(format!("more than the scratch size of {most} bytes")));
    }
    let fresh = format!(".codemode-{}-{}", std::process::id(), outputs.files);
    let create = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
    let mode = Mode::from_bits_truncate(0o644);
    let mut to = File::from(openat(target, fresh.as_str(), create, mode)?);
    let copied = io::copy(&mut from, &mut to).and_then(|bytes| {
        renameat(target, fresh.as_str(), target, name.as_c_str())?;
        Ok(bytes)
    });
    match copied {
        Ok(bytes) => {
            outputs.files += 1;
            outputs.bytes += bytes;
            Ok(())
        }
        Err(error) => {
            let _ = unlinkat(target, fresh.as_str(), UnlinkatFlags::NoRemoveDir);
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use nix::fcntl::open;

    use super::*;

    fn directory(path: &std::path::Path) -> OwnedFd {
        open(path, OFlag::O_RDONLY | OFlag::O_DIRECTORY, Mode::empty()).unwrap()
    }

    #[test]
    fn only_regular_files_come_out_and_no_link_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (inside, outside) = (dir.path().join("outputs"), dir.path().join("host"));
        fs::create_dir_all(inside.join("sub")).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(dir.path().join("canary"), "untouched").unwrap();
        fs::write(inside.join("plain"), "one").unwrap();
        fs::write(inside.join("sub/deep"), "two").unwrap();
        fs::write(inside.join("trap"), "overwritten?").unwrap();
        symlink("/etc/passwd", inside.join("link")).unwrap();
        nix::unistd::mkfifo(&inside.join("fifo"), Mode::S_IRWXU).unwrap();
        symlink(dir.path().join("canary"), outside.join("trap")).unwrap();
        let outputs = collect(directory(dir.path()).as_fd(), directory(&outside).as_fd(), 1 << 20);
        assert_eq!((outputs.files, outputs.skipped, outputs.failed), (3, 2, 0));
        assert_eq!(fs::read_to_string(outside.join("plain")).unwrap(), "one");
        assert_eq!(fs::read_to_string(outside.join("sub/deep")).unwrap(), "two");
        assert!(fs::symlink_metadata(outside.join("link")).is_err());
        assert_eq!(fs::read_to_string(dir.path().join("canary")).unwrap(), "untouched");
        assert!(!fs::symlink_metadata(outside.join("trap")).unwrap().is_symlink());
    }

    #[test]
    fn a_link_in_the_target_is_no_way_out_for_a_directory() {
        let dir = tempfile::tempdir().unwrap();
        let (inside, outside) = (dir.path().join("outputs"), dir.path().join("host"));
        fs::create_dir_all(inside.join("sub")).unwrap();
        fs::create_dir_all(dir.path().join("elsewhere")).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(inside.join("sub/file"), "x").unwrap();
        symlink(dir.path().join("elsewhere"), outside.join("sub")).unwrap();
        let outputs = collect(directory(dir.path()).as_fd(), directory(&outside).as_fd(), 1 << 20);
        assert_eq!((outputs.files, outputs.failed), (0, 1));
        assert!(fs::read_dir(dir.path().join("elsewhere")).unwrap().next().is_none());
    }

    #[test]
    fn links_and_holes_do_not_multiply_what_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let (inside, outside) = (dir.path().join("outputs"), dir.path().join("host"));
        fs::create_dir(&inside).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::File::create(inside.join("hole")).unwrap().set_len(600_000).unwrap();
        fs::hard_link(inside.join("hole"), inside.join("again")).unwrap();
        let target = directory(&outside);
        let outputs = collect(directory(dir.path()).as_fd(), target.as_fd(), 1_000_000);
        assert_eq!((outputs.files, outputs.bytes, outputs.failed), (1, 600_000, 1));
    }
}
