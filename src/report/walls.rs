//! The walls of one run: the launcher's profile, less what was missing this time.

use crate::plan::host::cure;
use crate::policy::Wall;
use crate::sandbox::enforced::{Profile, Standing};

pub(super) fn standing(profile: &Profile, missing: &[(Wall, i32)]) -> Vec<Standing> {
    let of_this_run =
        |standing: &Standing| match missing.iter().find(|(wall, _)| *wall == standing.wall) {
            None => standing.clone(),
            Some((wall, errno)) => {
                let errno = Some(*errno);
                Standing::absent(*wall, instead(*wall), errno, cure(*wall, errno))
            }
        };
    profile.walls.iter().map(of_this_run).collect()
}

fn instead(wall: Wall) -> &'static str {
    match wall {
        Wall::Proc => "no /proc: programs find no /proc/self/fd, /dev/fd, cpuinfo or meminfo",
        _ => "the kernel refused it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wall_that_was_missing_is_said_to_be() {
        let profile = Profile {
            privileged: false,
            processors: Vec::new(),
            walls: vec![
                Standing::stands(Wall::Proc, "fresh procfs"),
                Standing::stands(Wall::Seccomp, "filter"),
            ],
        };
        let walls = standing(&profile, &[(Wall::Proc, libc::EPERM)]);
        assert!(!walls[0].standing && walls[0].errno == Some(libc::EPERM));
        assert!(walls[1].standing);
    }
}
