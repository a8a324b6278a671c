//! Canaries: files with secrets, and a directory that anyone may write to.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::prove::finding::Seen;
use crate::prove::secrets::Secret;

/// Deeper or more than this nobody looks.
const MOST_ENTRIES: usize = 1000;
const LARGEST: u64 = 64 << 10;

/// See the module.
pub struct Files {
    /// World-readable.
    pub open: PathBuf,
    /// Its owner's alone.
    pub private: PathBuf,
    /// Everybody may write there.
    pub directory: PathBuf,
    root: PathBuf,
    before: BTreeMap<PathBuf, Entry>,
}

/// All of a file that an attack could change.
#[derive(PartialEq, Eq)]
struct Entry {
    inode: u64,
    mode: u32,
    owner: (u32, u32),
    links: u64,
    size: u64,
    /// When it was written, and when anything of it was changed, to the nanosecond.
    times: [i64; 4],
    content: Vec<u8>,
}

impl Files {
    /// Makes them below `directory`.
    ///
    /// # Errors
    /// As the calls on files.
    pub fn make(directory: &Path, open: &Secret, private: &Secret) -> io::Result<Self> {
        let root = directory.join("aim");
        let (shared, anyone) = (root.join("shared"), root.join("anyone"));
        fs::create_dir(&root)?;
        fs::create_dir(&shared)?;
        fs::create_dir(&anyone)?;
        let put = |path: &Path, text: &str, mode| -> io::Result<()> {
            fs::write(path, text)?;
            fs::set_permissions(path, Permissions::from_mode(mode))
        };
        let files = [shared.join("readable.txt"), shared.join("private.txt")];
        put(&files[0], &format!("secret = {}\n", open.value), 0o644)?;
        put(&files[1], &format!("secret = {}\n", private.value), 0o600)?;
        put(&anyone.join("there.txt"), "was there before\n", 0o666)?;
        for (path, mode) in [(directory, 0o755), (&root, 0o755), (&shared, 0o755), (&anyone, 0o777)]
        {
            fs::set_permissions(path, Permissions::from_mode(mode))?;
        }
        let before = entries(&root)?;
        let [open, private] = files;
        Ok(Self { open, private, directory: anyone, root, before })
    }

    /// Whether all of it is as it was.
    pub fn look(&self) -> Seen {
        let after = match entries(&self.root) {
            Ok(after) => after,
            Err(error) => return Seen::Wrong(format!("the files can't be read any more: {error}")),
        };
        let name =
            |path: &Path| path.strip_prefix(&self.root).unwrap_or(path).display().to_string();
        let mut wrong = Vec::new();
        for (path, entry) in &self.before {
            match after.get(path) {
                None => wrong.push(format!("{} is gone", name(path))),
                Some(now) if now != entry => wrong.push(format!("{} was changed", name(path))),
                Some(_) => {}
            }
        }
        let new = after.keys().filter(|path| !self.before.contains_key(*path));
        wrong.extend(new.map(|path| format!("{} has appeared", name(path))));
        Seen::unless(wrong, format!("{} files and directories as they were", self.before.len()))
    }
}

/// Everything below `root`, and itself.
fn entries(root: &Path) -> io::Result<BTreeMap<PathBuf, Entry>> {
    let mut found = BTreeMap::new();
    let mut next = vec![root.to_owned()];
    while let Some(path) = next.pop() {
        let meta = fs::symlink_metadata(&path)?;
        if meta.is_dir() && found.len() < MOST_ENTRIES {
            for entry in fs::read_dir(&path)? {
                next.push(entry?.path());
            }
        }
        let regular = meta.is_file() && meta.len() <= LARGEST;
        let content = if regular { fs::read(&path)? } else { Vec::new() };
        let entry = Entry {
            inode: meta.ino(),
            mode: meta.mode(),
            owner: (meta.uid(), meta.gid()),
            links: meta.nlink(),
            size: meta.size(),
            times: [meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec()],
            content,
        };
        found.insert(path, entry);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_is_seen() {
        let place = tempfile::tempdir().unwrap();
        let secret = Secret::new("of a test").unwrap();
        let make = |name: &str| {
            let directory = place.path().join(name);
            fs::create_dir(&directory).unwrap();
            Files::make(&directory, &secret, &secret).unwrap()
        };
        assert!(matches!(make("same").look(), Seen::Right(_)));
        type Change = (&'static str, fn(&Files));
        let changes: [Change; 5] = [
            ("content", |files| fs::write(files.directory.join("there.txt"), "now").unwrap()),
            ("new", |files| fs::create_dir(files.directory.join("new")).unwrap()),
            ("gone", |files| fs::remove_file(&files.open).unwrap()),
            ("mode", |files| {
                fs::set_permissions(&files.private, Permissions::from_mode(0o604)).unwrap();
            }),
            ("link", |files| fs::hard_link(&files.open, files.directory.join("link")).unwrap()),
        ];
        for (name, change) in changes {
            let files = make(name);
            change(&files);
            assert!(matches!(files.look(), Seen::Wrong(_)), "{name}");
        }
    }
}
