//! Finding the control groups a launcher may use: v2 where its controllers are delegated, v1
//! where a host is still hybrid. Everything is reached from directories opened here, before the
//! launcher leaves the host's file system behind.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::group::{Base, Kind};
use super::seat::abandoned;
use crate::plan::hierarchies::{self, Hierarchies, V1_CONTROLLERS};

const V2_CONTROLLERS: [&str; 3] = ["memory", "pids", "cpu"];

/// Every hierarchy in which the launcher may make groups for its runs.
#[derive(Default)]
pub struct Bases {
    /// At most one v2, and v1 ones for what the v2 lacks.
    pub bases: Vec<Base>,
    /// Why the last hierarchy tried was out of reach.
    pub refused: Option<Errno>,
}

impl Bases {
    /// Whether a hierarchy limits or counts `controller`.
    #[must_use]
    pub fn find(&self, controller: &str) -> Option<&Base> {
        self.bases.iter().find(|base| base.kind.has(controller))
    }

    /// Removes this launcher's directory from every hierarchy.
    pub fn remove_all(&self) {
        self.bases.iter().for_each(Base::remove);
    }
}

/// Looks at the host's hierarchies and makes this launcher's directory in each it may write.
/// Groups of launchers that are gone are removed on the way.
#[must_use]
pub fn discover(name: &str, wanted: impl Fn(&str) -> bool) -> Bases {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mut bases = Bases::default();
    if let Some(group) = own_group(&groups, "") {
        let mut lacking = None;
        attempt(&mut bases, || {
            let (base, reason) = v2(&hierarchies::v2().directory(group), name, &wanted)?;
            lacking = reason;
            Ok(base)
        });
        bases.refused = bases.refused.or(lacking);
    }
    let mounted = Hierarchies::mounted();
    for v1_name in V1_CONTROLLERS {
        // cpuacct only counts, which every v2 does as well.
        let counted = if v1_name == "cpuacct" { "cpu" } else { v1_name };
        if bases.find(counted).is_some() || !wanted(counted) {
            continue;
        }
        if let (Some(hierarchy), Some(group)) = (mounted.of(v1_name), own_group(&groups, v1_name)) {
            let kind = Kind::V1(counted);
            attempt(&mut bases, || make(&hierarchy.directory(group), name, kind));
        }
    }
    bases
}

/// The directory of the group in which this process's memory is counted, and whether it is v2.
#[must_use]
pub fn own_memory_group() -> Option<(PathBuf, bool)> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    if hierarchies::only_v2() {
        return Some((hierarchies::v2().directory(own_group(&groups, "")?), true));
    }
    let hierarchy = Hierarchies::mounted().of("memory")?;
    Some((hierarchy.directory(own_group(&groups, "memory")?), false))
}

fn attempt(bases: &mut Bases, find: impl FnOnce() -> io::Result<Base>) {
    match find() {
        Ok(base) => bases.bases.push(base),
        Err(error) => {
            bases.refused = Some(errno_of(&error));
        }
    }
}

fn errno_of(error: &io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO))
}

/// The group of the calling process in the hierarchy of `controller` (empty: v2).
fn own_group<'a>(groups: &'a str, controller: &str) -> Option<&'a str> {
    groups.lines().find_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, group) = rest.split_once(':')?;
        controllers.split(',').any(|name| name == controller).then_some(group)
    })
}

fn make(parent: &Path, name: &str, kind: Kind) -> io::Result<Base> {
    sweep(parent);
    let path = parent.join(name);
    match fs::create_dir(&path) {
        // Left behind by the last launcher with this name, and not yet let go of by the kernel.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => remove_runs(&path),
        other => other?,
    }
    Base::open(&path, kind).inspect_err(|_| {
        let _ = fs::remove_dir(&path);
    })
}

/// Removes groups left behind by launchers that were killed together with their keeper.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        // Held until the group is gone, or it would be a new launcher's that is removed.
        let held = entry.file_name().to_str().and_then(abandoned);
        if held.is_some() {
            remove_runs(&entry.path());
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// rmdir refuses a group with processes in it, so this can't hurt a living run.
fn remove_runs(base: &Path) {
    for run in fs::read_dir(base).into_iter().flatten().flatten() {
        if run.file_name().to_str().is_some_and(|name| name.starts_with("run-")) {
            let _ = fs::remove_dir(run.path());
        }
    }
}

/// The base, and why it has no controllers if it has none.
fn v2(
    group: &Path,
    name: &str,
    wanted: impl Fn(&str) -> bool,
) -> io::Result<(Base, Option<Errno>)> {
    let offered = fs::read_to_string(group.join("cgroup.controllers"))?;
    let counts_time = wanted("cpu");
    let wanted: Vec<&'static str> = V2_CONTROLLERS
        .into_iter()
        .filter(|name| wanted(name))
        .filter(|name| offered.split_whitespace().any(|offer| offer == *name))
        .collect();
    // Without a controller all that it would do is to count CPU time.
    if wanted.is_empty() && !counts_time {
        return Err(io::Error::from_raw_os_error(libc::EOPNOTSUPP));
    }
    let lacking = enable(group, &wanted).err().map(|error| errno_of(&error));
    let controllers = if lacking.is_none() { wanted } else { Vec::new() };
    let base = make(group, name, Kind::V2(controllers.clone()))?;
    if !controllers.is_empty() {
        base.write_file("cgroup.subtree_control", &plus(&controllers))?;
    }
    Ok((base, lacking))
}

fn plus(controllers: &[&str]) -> String {
    controllers.iter().map(|name| format!("+{name}")).collect::<Vec<_>>().join(" ")
}

/// Hands the controllers on to the groups below `group`.
fn enable(group: &Path, controllers: &[&str]) -> io::Result<()> {
    if controllers.is_empty() {
        return Ok(());
    }
    let control = group.join("cgroup.subtree_control");
    let already = fs::read_to_string(&control)?;
    if controllers.iter().all(|name| already.split_whitespace().any(|have| have == *name)) {
        return Ok(());
    }
    match fs::write(&control, plus(controllers)) {
        // A group with processes can't hand on controllers ("no internal processes"). In a
        // delegated one the only processes are ours, and may step aside.
        Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {
            step_aside(group)?;
            fs::write(&control, plus(controllers))
        }
        other => other,
    }
}

fn step_aside(group: &Path) -> io::Result<()> {
    let ours = [std::process::id(), std::os::unix::process::parent_id()];
    let processes = fs::read_to_string(group.join("cgroup.procs"))?;
    let only_ours = processes
        .lines()
        .filter_map(|line| line.parse::<u32>().ok())
        .all(|pid| ours.contains(&pid));
    if !only_ours {
        return Err(io::Error::from_raw_os_error(libc::EBUSY));
    }
    let aside = group.join("service");
    match fs::create_dir(&aside) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    ours.iter().try_for_each(|pid| fs::write(aside.join("cgroup.procs"), pid.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_group_is_found_by_controller() {
        let groups = "4:memory:/box/a\n2:cpu,cpuacct:/c\n0::/unified\n";
        assert_eq!(own_group(groups, "memory"), Some("/box/a"));
        assert_eq!(own_group(groups, "cpuacct"), Some("/c"));
        assert_eq!(own_group(groups, ""), Some("/unified"));
        assert_eq!(own_group(groups, "pids"), None);
    }
}
