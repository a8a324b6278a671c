//! Where the host's control groups are mounted, after cgroups(7).

use std::fs;
use std::path::{Path, PathBuf};

use nix::sys::statfs::{CGROUP2_SUPER_MAGIC, statfs};

/// The place of cgroup v2, or of the directory in which v1 hierarchies are mounted.
pub const UNIFIED: &str = "/sys/fs/cgroup";
/// What is used of v1 where v2 lacks it.
pub const V1_CONTROLLERS: [&str; 3] = ["memory", "pids", "cpuacct"];

/// Whether cgroup v2 is there alone, with every controller.
#[must_use]
pub fn only_v2() -> bool {
    statfs(UNIFIED).is_ok_and(|found| found.filesystem_type() == CGROUP2_SUPER_MAGIC)
}

/// A mounted v1 hierarchy.
#[derive(Debug, PartialEq, Eq)]
pub struct Mounted {
    /// Where it is.
    pub point: PathBuf,
    /// The group that is seen there, the path of another one in `/proc/PID/cgroup` being below it.
    pub root: PathBuf,
}

/// The v1 hierarchy of a controller, such as `memory`.
#[must_use]
pub fn v1(controller: &str) -> Option<Mounted> {
    in_table(&fs::read_to_string("/proc/self/mountinfo").ok()?, controller)
}

fn in_table(table: &str, controller: &str) -> Option<Mounted> {
    table.lines().find_map(|line| {
        // proc_pid_mountinfo(5): root and mount point are the 4th and 5th field; behind a variable number of
        // others and a dash come type, source, and the options, in which v1 names its controllers.
        let (own, of_type) = line.split_once(" - ")?;
        let mut of_type = of_type.split(' ');
        let is_v1 = of_type.next()? == "cgroup";
        let mut options = of_type.nth(1)?.split(',');
        if !is_v1 || !options.any(|option| option == controller) {
            return None;
        }
        let mut own = own.split(' ').skip(3).map(|field| Path::new(field).to_owned());
        let (root, point) = (own.next()?, own.next()?);
        Some(Mounted { point, root })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
24 1 0:22 / /sys/fs/cgroup ro shared:9 - tmpfs tmpfs ro,mode=755
25 24 0:23 / /sys/fs/cgroup/unified rw shared:10 - cgroup2 cgroup2 rw,memory
30 24 0:26 /box /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:15 master:3 - cgroup cgroup rw,cpu,cpuacct
31 24 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
";

    fn found(controller: &str) -> Option<(String, String)> {
        let mounted = in_table(TABLE, controller)?;
        Some((mounted.point.display().to_string(), mounted.root.display().to_string()))
    }

    #[test]
    fn a_v1_hierarchy_is_found_by_its_controller_alone() {
        let pair = |point: &str, root: &str| Some((point.to_owned(), root.to_owned()));
        assert_eq!(found("cpuacct"), pair("/sys/fs/cgroup/cpu,cpuacct", "/box"));
        assert_eq!(found("memory"), pair("/sys/fs/cgroup/memory", "/"));
        assert_eq!(found("pids"), None);
        assert_eq!(found("rw,memory"), None);
        assert_eq!(in_table("nonsense\n1 2 - cgroup\n", "memory"), None);
    }
}
