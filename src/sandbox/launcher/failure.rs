//! From a failed step to a refusal with its cure.

use std::io;

use nix::errno::Errno;

use crate::plan::host;
use crate::policy::Wall;
use crate::sandbox::enforced::Refusal;
use crate::sandbox::record::Stage;

/// A refusal for a failed step of the launcher's own set-up.
pub fn fail(stage: &str, wall: impl Into<Option<Wall>>, error: &io::Error) -> Refusal {
    let errno = error.raw_os_error();
    // Being out of something says nothing about a wall.
    let exhausted = matches!(
        errno,
        Some(libc::EMFILE | libc::ENFILE | libc::EAGAIN | libc::ENOMEM | libc::ETOOMANYREFS)
    );
    let wall = if exhausted { None } else { wall.into() };
    let why = match errno {
        Some(errno) => Errno::from_raw(errno).desc().to_owned(),
        None => error.to_string(),
    };
    let fix = if exhausted {
        "run fewer at a time (limits.concurrent_runs), or raise the limits of open files and \
         processes of whoever starts codemode"
            .to_owned()
    } else {
        wall.and_then(|wall| host::cure(wall, errno)).unwrap_or_default()
    };
    Refusal { stage: stage.to_owned(), wall, errno, why, fix }
}

/// The wall that a step of the child puts up, if it is one's.
#[must_use]
pub fn wall_of(stage: Stage) -> Option<Wall> {
    match stage {
        Stage::Clone | Stage::Join | Stage::IdMap | Stage::Ids => Some(Wall::UserNamespace),
        Stage::Cgroup => Some(Wall::CgroupMemory),
        Stage::CgroupNamespace => Some(Wall::CgroupNamespace),
        Stage::Scratch | Stage::LateMounts => Some(Wall::Root),
        Stage::Proc => Some(Wall::Proc),
        Stage::HostName => Some(Wall::UtsNamespace),
        Stage::Network | Stage::Loopback | Stage::ProxySocket => Some(Wall::NetworkNamespace),
        Stage::Session => Some(Wall::Session),
        Stage::Rlimits => Some(Wall::Rlimits),
        Stage::Descriptors => Some(Wall::Descriptors),
        Stage::Capabilities => Some(Wall::Capabilities),
        Stage::NoNewPrivs => Some(Wall::NoNewPrivs),
        Stage::Landlock => Some(Wall::Landlock),
        Stage::ExecGate => Some(Wall::ExecGate),
        Stage::Seccomp | Stage::InitSeal => Some(Wall::Seccomp),
        Stage::Start
        | Stage::ParentDeath
        | Stage::Scheduling
        | Stage::Undumpable
        | Stage::Fork
        | Stage::Exec => None,
    }
}

/// A refusal for a step of the child that failed.
pub fn of_stage(stage: Stage, errno: i32) -> Refusal {
    let mut refusal = fail(stage.name(), wall_of(stage), &io::Error::from_raw_os_error(errno));
    // What was removed can't be mounted any more, though the template still shows it.
    if (stage, errno) == (Stage::LateMounts, libc::ENOENT) {
        refusal.fix = "what the interpreter consists of was removed after codemode started: start codemode anew, \
                       with an interpreter that stays (a virtual environment below /tmp may not)"
            .to_owned();
    }
    refusal
}

impl Refusal {
    /// Adds what the step was about, for the operator.
    #[must_use]
    pub fn about(mut self, what: &str) -> Self {
        self.why = format!("{what}: {}", self.why);
        self
    }
}

/// Names the step and the wall of a result.
pub trait Step<T> {
    /// Turns an error into a refusal.
    ///
    /// # Errors
    /// The refusal, if there was an error.
    fn step(self, stage: &str, wall: impl Into<Option<Wall>>) -> Result<T, Refusal>;
}

impl<T, E: Into<io::Error>> Step<T> for Result<T, E> {
    fn step(self, stage: &str, wall: impl Into<Option<Wall>>) -> Result<T, Refusal> {
        self.map_err(|error| fail(stage, wall, &error.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn being_out_of_something_is_no_walls_fault() {
        let full = of_stage(Stage::Landlock, libc::EMFILE);
        assert_eq!(full.wall, None);
        assert!(full.fix.contains("concurrent_runs"), "{full}");
        let refused = of_stage(Stage::Landlock, libc::EPERM);
        assert_eq!(refused.wall, Some(Wall::Landlock));
    }
}
