//! Read-only binds of whole trees, by `mount(2)` alone: it is the one way to mount that container
//! profiles open with a single rule, and it serves as well everywhere else.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sys::statvfs::{FsFlags, statvfs};

const NONE: Option<&str> = None;

/// Shows `source`, with all that is mounted below it, at `target`; with what flags, [`restrict`] decides.
///
/// # Errors
/// As `mount(2)`.
pub fn bind(source: &Path, target: &Path) -> io::Result<()> {
    Ok(mount(Some(source), target, NONE, MsFlags::MS_BIND | MsFlags::MS_REC, NONE)?)
}

/// Makes every mount below `root` read-only and nosuid, with what `more` adds for its place. `mounts` is a
/// `mountinfo` of this process.
///
/// # Errors
/// As `mount(2)`; none of them leaves anything writable that a path leads to.
pub fn restrict(root: &Path, mounts: &Path, more: impl Fn(&Path) -> MsFlags) -> io::Result<()> {
    let below = |mounted: &Mounted| mounted.point.starts_with(root) && mounted.point != root;
    for found in parse(&fs::read(mounts)?).iter().filter(|mounted| below(mounted)) {
        // A bind takes no flags, and a remount changes one mount only. What a mount was locked with
        // in another user namespace must be said again.
        let flags = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | more(&found.point) | found.flags;
        let all = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | flags;
        match mount(NONE, &found.point, NONE, all, NONE) {
            // Hidden under another mount, where no path leads.
            Err(Errno::ENOENT | Errno::ENOTDIR) => {}
            Err(Errno::EINVAL) if shows_read_only(&found.point) => {}
            other => other?,
        }
    }
    Ok(())
}

/// Whether what a path leads to is read-only.
fn shows_read_only(path: &Path) -> bool {
    statvfs(path).is_ok_and(|found| found.flags().contains(FsFlags::ST_RDONLY))
}

/// One line of `/proc/PID/mountinfo` (proc(5)).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mounted {
    point: PathBuf,
    flags: MsFlags,
}

pub(super) fn parse(mountinfo: &[u8]) -> Vec<Mounted> {
    let line = |line: &[u8]| {
        let mut fields = line.split(|byte| *byte == b' ').skip(4);
        let point = PathBuf::from(std::ffi::OsString::from_vec(unescape(fields.next()?)));
        let flags = fields.next()?.split(|byte| *byte == b',').map(flag).collect();
        Some(Mounted { point, flags })
    };
    mountinfo.split(|byte| *byte == b'\n').filter_map(line).collect()
}

fn flag(option: &[u8]) -> MsFlags {
    match option {
        b"ro" => MsFlags::MS_RDONLY,
        b"nosuid" => MsFlags::MS_NOSUID,
        b"nodev" => MsFlags::MS_NODEV,
        b"noexec" => MsFlags::MS_NOEXEC,
        // Times of access stay as they are where a remount doesn't speak of them.
        _ => MsFlags::empty(),
    }
}

/// Blank, tab, newline and backslash are written as a backslash and three octal digits.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = code.and_then(|code| u8::from_str_radix(code, 8).ok());
        match (first, byte) {
            (b'\\', Some(byte)) => {
                plain.push(byte);
                rest = &after[3..];
            }
            _ => {
                plain.push(*first);
                rest = after;
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_gives_the_place_and_what_it_is_locked_with() {
        let text = b"36 35 98:0 /m /mnt\\0402\\134x ro,noexec,relatime master:1 - ext3 /dev/r rw,errors=continue\n";
        let flags = MsFlags::MS_RDONLY | MsFlags::MS_NOEXEC;
        assert_eq!(parse(text), [Mounted { point: PathBuf::from("/mnt 2\\x"), flags }]);
        assert_eq!(parse(b"nonsense\n\n"), []);
        assert_eq!(unescape(b"a\\9b\\"), b"a\\9b\\");
    }
}
