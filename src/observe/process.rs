//! What this process itself uses.

use std::fs;

/// Bytes of memory that are resident.
pub(super) fn resident_bytes() -> Option<i64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// Open descriptors, without the one used for counting.
pub(super) fn open_files() -> Option<i64> {
    let all = fs::read_dir("/proc/self/fd").ok()?.count();
    i64::try_from(all.saturating_sub(1)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_runs_has_memory_and_descriptors() {
        assert!(resident_bytes().is_some_and(|bytes| bytes > 100_000));
        assert!(open_files().is_some_and(|files| files >= 3));
    }
}
