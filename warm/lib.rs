//! Loaded by a warm interpreter, which calls [`codemode_serve`]: forks runs from the interpreter's own
//! process on the launcher's orders.
//!
//! The child's code is the launcher's, compiled once more: a run's walls are put up by the same steps
//! whichever process it was forked from.

// A function to be found by name takes an attribute that the lint counts.
#![allow(unsafe_code)]

mod gather;
#[path = "../src/sys/mod.rs"]
pub mod sys;

/// The part of the launcher that its children need.
#[path = "../src/sandbox"]
pub mod sandbox {
    pub mod child;
    pub mod order;
    mod record;

    pub use record::{Record, Stage};
}

use std::ffi::c_int;
use std::os::fd::BorrowedFd;

use nix::errno::Errno;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;

use sandbox::child::{Becomes, Prepared, give_guest};
use sandbox::order::{LARGEST, Order, Word};
use sandbox::{Record, Stage};
use sys::{Handlers, HotPages, Parentage, ThreadId};

/// Takes orders from the socket `number` until its other end closes (1) or it can't go on (the errno,
/// negative). Returns 0 in each guest, with every wall standing around it.
///
/// The caller is an interpreter with one thread, between `PyOS_BeforeFork` and `PyOS_AfterFork_Child`. A run
/// will first write to the pages of the `written` addresses at `pages`, and of files touch those at the `touched`
/// ones that follow, which are in order.
///
/// # Safety
/// As [`sys::numbers`], for all of them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codemode_serve(
    number: c_int,
    pages: *const u64,
    written: usize,
    touched: usize,
) -> c_int {
    // SAFETY: the caller's contract.
    let mut pages = unsafe { sys::numbers(pages, written + touched) };
    let touched = pages.split_off(written.min(pages.len()));
    let hot = HotPages::new(&pages);
    if let Ok(parts) = gather::parts(&touched) {
        // Where that can't be done runs start and end a little later.
        // SAFETY: one thread, by the caller's contract; the parts are made for it.
        let _ = unsafe { sys::move_into_large_pages(&parts) };
    }
    match sys::borrow(number).and_then(|launcher| serve(launcher, hot)) {
        Ok(Side::Guest) => 0,
        Ok(Side::Server) => 1,
        Err(errno) => -(errno as c_int),
    }
}

/// Forks a process that only the caller knows of, and that ends with it; its id, 0 in itself, or -1.
#[unsafe(no_mangle)]
pub extern "C" fn codemode_fork() -> c_int {
    match sys::fork(Parentage::Own) {
        Ok(Some(pid)) => pid.as_raw(),
        // Of a caller that is gone already it hears by its pipes.
        Ok(None) if set_pdeathsig(Signal::SIGKILL).is_ok() => 0,
        Ok(None) => sys::exit_now(127),
        Err(_) => -1,
    }
}

/// Which process has come back.
enum Side {
    Server,
    Guest,
}

fn serve(launcher: BorrowedFd<'_>, hot: HotPages) -> nix::Result<Side> {
    let mut buffer = vec![0; LARGEST];
    let (length, _) = sys::receive(launcher, &mut buffer, 0)?;
    let prepared: Option<Prepared> =
        buffer.get(..length).and_then(|text| serde_json::from_slice(text).ok());
    let Some(prepared) = prepared else { return Ok(Side::Server) };
    buffer.fill(0);
    let becomes = Becomes::Itself { thread: ThreadId::find()?, handlers: Handlers::take()?, hot };
    sys::install_filter(&prepared.in_two.early)?;
    let loaded = serde_json::to_vec(&Word::Loaded).map_err(|_| Errno::EINVAL)?;
    sys::send(launcher, &loaded, &[])?;
    loop {
        let (length, descriptors) = match sys::receive(launcher, &mut buffer, 0) {
            Ok((0, _)) => return Ok(Side::Server),
            Ok(received) => received,
            Err(Errno::EINTR) => continue,
            Err(errno) => return Err(errno),
        };
        let order: Option<Order> =
            buffer.get(..length).and_then(|text| serde_json::from_slice(text).ok());
        // A run must find nothing here of another's. No more of it is written to than has been: each page
        // is copied that runs share.
        buffer.iter_mut().take(length).for_each(|byte| *byte = 0);
        let Some(files) = order.and_then(|order| order.files(descriptors)) else {
            answer(launcher, Record::Failed(Stage::Descriptors, Errno::EBADMSG as i32))?;
            continue;
        };
        match give_guest(&prepared, &becomes, &files) {
            Ok(Some(first)) => answer(launcher, Record::Init(first.as_raw()))?,
            Ok(None) => {
                // The descriptors' numbers are others' by now, and the rest goes with the process.
                std::mem::forget((files, buffer, prepared, becomes));
                return Ok(Side::Guest);
            }
            Err(errno) => answer(launcher, Record::Failed(Stage::Clone, errno as i32))?,
        }
    }
}

fn answer(launcher: BorrowedFd<'_>, record: Record) -> nix::Result<()> {
    sys::send(launcher, &record.encode(), &[]).map(drop)
}
