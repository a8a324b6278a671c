//! What was kept of a run's `/outputs`.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use nix::unistd::{getegid, geteuid};

use crate::prove::finding::Seen;
use crate::prove::secrets::Search;

/// Deeper or more than this nobody looks.
const MOST: usize = 20_000;
/// So much of each file is searched.
const SEARCHED: u64 = 4 << 20;

/// Looks at everything below `directory`: regular files and directories of ours only, together no larger
/// than `most` bytes, without a secret.
#[must_use]
pub fn look(directory: &Path, most: u64, search: &Search) -> Seen {
    let owner = (geteuid().as_raw(), getegid().as_raw());
    let (mut wrong, mut next, mut files, mut bytes) =
        (Vec::new(), vec![directory.to_owned()], 0, 0);
    while let Some(path) = next.pop() {
        let name = path.strip_prefix(directory).unwrap_or(&path).display().to_string();
        let meta = match fs::symlink_metadata(&path) {
            Ok(meta) => meta,
            Err(error) => {
                wrong.push(format!("{name} can't be looked at: {error}"));
                continue;
            }
        };
        if meta.is_dir() {
            let entries = fs::read_dir(&path).into_iter().flatten().flatten();
            next.extend(entries.map(|entry| entry.path()).take(MOST));
        } else if !meta.is_file() {
            wrong.push(format!("{name} is no regular file"));
        } else {
            files += 1;
            bytes += meta.len();
            let mut text = Vec::new();
            let _ = fs::File::open(&path).map(|file| file.take(SEARCHED).read_to_end(&mut text));
            wrong.extend(search.find(&text).map(|what| format!("{name}: {what}")));
        }
        wrong.extend(search.find(name.as_bytes()).map(|what| format!("a name: {what}")));
        if path == directory {
            continue;
        }
        if (meta.uid(), meta.gid()) != owner {
            wrong.push(format!("{name} belongs to {}:{}", meta.uid(), meta.gid()));
        }
        if meta.mode() & 0o7022 != 0 {
            wrong.push(format!("{name} has mode {:o}", meta.mode() & 0o7777));
        }
        if meta.is_file() && meta.nlink() != 1 {
            wrong.push(format!("{name} has {} links", meta.nlink()));
        }
        if files > MOST {
            wrong.push(format!("more than {MOST} files"));
            break;
        }
    }
    if bytes > most {
        wrong.push(format!("{bytes} bytes, and the limit is {most}"));
    }
    Seen::unless(wrong, format!("{files} regular files of ours, {bytes} bytes"))
}
