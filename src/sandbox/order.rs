//! What the launcher says to a warm interpreter, and what that answers. Pure; both sides import it.
//!
//! First the interpreter is sent what is the same for every run (`Prepared`, as JSON), and says in
//! [`Word`]s what it loads, and that it is loaded or why it can't be forked from. Then comes one [`Order`] per run, as JSON
//! beside the run's descriptors. It answers each with a record: the process id of the run's first
//! process, or the errno.

use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use serde::{Deserialize, Serialize};

use super::child::{RESOURCE_LIMITS, ResourceLimit, RunFiles};

/// The largest message either side sends, in bytes (below the kernel's default send buffer).
pub const LARGEST: usize = 160 << 10;

/// What a warm interpreter says before it takes orders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// This module is being loaded.
    Loading {
        /// Its dotted name.
        module: String,
    },
    /// Every module is loaded, and it can be forked from.
    Loaded,
    /// It can't be forked from; the module named last is the cause, if it named one.
    Refused {
        /// Why.
        why: String,
    },
}

/// Fork one run's first process.
#[derive(Debug, Serialize, Deserialize)]
pub struct Order {
    /// Mount options of the scratch file system.
    scratch_options: CString,
    /// Resource limits.
    rlimits: [ResourceLimit; RESOURCE_LIMITS],
    /// Open descriptors.
    open_files: u64,
    /// Whether a Landlock ruleset comes along.
    ruleset: bool,
    /// Whether a group to be cloned into comes along.
    group: bool,
}

impl Order {
    /// Describes `files`, and lists the descriptors that must come along.
    #[must_use]
    pub fn of(files: &RunFiles) -> (Self, Vec<BorrowedFd<'_>>) {
        let order = Self {
            scratch_options: files.scratch_options.clone(),
            rlimits: files.rlimits,
            open_files: files.open_files,
            ruleset: files.ruleset.is_some(),
            group: files.group.is_some(),
        };
        let always = [&files.setup, &files.stdin, &files.stdout, &files.stderr, &files.control];
        let descriptors = always
            .into_iter()
            .chain(&files.ruleset)
            .chain(&files.group)
            .chain(&files.groups)
            .map(AsFd::as_fd)
            .collect();
        (order, descriptors)
    }

    /// Puts a run's files together again; `None` if descriptors are missing.
    #[must_use]
    pub fn files(self, descriptors: impl IntoIterator<Item = Option<OwnedFd>>) -> Option<RunFiles> {
        let mut descriptors = descriptors.into_iter().flatten();
        let mut next = || descriptors.next();
        Some(RunFiles {
            setup: next()?,
            stdin: next()?,
            stdout: next()?,
            stderr: next()?,
            control: next()?,
            ruleset: if self.ruleset { Some(next()?) } else { None },
            group: if self.group { Some(next()?) } else { None },
            groups: descriptors.collect(),
            scratch_options: self.scratch_options,
            rlimits: self.rlimits,
            open_files: self.open_files,
        })
    }
}
