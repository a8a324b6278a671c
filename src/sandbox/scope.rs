//! A delegated control group from systemd, where the process's own one can't be used.
//!
//! With pure cgroup v2 a group that holds other processes can't hand on controllers, and one that
//! isn't delegated can't be written at all; a session's scope is both. systemd gives whoever asks a
//! transient scope with `Delegate=yes`: the system's manager to root, the user's own to a user.
//!
//! It is asked by `busctl`, which comes with it: one call needs no D-Bus library of ours. We are moved before we have
//! threads or children.

use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::unistd::{AccessFlags, access, geteuid};

use crate::plan::hierarchies::{self, UNIFIED};
use crate::sys;

/// How long systemd may take.
const PATIENCE: Duration = Duration::from_secs(3);

fn own_group() -> Option<PathBuf> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    Some(Path::new(UNIFIED).join(group))
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
    let is_root = group == Path::new(UNIFIED);
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
pub fn ensure() -> Result<(), String> {
    let Some(group) = own_group().filter(|_| hierarchies::only_v2()) else { return Ok(()) };
    let Some(bus) = bus().filter(|_| !usable(&group)) else { return Ok(()) };
    let asked = asking(&bus, std::process::id()).output().map_err(|error| {
        format!("systemd is asked for a delegated scope by its busctl, which can't be run: {error}")
    })?;
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

/// The command that asks for a scope of its own, with delegation, for process `pid`.
///
/// The method is of org.freedesktop.systemd1(5): a unit's name, what becomes of jobs in its way, its properties with
/// their types (systemd.resource-control(5)), and further units, of which there are none.
fn asking(bus: &str, pid: u32) -> Command {
    const PROPERTIES: [[&str; 3]; 5] = [
        ["Description", "s", "codemode"],
        ["Delegate", "b", "true"],
        ["MemoryAccounting", "b", "true"],
        ["TasksAccounting", "b", "true"],
        ["CPUAccounting", "b", "true"],
    ];
    let mut command = Command::new("busctl");
    command.arg(format!("--address={bus}")).arg(format!("--timeout={}", PATIENCE.as_secs()));
    command.args(["call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1"]);
    command.args(["org.freedesktop.systemd1.Manager", "StartTransientUnit", "ssa(sv)a(sa(sv))"]);
    command.args([&format!("codemode-{pid}.scope"), "replace"]);
    command.arg((PROPERTIES.len() + 1).to_string()).args(PROPERTIES.as_flattened());
    command.args(["PIDs", "au", "1", &pid.to_string()]).arg("0");
    // Nothing of the caller's environment but where the command lies.
    command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command.stdin(Stdio::null());
    command
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
    fn what_is_asked_has_as_many_properties_as_it_says() {
        let command = asking("unix:path=/bus", 7);
        let words: Vec<_> = command.get_args().map(|word| word.to_str().unwrap()).collect();
        let at = words.iter().position(|word| *word == "replace").unwrap();
        let count: usize = words[at + 1].parse().unwrap();
        // The last has one value, and says so.
        let properties = &words[at + 2..words.len() - 1];
        assert_eq!(properties.len(), count * 3 + 1);
        assert_eq!(properties[count * 3 - 3..], ["PIDs", "au", "1", "7"]);
    }
}
