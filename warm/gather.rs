//! Puts an interpreter's memory into large pages before runs are forked from it.
//!
//! A fork copies an entry of the page tables for each page that is not a file's, faults in each of a file's that
//! it touches, and takes all of them down at its end. In large pages the kernel does so in batches, and what
//! was a file's is there from the start.

use std::fs::{File, read_to_string};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use crate::sys::{self, Part};

/// Shorter stretches stay where they are: each that moves is one more mapping, to be copied by every fork.
const LEAST: usize = 16;

/// A stretch goes on over so many pages that are not there, and takes them along.
const GAP: usize = 32;

/// As much is moved, in bytes: while it is, it is there twice.
const MOST: usize = 256 << 20;

/// An entry of pagemap (Documentation/admin-guide/mm/pagemap.rst), its size and two of its bits.
const ENTRY: usize = 8;
const PRESENT: u64 = 1 << 63;
const OF_FILE: u64 = 1 << 61;

/// Mappings that are more than their content, by `VmFlags` (proc_pid_smaps(5)): shared, growing down (the stack), a
/// shadow stack, locked, sealed, a device's, not copied or emptied by a fork, left out of dumps, droppable, of huge
/// pages already.
const SPECIAL: [&str; 12] =
    ["sh", "gd", "ss", "lo", "sl", "io", "pf", "dc", "wf", "dd", "dp", "ht"];

/// One mapping of the process.
struct Mapping {
    place: Range<usize>,
    access: i32,
}

/// What is worth a move: memory that is not a file's, and of files the pages at `touched`, in order. All
/// of it may be handed to [`sys::move_into_large_pages`]. None if it is too much.
///
/// # Errors
/// Reading below `/proc`.
pub fn parts(touched: &[u64]) -> io::Result<Vec<Part>> {
    let page = sys::page_size();
    let pagemap = File::open("/proc/self/pagemap")?;
    let mut parts = Vec::new();
    for mapping in mappings(&read_to_string("/proc/self/smaps")?) {
        for place in
            stretches(&mapping.place, &there(&mapping.place, &pagemap, page, touched)?, page)
        {
            parts.push(Part { place, access: mapping.access });
        }
    }
    if parts.iter().map(|part| part.place.len()).sum::<usize>() > MOST {
        parts.clear();
    }
    Ok(parts)
}

/// The ordinary ones: private, readable, and nothing of the C library's own for its thread, such as `errno`.
fn mappings(smaps: &str) -> Vec<Mapping> {
    let own = sys::thread_storage();
    let mut found = Vec::new();
    let mut last = None;
    for line in smaps.lines() {
        match line.strip_prefix("VmFlags:") {
            None => last = mapping(line).or(last),
            Some(flags) => found.extend(last.take().filter(|mapping: &Mapping| {
                !mapping.place.contains(&own)
                    && mapping.access & libc::PROT_READ != 0
                    && !flags.split_whitespace().any(|flag| SPECIAL.contains(&flag))
            })),
        }
    }
    found
}

/// Of a line that begins one: `START-END rwxp ...`. What the kernel itself maps (`[vdso]`) is none.
fn mapping(line: &str) -> Option<Mapping> {
    let mut words = line.split_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let mode = words.next()?;
    let number = |text| usize::from_str_radix(text, 16).ok();
    let place = number(start)?..number(end)?;
    if words.nth(3).is_some_and(|name| name.starts_with("[v")) {
        return None;
    }
    let may = |letter, what| if mode.contains(letter) { what } else { 0 };
    let access = may('r', libc::PROT_READ) | may('w', libc::PROT_WRITE) | may('x', libc::PROT_EXEC);
    Some(Mapping { place, access })
}

/// Which pages of a mapping are worth a move.
fn there(
    place: &Range<usize>,
    pagemap: &File,
    page: usize,
    touched: &[u64],
) -> io::Result<Vec<bool>> {
    let mut entries = vec![0; place.len() / page * ENTRY];
    pagemap.read_exact_at(&mut entries, (place.start / page * ENTRY) as u64)?;
    let worth = |(address, entry): (usize, &[u8])| {
        let bits = u64::from_ne_bytes(entry.try_into().unwrap_or_default());
        if bits & OF_FILE == 0 {
            bits & PRESENT != 0
        } else {
            touched.binary_search(&(address as u64)).is_ok()
        }
    };
    Ok(place.clone().step_by(page).zip(entries.chunks_exact(ENTRY)).map(worth).collect())
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
