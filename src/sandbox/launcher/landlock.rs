//! Landlock rulesets, built per run by the launcher with the `landlock` crate; the child adds
//! the directories that exist only in its own run, and enforces.

use std::os::fd::OwnedFd;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, NetPort, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetError, Scope,
};

use crate::plan::{PROXY_PORT, Plan};
use crate::policy::{NetworkMode, Wall};
use crate::sys;

/// What the running kernel's Landlock can do, and the paths its rules speak of.
pub struct Landlock {
    abi: ABI,
    /// The ABI's number.
    pub version: i64,
    readable: Vec<PathFd>,
    executables: Vec<PathFd>,
    devices: Vec<PathFd>,
    network: NetworkMode,
    files: bool,
    ports: bool,
    scoped: bool,
}

fn abi(version: i64) -> ABI {
    match version {
        i64::MIN..=0 => ABI::Unsupported,
        1 => ABI::V1,
        2 => ABI::V2,
        3 => ABI::V3,
        4 => ABI::V4,
        5 => ABI::V5,
        _ => ABI::V6,
    }
}

impl Landlock {
    /// Opens the paths of `plan`, all of which may be read below `readable`; `Err` with the kernel's word if there is no
    /// Landlock.
    ///
    /// # Errors
    /// `ENOSYS`, `EOPNOTSUPP`, or as `open(2)`.
    pub fn new(plan: &Plan, readable: &[&str]) -> nix::Result<Self> {
        let version = sys::landlock_abi()?;
        let open = |path: &str| PathFd::new(path).map_err(|_| nix::errno::Errno::ENOENT);
        Ok(Self {
            abi: abi(version),
            version,
            readable: readable.iter().copied().map(open).collect::<Result<_, _>>()?,
            executables: plan.executables.iter().filter_map(|path| open(path).ok()).collect(),
            devices: ["/dev/null", "/dev/zero"]
                .into_iter()
                .filter(|device| plan.rootfs.entries.contains_key(*device))
                .map(open)
                .collect::<Result<_, _>>()?,
            network: plan.network,
            files: plan.puts_up(Wall::Landlock),
            ports: plan.puts_up(Wall::LandlockNetwork),
            scoped: plan.puts_up(Wall::LandlockScope),
        })
    }

    /// Whether TCP ports are restricted too (Linux 6.7).
    #[must_use]
    pub fn restricts_network(&self) -> bool {
        self.version >= 4 && self.network != NetworkMode::All && self.ports
    }

    /// Whether signals and abstract sockets are kept inside (Linux 6.12).
    #[must_use]
    pub fn scopes(&self) -> bool {
        self.version >= 6 && self.scoped
    }

    /// Rights in a writable directory: everything but starting programs and making devices.
    #[must_use]
    pub fn writable(&self) -> u64 {
        if !self.files {
            return 0;
        }
        let denied = AccessFs::Execute | AccessFs::MakeChar | AccessFs::MakeBlock;
        (AccessFs::from_all(self.abi) & !denied & !BitFlags::from(AccessFs::IoctlDev)).bits()
    }

    /// A fresh ruleset with every rule that is the same for all runs.
    ///
    /// # Errors
    /// As the `landlock` crate.
    pub fn ruleset(&self) -> Result<Option<OwnedFd>, RulesetError> {
        if !self.files && !self.restricts_network() && !self.scopes() {
            return Ok(None);
        }
        let mut ruleset = Ruleset::default();
        if self.files {
            ruleset = ruleset.handle_access(AccessFs::from_all(self.abi))?;
        }
        if self.restricts_network() {
            ruleset = ruleset.handle_access(AccessNet::from_all(self.abi))?;
        }
        if self.scopes() {
            ruleset = ruleset.scope(Scope::from_all(self.abi))?;
        }
        let created = ruleset.create()?;
        let created = if self.files { self.paths(created)? } else { created };
        Ok(self.proxy(created)?.into())
    }

    fn paths(&self, mut created: RulesetCreated) -> Result<RulesetCreated, RulesetError> {
        let read = AccessFs::ReadFile | AccessFs::ReadDir;
        for path in &self.readable {
            created = created.add_rule(PathBeneath::new(path, read))?;
        }
        for program in &self.executables {
            created = created.add_rule(PathBeneath::new(program, AccessFs::Execute))?;
        }
        for device in &self.devices {
            created = created.add_rule(PathBeneath::new(device, AccessFs::WriteFile))?;
        }
        Ok(created)
    }

    fn proxy(&self, ruleset: RulesetCreated) -> Result<RulesetCreated, RulesetError> {
        if self.network == NetworkMode::Restricted && self.restricts_network() {
            ruleset.add_rule(NetPort::new(PROXY_PORT, AccessNet::ConnectTcp))
        } else {
            Ok(ruleset)
        }
    }
}
