//! Which walls stand with this plan on this host, as far as a launcher knows before a run.

use nix::errno::Errno;

use crate::plan::{Plan, host, off};
use crate::policy::{NetworkMode, Start, Wall};
use crate::sandbox::child::Way;
use crate::sandbox::enforced::{Profile, Refusal, Standing};

use super::cgroup::Bases;
use super::confinement;
use super::landlock::Landlock;
use super::prepare;

/// What the launcher found out about its host.
pub struct Findings<'a> {
    /// How runs get into their namespaces.
    pub way: Way,
    /// Whether it runs as root in the host's user namespace.
    pub privileged: bool,
    /// Processors that runs leave to the service.
    pub processors: Vec<usize>,
    /// Control groups.
    pub bases: &'a Bases,
    /// Landlock, or the kernel's word.
    pub landlock: Result<&'a Landlock, Errno>,
    /// The first of the host ids that runs get.
    pub first_id: u32,
    /// Whether no other launcher has the same ones.
    pub exclusive: bool,
}

/// The walls, outermost first.
#[must_use]
pub fn profile(plan: &Plan, findings: &Findings<'_>) -> Profile {
    let walls = Wall::ALL.iter().map(|wall| standing(*wall, plan, findings)).collect();
    Profile { privileged: findings.privileged, walls, processors: findings.processors.clone() }
}

/// The first wall that the plan requires and that can't stand.
///
/// # Errors
/// The refusal.
pub fn insist(plan: &Plan, profile: &Profile) -> Result<(), Refusal> {
    let missing = profile
        .walls
        .iter()
        .find(|standing| !standing.standing && plan.walls.required.contains(&standing.wall));
    match missing {
        None => Ok(()),
        Some(standing) => Err(standing.refusal()),
    }
}

fn absent(wall: Wall, how: &str, errno: Option<Errno>) -> Standing {
    let errno = errno.map(|errno| errno as i32);
    Standing::absent(wall, how, errno, host::cure(wall, errno))
}

fn cgroup(wall: Wall, controller: &str, instead: &str, findings: &Findings<'_>) -> Standing {
    match findings.bases.find(controller) {
        Some(base) => {
            let uncounted = wall == Wall::CgroupMemory && !base.limits_swap();
            let but = if uncounted { ", but swap is not limited on this kernel" } else { "" };
            Standing::stands(wall, format!("cgroup {} {controller}{but}", base.kind.version()))
        }
        None => absent(wall, instead, findings.bases.refused),
    }
}

fn landlock(
    wall: Wall,
    findings: &Findings<'_>,
    needs: i64,
    stands: impl Fn(&Landlock) -> bool,
) -> Standing {
    match findings.landlock {
        Ok(landlock) if stands(landlock) => {
            Standing::stands(wall, format!("Landlock ABI {}", landlock.version))
        }
        Ok(landlock) if landlock.version < needs => {
            let how = format!("the kernel's Landlock ABI {} lacks it", landlock.version);
            absent(wall, &how, None)
        }
        Ok(_) => Standing::absent(wall, "network mode all", None, None),
        Err(errno) => absent(wall, "the kernel offers no Landlock", Some(errno)),
    }
}

/// The namespaces of a run, where `plan` gives it one of this kind.
fn namespace(wall: Wall, plan: &Plan, findings: &Findings<'_>) -> Option<Standing> {
    let flag = match wall {
        Wall::UserNamespace if findings.privileged => "CLONE_NEWUSER, one id mapped",
        Wall::UserNamespace => "CLONE_NEWUSER inside the launcher's own, one id mapped",
        Wall::PidNamespace => "CLONE_NEWPID, init of our own",
        Wall::MountNamespace => "CLONE_NEWNS from a template without the host's tree",
        Wall::NetworkNamespace => match plan.network {
            NetworkMode::None if prepare::network_given(plan, findings.way) => {
                "no interface up; an empty one is handed on when its last run is gone without a trace"
            }
            NetworkMode::None => "CLONE_NEWNET, no interface up",
            NetworkMode::Restricted => "CLONE_NEWNET, loopback and one proxy only",
            NetworkMode::All => return None,
        },
        Wall::IpcNamespace => "CLONE_NEWIPC",
        Wall::UtsNamespace => "CLONE_NEWUTS, host name `sandbox`",
        Wall::CgroupNamespace => "CLONE_NEWCGROUP in the run's own group",
        _ => return None,
    };
    let call = match findings.way {
        Way::Clone if wall != Wall::CgroupNamespace => "clone3",
        _ => "unshare",
    };
    Some(Standing::stands(wall, format!("{call} {flag}")))
}

fn standing(wall: Wall, plan: &Plan, findings: &Findings<'_>) -> Standing {
    if !plan.puts_up(wall) {
        return Standing::absent(
            wall,
            "left down for a test",
            None,
            format!("unset {}", off::VARIABLE),
        );
    }
    let confined = (findings.way == Way::Confined).then(|| confinement::standing(wall)).flatten();
    if let Some(standing) = confined.or_else(|| namespace(wall, plan, findings)) {
        return standing;
    }
    let how = match wall {
        Wall::DistinctUid if findings.privileged => {
            let of = if findings.exclusive { "" } else { " of this launcher" };
            let how = format!("host ids from {}, one per living run{of}", findings.first_id);
            return Standing::stands(wall, how);
        }
        Wall::DistinctUid => return absent(wall, "runs share the id that started codemode", None),
        Wall::NetworkNamespace => {
            let how = "network mode all: the code has the host's network";
            return Standing::absent(wall, how, None, "choose none or restricted".to_owned());
        }
        Wall::UserNamespace
        | Wall::PidNamespace
        | Wall::MountNamespace
        | Wall::IpcNamespace
        | Wall::UtsNamespace
        | Wall::CgroupNamespace => return absent(wall, "none of its own", None),
        Wall::Root => "read-only tmpfs and binds after pivot_root; scratch nosuid, nodev, noexec",
        Wall::Proc => "fresh procfs, subset=pid",
        Wall::CgroupMemory => {
            return cgroup(
                wall,
                "memory",
                "RLIMIT_DATA, RLIMIT_AS and a watchdog instead; no shared anonymous memory",
                findings,
            );
        }
        Wall::CgroupPids => return cgroup(wall, "pids", "RLIMIT_NPROC instead", findings),
        Wall::CgroupCpu => {
            return cgroup(
                wall,
                "cpu",
                "RLIMIT_CPU and a watchdog instead, which is approximate",
                findings,
            );
        }
        Wall::Rlimits => {
            "setrlimit: CPU FSIZE NOFILE NPROC DATA AS CORE MEMLOCK MSGQUEUE SIGPENDING"
        }
        Wall::Session => "setsid",
        Wall::Descriptors => "close_range: 0 to 2 and the control socket remain",
        Wall::Environment => match plan.start {
            Start::Fresh => "execve with five variables of ours",
            Start::Warm { .. } => "five variables of ours, since the warm interpreter's execve",
        },
        Wall::Capabilities => {
            "none in any set; NOROOT, NO_SETUID_FIXUP, NO_CAP_AMBIENT_RAISE locked"
        }
        Wall::NoNewPrivs => "prctl PR_SET_NO_NEW_PRIVS",
        Wall::Landlock => return landlock(wall, findings, 1, |_| true),
        Wall::LandlockNetwork => {
            return landlock(wall, findings, 4, Landlock::restricts_network);
        }
        Wall::LandlockScope => return landlock(wall, findings, 6, Landlock::scopes),
        Wall::Seccomp => "allow-list; EPERM for the known dangerous, ENOSYS for the rest",
        Wall::ExecGate if plan.exec_closed => "execve refused by a seccomp listener held by init",
        Wall::ExecGate => "Landlock EXECUTE and absence from the root: only the allowed commands",
    };
    // Without Landlock, absence alone keeps other programs out; an allow-list needs it too.
    if wall == Wall::ExecGate && !plan.exec_closed && findings.landlock.is_err() {
        return Standing::stands(wall, "absence from the root: only the allowed commands");
    }
    Standing::stands(wall, how)
}
