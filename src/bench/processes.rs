//! Which processes belong to a service, and what they hold.

use std::collections::HashMap;
use std::{fs, io};

/// A process and all below it, parents before their children.
pub fn tree(root: u32) -> Vec<u32> {
    let mut below: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if let Some(parent) = parent(pid) {
            below.entry(parent).or_default().push(pid);
        }
    }
    let mut all = vec![root];
    let mut next = 0;
    while let Some(pid) = all.get(next) {
        all.extend(below.remove(pid).unwrap_or_default());
        next += 1;
    }
    all
}

/// The parent, unless the process has ended.
fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything, more of them too.
    let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_whitespace();
    let state = fields.next()?;
    fields.next()?.parse().ok().filter(|_| state != "Z")
}

/// Proportional set size of processes together, in bytes: what several share counts once.
///
/// # Errors
/// Where the kernel doesn't tell, as for the processes of another user.
pub fn pss(pids: &[u32]) -> Result<u64, String> {
    let mut sum = 0;
    for pid in pids {
        match fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) {
            Ok(text) => sum += in_rollup(&text).unwrap_or_default() * 1024,
            // It has ended meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return Err("the kernel tells root alone what these processes hold".to_owned());
            }
            Err(error) => return Err(format!("/proc/{pid}/smaps_rollup: {error}")),
        }
    }
    Ok(sum)
}

fn in_rollup(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pss_is_read_from_its_own_line() {
        let text = "5581-7ffe ---p [rollup]\nRss: 9 kB\nPss:   1234 kB\nPss_Dirty:  8 kB\n";
        assert_eq!(in_rollup(text), Some(1234));
        assert_eq!(in_rollup(""), None);
    }

    #[test]
    fn this_process_holds_something_and_its_child_is_below_it() {
        let own = std::process::id();
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let tree = tree(own);
        let _ = child.kill();
        child.wait().unwrap();
        assert!(tree.contains(&own) && tree.contains(&child.id()), "{tree:?}");
        assert!(pss(&[own]).unwrap() > 0);
    }
}
