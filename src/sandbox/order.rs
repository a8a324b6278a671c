//! What the launcher says to a warm interpreter, and what that answers. Pure; both sides import it.
//!
//! First the interpreter is sent what is the same for every run (`Prepared`, as JSON), and says in
//! [`Word`]s what it loads, and that it is loaded or why it can't be forked from. Then comes one [`Order`] per run, as JSON
//! beside the run's descriptors. It answers each with a record: the process id of what it
//! forked, or the errno.

use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use serde::{Deserialize, Serialize};

use super::child::{
    GroupFiles, Guest, GuestFiles, JoinFiles, RESOURCE_LIMITS, ResourceLimit, RunFiles,
};

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

/// What to fork for one run; its descriptors come along.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The guest only, to join its init.
    Guest(GuestOrder),
    /// The run's first process, which makes init.
    Run {
        /// Mount options of the scratch file system.
        scratch_options: CString,
        /// The guest to come.
        guest: GuestOrder,
    },
}

/// What a guest needs beside descriptors.
#[derive(Debug, Serialize, Deserialize)]
pub struct GuestOrder {
    rlimits: [ResourceLimit; RESOURCE_LIMITS],
    open_files: u64,
    /// Whether a Landlock ruleset comes along.
    ruleset: bool,
    /// Whether a group to be cloned into comes along.
    cloned_into: bool,
}

/// The files that an order comes with.
#[allow(clippy::large_enum_variant, reason = "one at a time, on its way")]
pub enum Files {
    /// For a guest.
    Guest(JoinFiles),
    /// For a run.
    Run(RunFiles),
}

impl Order {
    /// The order for `files`, and the descriptors that must come along; `None` for a run whose guest is to
    /// join.
    #[must_use]
    pub fn of(files: &Files) -> Option<(Self, Vec<BorrowedFd<'_>>)> {
        Some(match files {
            Files::Guest(files) => {
                let (order, rest) = GuestOrder::of(&files.guest, &files.groups);
                let first = [&files.init, &files.pid_namespace, &files.report].map(AsFd::as_fd);
                (Self::Guest(order), first.into_iter().chain(rest).collect())
            }
            Files::Run(files) => {
                let Guest::Forked(guest) = &files.guest else { return None };
                let (guest, rest) = GuestOrder::of(guest, &files.groups);
                let scratch_options = files.scratch_options.clone();
                let descriptors = [files.setup.as_fd()].into_iter().chain(rest).collect();
                (Self::Run { scratch_options, guest }, descriptors)
            }
        })
    }

    /// Puts the files together again; `None` if descriptors are missing.
    #[must_use]
    pub fn files(self, descriptors: impl IntoIterator<Item = Option<OwnedFd>>) -> Option<Files> {
        let mut descriptors = descriptors.into_iter().flatten();
        Some(match self {
            Self::Guest(order) => {
                let (init, pid_namespace) = (descriptors.next()?, descriptors.next()?);
                let report = descriptors.next()?;
                let (guest, groups) = order.files(descriptors)?;
                Files::Guest(JoinFiles { init, pid_namespace, report, groups, guest })
            }
            Self::Run { scratch_options, guest } => {
                let setup = descriptors.next()?;
                let (guest, groups) = guest.files(descriptors)?;
                let guest = Guest::Forked(Box::new(guest));
                Files::Run(RunFiles { setup, groups, guest, scratch_options })
            }
        })
    }
}

impl GuestOrder {
    fn of<'a>(
        guest: &'a GuestFiles,
        groups: &'a GroupFiles,
    ) -> (Self, impl Iterator<Item = BorrowedFd<'a>>) {
        let order = Self {
            rlimits: guest.rlimits,
            open_files: guest.open_files,
            ruleset: guest.ruleset.is_some(),
            cloned_into: groups.cloned_into.is_some(),
        };
        let always = [&guest.stdin, &guest.stdout, &guest.stderr, &guest.control];
        let optional = guest.ruleset.iter().chain(&groups.cloned_into).chain(&groups.joined);
        (order, always.into_iter().chain(optional).map(AsFd::as_fd))
    }

    fn files(
        self,
        mut descriptors: impl Iterator<Item = OwnedFd>,
    ) -> Option<(GuestFiles, GroupFiles)> {
        let mut next = || descriptors.next();
        let guest = GuestFiles {
            stdin: next()?,
            stdout: next()?,
            stderr: next()?,
            control: next()?,
            ruleset: if self.ruleset { Some(next()?) } else { None },
            rlimits: self.rlimits,
            open_files: self.open_files,
        };
        let cloned_into = if self.cloned_into { Some(next()?) } else { None };
        Some((guest, GroupFiles { cloned_into, joined: descriptors.collect() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_order_describes_is_put_together_again() {
        let file = || std::fs::File::open("/dev/null").map(OwnedFd::from).unwrap();
        let guest = GuestFiles {
            stdin: file(),
            stdout: file(),
            stderr: file(),
            control: file(),
            ruleset: Some(file()),
            rlimits: [ResourceLimit { resource: 1, soft: 2, hard: 3 }; RESOURCE_LIMITS],
            open_files: 4,
        };
        let groups = GroupFiles { cloned_into: None, joined: vec![file(), file()] };
        let (init, pid_namespace, report) = (file(), file(), file());
        let files = Files::Guest(JoinFiles { init, pid_namespace, report, groups, guest });
        let (order, descriptors) = Order::of(&files).unwrap();
        assert_eq!(descriptors.len(), 10);
        let text = serde_json::to_string(&order).unwrap();
        let copies = || descriptors.iter().map(|fd| fd.try_clone_to_owned().ok());
        let again = serde_json::from_str::<Order>(&text).unwrap().files(copies());
        let Some(Files::Guest(again)) = again else { panic!("no guest's files") };
        assert_eq!((again.groups.joined.len(), again.guest.open_files), (2, 4));
        let short = serde_json::from_str::<Order>(&text).unwrap().files(copies().take(7));
        assert!(short.is_none());
    }
}
