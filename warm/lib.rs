//! Loaded by a warm interpreter, which calls [`codemode_serve`]: forks runs from the interpreter's own
//! process on the launcher's orders.
//!
//! The child's code is the launcher's, compiled once more: a run's walls are put up by the same steps
//! whichever process it was forked from.

// A function to be found by name takes an attribute that the lint counts.
#![allow(unsafe_code)]

mod gather;
mod mappings;
mod rehearsal;
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
use std::os::fd::{BorrowedFd, OwnedFd};

use nix::errno::Errno;

use gather::Generation;
use rehearsal::{Pages, Rehearsal, rehearse};
use sandbox::child::{Becomes, Prepared, give_guest};
use sandbox::order::{LARGEST, Order, Word};
use sandbox::{Record, Stage};
use sys::{Handlers, HotPages, ThreadId};

/// Takes orders from the socket `number` until its other end closes (1) or it can't go on (the errno,
/// negative). Returns 0 in each guest, with every wall standing around it; and a few times, unless `rehearsals` is -1,
/// 2 in a process that is to do what a run does and then to stop. That finds its request in the pipe `rehearsals`, and
/// answers there. The pipe is closed by the time that orders are taken.
///
/// The caller is an interpreter with one thread, between `PyOS_BeforeFork` and `PyOS_AfterFork_Child`.
///
/// # Safety
/// The process has one thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn codemode_serve(number: c_int, rehearsals: c_int) -> c_int {
    let side = sys::borrow(number).and_then(|launcher| {
        // SAFETY: the caller's contract.
        unsafe { serve(launcher, sys::adopt(rehearsals).ok()) }
    });
    match side {
        Ok(Side::Guest) => 0,
        Ok(Side::Server) => 1,
        Ok(Side::Rehearsing) => 2,
        Err(errno) => -(errno as c_int),
    }
}

/// So often a run is rehearsed.
const REHEARSALS: usize = 3;

/// Which process has come back.
enum Side {
    Server,
    Guest,
    Rehearsing,
}

/// # Safety
/// The process has one thread.
unsafe fn serve(launcher: BorrowedFd<'_>, rehearsals: Option<OwnedFd>) -> nix::Result<Side> {
    let mut buffer = vec![0; LARGEST];
    let (length, _) = sys::receive(launcher, &mut buffer, 0)?;
    let prepared: Option<Prepared> =
        buffer.get(..length).and_then(|text| serde_json::from_slice(text).ok());
    let Some(prepared) = prepared else { return Ok(Side::Server) };
    buffer.fill(0);
    let (thread, handlers) = (ThreadId::find()?, Handlers::take()?);
    let (pages, hot) = match rehearsals {
        None => (Pages::default(), HotPages::new(&[])),
        // SAFETY: one thread, by the caller's contract.
        Some(pipe) => match unsafe { pages_of_a_run(pipe) } {
            Some(seen) => seen,
            None => {
                // As a guest does.
                std::mem::forget((buffer, prepared, handlers));
                return Ok(Side::Rehearsing);
            }
        },
    };
    let mut becomes = Becomes::Itself { thread, handlers, hot };
    sys::install_filter(&prepared.in_two.early)?;
    let loaded = serde_json::to_vec(&Word::Loaded).map_err(|_| Errno::EINVAL)?;
    sys::send(launcher, &loaded, &[])?;
    let mut generation = Generation::new();
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
        let living = order.as_ref().map_or(0, |order| order.living);
        let Some(files) = order.and_then(|order| order.files(descriptors)) else {
            answer(launcher, Record::Failed(Stage::Start, Errno::EBADMSG as i32))?;
            continue;
        };
        match give_guest(&prepared, &becomes, &files) {
            Ok(Some(first)) => {
                answer(launcher, Record::Init(first.as_raw()))?;
                // SAFETY: one thread, by the caller's contract.
                let moves = unsafe { generation.forked(living, &pages.touched) };
                if let (true, Becomes::Itself { hot, .. }) = (moves, &mut becomes) {
                    // Other pages are in their place now, and to pin those is closed by the filter.
                    hot.unpin();
                }
            }
            Ok(None) => {
                // The descriptors' numbers are others' by now, and the rest goes with the process.
                std::mem::forget((files, buffer, prepared, becomes));
                return Ok(Side::Guest);
            }
            Err(errno) => answer(launcher, Record::Failed(Stage::Clone, errno as i32))?,
        }
    }
}

/// What every run will do to memory, and the pages that it writes to, pinned where that can be; `None` in a fork
/// that is to rehearse one. The memory is in large pages by then, where the kernel can.
///
/// # Safety
/// The process has one thread.
unsafe fn pages_of_a_run(pipe: OwnedFd) -> Option<(Pages, HotPages)> {
    // Where that can't be done runs start and end a little later.
    let _ = gather::join();
    let (mut seen, mut hot) = (Pages::default(), HotPages::new(&[]));
    for round in 1..=REHEARSALS {
        let rehearsal = rehearse(&pipe, |pages| {
            // Looking has found its place in memory by the last round: a run will find free what that one found.
            if round == REHEARSALS {
                hot = HotPages::new(&pages.written);
                // Where that can't be done each run touches them.
                let _ = hot.pin();
            }
        });
        let Rehearsal::Seen(pages) = rehearsal else {
            // It has another number there.
            std::mem::forget(pipe);
            return None;
        };
        if round == 1 {
            let parts = gather::parts(&pages.touched).unwrap_or_default();
            // Where that can't be done runs start and end a little later.
            // SAFETY: the caller's contract; the parts are made for it.
            let _ = unsafe { sys::move_into_large_pages(&parts) };
            seen.touched = pages.touched;
        }
        seen.written = pages.written;
    }
    Some((seen, hot))
}

fn answer(launcher: BorrowedFd<'_>, record: Record) -> nix::Result<()> {
    sys::send(launcher, &record.encode(), &[]).map(drop)
}
