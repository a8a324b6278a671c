//! The memory of a process as the kernel tells of it.

use std::fs::{File, read_to_string};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use crate::sys;

/// An entry of pagemap (Documentation/admin-guide/mm/pagemap.rst), its size and some of its bits.
const ENTRY: usize = 8;
const PRESENT: u64 = 1 << 63;
const OF_FILE: u64 = 1 << 61;
/// Mapped by no other process (Linux 4.2).
const ALONE: u64 = 1 << 56;

/// One private mapping of this process, not of the kernel's own.
pub struct Mapping {
    /// Where it begins and ends.
    pub place: Range<usize>,
    /// What may be done there (`PROT_*`).
    pub access: i32,
    /// Of which file, by device and inode; none of `00:00 0`.
    pub file: String,
    /// `VmFlags` of proc_pid_smaps(5).
    pub flags: String,
}

/// All of them, in order.
///
/// # Errors
/// Reading `/proc/self/smaps`.
pub fn mappings() -> io::Result<Vec<Mapping>> {
    Ok(told_by(&read_to_string("/proc/self/smaps")?))
}

fn told_by(smaps: &str) -> Vec<Mapping> {
    let mut found = Vec::new();
    let mut last = None;
    for line in smaps.lines() {
        match line.strip_prefix("VmFlags:") {
            None => last = begun_by(line).or(last),
            Some(flags) => found
                .extend(last.take().map(|mapping| Mapping { flags: flags.to_owned(), ..mapping })),
        }
    }
    found
}

/// Of a line that begins one: `START-END rwxp OFFSET DEVICE INODE NAME`. What the kernel itself maps (`[vdso]`) is
/// none.
fn begun_by(line: &str) -> Option<Mapping> {
    let mut words = line.split_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let mode = words.next()?;
    let number = |text| usize::from_str_radix(text, 16).ok();
    let place = number(start)?..number(end)?;
    let (device, inode) = (words.nth(1)?, words.next()?);
    if !mode.ends_with('p') || words.next().is_some_and(|name| name.starts_with("[v")) {
        return None;
    }
    let may = |letter, what| if mode.contains(letter) { what } else { 0 };
    let access = may('r', libc::PROT_READ) | may('w', libc::PROT_WRITE) | may('x', libc::PROT_EXEC);
    Some(Mapping { place, access, file: format!("{device} {inode}"), flags: String::new() })
}

/// What the kernel tells of each page of a process.
pub struct PageMap {
    file: File,
    page: usize,
}

impl PageMap {
    /// That of a process, `self` or a number.
    ///
    /// # Errors
    /// `ENOENT` without such a process or without `/proc`, `EACCES` if it is not one's own.
    pub fn of(process: &str) -> io::Result<Self> {
        Ok(Self { file: File::open(format!("/proc/{process}/pagemap"))?, page: sys::page_size() })
    }

    /// The pages at `place`, each with its address.
    ///
    /// # Errors
    /// Reading it.
    pub fn pages(
        &self,
        place: &Range<usize>,
    ) -> io::Result<impl Iterator<Item = (usize, Page)> + use<>> {
        let mut entries = vec![0; place.len() / self.page * ENTRY];
        self.file.read_exact_at(&mut entries, (place.start / self.page * ENTRY) as u64)?;
        let bits = (0..entries.len() / ENTRY).map(move |at| {
            let entry = entries.get(at * ENTRY..(at + 1) * ENTRY);
            entry.and_then(|entry| entry.try_into().ok()).map_or(0, u64::from_ne_bytes)
        });
        Ok(place.clone().step_by(self.page).zip(bits.map(Page)))
    }
}

/// What is told of one page.
#[derive(Clone, Copy)]
pub struct Page(u64);

impl Page {
    /// Whether it is in memory.
    pub fn present(self) -> bool {
        self.0 & PRESENT != 0
    }

    /// Whether it is a file's (or shared).
    pub fn of_file(self) -> bool {
        self.0 & OF_FILE != 0
    }

    /// Whether no other process maps it.
    pub fn alone(self) -> bool {
        self.0 & ALONE != 0
    }
}
