//! Remembers what an interpreter said of itself, so that `codemode run` need not start it twice.
//!
//! One file per interpreter in the user's cache directory, the latest few of them. An answer is used only if the file
//! is the caller's own and nothing it depends on has changed; failing to read or write it only
//! costs the question.

use std::collections::hash_map::DefaultHasher;
use std::env;
use std::fs;
use std::hash::{Hash, Hasher};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::interpreter::{GUEST, Interpreter};

/// As many are kept: who makes an environment for each job would fill the disk otherwise.
const KEPT: usize = 16;
const PREFIX: &str = "interpreter-";

/// Size, time of change and inode of a file: equal while it is the same.
type Stamp = Option<(u64, i64, i64, u64)>;

#[derive(Serialize, Deserialize)]
struct Remembered {
    version: String,
    guest: u64,
    candidate: (PathBuf, Stamp),
    watched: Vec<(PathBuf, Stamp)>,
    interpreter: Interpreter,
}

fn stamp(path: &Path) -> Stamp {
    let meta = fs::metadata(path).ok()?;
    Some((meta.size(), meta.mtime(), meta.mtime_nsec(), meta.ino()))
}

fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn file_for(candidate: &Path) -> Option<PathBuf> {
    let base = match env::var_os("XDG_CACHE_HOME").map(PathBuf::from) {
        Some(base) if base.is_absolute() => base,
        _ => PathBuf::from(env::var_os("HOME")?).join(".cache"),
    };
    base.is_absolute()
        .then(|| base.join("codemode").join(format!("{PREFIX}{:016x}.json", hash(candidate))))
}

/// The remembered answer, if it still holds.
pub(super) fn load(candidate: &Path) -> Option<Interpreter> {
    let file = file_for(candidate)?;
    let meta = fs::symlink_metadata(&file).ok()?;
    let ours = meta.uid() == nix::unistd::geteuid().as_raw();
    if !meta.is_file() || !ours || meta.mode() & 0o022 != 0 || meta.size() > 1 << 20 {
        return None;
    }
    let remembered: Remembered = serde_json::from_slice(&fs::read(&file).ok()?).ok()?;
    let current = remembered.version == env!("CARGO_PKG_VERSION")
        && remembered.guest == hash(GUEST)
        && remembered.candidate == (candidate.to_owned(), stamp(candidate))
        && remembered.watched.iter().all(|(path, then)| stamp(path) == *then);
    current.then_some(remembered.interpreter)
}

/// Remembers an answer. Failing to is no error: the next run asks again.
pub(super) fn store(candidate: &Path, interpreter: &Interpreter) {
    let _ = try_store(candidate, interpreter);
}

fn try_store(candidate: &Path, interpreter: &Interpreter) -> Option<()> {
    let file = file_for(candidate)?;
    let remembered = Remembered {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        guest: hash(GUEST),
        candidate: (candidate.to_owned(), stamp(candidate)),
        watched: interpreter.watched().into_iter().map(|p| (p.clone(), stamp(&p))).collect(),
        interpreter: interpreter.clone(),
    };
    let directory = file.parent()?;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).ok()?;
    let fresh = directory.join(format!(".new-{}", std::process::id()));
    let mut options = fs::OpenOptions::new();
    let mut writer = options.write(true).create_new(true).mode(0o600).open(&fresh).ok()?;
    let done = serde_json::to_vec(&remembered).ok().and_then(|b| writer.write_all(&b).ok());
    // Renamed whole, so that a reader never sees half an answer.
    if done.is_none() || fs::rename(&fresh, &file).is_err() {
        let _ = fs::remove_file(&fresh);
    }
    forget_old(directory);
    Some(())
}

/// Removes all but the latest.
fn forget_old(directory: &Path) {
    let is_answer = |entry: &fs::DirEntry| {
        entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX))
    };
    let entries = fs::read_dir(directory).into_iter().flatten().flatten().filter(is_answer);
    let mut answers: Vec<_> = entries
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    answers.sort_unstable_by(|one, other| other.cmp(one));
    for (_, path) in answers.into_iter().skip(KEPT) {
        let _ = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_latest_answers_are_kept_and_nothing_else_is_touched() {
        let directory = tempfile::tempdir().unwrap();
        let now = fs::metadata(directory.path()).unwrap().modified().unwrap();
        let make = |name: String, age: u64| {
            let file = fs::File::create(directory.path().join(name)).unwrap();
            file.set_modified(now - Duration::from_secs(age)).unwrap();
        };
        make("another's".to_owned(), 100);
        for age in 0..KEPT + 2 {
            make(format!("{PREFIX}{age}.json"), age as u64);
        }
        forget_old(directory.path());
        let left = |name: String| directory.path().join(name).exists();
        assert!(left("another's".to_owned()));
        for age in 0..KEPT + 2 {
            assert_eq!(left(format!("{PREFIX}{age}.json")), age < KEPT, "{age}");
        }
    }
}
