//! What holds of texts of the kernel's in which a run has a say.

use super::{binds, groups, processes};

/// The bytes as the name of a process in `stat` and `status`, and as `mountinfo` and a counter's file.
pub(in crate::sandbox) fn texts(bytes: &[u8]) {
    name(bytes);
    let text = String::from_utf8_lossy(bytes);
    processes::ticks(&text);
    processes::kib(&text, "VmPeak");
    let _ = groups::field(&text, "oom_kill");
    let points = binds::parse(bytes);
    assert!(points.len() <= bytes.split(|byte| *byte == b'\n').count());
}

/// A process may choose its name: up to 15 bytes, no zero, and the kernel escapes the end of a line. It
/// changes nothing of what is read beside it.
fn name(bytes: &[u8]) {
    let name: Vec<u8> =
        bytes.iter().copied().filter(|byte| !b"\0\n\\".contains(byte)).take(15).collect();
    let name = String::from_utf8_lossy(&name);
    let stat = format!("7 ({name}) S 1 2 3 4 5 4194308 7 8 9 10 100 20 3 4 0 0");
    assert_eq!(processes::ticks(&stat), [100, 20, 3, 4], "{stat:?}");
    let status = format!("Name:\t{name}\nVmPeak:\t  12 kB\nThreads:\t3\n");
    assert_eq!(processes::kib(&status, "VmPeak"), 12 << 10, "{status:?}");
    assert_eq!(processes::number(&status, "Threads"), 3, "{status:?}");
}
