//! Memory of the calling process, moved into large pages.

use std::ffi::c_void;
use std::ops::Range;
use std::process;
use std::ptr;

use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow};

/// Size of a large page, and what its place is a multiple of. Where the kernel's are larger, none is given.
pub const LARGE_PAGE: usize = 2 << 20;

/// A part of the calling process's memory: whole pages of one private mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Where it begins and ends.
    pub place: Range<usize>,
    /// What may be done there (`PROT_*`).
    pub access: i32,
}

impl Part {
    /// Whether all of a large page, as the kernel places them, lies in it.
    fn has_large_page(&self) -> bool {
        self.place.start.next_multiple_of(LARGE_PAGE) + LARGE_PAGE <= self.place.end
    }
}

/// Moves `parts` into large pages (`MADV_COLLAPSE`, Linux 6.1), in which they stand at the same places
/// with the same content. The kernel copies page tables and takes them down in batches then, and has one entry for
/// all of a large page that lies in one part as a whole.
///
/// # Errors
/// As `mmap(2)` and `madvise(2)`: `EINVAL` where the kernel can't, `ENOMEM` or `EAGAIN` if it has no large
/// pages now. Nothing has changed then. Should the kernel fail half way, the process ends: its memory would
/// have holes.
///
/// # Safety
/// The process has one thread, and `parts` are whole pages of its private, readable mappings, ordinary ones.
/// They don't overlap, and leave out the stack and [`thread_storage`].
pub unsafe fn move_into_large_pages(parts: &[Part]) -> nix::Result<()> {
    if parts.is_empty() {
        return Ok(());
    }
    let size = laid_out_size(parts).next_multiple_of(LARGE_PAGE);
    let mapped = size + LARGE_PAGE;
    // SAFETY: a new mapping at a place of the kernel's choice, over nothing else.
    let area = unsafe {
        libc::mmap(
            ptr::null_mut(),
            mapped,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if area == libc::MAP_FAILED {
        return Err(Errno::last());
    }
    let first = (area as usize).next_multiple_of(LARGE_PAGE);
    // A handler might write to a part.
    let masked = SigSet::all().thread_swap_mask(SigmaskHow::SIG_BLOCK);
    // SAFETY: from here to the last move nothing is written but the new area, which is large enough: no
    // allocation, and a call that fails writes to errno alone, which is in no part. Each part is readable
    // (the caller's contract).
    let done = unsafe {
        collapse(first, size).and_then(|()| {
            copy(parts, first);
            give_accesses(parts, first)?;
            put_in_place(parts, first);
            Ok(())
        })
    };
    // SAFETY: what is left of the area above, to which nobody refers; what was moved is no longer in it.
    unsafe { libc::munmap(area, mapped) };
    masked.and_then(|before| before.thread_set_mask()).and(done)
}

/// Changes what may be done (`PROT_*`) with whole pages of the calling process's memory.
///
/// # Errors
/// As `mprotect(2)`.
///
/// # Safety
/// It is memory of which nobody relies on what can't be done any more, or can be by then.
pub unsafe fn give_access(place: &Range<usize>, access: i32) -> nix::Result<()> {
    // SAFETY: the caller's contract.
    Errno::result(unsafe { libc::mprotect(place.start as *mut c_void, place.len(), access) })
        .map(drop)
}

/// Where the C library keeps what is the calling thread's own, `errno` for one: an address in it.
#[must_use]
pub fn thread_storage() -> usize {
    // SAFETY: no arguments, can't fail; the thread's descriptor stands at the end of its storage.
    (unsafe { libc::pthread_self() }) as usize
}

/// The kernel's, in bytes.
#[must_use]
pub fn page_size() -> usize {
    // SAFETY: a number for a number.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}

/// Makes large pages of an empty area, which takes a fifth of the time that it takes once all of its small ones are there.
unsafe fn collapse(area: usize, size: usize) -> nix::Result<()> {
    for page in (area..area + size).step_by(LARGE_PAGE) {
        // SAFETY: the caller's, new, and nobody else's. Where no page is at all there is nothing to collapse.
        unsafe { ptr::write_volatile(page as *mut u8, 0) };
    }
    // SAFETY: the same.
    Errno::result(unsafe { libc::madvise(area as *mut c_void, size, libc::MADV_COLLAPSE) })
        .map(drop)
}

/// Where in an area from `first`, a multiple of a large page, each part is put together: one after the other, and what
/// has a large page in it where it has one there, too (`mremap` moves that as one then).
fn laid_out(parts: &[Part], first: usize) -> impl Iterator<Item = (&Part, usize)> {
    let mut end = first;
    parts.iter().map(move |part| {
        if part.has_large_page() {
            let (ahead, wanted) = (end % LARGE_PAGE, part.place.start % LARGE_PAGE);
            end += (wanted + LARGE_PAGE - ahead) % LARGE_PAGE;
        }
        let at = end;
        end += part.place.len();
        (part, at)
    })
}

/// How much all of it takes then, in bytes.
#[must_use]
pub fn laid_out_size(parts: &[Part]) -> usize {
    laid_out(parts, 0).last().map_or(0, |(part, at)| at + part.place.len())
}

/// What of `parts` lies at these bytes once they are laid out: so a large page that one of them fills is a piece.
#[must_use]
pub fn piece(parts: &[Part], wanted: Range<usize>) -> Vec<Part> {
    let cut = |(part, start): (&Part, usize)| {
        let end = start + part.place.len();
        let (from, to) = (wanted.start.max(start), wanted.end.min(end));
        let at = |offset: usize| part.place.start + (offset - start);
        (from < to).then(|| Part { place: at(from)..at(to), access: part.access })
    };
    laid_out(parts, 0).filter_map(cut).collect()
}

unsafe fn copy(parts: &[Part], first: usize) {
    for (Part { place, .. }, to) in laid_out(parts, first) {
        // SAFETY: the caller's contract: readable, and room for all at `to`, apart from every part.
        unsafe { ptr::copy_nonoverlapping(place.start as *const u8, to as *mut u8, place.len()) };
    }
}

unsafe fn give_accesses(parts: &[Part], first: usize) -> nix::Result<()> {
    for (Part { place, access }, at) in laid_out(parts, first) {
        // SAFETY: within a mapping of the caller's that holds the parts one after the other.
        unsafe { give_access(&(at..at + place.len()), *access) }?;
    }
    Ok(())
}

unsafe fn put_in_place(parts: &[Part], first: usize) {
    for (Part { place, .. }, from) in laid_out(parts, first) {
        let (size, to) = (place.len(), place.start as *mut c_void);
        let how = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
        // SAFETY: the same bytes at the same place with the same access as before.
        let moved = unsafe { libc::mremap(from as *mut c_void, size, size, how, to) };
        if moved == libc::MAP_FAILED {
            process::abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Memory of the test's own that nobody else knows of.
    fn pages(count: usize) -> &'static mut [u8] {
        let size = count * page_size();
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let how = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a new mapping at a place of the kernel's choice, zeroed, which is never taken away.
        unsafe {
            let area = libc::mmap(ptr::null_mut(), size, access, how, -1, 0);
            assert_ne!(area, libc::MAP_FAILED);
            std::slice::from_raw_parts_mut(area.cast(), size)
        }
    }

    fn part(bytes: &[u8], access: i32) -> Part {
        let start = bytes.as_ptr() as usize;
        Part { place: start..start + bytes.len(), access }
    }

    #[test]
    fn what_moves_keeps_its_place_its_content_and_its_access() {
        let (writable, readable) = (pages(700), pages(30));
        for (at, byte) in writable.iter_mut().chain(readable.iter_mut()).enumerate() {
            *byte = (at / 7) as u8;
        }
        let (before, read_before) = (writable.to_vec(), readable.to_vec());
        let both = libc::PROT_READ | libc::PROT_WRITE;
        let parts = [part(writable, both), part(readable, libc::PROT_READ)];
        // SAFETY: other threads don't know of these pages; the parts are whole mappings.
        let moved = unsafe { move_into_large_pages(&parts) };
        assert!(*writable == *before && *readable == *read_before);
        writable.fill(1);
        assert!(writable.iter().all(|byte| *byte == 1));
        match moved {
            Ok(()) => assert!(mode_of(&parts[1]).starts_with("r--p")),
            Err(errno) => eprintln!("skipped: this host gives no large pages now ({errno})"),
        }
    }

    #[test]
    fn a_large_page_that_lies_in_a_part_as_a_whole_stays_one() {
        let (short, long) = (pages(3), pages(2 * LARGE_PAGE / page_size()));
        long.fill(7);
        let read = libc::PROT_READ;
        let parts = [part(short, read), part(long, read)];
        // SAFETY: other threads don't know of these pages; the parts are whole mappings.
        if let Err(errno) = unsafe { move_into_large_pages(&parts) } {
            return eprintln!("skipped: this host gives no large pages now ({errno})");
        }
        assert!(long.iter().all(|byte| *byte == 7));
        let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let start = format!("{:x}-", parts[1].place.start);
        let lines = smaps.lines().skip_while(|line| !line.starts_with(&start));
        let large = lines.into_iter().find_map(|line| line.strip_prefix("AnonHugePages:"));
        let large: usize = large.unwrap().trim().trim_end_matches(" kB").parse().unwrap();
        // One or two, by where the kernel has placed it.
        assert!(large << 10 >= LARGE_PAGE, "{large} KiB");
    }

    #[test]
    fn piece_by_piece_a_large_page_stays_one_too() {
        let (at, page) = (64 * LARGE_PAGE, page_size());
        let of = |place: Range<usize>| Part { place, access: libc::PROT_READ };
        // The second has all of two large pages in it, and something on both sides.
        let parts = [of(page..4 * page), of(at - page..at + 2 * LARGE_PAGE + page)];
        let size = laid_out_size(&parts);
        let pieces: Vec<_> = (0..size)
            .step_by(LARGE_PAGE)
            .map(|from| piece(&parts, from..from + LARGE_PAGE))
            .collect();
        let whole = |from: usize| vec![of(from..from + LARGE_PAGE)];
        assert!(pieces.contains(&whole(at)) && pieces.contains(&whole(at + LARGE_PAGE)));
        let sum = |parts: &[Part]| parts.iter().map(|part| part.place.len()).sum::<usize>();
        assert_eq!(sum(&pieces.concat()), sum(&parts), "all, and nothing twice");
        assert!(pieces.iter().all(|piece| !piece.is_empty()));
    }

    fn mode_of(part: &Part) -> String {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let line = maps.lines().find(|line| line.starts_with(&format!("{:x}-", part.place.start)));
        line.and_then(|line| line.split(' ').nth(1)).unwrap_or_default().to_owned()
    }

    #[test]
    fn nothing_to_move_is_no_mistake() {
        assert!(thread_storage() > page_size());
        // SAFETY: nothing is moved.
        assert_eq!(unsafe { move_into_large_pages(&[]) }, Ok(()));
    }
}
