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

/// Where v2 is, or would be beside v1.
#[must_use]
pub fn v2() -> Hierarchy {
    let point = Path::new(UNIFIED);
    let point = if only_v2() { point.to_owned() } else { point.join("unified") };
    Hierarchy { point, root: PathBuf::from("/") }
}

/// The hierarchies that are mounted, as they were when it was made.
pub struct Hierarchies(String);

impl Hierarchies {
    /// Looks at them; where that can't be done none is found.
    #[must_use]
    pub fn mounted() -> Self {
        Self(fs::read_to_string("/proc/self/mountinfo").unwrap_or_default())
    }

    /// The hierarchy of `controllers`, which are named as in `/proc/PID/cgroup`: with commas, and none for v2.
    #[must_use]
    pub fn of(&self, controllers: &str) -> Option<Hierarchy> {
        self.0.lines().find_map(|line| {
            // proc_pid_mountinfo(5): root and mount point are the 4th and 5th field; behind a variable number of
            // others and a dash come type, source, and the options, in which v1 names its controllers.
            let (own, of_type) = line.split_once(" - ")?;
            let mut of_type = of_type.split(' ');
            let (kind, options) = (of_type.next()?, of_type.nth(1)?);
            let named = |one: &str| options.split(',').any(|option| option == one);
            let is_it = match controllers {
                "" => kind == "cgroup2",
                _ => kind == "cgroup" && controllers.split(',').all(named),
            };
            let mut own = own.split(' ').skip(3).map(PathBuf::from);
            let (root, point) = (own.next()?, own.next()?);
            is_it.then_some(Hierarchy { point, root })
        })
    }
}

/// A mounted hierarchy.
#[derive(Debug, PartialEq, Eq)]
pub struct Hierarchy {
    /// Where it is.
    pub point: PathBuf,
    /// The group that is seen there.
    pub root: PathBuf,
}

impl Hierarchy {
    /// The directory of a group, which is named as in `/proc/PID/cgroup`.
    #[must_use]
    pub fn directory(&self, group: &str) -> PathBuf {
        let group = Path::new(group);
        let below = group.strip_prefix(&self.root).or_else(|_| group.strip_prefix("/"));
        self.point.join(below.unwrap_or(group))
    }
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

    fn found(controllers: &str) -> Option<(String, String)> {
        let found = Hierarchies(TABLE.to_owned()).of(controllers)?;
        Some((found.point.display().to_string(), found.root.display().to_string()))
    }

    #[test]
    fn a_hierarchy_is_found_by_its_controllers_alone() {
        let pair = |point: &str, root: &str| Some((point.to_owned(), root.to_owned()));
        assert_eq!(found("cpuacct"), pair("/sys/fs/cgroup/cpu,cpuacct", "/box"));
        assert_eq!(found("cpu,cpuacct"), found("cpuacct"));
        assert_eq!(found("memory"), pair("/sys/fs/cgroup/memory", "/"));
        assert_eq!(found(""), pair("/sys/fs/cgroup/unified", "/"));
        assert_eq!(found("pids"), None);
        assert_eq!(found("memory,pids"), None);
        assert_eq!(Hierarchies("nonsense\n1 2 - cgroup\n".to_owned()).of("memory"), None);
    }

    #[test]
    fn a_group_is_resolved_against_the_mounted_root() {
        let at = |root: &str, group: &str| {
            Hierarchy { point: PathBuf::from("/m"), root: PathBuf::from(root) }.directory(group)
        };
        assert_eq!(at("/", "/a/b"), Path::new("/m/a/b"));
        assert_eq!(at("/a", "/a/b"), Path::new("/m/b"));
        assert_eq!(at("/", "/"), Path::new("/m"));
        assert_eq!(at("/a", "/ab"), Path::new("/m/ab"));
    }
}
