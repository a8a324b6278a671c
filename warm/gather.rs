//! Puts an interpreter's memory into large pages before runs are forked from it.
//!
//! A fork copies an entry of the page tables for each page that is not a file's, faults in each of a file's that
//! it touches, and takes all of them down at its end. In large pages the kernel does so in batches, and what
//! was a file's is there from the start.

use std::io;
use std::ops::Range;

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
        for place in stretches(&mapping.place, &there(&mapping.place, &pagemap, touched)?, page) {
            parts.push(Part { place, access: mapping.access });
        }
    }
    if parts.iter().map(|part| part.place.len()).sum::<usize>() > MOST {
        parts.clear();
    }
    Ok(parts)
}

/// Readable, and nothing of the C library's own for its thread, such as `errno`.
fn is_ordinary(mapping: &Mapping) -> bool {
    !mapping.place.contains(&sys::thread_storage())
        && mapping.access & libc::PROT_READ != 0
        && !mapping.flags.split_whitespace().any(|flag| SPECIAL.contains(&flag))
}

/// Which pages of a mapping are worth a move.
fn there(place: &Range<usize>, pagemap: &PageMap, touched: &[u64]) -> io::Result<Vec<bool>> {
    let worth = |(at, page): (usize, Page)| {
        if page.of_file() { touched.binary_search(&(at as u64)).is_ok() } else { page.present() }
    };
    Ok(pagemap.pages(place)?.map(worth).collect())
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
