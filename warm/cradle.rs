//! The cradle: a small process that the inits of runs are forked from, on the launcher's orders.
//!
//! A fork copies what its parent has, and its end takes that down again: the launcher's descriptors, some hundreds, and
//! its memory, which the launcher then has to copy page by page as it goes on. This one holds little and does
//! nothing else, not even what Rust's runtime sets up before `main` (`/dev/null` as output, a stack for signals). What
//! it forks are children of the launcher's, with the launcher's own code for them.

#![no_main]
// A function to be found by name takes an attribute that the lint counts.
#![allow(unsafe_code)]

use std::ffi::c_int;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use codemode_warm::sandbox::child::{Given, Prepared, RunFiles, give_birth};
use codemode_warm::sandbox::order::{InitOrder, LARGEST};
use codemode_warm::sandbox::{Record, Stage};
use codemode_warm::sys::{self, Parentage};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sched::{CloneFlags, setns};
use nix::sys::stat::Mode;
use nix::unistd::Pid;

/// Takes orders from the socket that is standard input until its other end closes.
#[unsafe(no_mangle)]
pub extern "C" fn main() -> c_int {
    let served = sys::adopt(0).and_then(|launcher| serve(launcher.as_fd()));
    c_int::from(served.is_err())
}

fn serve(launcher: BorrowedFd<'_>) -> nix::Result<()> {
    let prepared = prepared(launcher)?;
    let own = open("/proc/self/ns/net", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    loop {
        // On the stack: it takes no page more than there is of it.
        let mut buffer = [0; 1024];
        let (length, descriptors) = match sys::receive(launcher, &mut buffer, 0) {
            Ok((0, _)) => return Ok(()),
            Ok(received) => received,
            Err(Errno::EINTR) => continue,
            Err(errno) => return Err(errno),
        };
        let order: Option<InitOrder> =
            buffer.get(..length).and_then(|text| serde_json::from_slice(text).ok());
        let record = match order.and_then(|order| order.files(descriptors)) {
            None => Record::Failed(Stage::Start, Errno::EBADMSG as i32),
            Some((files, network)) => give_init(&prepared, &files, network.as_ref()).map_or_else(
                |(stage, errno)| Record::Failed(stage, errno as i32),
                |init| Record::Init(init.as_raw()),
            ),
        };
        sys::send(launcher, &record.encode(), &[])?;
        if prepared.network_given {
            // A run's lives no longer for it.
            setns(&own, CloneFlags::CLONE_NEWNET)?;
        }
    }
}

/// What is the same for every run, which the launcher says first.
fn prepared(launcher: BorrowedFd<'_>) -> nix::Result<Prepared> {
    let mut buffer = vec![0; LARGEST];
    let (length, _) = sys::receive(launcher, &mut buffer, 0)?;
    let prepared = buffer.get(..length).and_then(|text| serde_json::from_slice(text).ok());
    prepared.ok_or(Errno::EBADMSG)
}

/// Forks a run's init in the network namespace that it is given, which this process enters first.
fn give_init(
    prepared: &Prepared,
    files: &RunFiles,
    network: Option<&OwnedFd>,
) -> Result<Pid, (Stage, Errno)> {
    // Without one it would be born in the last run's.
    if prepared.network_given != network.is_some() {
        return Err((Stage::Network, Errno::EBADMSG));
    }
    if let Some(network) = network {
        setns(network, CloneFlags::CLONE_NEWNET).map_err(|errno| (Stage::Network, errno))?;
    }
    let given = Given { prepared, becomes: None, files };
    give_birth(given, Parentage::Sibling).map_err(|errno| (Stage::Clone, errno))
}
