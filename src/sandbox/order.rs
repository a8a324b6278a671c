//! What the launcher says to a warm interpreter and to the cradle, and what they answer. Pure; all sides import it.
//!
//! First each is sent what is the same for every run (`Prepared`, as JSON); the interpreter then says in [`Word`]s what it
//! loads, and that it is loaded or why it can't be forked from. Then comes one [`Order`] per run, to the cradle one
//! [`InitOrder`], as JSON beside the run's descriptors. It answers each with a record: the process id of what it
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

/// Which groups' descriptors come along, behind all others.
#[derive(Debug, Serialize, Deserialize)]
struct GroupOrder {
    /// Whether one to be cloned into.
    cloned_into: bool,
    /// How many files to write oneself into.
    joined: usize,
}

impl GroupOrder {
    fn of(groups: &GroupFiles) -> Self {
        Self { cloned_into: groups.cloned_into.is_some(), joined: groups.joined.len() }
    }

    /// Puts them together again from what is left of the descriptors; `None` if it is not as many.
    fn files(self, mut descriptors: impl Iterator<Item = OwnedFd>) -> Option<GroupFiles> {
        let cloned_into = if self.cloned_into { Some(descriptors.next()?) } else { None };
        let joined: Vec<_> = descriptors.collect();
        (joined.len() == self.joined).then_some(GroupFiles { cloned_into, joined })
    }
}

/// Fork one run's guest, to join its init; its descriptors come along.
#[derive(Debug, Serialize, Deserialize)]
pub struct Order {
    rlimits: [ResourceLimit; RESOURCE_LIMITS],
    open_files: u64,
    /// Whether a Landlock ruleset comes along.
    ruleset: bool,
    groups: GroupOrder,
    /// How many runs there are besides.
    pub living: usize,
}

impl Order {
    /// The order for `files` of a run beside `living` others, and the descriptors that must come along.
    #[must_use]
    pub fn of(files: &JoinFiles, living: usize) -> (Self, Vec<BorrowedFd<'_>>) {
        let JoinFiles { init, pid_namespace, report, groups, guest } = files;
        let order = Self {
            rlimits: guest.rlimits,
            open_files: guest.open_files,
            ruleset: guest.ruleset.is_some(),
            groups: GroupOrder::of(groups),
            living,
        };
        let always = [
            init,
            pid_namespace,
            report,
            &guest.stdin,
            &guest.stdout,
            &guest.stderr,
            &guest.control,
        ];
        let optional = guest.ruleset.iter().chain(&groups.cloned_into).chain(&groups.joined);
        (order, always.into_iter().chain(optional).map(AsFd::as_fd).collect())
    }

    /// Puts the files together again; `None` if descriptors are missing.
    #[must_use]
    pub fn files(
        self,
        descriptors: impl IntoIterator<Item = Option<OwnedFd>>,
    ) -> Option<JoinFiles> {
        let mut descriptors = descriptors.into_iter().flatten();
        let mut next = || descriptors.next();
        let (init, pid_namespace, report) = (next()?, next()?, next()?);
        let guest = GuestFiles {
            stdin: next()?,
            stdout: next()?,
            stderr: next()?,
            control: next()?,
            ruleset: if self.ruleset { Some(next()?) } else { None },
            rlimits: self.rlimits,
            open_files: self.open_files,
        };
        let groups = self.groups.files(descriptors)?;
        Some(JoinFiles { init, pid_namespace, report, groups, guest })
    }
}

/// Fork one run's init, which a guest from elsewhere joins; its descriptors come along.
#[derive(Debug, Serialize, Deserialize)]
pub struct InitOrder {
    scratch_options: CString,
    /// Whether a network namespace comes along, to be born in.
    network: bool,
    groups: GroupOrder,
}

impl InitOrder {
    /// The order for `files`, in this network namespace, if it is given one, and the descriptors that must come
    /// along; `None` if the guest comes from nowhere else.
    #[must_use]
    pub fn of<'a>(
        files: &'a RunFiles,
        network: Option<BorrowedFd<'a>>,
    ) -> Option<(Self, Vec<BorrowedFd<'a>>)> {
        let RunFiles { setup, groups, guest: Guest::Joins(report), scratch_options } = files else {
            return None;
        };
        let order = Self {
            scratch_options: scratch_options.clone(),
            network: network.is_some(),
            groups: GroupOrder::of(groups),
        };
        let of_groups = groups.cloned_into.iter().chain(&groups.joined).map(AsFd::as_fd);
        let always = [setup.as_fd(), report.as_fd()];
        Some((order, always.into_iter().chain(network).chain(of_groups).collect()))
    }

    /// Puts the files together again, and the network namespace; `None` if descriptors are missing.
    #[must_use]
    pub fn files(
        self,
        descriptors: impl IntoIterator<Item = Option<OwnedFd>>,
    ) -> Option<(RunFiles, Option<OwnedFd>)> {
        let mut descriptors = descriptors.into_iter().flatten();
        let (setup, report) = (descriptors.next()?, descriptors.next()?);
        let network = if self.network { Some(descriptors.next()?) } else { None };
        let groups = self.groups.files(descriptors)?;
        let guest = Guest::Joins(report);
        Some((RunFiles { setup, groups, guest, scratch_options: self.scratch_options }, network))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_is_what_an_init_is_ordered_with() {
        let file = || std::fs::File::open("/dev/null").map(OwnedFd::from).unwrap();
        let network = file();
        let files = RunFiles {
            setup: file(),
            groups: GroupFiles { cloned_into: Some(file()), joined: vec![file()] },
            guest: Guest::Joins(file()),
            scratch_options: c"size=1".to_owned(),
        };
        let (order, descriptors) = InitOrder::of(&files, Some(network.as_fd())).unwrap();
        assert_eq!(descriptors.len(), 5);
        let text = serde_json::to_string(&order).unwrap();
        let copies = || descriptors.iter().map(|fd| fd.try_clone_to_owned().ok());
        let order = || serde_json::from_str::<InitOrder>(&text).unwrap();
        let (again, network) = order().files(copies()).unwrap();
        assert!(network.is_some() && matches!(again.guest, Guest::Joins(_)));
        assert_eq!(again.groups.joined.len(), 1);
        assert_eq!(again.scratch_options, files.scratch_options);
        assert!(order().files(copies().take(3)).is_none());
        // Without its last one it would not be in all of its groups.
        assert!(order().files(copies().take(4)).is_none());
    }

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
        let files = JoinFiles { init, pid_namespace, report, groups, guest };
        let (order, descriptors) = Order::of(&files, 0);
        assert_eq!(descriptors.len(), 10);
        let text = serde_json::to_string(&order).unwrap();
        let copies = || descriptors.iter().map(|fd| fd.try_clone_to_owned().ok());
        let order = || serde_json::from_str::<Order>(&text).unwrap();
        let again = order().files(copies()).unwrap();
        assert_eq!((again.groups.joined.len(), again.guest.open_files), (2, 4));
        assert!(order().files(copies().take(7)).is_none());
        assert!(order().files(copies().take(9)).is_none());
    }
}
