//! A delegated control group from systemd, where the process's own one can't be used.
//!
//! With pure cgroup v2 a group that holds other processes can't hand on controllers, and one that
//! isn't delegated can't be written at all; a session's scope is both. systemd gives whoever asks a
//! transient scope with `Delegate=yes`: the system's manager to root, the user's own to a user.
//!
//! D-Bus brings threads along, so a helper process asks, and moves us, before we have any.

use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use cgroups_rs::CgroupPid;
use cgroups_rs::fs::hierarchies::{UNIFIED_MOUNTPOINT, is_cgroup2_unified_mode};
use cgroups_rs::systemd::SystemdClient;
use cgroups_rs::systemd::props::PropertiesBuilder;
use nix::unistd::{AccessFlags, access, geteuid};

use crate::sys;

/// The hidden command that makes the binary ask systemd for a scope.
pub const SCOPE_COMMAND: &str = "__scope";

/// How long systemd may take.
const PATIENCE: Duration = Duration::from_secs(3);

fn own_group() -> Option<PathBuf> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    Some(Path::new(UNIFIED_MOUNTPOINT).join(group))
}

/// Whether controllers can be handed on in a group with these processes.
fn is_ours_alone(processes: &str, own: u32) -> bool {
    processes.lines().all(|pid| pid.parse() == Ok(own))
}

/// Whether the group is a unit's of systemd, without `Delegate=yes`.
///
/// Root can make groups even there, but systemd stops such a unit as soon as the kernel kills one
/// process in it for memory (`OOMPolicy=`), and every run is in it.
fn is_undelegated_unit(group: &Path) -> bool {
    let kind = group.extension().and_then(|kind| kind.to_str());
    let path = CString::new(group.as_os_str().as_bytes()).unwrap_or_default();
    // The manager marks what it delegates: since 251 for everybody to read, before for root.
    let marked = |name| sys::has_attribute(&path, name).unwrap_or(false);
    matches!(kind, Some("service" | "scope"))
        && !marked(c"user.delegate")
        && !marked(c"trusted.delegate")
}

fn usable(group: &Path) -> bool {
    let processes = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    let is_root = group == Path::new(UNIFIED_MOUNTPOINT);
    let control = group.join("cgroup.subtree_control");
    let enabled = fs::read_to_string(&control).unwrap_or_default();
    let writable = |path: &Path| access(path, AccessFlags::W_OK).is_ok();
    writable(group)
        && writable(&control)
        && !is_undelegated_unit(group)
        && (is_root || enabled.contains("memory") || is_ours_alone(&processes, std::process::id()))
}

/// The manager's socket: the system's for root, the user's own otherwise.
fn bus() -> Option<String> {
    let path = if geteuid().is_root() {
        PathBuf::from("/run/dbus/system_bus_socket")
    } else {
        PathBuf::from(format!("/run/user/{}/bus", geteuid()))
    };
    path.exists().then(|| format!("unix:path={}", path.display()))
}

/// Moves this process into a delegated scope if that is needed and systemd is there to ask.
///
/// Where it isn't, the launcher finds no control group, and every answer says so.
///
/// # Errors
/// A sentence, if systemd was asked and did not do it.
pub fn ensure(binary: &Path) -> Result<(), String> {
    let Some(group) = own_group().filter(|_| is_cgroup2_unified_mode()) else { return Ok(()) };
    let Some(bus) = bus().filter(|_| !usable(&group)) else { return Ok(()) };
    let asked = Command::new(binary)
        .args([SCOPE_COMMAND, &std::process::id().to_string()])
        .env_clear()
        // The crate asks the system's manager; to a user's own leads only this variable.
        .env("DBUS_SYSTEM_BUS_ADDRESS", bus)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot ask systemd for a scope: {error}"))?;
    if !asked.status.success() {
        let why = String::from_utf8_lossy(&asked.stderr);
        return Err(format!("systemd gave no delegated scope: {}", why.trim()));
    }
    let begun = Instant::now();
    while own_group().as_deref() == Some(group.as_path()) {
        if begun.elapsed() > PATIENCE {
            return Err("systemd did not move codemode into its scope within 3 s".to_owned());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// Asks systemd to put process `pid` into a scope of its own with delegation.
#[must_use]
pub fn main(pid: Option<&str>) -> ExitCode {
    let Some(pid) = pid.and_then(|pid| pid.parse::<u32>().ok()) else { return ExitCode::from(2) };
    let properties = PropertiesBuilder::default()
        .description("codemode".to_owned())
        .delegate(true)
        .memory_accounting(true)
        .task_accounting(true)
        .cpu_accounting(true)
        .build();
    let started =
        SystemdClient::new(&format!("codemode-{pid}.scope"), properties).and_then(|mut client| {
            client.set_pid_prop(CgroupPid::from(u64::from(pid)))?;
            client.start()
        });
    match started {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_with_another_process_cannot_hand_on_controllers() {
        assert!(is_ours_alone("7\n", 7));
        assert!(!is_ours_alone("7\n8\n", 7));
    }

    #[test]
    fn only_a_unit_without_the_mark_is_undelegated() {
        let dir = tempfile::tempdir().unwrap();
        let unit = dir.path().join("x.service");
        std::fs::create_dir(&unit).unwrap();
        assert!(is_undelegated_unit(&unit));
        assert!(!is_undelegated_unit(dir.path()));
    }

    #[test]
    fn nonsense_for_a_process_id_asks_nobody() {
        assert_eq!(main(Some("x")), ExitCode::from(2));
        assert_eq!(main(None), ExitCode::from(2));
    }
}
