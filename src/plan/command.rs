//! Commands that the code may start: present in the root, every other one absent.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::PlanError;
use super::rootfs::Rootfs;

/// Where commands are looked for; the host's own `PATH` has no say.
const PLACES: [&str; 6] =
    ["/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin"];

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Makes the command `name` present and returns its real path.
pub(super) fn include(root: &mut Rootfs, name: &str) -> Result<PathBuf, PlanError> {
    let refuse = |why| PlanError::Command { name: name.chars().take(100).collect(), why };
    if name.is_empty() || name.contains(['/', '\0']) || name == "." || name == ".." {
        return Err(refuse("give the bare name of a command, such as `grep`"));
    }
    let found = PLACES.iter().map(|place| Path::new(place).join(name)).find(|p| is_program(p));
    let path = found.ok_or_else(|| {
        refuse("not found in /usr/local/bin, /usr/bin, /bin or their sbin; install it or drop it")
    })?;
    root.include(&path).map_err(|source| PlanError::Root { path, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_of_the_host_becomes_present() {
        let mut root = Rootfs::default();
        let real = include(&mut root, "cat").unwrap();
        assert!(root.entries.contains_key(real.to_str().unwrap()));
    }

    #[test]
    fn paths_and_unknown_names_are_refused() {
        for name in ["", "/bin/cat", "..", "no-such-command-here"] {
            assert!(include(&mut Rootfs::default(), name).is_err(), "{name}");
        }
    }
}
