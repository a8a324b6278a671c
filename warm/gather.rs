//! Puts an interpreter's memory into large pages before runs are forked from it.
//!
//! A fork copies an entry of the page tables for each page that is not a file's, faults in each of a file's that
//! it touches, and takes all of them down at its end. In large pages the kernel does so in batches, and what
//! was a file's is there from the start.

use std::io;
use std::ops::Range;

use nix::errno::Errno;

use crate::mappings::{Mapping, Page, PageMap, mappings};
use crate::sys::{self, Part};

/// Shorter stretches stay where they are: each that moves is one more mapping, to be copied by every fork.
const LEAST: usize = 16;

/// A stretch goes on over so many pages that are not there, and takes them along.
const GAP: usize = 32;

/// As much is moved, in bytes: while it is, it is there twice.
const MOST: usize = 256 << 20;

/// Mappings that are more than their content, by `VmFlags` (proc_pid_smaps(5)): growing down (the stack), a
/// shadow stack, locked, sealed, a device's, not copied or emptied by a fork, left out of dumps, droppable, of huge
/// pages already.
const SPECIAL: [&str; 11] = ["gd", "ss", "lo", "sl", "io", "pf", "dc", "wf", "dd", "dp", "ht"];

const CODE: i32 = libc::PROT_READ | libc::PROT_EXEC;
const DATA: i32 = libc::PROT_READ | libc::PROT_WRITE;

/// As `/proc` names the file of memory that is none's.
const NO_FILE: &str = "00:00 0";

/// What is worth a move: memory that is not a file's, and of files the pages at `touched`, in order. All
/// of it may be handed to [`sys::move_into_large_pages`]. None if it is too much.
///
/// # Errors
/// Reading below `/proc`.
pub fn parts(touched: &[u64]) -> io::Result<Vec<Part>> {
    let page = sys::page_size();
    let pagemap = PageMap::of("self")?;
    let mut parts = Vec::new();
    for mapping in mappings()?.into_iter().filter(is_ordinary) {
        for place in stretches(&mapping.place, &there(&mapping, &pagemap, touched)?, page) {
            parts.push(Part { place, access: mapping.access });
        }
    }
    if sys::laid_out_size(&parts) > MOST {
        parts.clear();
    }
    Ok(parts)
}

/// Joins what the loader maps of a file in up to five pieces to two, one with code and one with data: each
/// mapping takes every fork 1 µs and its end as much, and there are a hundred. So constants can be executed then, and what was
/// bound at start can be written to; by a process that runs any code at all and may map what it likes.
///
/// # Errors
/// Reading below `/proc`.
pub fn join() -> io::Result<()> {
    let all = mappings()?;
    for (one, next) in all.iter().zip(all.iter().skip(1)) {
        if one.file != next.file || one.place.end != next.place.start || one.file == NO_FILE {
            continue;
        }
        for (one, other) in [(one, next), (next, one)] {
            if let Some(access) = as_its_neighbour(one, other) {
                // Where that can't be done there is a mapping more.
                // SAFETY: it loses no access, and what it gains nobody in this process relies on lacking.
                let _ = unsafe { sys::give_access(&one.place, access) };
            }
        }
    }
    Ok(())
}

/// What a mapping of which one may only read may be given, so that the kernel makes one of it and its neighbour.
fn as_its_neighbour(one: &Mapping, other: &Mapping) -> Option<i32> {
    // `ac`: could be written to while the loader bound what is in it.
    let was_written = one.flags.split_whitespace().any(|flag| flag == "ac");
    let wanted = if was_written { DATA } else { CODE };
    (one.access == libc::PROT_READ && other.access == wanted && is_ordinary(one)).then_some(wanted)
}

/// When the interpreter moves to large pages that no other process has, and how far it is.
///
/// Whoever looks for the users of a page, as a monitor of accesses (DAMON) and reclaim do, walks through all of them and
/// keeps every fork waiting meanwhile (`anon_vma`). With a thousand runs on one large page that takes a tenth
/// of a second.
pub struct Generation {
    /// Since the last move.
    forks: usize,
    /// How many runs that live at once share memory before it is moved again.
    most: usize,
    /// Bytes that have been moved, while it moves.
    moved: Option<usize>,
}

impl Generation {
    /// Of memory that nobody shares.
    pub fn new() -> Self {
        Self { forks: 0, most: most_living(0), moved: None }
    }

    /// To be called after each fork. A move takes as many of them as there are large pages: new ones take long where
    /// the machine is a virtual one, and a run waits for one of them at most. Whether any memory has been moved.
    ///
    /// # Safety
    /// The process has one thread.
    pub unsafe fn forked(&mut self, living: usize, touched: &[u64]) -> bool {
        self.forks += 1;
        if self.forks >= self.most && living >= self.most {
            (self.forks, self.moved) = (0, Some(0));
        }
        let Some(moved) = self.moved else { return false };
        // Made anew each time: what lies where may have changed since.
        let parts = parts(touched).unwrap_or_default();
        let piece = sys::piece(&parts, moved..moved + sys::LARGE_PAGE);
        // SAFETY: one thread, by the caller's contract; the parts are made for it.
        match unsafe { sys::move_into_large_pages(&piece) } {
            Ok(()) if !piece.is_empty() => {
                self.moved = Some(moved + sys::LARGE_PAGE);
                return true;
            }
            Ok(()) if moved > 0 => (self.most, self.moved) = (most_living(moved), None),
            // Nothing is worth it, or this kernel has none: neither will be otherwise the next time.
            Ok(()) | Err(Errno::EINVAL) => (self.most, self.moved) = (usize::MAX, None),
            Err(_) => self.moved = None,
        }
        false
    }
}

/// A move costs each run of a generation as much as 64 KiB.
fn most_living(size: usize) -> usize {
    (size >> 16).max(128)
}

/// Readable, and nothing of the C library's own for its thread, such as `errno`.
fn is_ordinary(mapping: &Mapping) -> bool {
    !mapping.place.contains(&sys::thread_storage())
        && mapping.access & libc::PROT_READ != 0
        && !mapping.flags.split_whitespace().any(|flag| SPECIAL.contains(&flag))
}

/// Which pages of a mapping are worth a move.
fn there(mapping: &Mapping, pagemap: &PageMap, touched: &[u64]) -> io::Result<Vec<bool>> {
    let worth = |(at, page): (usize, Page)| {
        if page.of_file() { touched.binary_search(&(at as u64)).is_ok() } else { page.present() }
    };
    let mut there: Vec<bool> = pagemap.pages(&mapping.place)?.map(worth).collect();
    if mapping.access & libc::PROT_WRITE == 0 {
        fill(&mut there, &mapping.place);
    }
    Ok(there)
}

/// Of a place for a large page that is half there takes all. It has one entry for all then, which it keeps, if
/// nobody writes to it.
fn fill(there: &mut [bool], place: &Range<usize>) {
    let ahead = (place.start.next_multiple_of(sys::LARGE_PAGE) - place.start) / sys::page_size();
    let large = sys::LARGE_PAGE / sys::page_size();
    for pages in there.get_mut(ahead..).unwrap_or_default().chunks_exact_mut(large) {
        if pages.iter().filter(|there| **there).count() * 2 >= large {
            pages.fill(true);
        }
    }
}

/// Long stretches of the pages that are `there`.
fn stretches(place: &Range<usize>, there: &[bool], page: usize) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let at = |index: usize| place.start + index * page;
    for (index, _) in there.iter().enumerate().filter(|(_, there)| **there) {
        match found.last_mut() {
            Some(last) if at(index) - last.end <= GAP * page => last.end = at(index + 1),
            _ => found.push(at(index)..at(index + 1)),
        }
    }
    found.retain(|stretch| stretch.len() >= LEAST * page);
    // What is left over of a mapping would be one more.
    if let Some(first) = found.first_mut().filter(|first| first.start - place.start <= GAP * page) {
        first.start = place.start;
    }
    if let Some(last) = found.last_mut().filter(|last| place.end - last.end <= GAP * page) {
        last.end = place.end;
    }
    found
}
