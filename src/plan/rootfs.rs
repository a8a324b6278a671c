//! The minimal root: which host paths appear in it, and under which names.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The places that each run gets fresh and writable; what lies below them in the template is
/// mounted again over the fresh ones.
pub const WRITABLE: [&str; 4] = ["/sandbox", "/outputs", "/dev/shm", "/tmp"];

/// One thing in the root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// An empty directory.
    Directory,
    /// The host's directory (with all beneath) or file of the same path, or of `source`.
    Bind {
        /// Host path.
        source: String,
        /// Whether it is a directory.
        directory: bool,
        /// Whether it is a device node.
        device: bool,
    },
    /// A symbolic link with this text.
    Link(String),
    /// A file of our own.
    File(String),
}

/// Entries with the places they have inside.
pub type Placed<'a> = Vec<(&'a str, &'a Entry)>;

/// The root's entries by absolute path, parents before children.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rootfs {
    /// Entries by path inside.
    pub entries: BTreeMap<String, Entry>,
}

fn text(path: &Path) -> io::Result<String> {
    path.to_str().map(str::to_owned).ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("{} is not UTF-8", path.display()))
    })
}

impl Rootfs {
    /// Adds an entry of ours.
    pub fn add(&mut self, path: &str, entry: Entry) {
        self.entries.insert(path.to_owned(), entry);
    }

    /// Makes the host's `path` present under the same name: each symbolic link on the way as a
    /// link, and what it leads to as a read-only bind. Returns the real path.
    ///
    /// # Errors
    /// As `lstat(2)` and `readlink(2)`; `ELOOP` past 40 links.
    pub fn include(&mut self, path: &Path) -> io::Result<PathBuf> {
        const MOST_LINKS: u32 = 40;
        let mut links = 0;
        let mut resolved = PathBuf::from("/");
        let mut pending: VecDeque<OsString> = parts(path).collect();
        while let Some(part) = pending.pop_front() {
            if part == ".." {
                resolved.pop();
                continue;
            }
            let next = resolved.join(&part);
            if !fs::symlink_metadata(&next)?.is_symlink() {
                resolved = next;
                continue;
            }
            links += 1;
            if links > MOST_LINKS {
                return Err(io::Error::from_raw_os_error(libc::ELOOP));
            }
            let target = fs::read_link(&next)?;
            self.entries.insert(text(&next)?, Entry::Link(text(&target)?));
            if target.is_absolute() {
                resolved = PathBuf::from("/");
            }
            parts(&target).rev().for_each(|part| pending.push_front(part));
        }
        let directory = fs::metadata(&resolved)?.is_dir();
        let source = text(&resolved)?;
        self.entries.insert(source.clone(), Entry::Bind { source, directory, device: false });
        Ok(resolved)
    }

    /// Like [`Rootfs::include`], for what may be missing on this host.
    ///
    /// # Errors
    /// As [`Rootfs::include`], except that a missing or unreadable path is no error.
    pub fn include_if_present(&mut self, path: &Path) -> io::Result<()> {
        match self.include(path) {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound
                        | io::ErrorKind::PermissionDenied
                        | io::ErrorKind::NotADirectory
                ) =>
            {
                Ok(())
            }
            other => other.map(drop),
        }
    }

    /// Drops what a bound directory shows anyway.
    pub fn simplify(&mut self) {
        let bound: Vec<String> = self
            .entries
            .iter()
            .filter(|(_, entry)| matches!(entry, Entry::Bind { directory: true, .. }))
            .map(|(path, _)| format!("{path}/"))
            .collect();
        self.entries.retain(|path, _| !bound.iter().any(|above| path.starts_with(above.as_str())));
    }

    /// The entries below a place that each run gets fresh, and the rest.
    #[must_use]
    pub fn split(&self) -> (Placed<'_>, Placed<'_>) {
        self.entries.iter().map(|(path, entry)| (path.as_str(), entry)).partition(|(path, _)| {
            WRITABLE
                .iter()
                .any(|place| path.strip_prefix(place).is_some_and(|rest| rest.starts_with('/')))
        })
    }
}

fn parts(path: &Path) -> impl DoubleEndedIterator<Item = OsString> + '_ {
    path.components().filter_map(|component| match component {
        Component::Normal(part) => Some(part.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_on_the_way_become_links_and_the_end_a_bind() {
        let dir = tempfile::tempdir().unwrap();
        let base = fs::canonicalize(dir.path()).unwrap();
        fs::create_dir(base.join("real")).unwrap();
        fs::write(base.join("real/file"), "x").unwrap();
        symlink("real", base.join("link")).unwrap();
        let mut root = Rootfs::default();
        let real = root.include(&base.join("link/file")).unwrap();
        assert_eq!(real, base.join("real/file"));
        let at = |name: &str| root.entries.get(base.join(name).to_str().unwrap());
        assert_eq!(at("link"), Some(&Entry::Link("real".into())));
        assert!(matches!(at("real/file"), Some(Entry::Bind { directory: false, .. })));
        assert_eq!(at("real"), None);
    }

    #[test]
    fn a_loop_of_links_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        symlink("b", dir.path().join("a")).unwrap();
        symlink("a", dir.path().join("b")).unwrap();
        let error = Rootfs::default().include(&dir.path().join("a")).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ELOOP));
    }

    #[test]
    fn what_a_bound_directory_shows_is_not_listed_twice() {
        let mut root = Rootfs::default();
        let bind = |source: &str, directory| Entry::Bind {
            source: source.into(),
            directory,
            device: false,
        };
        root.add("/a", bind("/a", true));
        root.add("/a/b", bind("/a/b", false));
        root.add("/ab", bind("/ab", false));
        root.simplify();
        assert_eq!(root.entries.keys().collect::<Vec<_>>(), ["/a", "/ab"]);
    }

    #[test]
    fn what_lies_below_scratch_is_set_apart() {
        let mut root = Rootfs::default();
        root.add("/tmp/venv", Entry::Directory);
        root.add("/tmpfiles", Entry::Directory);
        root.add("/usr", Entry::Directory);
        let (late, early) = root.split();
        assert_eq!(late.len(), 1);
        assert_eq!(early.len(), 2);
    }
}
