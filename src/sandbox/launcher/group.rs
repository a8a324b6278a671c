//! One control group in one hierarchy, reached through directory descriptors, and the launcher's own
//! directory there.

use std::cell::RefCell;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::{Mode, mkdirat};
use nix::sys::uio::{pread, pwrite};
use nix::unistd::{UnlinkatFlags, read, unlinkat, write};

/// Version and controllers of a hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The unified hierarchy with these controllers; it counts CPU time even with none.
    V2(Vec<&'static str>),
    /// A v1 hierarchy of this one controller (`cpu` for cpuacct).
    V1(&'static str),
}

impl Kind {
    /// Whether groups here limit or count what `controller` is for.
    #[must_use]
    pub fn has(&self, controller: &str) -> bool {
        match self {
            Self::V2(controllers) => controller == "cpu" || controllers.contains(&controller),
            Self::V1(only) => *only == controller,
        }
    }

    /// `v2` or `v1`.
    #[must_use]
    pub fn version(&self) -> &'static str {
        match self {
            Self::V2(_) => "v2",
            Self::V1(_) => "v1",
        }
    }
}

/// A launcher's own directory in one hierarchy.
pub struct Base {
    /// Version and controllers.
    pub kind: Kind,
    directory: OwnedFd,
    /// Its parent, from which it is removed at the end.
    parent: OwnedFd,
    name: String,
}

fn open_directory(path: &Path) -> nix::Result<OwnedFd> {
    open(path, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
}

fn write_at(directory: BorrowedFd<'_>, file: &str, value: &str) -> nix::Result<()> {
    let file = openat(directory, file, OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    write(&file, value.as_bytes()).map(drop)
}

fn read_at(directory: BorrowedFd<'_>, file: &str) -> Option<String> {
    let file = openat(directory, file, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()).ok()?;
    let mut buffer = [0; 4096];
    let length = read(&file, &mut buffer).ok()?;
    String::from_utf8(buffer.get(..length)?.to_vec()).ok()
}

impl Base {
    /// Opens the directory that was made at `path`.
    ///
    /// # Errors
    /// As `open(2)`.
    pub fn open(path: &Path, kind: Kind) -> io::Result<Self> {
        let invalid = || io::Error::from(io::ErrorKind::InvalidInput);
        let parent = open_directory(path.parent().ok_or_else(invalid)?)?;
        let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(invalid)?;
        Ok(Self { kind, directory: open_directory(path)?, parent, name: name.to_owned() })
    }

    /// Whether swap is limited together with memory.
    #[must_use]
    pub fn limits_swap(&self) -> bool {
        let file = match self.kind {
            Kind::V1(_) => "memory.memsw.limit_in_bytes",
            Kind::V2(_) => "memory.swap.max",
        };
        read_at(self.directory.as_fd(), file).is_some()
    }

    /// Writes one of the directory's files.
    ///
    /// # Errors
    /// As `open(2)` and `write(2)`.
    pub fn write_file(&self, file: &str, value: &str) -> io::Result<()> {
        Ok(write_at(self.directory.as_fd(), file, value)?)
    }

    /// Makes a group below it.
    ///
    /// # Errors
    /// As `mkdir(2)` and `open(2)`; nothing is left behind.
    pub fn make(&self, name: &str) -> nix::Result<Group> {
        mkdirat(&self.directory, name, Mode::from_bits_truncate(0o755))?;
        let flags = OFlag::O_DIRECTORY | OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        let directory = openat(&self.directory, name, flags, Mode::empty()).inspect_err(|_| {
            self.unmake(name);
        })?;
        Ok(Group { kind: self.kind.clone(), directory, open: RefCell::default() })
    }

    /// Removes a group below it; `false` if the kernel isn't done with it yet.
    pub fn unmake(&self, name: &str) -> bool {
        let removed = unlinkat(&self.directory, name, UnlinkatFlags::RemoveDir);
        matches!(removed, Ok(()) | Err(Errno::ENOENT))
    }

    /// Removes the directory. Its runs are gone by then, and so are those of a launcher before.
    pub fn remove(&self) {
        self.remove_runs();
        let _ = unlinkat(&self.parent, self.name.as_str(), UnlinkatFlags::RemoveDir);
    }

    /// Removes the groups of runs whose launcher died; their processes died with it.
    pub fn remove_leftovers(&self) {
        // A group empties a moment after its last process is reaped.
        for _ in 0..200 {
            if self.remove_runs() {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Removes groups of runs, as far as no process is in them; whether none is left.
    fn remove_runs(&self) -> bool {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let Ok(mut directory) = Dir::openat(&self.directory, ".", flags, Mode::empty()) else {
            return true;
        };
        let entries = directory.iter().flatten().map(|entry| entry.file_name().to_owned());
        let runs: Vec<_> = entries.filter(|name| name.to_bytes().starts_with(b"run-")).collect();
        let left = runs.iter().filter(|run| {
            unlinkat(&self.directory, run.as_c_str(), UnlinkatFlags::RemoveDir).is_err()
        });
        left.count() == 0
    }
}

const MEMORY_PEAK: &str = "memory.peak";

/// One group below a launcher's directory.
pub struct Group {
    /// Of its hierarchy.
    pub kind: Kind,
    directory: OwnedFd,
    /// Files of it by name, each opened when it is first needed.
    open: RefCell<Vec<(&'static str, Rc<OwnedFd>)>>,
}

impl Group {
    /// To clone into, where it is v2.
    #[must_use]
    pub fn directory(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }

    fn opened(&self, name: &'static str, access: OFlag) -> nix::Result<Rc<OwnedFd>> {
        let mut open = self.open.borrow_mut();
        if let Some((_, file)) = open.iter().find(|(known, _)| *known == name) {
            return Ok(Rc::clone(file));
        }
        let open_as =
            |access| openat(&self.directory, name, access | OFlag::O_CLOEXEC, Mode::empty());
        let file = match (name, open_as(access)) {
            // Written to where the kernel has it reset.
            (MEMORY_PEAK, read_only) => open_as(OFlag::O_RDWR).or(read_only)?,
            (_, opened) => opened?,
        };
        let file = Rc::new(file);
        open.push((name, Rc::clone(&file)));
        Ok(file)
    }

    /// Reads a file of the group from its beginning.
    #[must_use]
    pub fn read(&self, name: &'static str) -> Option<String> {
        let file = self.opened(name, OFlag::O_RDONLY).ok()?;
        let mut buffer = [0; 4096];
        let length = pread(&*file, &mut buffer, 0).ok()?;
        String::from_utf8(buffer.get(..length)?.to_vec()).ok()
    }

    /// Sets a limit of the group.
    ///
    /// # Errors
    /// As `open(2)` and `write(2)`.
    pub fn set(&self, name: &str, value: &str) -> nix::Result<()> {
        write_at(self.directory.as_fd(), name, value)
    }

    /// The file through which a process joins, open for writing.
    ///
    /// # Errors
    /// As `open(2)`.
    pub fn entry(&self, name: &'static str) -> nix::Result<OwnedFd> {
        self.opened(name, OFlag::O_WRONLY)?.try_clone().map_err(|_| Errno::EMFILE)
    }

    /// Has the peak of its memory count anew; `false` where the kernel can't.
    pub fn forget_memory_peak(&self) -> bool {
        let done = match &self.kind {
            Kind::V1(_) => self.set("memory.max_usage_in_bytes", "0"),
            // For those who read through the same open file (Linux 6.12).
            Kind::V2(_) => self
                .opened(MEMORY_PEAK, OFlag::O_RDONLY)
                .and_then(|file| pwrite(&*file, b"reset", 0).map(drop)),
        };
        done.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn v2_counts_cpu_without_any_controller() {
        assert!(Kind::V2(vec![]).has("cpu"));
        assert!(!Kind::V2(vec![]).has("memory"));
        assert!(Kind::V1("pids").has("pids"));
    }
}
