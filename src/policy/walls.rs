//! The walls of a sandbox, and which of them a policy insists on.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::config::Tier;

macro_rules! walls {
    ($($variant:ident $name:literal $doc:literal),* $(,)?) => {
        /// One wall of a sandbox.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Wall {
            $(#[doc = $doc] $variant,)*
        }

        impl Wall {
            /// Every wall, outermost first.
            pub const ALL: &'static [Wall] = &[$(Wall::$variant),*];

            /// The name used in configuration, reports and messages.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Wall::$variant => $name),* }
            }

            /// What the wall is for, in a few words.
            #[must_use]
            pub fn purpose(self) -> &'static str {
                match self { $(Wall::$variant => $doc),* }
            }
        }

        impl FromStr for Wall {
            type Err = UnknownWall;

            fn from_str(name: &str) -> Result<Self, UnknownWall> {
                match name {
                    $($name => Ok(Wall::$variant),)*
                    _ => Err(UnknownWall(name.chars().take(64).collect())),
                }
            }
        }
    };
}

walls! {
    UserNamespace "user_namespace" "ids of its own; nothing inside is root outside",
    DistinctUid "distinct_uid" "a host user id that no other run and no service has",
    PidNamespace "pid_namespace" "sees and signals only its own processes",
    MountNamespace "mount_namespace" "a mount table of its own",
    NetworkNamespace "network_namespace" "no interface, route or socket of the host",
    IpcNamespace "ipc_namespace" "no System V or POSIX queue of the host",
    UtsNamespace "uts_namespace" "a host name that says nothing",
    CgroupNamespace "cgroup_namespace" "no view of the host's control groups",
    Root "root" "a minimal read-only file tree; scratch is sized, counted and noexec",
    Proc "proc" "a fresh /proc of its own processes",
    CgroupMemory "cgroup_memory" "the kernel counts and limits memory of the whole run",
    CgroupPids "cgroup_pids" "the kernel counts and limits processes of the whole run",
    CgroupCpu "cgroup_cpu" "the kernel counts CPU time of the whole run",
    Rlimits "rlimits" "per-process limits",
    Session "session" "a session of its own; no terminal",
    Descriptors "descriptors" "no open file of ours",
    Environment "environment" "no variable of ours",
    Capabilities "capabilities" "no capability in any set, securebits locked",
    NoNewPrivs "no_new_privs" "no program can raise privileges",
    Landlock "landlock" "file access by path, decided a second time",
    LandlockNetwork "landlock_network" "TCP ports by number",
    LandlockScope "landlock_scope" "no signal or abstract socket out of the sandbox",
    Seccomp "seccomp" "an allow-list of system calls",
    ExecGate "exec_gate" "no program can be started, or only those allowed",
}

impl fmt::Display for Wall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no wall's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown wall {0:?}; `codemode doctor` lists the names")]
pub struct UnknownWall(String);

/// Walls that must stand, and walls that should.
///
/// The walls in neither set are put up all the same where the host can; only their absence is
/// then no matter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WallPolicy {
    /// A run is refused unless each of these stands.
    pub required: BTreeSet<Wall>,
    /// If one of these can't stand, every answer says so.
    pub wanted: BTreeSet<Wall>,
}

impl Default for WallPolicy {
    fn default() -> Self {
        // What a host may honestly lack: an own uid (needs root), /proc (nested), cgroups (not
        // delegated), Landlock (old kernel). Everything else is a condition of running at all.
        let wanted = BTreeSet::from([
            Wall::DistinctUid,
            Wall::Proc,
            Wall::CgroupMemory,
            Wall::CgroupPids,
            Wall::CgroupCpu,
            Wall::Landlock,
            Wall::LandlockNetwork,
            Wall::LandlockScope,
        ]);
        let required = Wall::ALL.iter().copied().filter(|wall| !wanted.contains(wall)).collect();
        Self { required, wanted }
    }
}

/// Walls that stand by namespaces only.
const BY_NAMESPACES: [Wall; 8] = [
    Wall::UserNamespace,
    Wall::PidNamespace,
    Wall::MountNamespace,
    Wall::NetworkNamespace,
    Wall::IpcNamespace,
    Wall::UtsNamespace,
    Wall::CgroupNamespace,
    Wall::Root,
];

impl WallPolicy {
    /// The walls of a run that is kept in `tier` at least.
    #[must_use]
    pub fn of_tier(tier: Tier) -> Self {
        let mut policy = Self::default();
        if tier == Tier::Container {
            for wall in BY_NAMESPACES {
                policy.required.remove(&wall);
                policy.wanted.insert(wall);
            }
            // Without them nothing else keeps the code from the service's files.
            policy.wanted.remove(&Wall::Landlock);
            policy.required.insert(Wall::Landlock);
        }
        policy
    }

    /// Whether a run may do without namespaces where the host allows none.
    #[must_use]
    pub fn accepts_confinement(&self) -> bool {
        BY_NAMESPACES.iter().all(|wall| !self.required.contains(wall))
    }

    /// Builds a policy from lists of names; a list that is absent keeps that of `tier`.
    ///
    /// The walls that the runtime can't do without stay required whatever the list says.
    ///
    /// # Errors
    /// [`UnknownWall`] for a name that is no wall's.
    pub fn from_names(
        tier: Tier,
        required: Option<&[String]>,
        wanted: Option<&[String]>,
    ) -> Result<Self, UnknownWall> {
        let parse = |names: &[String]| -> Result<BTreeSet<Wall>, UnknownWall> {
            names.iter().map(|name| name.parse()).collect()
        };
        let default = Self::of_tier(tier);
        let mut required: BTreeSet<Wall> = match required {
            Some(names) => parse(names)?,
            None => default.required.clone(),
        };
        required.extend(&default.required);
        let wanted: BTreeSet<Wall> = match wanted {
            Some(names) => parse(names)?,
            None => default.wanted,
        };
        let wanted = wanted.difference(&required).copied().collect();
        Ok(Self { required, wanted })
    }

    /// The same policy with more walls required.
    #[must_use]
    pub fn requiring(&self, more: impl IntoIterator<Item = Wall>) -> Self {
        let mut policy = self.clone();
        policy.required.extend(more);
        policy.wanted = policy.wanted.difference(&policy.required).copied().collect();
        policy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_parses_back() {
        for wall in Wall::ALL {
            assert_eq!(wall.name().parse(), Ok(*wall));
            assert_eq!(serde_json::to_value(wall).unwrap(), wall.name());
        }
        assert!("moat".parse::<Wall>().is_err());
    }

    #[test]
    fn only_the_containers_tier_does_without_namespaces_and_not_if_one_is_required() {
        assert!(!WallPolicy::default().accepts_confinement());
        let policy = WallPolicy::of_tier(Tier::Container);
        assert!(policy.accepts_confinement());
        assert!(policy.required.contains(&Wall::Landlock));
        assert!(policy.required.contains(&Wall::Seccomp));
        let names = ["pid_namespace".to_owned()];
        let policy = WallPolicy::from_names(Tier::Container, Some(&names), None).unwrap();
        assert!(!policy.accepts_confinement());
    }

    #[test]
    fn a_list_cannot_drop_what_the_runtime_needs() {
        let policy =
            WallPolicy::from_names(Tier::Sandbox, Some(&["landlock".into()]), None).unwrap();
        assert!(policy.required.contains(&Wall::Landlock));
        assert!(policy.required.contains(&Wall::Seccomp));
        assert!(!policy.wanted.contains(&Wall::Landlock));
        assert!(policy.wanted.contains(&Wall::Proc));
    }
}
