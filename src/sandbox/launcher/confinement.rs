//! The least tier: what keeps a run where the host allows no user namespaces.
//!
//! A confined run stays in the launcher's own namespaces: those of the container that the service is in.
//! It is one process with threads, sees by Landlock what the interpreter needs to read and nothing
//! else, writes nowhere, and a second filter closes what namespaces would have kept apart.

use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt;

use nix::unistd::geteuid;
use tempfile::TempDir;

use super::failure::Step;
use crate::plan::{Entry, Plan, host};
use crate::policy::{NetworkMode, Wall};
use crate::sandbox::enforced::{Refusal, Standing};

/// What confined runs share.
pub struct Confinement {
    guest: String,
    /// Removed with this (mode 0700, tempfile(3)).
    _directory: TempDir,
}

impl Confinement {
    /// Prepares for confined runs, if the policy accepts them after `refusal`.
    ///
    /// # Errors
    /// The same refusal if it doesn't, with what would be accepted; or what the plan asks that can't
    /// be had without namespaces.
    pub fn make(plan: &Plan, mut refusal: Refusal) -> Result<Self, Refusal> {
        if !plan.walls.accepts_confinement() {
            refusal.fix += "; or accept runs without namespaces, inside the container's own walls: \
                            security.accept_tier: container (CODEMODE_ACCEPT_TIER)";
            return Err(refusal);
        }
        let lacks = |why: &str, fix: &str| {
            let (why, fix) = (format!("without user namespaces {why}"), fix.to_owned());
            Err(Refusal { why, fix, ..refusal.clone() })
        };
        if geteuid().is_root() {
            return lacks("nothing keeps root in", "start codemode as another user (--user 1000)");
        }
        if plan.network != NetworkMode::None {
            return lacks("no network mode but none can be enforced", "set network.mode: none");
        }
        if !plan.exec_closed {
            return lacks(
                "no command can be allowed",
                "set security.allow_direct_execution: false",
            );
        }
        Self::place(plan).step("guest", None)
    }

    /// Puts the guest where the interpreter can read it.
    fn place(plan: &Plan) -> io::Result<Self> {
        // A name that nobody can have taken: a launcher that was killed has left its own behind.
        let directory = tempfile::Builder::new().prefix("codemode-").tempdir_in("/tmp")?;
        let path = directory.path().join("guest.pyc");
        let mut options = fs::OpenOptions::new();
        let mut file = options.create_new(true).write(true).mode(0o400).open(&path)?;
        io::Write::write_all(&mut file, &plan.guest)?;
        Ok(Self { guest: path.to_string_lossy().into_owned(), _directory: directory })
    }

    /// Where the guest lies.
    #[must_use]
    pub fn guest(&self) -> &str {
        &self.guest
    }

    /// What a run may read: what would have been in its root, and the guest.
    #[must_use]
    pub fn readable<'a>(&'a self, plan: &'a Plan) -> Vec<&'a str> {
        let source = |entry: &'a Entry| match entry {
            Entry::Bind { source, .. } => Some(source.as_str()),
            Entry::Directory | Entry::Link(_) | Entry::File(_) => None,
        };
        plan.rootfs.entries.values().filter_map(source).chain([self.guest()]).collect()
    }
}

/// How the walls stand that are others for a confined run; `None` for those that are not.
#[must_use]
pub fn standing(wall: Wall) -> Option<Standing> {
    let how = match wall {
        Wall::Capabilities => {
            let how = "none held; none can be gained without new privileges";
            return Some(Standing::stands(wall, how));
        }
        Wall::Seccomp => {
            let how = "allow-list, and a second filter: threads only, no signal, socket or change of \
                       a file";
            return Some(Standing::stands(wall, how));
        }
        Wall::CgroupPids => {
            let how = "one process; its threads are counted by a watchdog";
            return Some(Standing::absent(wall, how, None, host::cure(wall, None)));
        }
        Wall::UserNamespace => "the service's own user id; Landlock and a second filter instead",
        Wall::PidNamespace => "one process that can signal nobody; sees that others exist",
        Wall::NetworkNamespace => "no socket can be made",
        Wall::Root => {
            "Landlock: reads what the interpreter needs, writes nothing; sees that other files exist"
        }
        Wall::Proc => "no file below /proc can be opened",
        Wall::MountNamespace | Wall::IpcNamespace | Wall::UtsNamespace | Wall::CgroupNamespace => {
            "the container's own"
        }
        _ => return None,
    };
    let errno = Some(libc::EPERM);
    Some(Standing::absent(wall, how, errno, host::cure(Wall::UserNamespace, errno)))
}
