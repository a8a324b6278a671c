//! A process of a run as the host sees it, property by property.

use std::fs;
use std::io;
use std::path::PathBuf;

use nix::unistd::geteuid;

use super::groups;
use crate::harness::processes;
use crate::prove::finding::Seen;

/// What was seen, by property.
pub type Looks = Vec<(&'static str, Seen)>;

/// What can be looked at.
pub const NAMES: [&str; 20] = [
    "user_namespace",
    "pid_namespace",
    "mount_namespace",
    "network_namespace",
    "ipc_namespace",
    "uts_namespace",
    "cgroup_namespace",
    "distinct_uid",
    "capabilities",
    "no_new_privs",
    "seccomp",
    "session",
    "descriptors",
    "environment",
    "rlimits",
    "root",
    "proc",
    "cgroup_memory",
    "cgroup_pids",
    "cgroup_cpu",
];

/// The name, if it is one.
#[must_use]
pub fn named(name: &str) -> Option<&'static str> {
    NAMES.into_iter().find(|known| *known == name)
}

/// Looks at one property of a process.
#[must_use]
pub fn at(pid: u32, name: &str) -> Seen {
    let seen = match name {
        "user_namespace" => namespace(pid, "user"),
        "pid_namespace" => namespace(pid, "pid"),
        "mount_namespace" => namespace(pid, "mnt"),
        "network_namespace" => namespace(pid, "net"),
        "ipc_namespace" => namespace(pid, "ipc"),
        "uts_namespace" => namespace(pid, "uts"),
        "cgroup_namespace" => namespace(pid, "cgroup"),
        "distinct_uid" => distinct_uid(pid),
        "capabilities" => capabilities(pid),
        "no_new_privs" => status_is(pid, "NoNewPrivs", "1"),
        "seccomp" => status_is(pid, "Seccomp", "2"),
        "session" => session(pid),
        "descriptors" => descriptors(pid),
        "environment" => environment(pid),
        "rlimits" => rlimits(pid),
        "root" => root(pid),
        "proc" => proc(pid),
        "cgroup_memory" => group(pid, "memory", &["memory.max", "memory.limit_in_bytes"]),
        "cgroup_pids" => group(pid, "pids", &["pids.max"]),
        "cgroup_cpu" => group(pid, "cpuacct", &["cpu.stat", "cpuacct.usage"]),
        _ => Ok(Seen::Nothing(format!("nobody knows how to look at {name}"))),
    };
    seen.unwrap_or_else(|error| Seen::Nothing(error.to_string()))
}

type Looked = io::Result<Seen>;

fn read(pid: u32, file: &str) -> io::Result<String> {
    let path = format!("/proc/{pid}/{file}");
    let bytes = fs::read(&path)
        .map_err(|error| io::Error::new(error.kind(), format!("{path} can't be read: {error}")))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn status(pid: u32, field: &str) -> io::Result<String> {
    let text = read(pid, "status")?;
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let missing = || io::Error::other(format!("the kernel tells no {field}"));
    Ok(line.ok_or_else(missing)?.trim().to_owned())
}

fn status_is(pid: u32, field: &str, value: &str) -> Looked {
    let found = status(pid, field)?;
    let saw = format!("{field}: {found}");
    Ok(if found == value { Seen::Right(saw) } else { Seen::Wrong(saw) })
}

fn namespace(pid: u32, kind: &str) -> Looked {
    let of = |pid: &str| {
        let path = format!("/proc/{pid}/ns/{kind}");
        fs::read_link(&path)
            .map_err(|error| io::Error::new(error.kind(), format!("{path} can't be read: {error}")))
    };
    let (its, ours) = (of(&pid.to_string())?, of("self")?);
    let saw = format!("{}, ours {}", its.display(), ours.display());
    // Only root may look at what the first process of the machine has.
    let first = of("1").ok();
    Ok(if its == ours || Some(&its) == first.as_ref() {
        Seen::Wrong(saw)
    } else {
        Seen::Right(saw)
    })
}

fn distinct_uid(pid: u32) -> Looked {
    let ids = status(pid, "Uid")?;
    let ours = geteuid().to_string();
    let mut wrong: Vec<_> = ids
        .split_whitespace()
        .filter(|id| *id == ours || *id == "0")
        .map(|id| format!("user id {id} is not its own"))
        .collect();
    let own = ids.split_whitespace().next().unwrap_or_default();
    let namespace = fs::read_link(format!("/proc/{pid}/ns/pid"))?;
    for other in processes::all() {
        let same =
            || status(other, "Uid").ok().filter(|ids| ids.split_whitespace().any(|id| id == own));
        let inside = || fs::read_link(format!("/proc/{other}/ns/pid")).ok();
        if same().is_some() && inside().is_some_and(|its| its != namespace) {
            wrong.push(format!("process {other} has user id {own} as well"));
        }
    }
    Ok(Seen::unless(wrong, format!("user ids {ids}")))
}

fn capabilities(pid: u32) -> Looked {
    let mut wrong = Vec::new();
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        let held = status(pid, set)?;
        if held.chars().any(|digit| digit != '0') {
            wrong.push(format!("{set} {held}"));
        }
    }
    Ok(Seen::unless(wrong, "all five sets are empty"))
}

fn session(pid: u32) -> Looked {
    let stat = read(pid, "stat")?;
    let rest = stat.rsplit_once(") ").map(|(_, rest)| rest).unwrap_or_default();
    // Session and terminal are the 6th and 7th field of proc_pid_stat(5), the state is the 3rd.
    let mut fields = rest.split(' ').skip(3);
    let (session, terminal) = (fields.next().unwrap_or("?"), fields.next().unwrap_or("?"));
    let saw = format!("session {session}, terminal {terminal}");
    // Whoever leads it is a process of the run's own. The first one of a run is gone last.
    let leader = session.parse().ok().and_then(processes::Process::read);
    let own = terminal == "0" && leader.is_some_and(|leader| leader.is_inside());
    Ok(if own { Seen::Right(saw) } else { Seen::Wrong(saw) })
}

fn descriptors(pid: u32) -> Looked {
    let path = format!("/proc/{pid}/fd");
    let entries = fs::read_dir(&path).map_err(|error| {
        io::Error::new(error.kind(), format!("{path} can't be listed: {error}"))
    })?;
    let (mut wrong, mut sockets, mut all) = (Vec::new(), 0, 0);
    for entry in entries.flatten() {
        let Ok(target) = fs::read_link(entry.path()) else { continue };
        let target = target.to_string_lossy().into_owned();
        all += 1;
        if target.starts_with("socket:") {
            sockets += 1;
        } else if !target.starts_with("pipe:") && target != "/dev/null" {
            wrong.push(format!("{} is {target}", entry.file_name().to_string_lossy()));
        }
    }
    if sockets > 1 {
        wrong.push(format!("{sockets} sockets"));
    }
    Ok(Seen::unless(wrong, format!("{all} descriptors: pipes and the control socket")))
}

/// Variables that may be anybody's.
const COMMON: [&str; 4] = ["PATH", "HOME", "LANG", "LC_ALL"];

fn environment(pid: u32) -> Looked {
    let text = read(pid, "environ")?;
    let its = text.split('\0').filter(|pair| !pair.is_empty());
    let ours: Vec<_> = std::env::vars().map(|(name, value)| format!("{name}={value}")).collect();
    let name = |pair: &str| pair.split('=').next().unwrap_or_default().to_owned();
    let wrong = its
        .clone()
        .filter(|pair| !COMMON.contains(&name(pair).as_str()))
        .filter(|pair| name(pair).starts_with("CODEMODE") || ours.iter().any(|own| own == pair))
        .map(|pair| format!("{} is ours", name(pair)))
        .collect();
    Ok(Seen::unless(wrong, format!("{} variables, none of ours", its.count())))
}

/// Limits that no run is without.
const LIMITED: [&str; 5] =
    ["Max cpu time", "Max file size", "Max processes", "Max open files", "Max locked memory"];
/// And those that leave nothing.
const NONE: [&str; 2] = ["Max core file size", "Max msgqueue size"];

fn rlimits(pid: u32) -> Looked {
    let text = read(pid, "limits")?;
    let hard = |name: &str| {
        let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
        rest.split_whitespace().nth(1).map(str::to_owned)
    };
    let mut wrong = Vec::new();
    for name in LIMITED {
        let limit = hard(name).unwrap_or_default();
        if limit.parse::<u64>().is_err() {
            wrong.push(format!("{name}: {limit}"));
        }
    }
    for name in NONE {
        let limit = hard(name).unwrap_or_default();
        if limit != "0" {
            wrong.push(format!("{name}: {limit}"));
        }
    }
    Ok(Seen::unless(wrong, format!("limits for {}", LIMITED.map(|name| &name[4..]).join(", "))))
}

/// Where a run may write.
const SCRATCH: [&str; 5] = ["/tmp", "/sandbox", "/outputs", "/dev/shm", "/proc"];

/// Mount points with their options, without those that a later mount covers.
fn uncovered(table: &str) -> Vec<(&str, &str)> {
    let mut mounts: Vec<(&str, &str)> = Vec::new();
    for line in table.lines() {
        let mut fields = line.split(' ').skip(4);
        let (Some(point), Some(options)) = (fields.next(), fields.next()) else { continue };
        let covered = |at: &str| {
            at.strip_prefix(point).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        mounts.retain(|(at, _)| !covered(at));
        mounts.push((point, options));
    }
    mounts
}

fn root(pid: u32) -> Looked {
    let table = read(pid, "mountinfo")?;
    let mut wrong = Vec::new();
    let mounts = uncovered(&table);
    for (point, options) in &mounts {
        let (point, options) = (*point, *options);
        let has = |option: &str| options.split(',').any(|one| one == option);
        let device = point.starts_with("/dev/") && !SCRATCH.contains(&point);
        if !has("nosuid") {
            wrong.push(format!("{point} is not nosuid"));
        }
        if has("ro") || device && has("noexec") {
            continue;
        }
        if !SCRATCH.contains(&point) {
            wrong.push(format!("{point} may be written to"));
        } else if !has("nodev") || !has("noexec") {
            wrong.push(format!("{point} is {options}"));
        }
    }
    Ok(Seen::unless(wrong, format!("{} mounts, read-only but for scratch", mounts.len())))
}

fn proc(pid: u32) -> Looked {
    let table = read(pid, "mountinfo")?;
    // What was mounted last covers the rest.
    let line = table.lines().rfind(|line| line.split(' ').nth(4) == Some("/proc"));
    let Some(line) = line else { return Ok(Seen::Right("there is no /proc".to_owned())) };
    let kind = line.split_once(" - ").map(|(_, rest)| rest).unwrap_or_default();
    let own =
        kind.starts_with("proc ") && kind.contains("subset=pid") || kind.starts_with("tmpfs ");
    Ok(if own { Seen::Right(kind.to_owned()) } else { Seen::Wrong(kind.to_owned()) })
}

fn group(pid: u32, controller: &str, files: &[&str]) -> Looked {
    let groups: Vec<(String, PathBuf)> = groups::of_run(pid);
    for (controllers, directory) in &groups {
        if !controllers.is_empty() && !controllers.split(',').any(|one| one == controller) {
            continue;
        }
        for file in files {
            let Ok(text) = fs::read_to_string(directory.join(file)) else { continue };
            let value = text.lines().next().unwrap_or_default();
            let saw = format!("{file} of a group of its own: {value}");
            return Ok(if value == "max" { Seen::Wrong(saw) } else { Seen::Right(saw) });
        }
    }
    Ok(Seen::Wrong(format!("no group of its own counts its {controller}")))
}
