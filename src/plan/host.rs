//! Facts about the host, and the cure for each thing it may lack.

use std::fs;

use super::hierarchies::{Hierarchies, UNIFIED, V1_CONTROLLERS, only_v2, v2};
use crate::policy::Wall;

/// One thing looked up on the host.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Fact {
    /// What was looked at.
    pub name: &'static str,
    /// What was found.
    pub value: String,
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

fn is(path: &str, value: &str) -> bool {
    read(path).as_deref() == Some(value)
}

const MAX_USER_NAMESPACES: &str = "/proc/sys/user/max_user_namespaces";
const DEBIAN_SWITCH: &str = "/proc/sys/kernel/unprivileged_userns_clone";
const APPARMOR_SWITCH: &str = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns";

/// What the kernel and its switches say.
#[must_use]
pub fn facts() -> Vec<Fact> {
    let fact = |name, value: String| Fact { name, value };
    let switch = |path: &str| read(path).unwrap_or_else(|| "not there".to_owned());
    vec![
        fact("kernel", read("/proc/sys/kernel/osrelease").unwrap_or_default()),
        fact("architecture", std::env::consts::ARCH.to_owned()),
        fact("user", nix::unistd::geteuid().to_string()),
        fact("namespaces", namespaces()),
        fact("user.max_user_namespaces", switch(MAX_USER_NAMESPACES)),
        fact("kernel.unprivileged_userns_clone", switch(DEBIAN_SWITCH)),
        fact("kernel.apparmor_restrict_unprivileged_userns", switch(APPARMOR_SWITCH)),
        fact("cgroup hierarchies", control_groups()),
        fact(
            "landlock ABI",
            match crate::sys::landlock_abi() {
                Ok(abi) => abi.to_string(),
                Err(errno) => format!("none ({errno})"),
            },
        ),
        fact(
            "seccomp",
            match crate::sys::filter_abi_available() {
                Ok(()) => "filters with user notification".to_owned(),
                Err(errno) => format!("no user notification ({errno})"),
            },
        ),
    ]
}

fn namespaces() -> String {
    let kinds = ["user", "pid", "mnt", "net", "ipc", "uts", "cgroup"];
    let have = |kind: &&str| fs::symlink_metadata(format!("/proc/self/ns/{kind}")).is_ok();
    kinds.iter().filter(|kind| have(kind)).copied().collect::<Vec<_>>().join(" ")
}

fn control_groups() -> String {
    if only_v2() {
        let offered = read(&format!("{UNIFIED}/cgroup.controllers"));
        return format!("v2 ({})", offered.unwrap_or_default());
    }
    let mounted = Hierarchies::mounted();
    let have: Vec<&str> =
        V1_CONTROLLERS.into_iter().filter(|name| mounted.of(name).is_some()).collect();
    let unified = fs::metadata(v2().point).is_ok();
    match (have.is_empty(), unified) {
        (true, false) => "none mounted".to_owned(),
        (_, true) => format!("hybrid (v1: {}; v2 without controllers)", have.join(" ")),
        (false, false) => format!("v1 ({})", have.join(" ")),
    }
}

/// What to change on this host so that `wall` can stand, given the kernel's answer.
#[must_use]
pub fn cure(wall: Wall, errno: Option<i32>) -> Option<String> {
    let text = match wall {
        Wall::UserNamespace | Wall::MountNamespace | Wall::Root if errno == Some(libc::EACCES) => {
            // Seccomp answers EPERM; a policy about files and mounts answers this.
            "give codemode an AppArmor profile that allows user namespaces and mounts: docker/apparmor, \
             which `codemode docker assets` writes (in Docker --security-opt apparmor=codemode)"
        }
        Wall::UserNamespace => return Some(cure_user_namespace(errno)),
        Wall::DistinctUid => "start codemode as root to give each run a host id of its own",
        Wall::PidNamespace
        | Wall::MountNamespace
        | Wall::NetworkNamespace
        | Wall::IpcNamespace
        | Wall::UtsNamespace
        | Wall::CgroupNamespace => {
            "use a kernel with all seven namespaces; in a container add --security-opt \
             seccomp=seccomp.json, which `codemode docker assets` writes"
        }
        Wall::Root => {
            "allow mount, umount2 and pivot_root in the container's seccomp profile: --security-opt \
             seccomp=seccomp.json, which `codemode docker assets` writes"
        }
        Wall::Proc => {
            "in Docker add --security-opt systempaths=unconfined, in Kubernetes procMount: \
             Unmasked with hostUsers: false; else unmount what covers parts of /proc"
        }
        Wall::CgroupMemory | Wall::CgroupPids | Wall::CgroupCpu => cure_cgroup(errno),
        Wall::Landlock => "boot Linux 5.13 or newer with landlock in the lsm= list",
        Wall::LandlockNetwork => "boot Linux 6.7 or newer",
        Wall::LandlockScope => "boot Linux 6.12 or newer",
        Wall::Seccomp | Wall::ExecGate => {
            "boot Linux 5.5 or newer with CONFIG_SECCOMP_FILTER, outside another seccomp listener"
        }
        Wall::Rlimits => {
            "ask for less, or raise the hard limits of whoever starts codemode (ulimit -H)"
        }
        _ => return None,
    };
    Some(text.to_owned())
}

fn cure_cgroup(errno: Option<i32>) -> &'static str {
    match errno {
        Some(libc::EBUSY) => {
            "other processes share the control group: start codemode alone in a delegated one: \
             systemd-run --scope -p Delegate=yes codemode ... (with --user unless root)"
        }
        Some(libc::EROFS) => {
            "give the container a control group of its own and mount /sys/fs/cgroup writable in it"
        }
        _ => {
            "start codemode as root, or in a delegated cgroup: systemd-run --user --scope -p \
             Delegate=yes codemode ..."
        }
    }
}

fn cure_user_namespace(errno: Option<i32>) -> String {
    let text = if errno == Some(libc::ENOSPC) || is(MAX_USER_NAMESPACES, "0") {
        "allow user namespaces: sysctl -w user.max_user_namespaces=15000"
    } else if is(DEBIAN_SWITCH, "0") {
        "allow them to ordinary users: sysctl -w kernel.unprivileged_userns_clone=1"
    } else if is(APPARMOR_SWITCH, "1") {
        "give codemode an AppArmor profile with `userns,` (or, for every program: sysctl -w \
         kernel.apparmor_restrict_unprivileged_userns=0)"
    } else if errno == Some(libc::EPERM) && is_filtered() {
        "start the container with --security-opt seccomp=seccomp.json, which `codemode docker \
         assets` writes"
    } else {
        "use a kernel built with CONFIG_USER_NS"
    };
    text.to_owned()
}

/// Whether this process is under a seccomp filter, as in a container.
fn is_filtered() -> bool {
    let status = read("/proc/self/status").unwrap_or_default();
    status.lines().any(|line| line.split_whitespace().eq(["Seccomp:", "2"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_quota_of_user_namespaces_names_the_switch() {
        let cure = cure(Wall::UserNamespace, Some(libc::ENOSPC)).unwrap();
        assert!(cure.contains("user.max_user_namespaces"), "{cure}");
    }

    #[test]
    fn a_control_group_that_is_refused_is_cured_by_the_kernels_reason() {
        let cure = |errno| cure(Wall::CgroupMemory, errno).unwrap();
        assert!(cure(Some(libc::EBUSY)).contains("alone"));
        assert!(cure(Some(libc::EROFS)).contains("writable"));
        assert!(cure(Some(libc::EACCES)).contains("as root"));
    }

    #[test]
    fn the_facts_name_the_kernel() {
        let kernel = facts().into_iter().find(|fact| fact.name == "kernel").unwrap();
        assert!(kernel.value.starts_with(|c: char| c.is_ascii_digit()));
    }
}
